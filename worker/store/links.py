"""One-time links into the console: each lets one browser sign in once, within a quarter of an hour.

A link carries 256 random bits. Redis knows only their SHA-256, so whoever reads the store cannot use a link from it;
a guess has no chance, so wrong ones need no counting.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key
from worker.store.people import Role

VALID = 15 * 60  # seconds


class Invited(Struct, frozen=True, kw_only=True):
    """Whom a link lets in: a name of the way "link" (`worker.store.people`). `role` is the one it was made for; what
    counts is the role they have when it is used."""

    who: str
    role: Role


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links and takes them back; tokens are text that is safe in an address."""

    redis: Redis
    keys: Keys

    async def make(self, invited: Invited, seconds: int = VALID) -> str:
        """The token of a new link, valid once and for so many seconds."""
        token = secrets.token_urlsafe(32)
        await self.redis.set(self._key(token), msgspec.json.encode(invited), ex=seconds)
        return token

    async def valid(self, token: str) -> bool:
        """Whether the link could be used now; looking does not use it up (previews of links look)."""
        return bool(await self.redis.exists(self._key(token)))

    async def take(self, token: str) -> Invited | None:
        """Use the link up; None when it was used, is over, or never was. Of two at once one gets it."""
        found = await self.redis.getdel(self._key(token))
        return msgspec.json.decode(found, type=Invited) if found else None

    def _key(self, token: str) -> Key:
        return self.keys("link", sha256(token.encode()).hexdigest())
