"""Signs of life: each process says that it is there, and what it is doing; one that stops saying so is gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.limits import Limits
from worker.store import moments
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

MISSED = 3  # beats after which a process counts as gone


class Beat(Struct, frozen=True, kw_only=True):
    """A process that is alive."""

    name: str
    at: str
    detail: dict[str, str] = {}


@script(allow_oom=True)
async def _beat(redis: Redis, *, beats: Key, name: str, detail: str, milliseconds: int) -> int:
    """
    local time = redis.call("TIME")
    local now = string.format("%d", time[1] * 1000 + math.floor(time[2] / 1000))
    redis.call("HSET", beats, name, "[" .. now .. "," .. detail .. "]")
    return redis.call("PEXPIRE", beats, milliseconds)
    """
    return stub()


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """Beats by kind ("worker", "listener", "console") and name (host and process id)."""

    redis: Redis
    keys: Keys
    limits: Limits = field(default_factory=Limits)

    async def beat(self, kind: str, name: str, detail: Mapping[str, str] | None = None) -> None:
        """Say that `name` is alive; to be said every `Limits.heartbeat` seconds."""
        text = msgspec.json.encode(dict(detail or {})).decode()
        await _beat(self.redis, beats=self.keys("alive", kind), name=name, detail=text, milliseconds=self._gone_after)

    async def end(self, kind: str, name: str) -> None:
        """Say that `name` ends of its own will."""
        await self.redis.hdel(self.keys("alive", kind), name)  # type: ignore[misc]  # sync and async typed as one

    async def alive(self, kind: str) -> tuple[Beat, ...]:
        """Who is alive, by name; forgets who is not."""
        found: dict[str, str] = await self.redis.hgetall(self.keys("alive", kind))  # type: ignore[misc]  # as above
        kept = {name: msgspec.json.decode(text, type=tuple[int, dict[str, str]]) for name, text in found.items()}
        since = round((await moments.now(self.redis)).timestamp() * 1000) - self._gone_after
        gone = [name for name, (at, _) in kept.items() if at < since]
        if gone:
            await self.redis.hdel(self.keys("alive", kind), *gone)  # type: ignore[misc]  # as above
        return tuple(
            Beat(name=name, at=moments.from_milliseconds(at), detail=detail)
            for name, (at, detail) in sorted(kept.items())
            if name not in gone
        )

    @property
    def _gone_after(self) -> int:
        return round(MISSED * self.limits.heartbeat * 1000)
