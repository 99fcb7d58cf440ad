"""Locks that several processes take in turn: one holder at a time, until released or until the time given is over.

A holder that slept through its time does not know it. So a lock's token is a number that only ever grows: whoever
stores what a holder made compares tokens and refuses an older one (fencing).
"""

from dataclasses import dataclass

from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub


@script()
async def _acquire(redis: Redis, *, lock: Key, counter: Key, milliseconds: int) -> str | None:
    """
    if redis.call("EXISTS", lock) == 1 then
        return false
    end
    -- Never below the clock: the numbers go on growing when Redis was emptied or an older copy of it restored.
    local time = redis.call("TIME")
    local token = math.max(tonumber(redis.call("GET", counter) or "0") + 1, time[1] * 1000000 + time[2])
    local text = string.format("%.0f", token)
    redis.call("SET", counter, text)
    redis.call("SET", lock, text, "PX", milliseconds)
    return text
    """
    return stub()


@script()
async def _renew(redis: Redis, *, lock: Key, token: str, milliseconds: int) -> int:
    """
    if redis.call("GET", lock) ~= token then
        return 0
    end
    return redis.call("PEXPIRE", lock, milliseconds)
    """
    return stub()


@script(allow_oom=True)
async def _release(redis: Redis, *, lock: Key, token: str) -> int:
    """
    if redis.call("GET", lock) ~= token then
        return 0
    end
    return redis.call("DEL", lock)
    """
    return stub()


@dataclass(frozen=True, slots=True)
class Locks:
    """All locks of the deployment, by name. Tokens are decimal numbers as text; a later holder's is greater."""

    redis: Redis
    keys: Keys

    def key(self, name: str) -> Key:
        """Where the lock is: scripts that fence by it compare this key's value with their token."""
        return self.keys("lock", name)

    async def acquire(self, name: str, seconds: float) -> str | None:
        """The token of the lock `name`, ours for `seconds`; None when another holds it."""
        return await _acquire(
            self.redis, lock=self.key(name), counter=self.keys("lock-tokens"), milliseconds=_milliseconds(seconds)
        )

    async def renew(self, name: str, token: str, seconds: float) -> bool:
        """Hold on for `seconds` from now; False when the lock is no longer ours (stop what you do under it)."""
        return bool(await _renew(self.redis, lock=self.key(name), token=token, milliseconds=_milliseconds(seconds)))

    async def release(self, name: str, token: str) -> bool:
        """Give the lock back; False when it was no longer ours."""
        return bool(await _release(self.redis, lock=self.key(name), token=token))

    async def holder(self, name: str) -> str | None:
        """The token that holds the lock now, if any."""
        value: str | None = await self.redis.get(self.key(name))
        return value

    async def listener(self, channel: str, seconds: float) -> str | None:
        """The lease of the one listener that may store what `channel` brings."""
        return await self.acquire(f"listener:{channel}", seconds)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
