"""Every Xero contact as last pulled, for the command line."""

import msgspec

from worker.store.store import Store


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    """A Xero contact as pulled."""

    id: str
    name: str
    status: str
    email: str = ""
    merged_to: str = ""
    problem: str = ""


async def contacts(store: Store) -> list[ContactView]:
    """Every Xero contact, by name."""
    found = await store.contacts.all()
    problems = await store.contacts.outcomes([contact.id for contact in found])
    return [
        ContactView(
            id=contact.id,
            name=contact.name,
            status=contact.status,
            email=contact.email,
            merged_to=contact.merged_to,
            problem=problems.get(contact.id, ""),
        )
        for contact in found
    ]
