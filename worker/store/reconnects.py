"""Which connection rests until somebody connects again: since when, why, what to do, and who brought it about.

The state is Redis' alone. After a wipe the first refused call brings it back.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.store import moments
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

Service = Literal["salesforce", "xero"]


class Reconnect(Struct, frozen=True, kw_only=True):
    """A connection that needs a person. `who` first met it (a process) or did it (a person, who disconnected).

    `fence` is that of the token which was refused: another one stored since is worth a try. `final`: with that token
    nothing else is; else what is wrong may be mended elsewhere (a user unlocked, an address allowed).
    """

    service: Service
    since: str
    why: str
    todo: str
    who: str
    fence: int = 0
    final: bool = True


@script(allow_oom=True)
async def _needed(redis: Redis, *, reconnects: Key, service: str, record: str, replace: bool) -> int:
    """
    if replace == "" and redis.call("HEXISTS", reconnects, service) == 1 then
        return 0
    end
    redis.call("HSET", reconnects, service, record)
    return 1
    """
    return stub()


@dataclass(frozen=True, slots=True)
class Reconnects:
    """The connections that rest, by service."""

    redis: Redis
    keys: Keys

    async def needed(
        self,
        service: Service,
        why: str,
        todo: str,
        who: str,
        fence: int = 0,
        *,
        final: bool = True,
        replace: bool = False,
    ) -> bool:
        """The connection rests from now on. False, and the first reason stays, where it does already.

        `replace`: this is the reason from now on (somebody disconnected, or another token was refused too).
        """
        before = (await self.all()).get(service) if replace else None
        since = before.since if before else moments.text(await moments.now(self.redis))
        record = Reconnect(service=service, since=since, why=why, todo=todo, who=who, fence=fence, final=final)
        text = msgspec.json.encode(record).decode()
        return bool(await _needed(self.redis, reconnects=self._key, service=service, record=text, replace=replace))

    async def over(self, service: Service) -> bool:
        """Somebody connected again. True for the one caller who ended it."""
        return bool(await self.redis.hdel(self._key, service))  # type: ignore[misc]  # sync and async typed as one

    async def all(self) -> dict[Service, Reconnect]:
        """The connections that rest now."""
        rows: dict[Service, str] = await self.redis.hgetall(self._key)  # type: ignore[misc]  # as above
        return {service: msgspec.json.decode(text, type=Reconnect) for service, text in rows.items()}

    @property
    def _key(self) -> Key:
        return self.keys("reconnects")
