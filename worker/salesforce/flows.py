"""How the product signs in: which OAuth flow follows from the settings, and the form each one posts.

Sources: Salesforce Help, "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration", "OAuth 2.0 JWT Bearer
Flow for Server-to-Server Integration" and "OAuth 2.0 Refresh Token Flow for Renewed Sessions".
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from worker.errors import ConfigurationError
from worker.salesforce.errors import ReconnectNeeded
from worker.settings import Settings

PRODUCTION = "https://login.salesforce.com"
SANDBOX = "https://test.salesforce.com"
ASSERTION_SECONDS = 180  # Salesforce accepts up to 5 minutes; its clock and ours may differ


class Flow(Protocol):
    """One way to get a session."""

    @property
    def login_url(self) -> str:
        """The host whose token endpoint is asked."""

    def form(self, stored: Mapping[str, Any] | None) -> dict[str, str]:
        """What is posted to the token endpoint; holds secrets. `stored` is the token stored last.

        Raises `ReconnectNeeded` where a person has to sign in first.
        """
        ...

    @property
    def identity(self) -> str:
        """A digest of who signs in where: a stored session of another identity is not ours."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The External Client App signs in as the user its policy names."""

    login_url: str
    client_id: str
    client_secret: str = field(repr=False)
    grant: ClassVar[str] = "client_credentials"

    def form(self, stored: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The token request."""
        return {"grant_type": self.grant, "client_id": self.client_id, "client_secret": self.client_secret}

    @property
    def identity(self) -> str:
        """Client and org."""
        return _digest(self.grant, self.login_url, self.client_id)


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """A pre-authorised user signs in with an assertion that our private key signed; there is no refresh token."""

    login_url: str
    client_id: str
    username: str
    key: RSAPrivateKey = field(repr=False)
    grant: ClassVar[str] = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    def form(self, stored: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The token request, with an assertion made now."""
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": audience(self.login_url),
            "exp": int(time.time()) + ASSERTION_SECONDS,
        }
        return {"grant_type": self.grant, "assertion": jwt.encode(claims, self.key, algorithm="RS256")}

    @property
    def identity(self) -> str:
        """Client, org and user."""
        return _digest(self.grant, self.login_url, self.client_id, self.username)


@dataclass(frozen=True, slots=True)
class WebServer:
    """A person connected the org in the console; their refresh token gives every session from then on."""

    login_url: str
    client_id: str
    client_secret: str = field(repr=False)
    grant: ClassVar[str] = "refresh_token"

    def form(self, stored: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The token request."""
        if not self.connected(stored):
            raise ReconnectNeeded(
                "No Salesforce org is connected.",
                "Connect to Salesforce in the console; for the client-credentials flow, set SALESFORCE_LOGIN_URL to "
                "the org's My Domain.",
            )
        return {
            "grant_type": self.grant,
            "refresh_token": str((stored or {})["refresh_token"]),
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }

    def connected(self, stored: Mapping[str, Any] | None) -> bool:
        """Whether a stored token is of a person who connected the org through this app."""
        return bool(stored and stored.get("refresh_token") and stored.get("identity") == self.identity)

    @property
    def identity(self) -> str:
        """Client and org; who connected may change."""
        return _digest(self.grant, self.login_url, self.client_id)


def following(flow: Flow, stored: Mapping[str, Any] | None) -> Flow:
    """The flow to use now: that of the settings, but client credentials give way to a person's connection."""
    if not isinstance(flow, ClientCredentials):
        return flow
    by_person = WebServer(flow.login_url, flow.client_id, flow.client_secret)
    return by_person if by_person.connected(stored) else flow


def signs_in(flow: Flow, stored: Mapping[str, Any] | None) -> bool:
    """Whether sessions come from a person's connection: nobody but they can prove or renew it."""
    return isinstance(following(flow, stored), WebServer)


def audience(login_url: str) -> str:
    """Whom the assertion is for: the login host of production or of sandboxes, also where a My Domain is asked."""
    host = (urlsplit(login_url).hostname or "").lower()
    return SANDBOX if host == "test.salesforce.com" or host.endswith(".sandbox.my.salesforce.com") else PRODUCTION


def flow(settings: Settings) -> Flow:
    """The flow that the settings ask for: JWT bearer with a user name and key; with a secret client credentials, or, at
    a login host (which has none), a person's connection.

    Whoever types the app's id or secret into the console connects there too.

    Raises:
        ConfigurationError: when neither is complete, naming the variable.
    """
    if settings.salesforce_client_id is None:
        raise ConfigurationError(
            "SALESFORCE_CLIENT_ID is not set.",
            "Create an External Client App in Salesforce; type its consumer key on the console's Setup page or set it.",
        )
    if settings.salesforce_username and settings.salesforce_private_key_file:
        key = private_key(settings.salesforce_private_key_file)
        return JwtBearer(
            settings.salesforce_login_url, settings.salesforce_client_id, settings.salesforce_username, key
        )
    if settings.salesforce_client_secret is None:
        raise ConfigurationError(
            "SALESFORCE_CLIENT_SECRET is not set.",
            "Type it on the console's Setup page or set it; for the JWT bearer flow, set SALESFORCE_USERNAME and "
            "SALESFORCE_PRIVATE_KEY_FILE.",
        )
    secret = settings.salesforce_client_secret.get_secret_value()
    by_person = settings.typed & {"salesforce_client_id", "salesforce_client_secret"}
    kind = WebServer if by_person or settings.salesforce_login_url in {PRODUCTION, SANDBOX} else ClientCredentials
    return kind(settings.salesforce_login_url, settings.salesforce_client_id, secret)


def private_key(file: Path) -> RSAPrivateKey:
    """The RSA key of a PEM file.

    Raises:
        ConfigurationError: when it cannot be read, has a passphrase, or is no RSA key.
    """
    remedy = "Write the RSA private key there as PEM without a passphrase, the one whose certificate the app has."
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise ConfigurationError(f"SALESFORCE_PRIVATE_KEY_FILE: {file} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise ConfigurationError(f"SALESFORCE_PRIVATE_KEY_FILE: {file} holds no usable key.", remedy) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError(f"SALESFORCE_PRIVATE_KEY_FILE: the key in {file} is not an RSA key.", remedy)
    return key


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
