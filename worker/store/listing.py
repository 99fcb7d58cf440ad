"""A work list as operators look through it: page by page, or all of it in steps, however long it is.

Nothing here asks Redis for everything at once: sorted sets are read by ranges, hashes by HSCAN.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
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
            failed = [id_ async for rows in self._stored("error") for id_, _ in rows]
            ids = await self._by_turn(failed, self._list)
        elif state == "leased":
            ids = await self._by_turn(await self._leased(now), self._list)
        else:
            leased = set(await self._leased(now)) if state == "later" else set()
            start = 0
            while found := await self._range(state, now, start, CHUNK):
                yield [id_ for id_ in found if id_ not in leased]
                start += CHUNK
            return
        for start in range(0, len(ids), CHUNK):
            yield ids[start : start + CHUNK]

    async def search(self, state: State, wanted: Callable[[str, str], bool], most: int) -> list[str]:
        """Ids of one state, `most` at most, in the order of `page`: those that are `wanted` by their id and what is
        stored of them, which is why they wait (a `Parked` as JSON), else what the last try said ("" for nothing)."""
        if state in ("waiting", "retrying"):
            said = self._stored("waiting" if state == "waiting" else "error")
            found = [id_ async for rows in said for id_, text in rows if wanted(id_, text)]
            return (await self._by_turn(found, f"{self._list}:parked" if state == "waiting" else self._list))[:most]
        found = []
        async for ids in self.walk(state):
            errors = await self._redis.hmget(f"{self._list}:error", ids) if ids else []  # type: ignore[misc]  # sync and async typed as one
            found += [id_ for id_, text in zip(ids, errors, strict=True) if wanted(id_, text or "")]
            if len(found) >= most:
                break
        return found[:most]

    async def items(self, ids: Sequence[str]) -> list[Item]:
        """What is known of these."""
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for part in PARTS:
            pipe.hmget(f"{self._list}:{part}", list(ids))
        columns: list[list[str | None]] = await pipe.execute()
        now = await self._now()
        return [_item(id_, row, now) for id_, row in zip(ids, zip(*columns, strict=True), strict=True)]

    async def _range(self, state: State, now: int, start: int, count: int) -> list[str]:
        if state == "waiting":
            return list(await self._redis.zrange(f"{self._list}:parked", start, start + count - 1))
        low, high = ("-inf", now) if state == "due" else (f"({now}", "+inf")
        return list(await self._redis.zrangebyscore(self._list, low, high, start=start, num=count))

    async def _stored(self, part: str) -> AsyncIterator[list[tuple[str, str]]]:
        """All of a hash, in steps; HSCAN may tell an id twice."""
        cursor = 0
        while True:
            cursor, rows = await self._redis.hscan(f"{self._list}:{part}", cursor, count=CHUNK)
            yield list(rows.items())
            if not int(cursor):
                return

    async def _leased(self, now: int) -> list[str]:
        """As many as workers hold: a few hundred."""
        leases: dict[str, str] = await self._redis.hgetall(f"{self._list}:lease")  # type: ignore[misc]  # sync and async typed as one
        return [id_ for id_, until in leases.items() if float(until) > now]

    async def _by_turn(self, ids: Iterable[str], turns_in: str) -> list[str]:
        """Soonest first, without what is not there any more; an id may be told twice."""
        every, turns = list(dict.fromkeys(ids)), []
        for start in range(0, len(every), CHUNK):
            turns += await self._redis.zmscore(turns_in, every[start : start + CHUNK])
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
