"""The people who can sign in to Xero: somebody of the company, and its accountant, who has no Salesforce licence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class XeroUser:
    """A Xero login. `id` is the `xero_userid` of id tokens."""

    id: str
    email: str
    given_name: str
    family_name: str


USERS = (
    XeroUser("0a7e1c52-5d3b-4c1e-9f0a-2f6d8e51b001", "pat@hourstream.example", "Pat", "Example"),
    XeroUser("0a7e1c52-5d3b-4c1e-9f0a-2f6d8e51b002", "ruth.calder@calderbooks.example", "Ruth", "Calder"),
)


def by_id(id_: str) -> XeroUser | None:
    """One of them by id."""
    return next((user for user in USERS if user.id == id_), None)


def by_email(email: str) -> XeroUser | None:
    """One of them by e-mail address, in any case."""
    return next((user for user in USERS if user.email == email.strip().casefold()), None)
