"""What stands in arq's queue: doorbells, read for people and never run here.

Whatever is stored there is decoded as JSON or not at all: a pickle, arq's own default, would run code on being read.
Source: arq 0.28, `constants.py`: jobs, their queue and the marks of those under way have keys of their own.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from worker.store import moments
from worker.store.arq_client import loads

JOB, IN_PROGRESS = "arq:job:", "arq:in-progress:"
LOOKED_AT = 200  # jobs that are looked into to count them; what is under way is among those that are due soonest
SHOWN = 500  # orphans
CHUNK = 2_000  # keys looked through at once: a millisecond of the server
GONE = "The queue names it, but it is gone: arq passes over it."
UNREADABLE = "Not JSON, so none of ours. It was not decoded, and no worker of ours runs it."

State = Literal["queued", "deferred", "in progress", "orphaned"]
STATES: tuple[State, ...] = ("queued", "deferred", "in progress", "orphaned")


class ArqJob(Struct, frozen=True, kw_only=True):
    """One job. `at` is when it is due, ISO 8601 in UTC, "" where nothing says so; `text` what is odd about it."""

    id: str
    state: State
    function: str = ""
    at: str = ""
    tries: int = 0
    text: str = ""


class ArqJobs:
    """Reads one queue of arq's."""

    def __init__(self, redis: Redis, queue: str) -> None:
        self._redis, self._queue = redis, queue

    async def jobs(self, start: int = 0, count: int = LOOKED_AT) -> list[ArqJob]:
        """Jobs of the queue from the `start`-th on, soonest first; one under way is in it until it ended."""
        rows: list[tuple[str, float]] = await self._redis.zrange(self._queue, start, start + count - 1, withscores=True)
        now, ids = await self._now(), [id_ for id_, _ in rows]
        busy, raw = await self._busy(ids), await self._raw(ids)
        return [
            _job(id_, _state(due, now, under_way=at_it), due, said)
            for (id_, due), at_it, said in zip(rows, busy, raw, strict=True)
        ]

    async def count(self) -> int:
        """How many are in the queue."""
        return int(await self._redis.zcard(self._queue))

    async def counts(self) -> dict[State, int]:
        """How many there are in each state: `LOOKED_AT` of them are looked into, of others it is said when they are
        due."""
        found: dict[State, int] = dict.fromkeys(STATES, 0)
        soonest = await self.jobs()
        for job in soonest:
            found[job.state] += 1
        if len(soonest) == LOOKED_AT:
            rows: list[tuple[str, float]] = await self._redis.zrange(
                self._queue, LOOKED_AT - 1, LOOKED_AT - 1, withscores=True
            )
            last, now = rows[0][1] if rows else 0.0, await self._now()
            due = int(await self._redis.zcount(self._queue, "-inf", now))
            left = max(0, await self.count() - LOOKED_AT)
            queued = min(left, max(0, due - LOOKED_AT)) if last <= now else 0
            found["queued"] += queued
            found["deferred"] += left - queued
        return found

    async def orphans(self) -> list[ArqJob]:
        """Jobs that no queue names and nobody works on: nothing runs them, and they expire. `SHOWN` at most; all keys
        of the server are looked through for them, in steps."""
        found: list[ArqJob] = []
        async for ids in self._stored():
            queued = await self._redis.zmscore(self._queue, ids)
            busy = await self._busy(ids)
            lost = [id_ for id_, due, at_it in zip(ids, queued, busy, strict=True) if due is None and not at_it]
            lost = lost[: SHOWN - len(found)]
            raw = await self._raw(lost)
            found += [_job(id_, "orphaned", None, said) for id_, said in zip(lost, raw, strict=True)]
            if len(found) >= SHOWN:
                break
        return sorted(found, key=lambda job: job.id)

    async def _stored(self) -> AsyncIterator[list[str]]:
        """Ids of stored jobs, some at a time, by SCAN."""
        cursor = 0
        while True:
            cursor, keys = await self._redis.scan(cursor, match=f"{JOB}*", count=CHUNK)
            if keys:
                yield [key.removeprefix(JOB) for key in keys]
            if not cursor:
                return

    async def _now(self) -> float:
        return (await moments.now(self._redis)).timestamp() * 1000

    async def _busy(self, ids: Sequence[str]) -> list[bool]:
        pipe = self._redis.pipeline(transaction=False)
        for id_ in ids:
            pipe.exists(f"{IN_PROGRESS}{id_}")
        return [bool(found) for found in await pipe.execute()] if ids else []

    async def _raw(self, ids: Sequence[str]) -> list[bytes | None]:
        """What is stored of each job, not decoded."""
        pipe = self._redis.pipeline(transaction=False)
        for id_ in ids:
            pipe.execute_command("GET", f"{JOB}{id_}", NEVER_DECODE=True)
        return list(await pipe.execute()) if ids else []


def _job(id_: str, state: State, due: float | None, raw: bytes | None) -> ArqJob:
    at = moments.from_milliseconds(int(due)) if due is not None else ""
    if raw is None:
        return ArqJob(id=id_, state="orphaned", at=at, text=GONE)
    try:
        said = loads(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ArqJob(id=id_, state=state, at=at, text=UNREADABLE)
    return ArqJob(id=id_, state=state, at=at, function=str(said.get("f", "")), tries=_whole(said.get("t")))


def _state(due: float, now: float, *, under_way: bool) -> State:
    if under_way:
        return "in progress"
    return "queued" if due <= now else "deferred"


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0
