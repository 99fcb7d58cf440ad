"""How the product signs in: which OAuth flow follows from the settings, and the form each one posts.

Sources: Salesforce Help, "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration" and "OAuth 2.0 JWT Bearer
Flow for Server-to-Server Integration".
"""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from worker.errors import ConfigurationError
from worker.settings import Settings

PRODUCTION = "https://login.salesforce.com"
SANDBOX = "https://test.salesforce.com"
ASSERTION_SECONDS = 180  # Salesforce accepts up to 5 minutes; its clock and ours may differ


class Flow(Protocol):
    """One way to get a session. The web-server flow, with its refresh token, is a third one."""

    @property
    def login_url(self) -> str:
        """The host whose token endpoint is asked."""

    def form(self) -> dict[str, str]:
        """What is posted to the token endpoint; holds secrets."""

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

    def form(self) -> dict[str, str]:
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

    def form(self) -> dict[str, str]:
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


def audience(login_url: str) -> str:
    """Whom the assertion is for: the login host of production or of sandboxes, also where a My Domain is asked."""
    host = (urlsplit(login_url).hostname or "").lower()
    return SANDBOX if host == "test.salesforce.com" or host.endswith(".sandbox.my.salesforce.com") else PRODUCTION


def flow(settings: Settings) -> Flow:
    """The flow that the settings ask for: JWT bearer with a user name and key, client credentials with a secret.

    Raises:
        ConfigurationError: when neither is complete, naming the variable.
    """
    if settings.salesforce_client_id is None:
        raise ConfigurationError(
            "SALESFORCE_CLIENT_ID is not set.", "Create an External Client App in Salesforce and copy its consumer key."
        )
    if settings.salesforce_username and settings.salesforce_private_key_file:
        key = private_key(settings.salesforce_private_key_file)
        return JwtBearer(
            settings.salesforce_login_url, settings.salesforce_client_id, settings.salesforce_username, key
        )
    if settings.salesforce_client_secret is None:
        raise ConfigurationError(
            "SALESFORCE_CLIENT_SECRET is not set.",
            "Set it, or SALESFORCE_USERNAME and SALESFORCE_PRIVATE_KEY_FILE for the JWT bearer flow.",
        )
    if settings.salesforce_login_url in {PRODUCTION, SANDBOX}:
        raise ConfigurationError(
            "SALESFORCE_LOGIN_URL is a login host, which has no client-credentials flow.",
            "Set it to the org's My Domain, like https://example.my.salesforce.com.",
        )
    secret = settings.salesforce_client_secret.get_secret_value()
    return ClientCredentials(settings.salesforce_login_url, settings.salesforce_client_id, secret)


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
