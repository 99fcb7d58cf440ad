"""What the Xero client needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.errors import ConfigurationError
from worker.settings import Grant, Settings

# What a custom connection is asked for. Signing in adds offline_access.
SCOPES = ("accounting.invoices", "accounting.contacts", "accounting.settings.read")


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

    @classmethod
    def of(cls, settings: Settings, *, tenant: str = "") -> XeroConfig:
        """The part of the settings that is about Xero.

        Raises:
            ConfigurationError: the client id or secret is missing.
        """
        if not settings.xero_client_id or settings.xero_client_secret is None:
            raise ConfigurationError(
                "XERO_CLIENT_ID and XERO_CLIENT_SECRET are needed.", "Copy them from the app at developer.xero.com."
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
