"""A work list as operators look through it: page by page, or all of it in steps, however long it is.

Nothing here asks Redis for everything at once: sorted sets are read by ranges, hashes by HSCAN.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.store import moments
from worker.store.keys import Keys
from worker.store.worklist import Parked

State = Literal["due", "later", "leased", "retrying", "waiting"]
STATES: tuple[State, ...] = ("due", "later", "leased", "retrying", "waiting")
PARTS = ("due", "lease", "attempts", "error", "waiting")
CHUNK = 5_000  # ids read at once: a few milliseconds of the server


class Item(Struct, frozen=True, kw_only=True):
    """One item. Times are ISO 8601 in UTC, "" for none."""

    id: str
    due: str = ""
    leased_until: str = ""
    attempts: int = 0
    error: str = ""
    parked: Parked | None = None


class Listing:
    """Looks through one stage's work list."""

    def __init__(self, redis: Redis, keys: Keys, stage: str) -> None:
        self._redis, self.stage = redis, stage
        self._list = keys("work", stage)

    async def page(self, state: State, start: int, count: int) -> list[Item]:
        """Items of one state, from the `start`-th on: soonest first, what waits longest first."""
        if state in ("due", "waiting"):
            return await self.items(await self._range(state, await self._now(), start, count))
        seen: list[str] = []
        async for ids in self.walk(state):
            seen += ids
            if len(seen) >= start + count:
                break
        return await self.items(seen[start : start + count])

    async def walk(self, state: State) -> AsyncIterator[list[str]]:
        """All ids of one state as it was at the beginning, in the order of `page`, in steps."""
        now = await self._now()
        if state == "retrying":
            ids = await self._by_turn([id_ async for id_ in self._failed()])
        elif state == "leased":
            ids = await self._by_turn(await self._leased(now))
        else:
            leased = set(await self._leased(now)) if state == "later" else set()
            start = 0
            while found := await self._range(state, now, start, CHUNK):
                yield [id_ for id_ in found if id_ not in leased]
                start += CHUNK
            return
        for start in range(0, len(ids), CHUNK):
            yield ids[start : start + CHUNK]

    async def items(self, ids: Sequence[str]) -> list[Item]:
        """What is known of these."""
        return await self._items(ids, PARTS)

    async def said(self, state: State, ids: Sequence[str]) -> list[Item]:
        """The same, but only why each waits, or what its last try said: what is searched in."""
        return await self._items(ids, ("waiting",) if state == "waiting" else ("error",))

    async def _items(self, ids: Sequence[str], parts: Sequence[str]) -> list[Item]:
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for part in parts:
            pipe.hmget(f"{self._list}:{part}", list(ids))
        found: dict[str, list[str | None]] = dict(zip(parts, await pipe.execute(), strict=True))
        nothing: list[str | None] = [None] * len(ids)
        columns = [found.get(part, nothing) for part in PARTS]
        now = await self._now() if "lease" in parts else 0
        return [_item(id_, row, now) for id_, row in zip(ids, zip(*columns, strict=True), strict=True)]

    async def _range(self, state: State, now: int, start: int, count: int) -> list[str]:
        if state == "waiting":
            return list(await self._redis.zrange(f"{self._list}:parked", start, start + count - 1))
        low, high = ("-inf", now) if state == "due" else (f"({now}", "+inf")
        return list(await self._redis.zrangebyscore(self._list, low, high, start=start, num=count))

    async def _failed(self) -> AsyncIterator[str]:
        async for id_, _ in self._redis.hscan_iter(f"{self._list}:error", count=CHUNK):
            yield id_

    async def _leased(self, now: int) -> list[str]:
        """As many as workers hold: a few hundred."""
        leases: dict[str, str] = await self._redis.hgetall(f"{self._list}:lease")  # type: ignore[misc]  # sync and async typed as one
        return [id_ for id_, until in leases.items() if float(until) > now]

    async def _by_turn(self, ids: Iterable[str]) -> list[str]:
        """Soonest first; HSCAN may tell an id twice."""
        every, turns = list(dict.fromkeys(ids)), []
        for start in range(0, len(every), CHUNK):
            turns += await self._redis.zmscore(self._list, every[start : start + CHUNK])
        listed = [(turn, id_) for turn, id_ in zip(turns, every, strict=True) if turn is not None]
        return [id_ for _, id_ in sorted(listed)]

    async def _now(self) -> int:
        return round((await moments.now(self._redis)).timestamp() * 1000)


def _item(id_: str, row: Sequence[str | None], now: int) -> Item:
    due, lease, attempts, error, waiting = row
    return Item(
        id=id_,
        due=moments.from_milliseconds(int(float(due or 0))),
        leased_until=moments.from_milliseconds(int(float(lease or 0))) if float(lease or 0) > now else "",
        attempts=int(attempts or 0),
        error=error or "",
        parked=msgspec.json.decode(waiting, type=Parked) if waiting else None,
    )
