"""What every handler of the console is handed, under typed keys of the application."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from worker.settings import Settings
from worker.store.store import Store

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
XERO_API, XERO_SITE = "https://api.xero.com", "https://go.xero.com"


@dataclass(frozen=True, slots=True)
class Site:
    """Where this console is reached and where its links lead. Addresses have no slash at their end."""

    address: str  # what people type: HOURSTREAM_CONSOLE_URL
    xero: str  # where people see documents of Xero

    @classmethod
    def of(cls, settings: Settings) -> "Site":
        """The part of the settings that is about the console."""
        api = settings.xero_api_url.rstrip("/")
        return cls(settings.hourstream_console_url.rstrip("/"), XERO_SITE if api == XERO_API else api)

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.address.startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """The host names this console answers to."""
        return LOCAL | {(urlsplit(self.address).hostname or "").lower()}

    @property
    def cookie(self) -> str:
        """The session cookie's name; its port keeps two consoles on one machine apart (cookies ignore ports)."""
        if self.secure:
            return "__Host-hourstream"
        return f"hourstream-{urlsplit(self.address).port or 80}"

    def in_xero(self, kind: str, id_: str) -> str:
        """The page of an invoice ("invoice") or credit note in Xero; "" when its id is not known yet."""
        if not id_:
            return ""
        if kind == "invoice":
            return f"{self.xero}/AccountsReceivable/View.aspx?InvoiceID={id_}"
        return f"{self.xero}/AccountsReceivable/ViewCreditNote.aspx?creditNoteID={id_}"


STORE: web.AppKey[Store] = web.AppKey("store", Store)
SITE: web.AppKey[Site] = web.AppKey("site", Site)
SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
