"""The brake's record: what a pass would have done that was stopped before anything of it was sent.

The stage stays paused until a person says go on, keep, or undo. The keys of a pass that may go on are let through once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

WHO = "brake"


class Braked(Struct, frozen=True, kw_only=True):
    """A pass that was stopped. `sentences` say what it would have done, with before and after.

    `keys` are its invoices, `units` those on open documents that it would have taken off or priced anew.
    """

    at: str
    sentences: tuple[str, ...]
    figures: dict[str, str] = {}
    keys: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    setup_version: int = 0


@script()
async def _trip(redis: Redis, *, stage: Key, brake: Key, record: str, paused: str) -> None:
    """
    if redis.call("HSETNX", stage, "paused", paused) == 1 then redis.call("HSET", brake, "record", record) end
    """
    stub()


@script(allow_oom=True)
async def _lift(redis: Redis, *, stage: Key, brake: Key, cleared: Key, who: str, keys: list[str]) -> None:
    """
    redis.call("HDEL", brake, "record")
    for _, key in ipairs(keys) do redis.call("SADD", cleared, key) end
    local paused = redis.call("HGET", stage, "paused") or ""
    if string.sub(paused, 1, #who) == who then redis.call("HDEL", stage, "paused") end
    """
    stub()


@dataclass(frozen=True, slots=True)
class BrakeStore:
    """Trips and lifts the brake of the stage that writes to Xero."""

    redis: Redis
    keys: Keys

    async def trip(self, braked: Braked) -> None:
        """Pause the stage with the sentences; nothing changes where it is paused already."""
        record = msgspec.json.encode(braked).decode()
        text = f"{WHO}: {' '.join(braked.sentences)}"
        await _trip(
            self.redis,
            stage=self.keys("stage", "invoices"),
            brake=self.keys("brake"),
            record=record,
            paused=text,
        )

    async def get(self) -> Braked | None:
        """The pass that is stopped; None while none is."""
        text = await self.redis.hget(self.keys("brake"), "record")  # type: ignore[misc]  # sync and async typed as one
        return msgspec.json.decode(text, type=Braked) if text else None

    async def lift(self, let_through: Sequence[str] = ()) -> None:
        """The stage goes on; `let_through` are the keys that are not measured again until they were sent."""
        await _lift(
            self.redis,
            stage=self.keys("stage", "invoices"),
            brake=self.keys("brake"),
            cleared=self.keys("brake", "cleared"),
            who=WHO,
            keys=list(let_through),
        )

    async def cleared(self) -> set[str]:
        """The keys that a person let through and that were not sent since."""
        return set(await self.redis.smembers(self.keys("brake", "cleared")))  # type: ignore[misc]  # as above

    async def spent(self, keys: Iterable[str]) -> None:
        """These were sent: from now on they are measured again."""
        names = list(keys)
        if names:
            await self.redis.srem(self.keys("brake", "cleared"), *names)  # type: ignore[misc]  # as above
