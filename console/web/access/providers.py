"""Which services people may sign in with here, and what each one's word about a person means."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from console.web.access.openid import AGAIN, Provider
from worker.errors import ConfigurationError, ServiceError
from worker.settings import Settings
from worker.store.people import Way
from worker.store.store import Store


class SignedIn(Struct, frozen=True, kw_only=True):
    """Whom a service named: the name a role is given to, and the service's own id of the person."""

    way: Way
    name: str
    subject: str


async def offered(store: Store, settings: Settings) -> tuple[Provider, ...]:
    """The services to sign in with now: those whose app is known, Salesforce only once its org is pinned."""
    try:
        filled = await store.credentials.filled(settings)
    except ConfigurationError:  # typed in under a key that is gone: Setup says so, links go on working
        filled = settings
    org = (await store.pair.get()).get("org", "")
    found = (_salesforce(filled) if org else None, _xero(filled))
    return tuple(provider for provider in found if provider is not None)


def _salesforce(settings: Settings) -> Provider | None:
    """Source: Salesforce Help, "OpenID Connect" and "OAuth 2.0 Web Server Flow for Web App Integration"."""
    if settings.salesforce_client_id is None or settings.salesforce_client_secret is None:
        return None
    at = settings.salesforce_login_url
    return Provider(
        way="salesforce",
        title="Salesforce",
        issuer=at,
        authorize=f"{at}/services/oauth2/authorize",
        token=f"{at}/services/oauth2/token",
        keys=f"{at}/id/keys",
        userinfo=f"{at}/services/oauth2/userinfo",
        client_id=settings.salesforce_client_id,
        client_secret=settings.salesforce_client_secret.get_secret_value(),
    )


def _xero(settings: Settings) -> Provider | None:
    """Source: Xero, "Sign in with Xero". Custom connections cannot, and PKCE is for apps without a secret only."""
    if settings.xero_grant != "authorization_code" or not settings.xero_client_id or not settings.xero_client_secret:
        return None
    at = settings.xero_identity_url
    return Provider(
        way="xero",
        title="Xero",
        issuer=at,
        authorize=f"{settings.xero_login_url}/identity/connect/authorize",
        token=f"{at}/connect/token",
        keys=f"{at}/.well-known/openid-configuration/jwks",
        pkce=False,
        client_id=settings.xero_client_id,
        client_secret=settings.xero_client_secret.get_secret_value(),
    )


def named(provider: Provider, claims: Mapping[str, Any], org: str) -> SignedIn:
    """Whom the claims name. Raises `ServiceError` for somebody of another org than the pinned one, or of no name."""
    if provider.way == "salesforce":
        _check_org(claims, org)
        name, subject = claims.get("preferred_username"), claims.get("user_id")
    else:
        name, subject = claims.get("email"), claims.get("xero_userid") or claims.get("sub")
    if not name or not subject:
        raise ServiceError(f"{provider.title} does not say who you are.", "Give the app the scopes profile and email.")
    return SignedIn(way=provider.way, name=str(name), subject=str(subject))


def _check_org(claims: Mapping[str, Any], org: str) -> None:
    """The org in the id token's own subject, `…/id/<org>/<user>`, and in the user's record: both the pinned one.

    Ids are compared in their 15 significant characters.
    """
    parts = urlsplit(str(claims["sub"])).path.strip("/").split("/")
    told = {parts[1] if len(parts) == 3 and parts[0] == "id" else "", str(claims.get("organization_id", ""))}
    if {each[:15] for each in told} != {org[:15]} or not org:
        raise ServiceError(
            "You signed in to another Salesforce org than the one this deployment serves.", f"{AGAIN} Choose that org."
        )
    if claims.get("active") is False:
        raise ServiceError("Your Salesforce user is not active.", "Ask your Salesforce administrator.")
