"""Sign-ins that a person began in the browser and that come back to a callback: each is good once, for ten minutes.

The `state` in the address ties the answer to who asked (RFC 6749, 10.12); the PKCE verifier never leaves us until the
code is changed (RFC 7636). Redis holds them encrypted, under a digest of the state.
"""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from cryptography.fernet import InvalidToken, MultiFernet
from msgspec import Struct
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.store.keys import Keys
from worker.store.lua import Key

VALID = 600  # seconds


class Consent(Struct, frozen=True, kw_only=True):
    """A sign-in under way. `what` says which callback it may come back to, `by` who began it."""

    what: str
    by: str
    redirect_uri: str
    verifier: str
    nonce: str

    @property
    def challenge(self) -> str:
        """PKCE's S256 of the verifier."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def __repr__(self) -> str:
        return f"Consent(what={self.what!r}, by={self.by!r})"


@dataclass(frozen=True, slots=True)
class Consents:
    """Begins sign-ins and takes them back."""

    redis: Redis
    keys: Keys
    cipher: MultiFernet

    async def begin(self, what: str, by: str, redirect_uri: str) -> tuple[str, Consent]:
        """A new sign-in and its `state`."""
        state = secrets.token_urlsafe(32)
        consent = Consent(
            what=what,
            by=by,
            redirect_uri=redirect_uri,
            verifier=secrets.token_urlsafe(48),
            nonce=secrets.token_urlsafe(24),
        )
        sealed = self.cipher.encrypt(msgspec.json.encode(consent)).decode()
        await self.redis.set(self._key(state), sealed, ex=VALID)
        return state, consent

    async def take(self, what: str, by: str, state: str) -> Consent:
        """The sign-in that `state` belongs to, used up by this.

        Raises `ServiceError` when there is none, it is over, or somebody else began it.
        """
        sealed = await self.redis.getdel(self._key(state))
        consent = self._open(sealed) if sealed else None
        if consent is None or (consent.what, consent.by) != (what, by):
            raise ServiceError(
                "This sign-in was not begun by you here, or more than ten minutes ago, or was used before.",
                "Begin it again.",
            )
        return consent

    def _open(self, sealed: str) -> Consent | None:
        try:
            return msgspec.json.decode(self.cipher.decrypt(sealed), type=Consent)
        except (InvalidToken, msgspec.DecodeError):
            return None

    def _key(self, state: str) -> Key:
        return self.keys("consent", sha256(state.encode()).hexdigest())
