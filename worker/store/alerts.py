"""What people were told about, whose turn it is to tell them, and what the store itself knows that they should know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from ulid import ULID

from worker.errors import ConfigurationError
from worker.store import durability
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

FULL = 0.95  # of maxmemory: from here on a burst of time entries may be refused
LOOKED_AT = 500  # units that wait, at one look
TURN = 60.0  # seconds one process has to tell everybody


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert. Times are milliseconds since 1970, by Redis' clock.

    `delivered`: somebody was told once that a person is needed. `over`: it is over, and that is still to be told.
    `next_at`: when it is told (again), or tried again after `tries` that failed.
    """

    code: str
    text: str
    since: int
    next_at: int
    delivered: bool = False
    over: bool = False
    tries: int = 0


# Telling must go on when Redis is full: that is one of the things to tell.
@script(allow_oom=True)
async def _take(redis: Redis, *, turn: Key, token: str, milliseconds: int) -> int:
    """
    return redis.call("SET", turn, token, "NX", "PX", milliseconds) and 1 or 0
    """
    return stub()


@script(allow_oom=True)
async def _put(redis: Redis, *, turn: Key, alerts: Key, token: str, rows: dict[str, str]) -> int:
    """
    if redis.call("GET", turn) ~= token then
        return 0
    end
    for key, record in pairs(rows) do
        if record == "" then
            redis.call("HDEL", alerts, key)
        else
            redis.call("HSET", alerts, key, record)
        end
    end
    return 1
    """
    return stub()


@script(allow_oom=True)
async def _end(redis: Redis, *, turn: Key, token: str) -> int:
    """
    if redis.call("GET", turn) ~= token then
        return 0
    end
    return redis.call("DEL", turn)
    """
    return stub()


@dataclass(frozen=True, slots=True)
class AlertStore:
    """Alerts by key."""

    redis: Redis
    keys: Keys

    async def take_turn(self) -> str:
        """The right to tell, for `TURN` seconds; "" while another process has it."""
        token = str(ULID())
        taken = await _take(self.redis, turn=self._turn, token=token, milliseconds=round(TURN * 1000))
        return token if taken else ""

    async def end_turn(self, token: str) -> None:
        """Give the right back."""
        await _end(self.redis, turn=self._turn, token=token)

    async def told(self) -> dict[str, Told]:
        """What is remembered."""
        rows: dict[str, str] = await self.redis.hgetall(self.keys("alerts"))  # type: ignore[misc]  # sync and async typed as one
        return {key: msgspec.json.decode(text, type=Told) for key, text in rows.items()}

    async def put(self, token: str, rows: Mapping[str, Told | None]) -> bool:
        """Remember these, or (None) no more. False, and nothing happens, where the turn is over."""
        texts = {key: msgspec.json.encode(told).decode() if told else "" for key, told in rows.items()}
        return bool(await _put(self.redis, turn=self._turn, alerts=self.keys("alerts"), token=token, rows=texts))

    async def waiting(self, before: int) -> tuple[list[str], int]:
        """The units that wait since before that moment (milliseconds since 1970), longest first, `LOOKED_AT` at most;
        and how many items of work lists do."""
        units = await self.redis.zrangebyscore(self.keys("waiting"), "-inf", f"({before}", start=0, num=LOOKED_AT)
        lists = [self.keys("work", stage, "parked") for stage in ("collect", "invoices", "write_back")]
        counts = [int(await self.redis.zcount(key, "-inf", f"({before}")) for key in lists]
        return list(units), sum(counts)

    async def server(self) -> tuple[str, ...]:
        """What is wrong with the server's memory and durability, as sentences."""
        info: dict[str, Any] = await self.redis.info("memory")
        most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
        full = f"Redis is full: {_megabytes(used)} of {_megabytes(most)} are used. Give it more memory (maxmemory)."
        try:
            weak = (await durability.check(self.redis)).warnings
        except ConfigurationError as error:
            weak = (str(error),)
        return (*((full,) if most and used > FULL * most else ()), *weak)

    @property
    def _turn(self) -> Key:
        return self.keys("alerts", "turn")


def _megabytes(size: int) -> str:
    return f"{size / 1_048_576:.0f} MB"
