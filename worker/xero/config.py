"""What the Xero client needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.errors import ConfigurationError
from worker.settings import Grant, Settings

# What nothing works without. Signing in adds offline_access.
SCOPES = ("accounting.invoices", "accounting.contacts", "accounting.settings.read")
# What is asked for besides, and done without where it is not granted: timesheets on invoices.
ATTACHING = "accounting.attachments"
OPTIONAL = (ATTACHING,)
# Wider scopes of older apps, and what they cover.
_WIDER = {"accounting.transactions": "accounting.invoices", "accounting.settings": "accounting.settings.read"}


@dataclass(frozen=True, slots=True)
class XeroConfig:
    """Addresses without a slash at their end. `tenant` pins the company; "" takes the only one there is."""

    client_id: str
    client_secret: str = field(repr=False)
    grant: Grant = "client_credentials"
    identity_url: str = "https://identity.xero.com"
    api_url: str = "https://api.xero.com"
    console_url: str = "http://localhost:8400"
    tenant: str = ""
    scopes: tuple[str, ...] = SCOPES
    optional: tuple[str, ...] = OPTIONAL

    @classmethod
    def of(cls, settings: Settings, *, tenant: str = "") -> XeroConfig:
        """The part of the settings that is about Xero.

        Raises:
            ConfigurationError: the client id or secret is missing.
        """
        if not settings.xero_client_id or settings.xero_client_secret is None:
            raise ConfigurationError(
                "XERO_CLIENT_ID and XERO_CLIENT_SECRET are needed.",
                "Copy them from the app at developer.xero.com: type them on the console's Setup page, or set them.",
            )
        return cls(
            client_id=settings.xero_client_id,
            client_secret=settings.xero_client_secret.get_secret_value(),
            grant=settings.xero_grant,
            identity_url=settings.xero_identity_url.rstrip("/"),
            api_url=settings.xero_api_url.rstrip("/"),
            console_url=settings.hourstream_console_url.rstrip("/"),
            tenant=tenant,
        )

    @property
    def names_tenant(self) -> bool:
        """Whether calls name the company. A custom connection belongs to one and must not."""
        return self.grant != "client_credentials"

    def lacking(self, granted: str) -> tuple[str, ...]:
        """The scopes this product uses that are not among those granted (as Xero's token answer lists them).

        () where it lists none: then it is not known.
        """
        had = set(granted.split())
        had |= {_WIDER[scope] for scope in had if scope in _WIDER}
        return tuple(scope for scope in (*self.scopes, *self.optional) if scope not in had) if had else ()
