"""A whole company: its books, tokens, limits, kept answers and journal, and what tests may do to it from outside."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sandbox.clock import Clock
from sandbox.xero import attachments
from sandbox.xero.actions import ACTIONS
from sandbox.xero.books import Books
from sandbox.xero.contact_shapes import contact_shape
from sandbox.xero.errors import MissingError, RuleError
from sandbox.xero.idempotency import IdempotencyKeys
from sandbox.xero.limits import RateLimits
from sandbox.xero.records import Kind
from sandbox.xero.shapes import allocation_shape, document_shape, payment_shape
from sandbox.xero.switches import Switches
from sandbox.xero.tokens import SCOPES, App, Tokens
from sandbox.xero.traffic import Traffic
from sandbox.xero.wire import Json, plain

CLIENT_ID = "5A4D425800000000C0570000C0FFEE01"
CLIENT_SECRET = "sandbox-secret-of-the-custom-connection"
WEB_CLIENT_ID = "5A4D425800000000C0570000C0FFEE02"
WEB_CLIENT_SECRET = "sandbox-secret-of-the-web-app"
_LOGIN_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})


class XeroCompany:
    """One company with two apps registered at it: a custom connection (already connected) and a web app.

    `books` are its records, `switches` the open questions about Xero (a validated mapping), `requests` the calls of
    the Accounting API and what they say about the client.
    """

    def __init__(self, clock: Clock, *, minute: int = 60, day: int = 5000, concurrent: int = 5) -> None:
        self.clock = clock
        self.switches = Switches()
        self.books = Books(clock, self.switches)
        self.tokens = Tokens(clock)
        self.requests = Traffic(clock)
        self.keys = IdempotencyKeys(clock)
        self._limits = {"minute": minute, "day": day, "concurrent": concurrent}
        for app in _apps():
            self.tokens.apps[app.client_id] = app
        self.reset()

    @property
    def tenant_id(self) -> str:
        """The id clients know the company by."""
        return self.books.tenant_id

    def reset(self) -> None:
        """Become another, empty company, as when a demo company is reset: other ids, fresh limits."""
        self.books.reset()
        self.keys = IdempotencyKeys(self.clock)
        self.limits = RateLimits(self.clock, UUID(self.tenant_id).int % 60, **self._limits)
        self.tokens.connections.clear()
        self.tokens.connect(CLIENT_ID)

    def set_limits(self, **limits: int) -> None:
        """Other limits from now on: `minute`, `day`, `concurrent`."""
        self._limits |= limits
        self.limits = RateLimits(self.clock, UUID(self.tenant_id).int % 60, **self._limits)

    def environment(self, base_url: str) -> dict[str, str]:
        """The variables that point the product at this company, through its custom connection; and its web app's own,

        which a person types into the console to press *Connect to Xero*.
        """
        return {
            "XERO_LOGIN_URL": base_url,
            "XERO_IDENTITY_URL": base_url,
            "XERO_API_URL": base_url,
            "XERO_GRANT": "client_credentials",
            "XERO_CLIENT_ID": CLIENT_ID,
            "XERO_CLIENT_SECRET": CLIENT_SECRET,
            "SANDBOX_XERO_WEB_CLIENT_ID": WEB_CLIENT_ID,
            "SANDBOX_XERO_WEB_CLIENT_SECRET": WEB_CLIENT_SECRET,
        }

    def snapshot(self) -> Json:
        """Everything the company holds, JSON-able: amounts are decimal strings, prices and quantities to 4 places."""
        books = self.books
        shelves = books.shelves
        whole: Json = {
            "tenantId": self.tenant_id,
            "organisation": books.organisation.name,
            "contacts": [contact_shape(books, contact, "single") for contact in shelves.contacts.values()],
            "invoices": self._documents("invoice"),
            "creditNotes": self._documents("credit_note"),
            "payments": [payment_shape(books, payment) for payment in shelves.payments.values()],
            "allocations": [allocation_shape(books, one) for one in shelves.allocations.values()],
            "attachments": attachments.summary(books),
            "history": {
                document: [
                    {"at": note.at.isoformat(), "changes": note.changes, "user": note.user, "details": note.details}
                    for note in notes
                ]
                for document, notes in shelves.notes.items()
            },
            "switches": dict(self.switches),
            "stats": self.requests.stats(),
        }
        found: Json = plain(whole)
        return found

    def actions(self) -> dict[str, Callable[[dict[str, Any]], Json]]:
        """The actions by name, as the control port wants them: parameters in, JSON out."""

        def bound(name: str) -> Callable[[dict[str, Any]], Json]:
            return lambda params: self.act(name, params)

        return {name: bound(name) for name in ACTIONS}

    def act(self, name: str, params: dict[str, Any]) -> Json:
        """Do what a person could do in the company, or what happens to it: one of `actions.ACTIONS`.

        Raises KeyError for an unknown action, ValueError for one the company refuses or cannot do.
        """
        if name not in ACTIONS:
            raise KeyError(f"no action {name!r}; known: {', '.join(sorted(ACTIONS))}")
        try:
            answer: Json = plain(ACTIONS[name](self, **params))
        except (RuleError, MissingError, TypeError) as error:
            raise ValueError(f"{name}: {error}") from error
        return answer

    def _documents(self, kind: Kind) -> list[Json]:
        return [document_shape(self.books, document, "single", 4) for document in self.books.documents(kind)]


def _apps() -> tuple[App, App]:
    return (
        App(CLIENT_ID, CLIENT_SECRET, "Hourstream (custom connection)", "client_credentials", SCOPES - _LOGIN_SCOPES),
        App(WEB_CLIENT_ID, WEB_CLIENT_SECRET, "Hourstream (web app)", "authorization_code"),
    )
