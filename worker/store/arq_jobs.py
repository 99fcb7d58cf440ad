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
LOOKED_AT = 10_000  # jobs of the queue; a burst of doorbells for one stage is one job, so there are a handful
SHOWN = 500  # orphans
GONE = "The queue names it, but it is gone: arq passes over it."
UNREADABLE = "Not JSON, so none of ours. It was not decoded, and no worker of ours runs it."

State = Literal["queued", "deferred", "in progress", "orphaned"]


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

    async def jobs(self) -> list[ArqJob]:
        """What is in the queue, soonest first, `LOOKED_AT` at most; one that is under way is in it until it ended."""
        rows: list[tuple[str, float]] = await self._redis.zrange(self._queue, 0, LOOKED_AT - 1, withscores=True)
        now = (await moments.now(self._redis)).timestamp() * 1000
        busy = await self._exist([f"{IN_PROGRESS}{id_}" for id_, _ in rows])
        return [await self._job(id_, _state(due, now, under_way=at_it), due)
                for (id_, due), at_it in zip(rows, busy, strict=True)]  # fmt: skip

    async def orphans(self) -> list[ArqJob]:
        """Jobs that no queue names and nobody works on: nothing runs them, and they expire. `SHOWN` at most."""
        found: list[ArqJob] = []
        async for ids in self._stored():
            queued = await self._redis.zmscore(self._queue, ids)
            busy = await self._exist([f"{IN_PROGRESS}{id_}" for id_ in ids])
            lost = [id_ for id_, due, at_it in zip(ids, queued, busy, strict=True) if due is None and not at_it]
            found += [await self._job(id_, "orphaned", None) for id_ in lost[: SHOWN - len(found)]]
            if len(found) >= SHOWN:
                break
        return sorted(found, key=lambda job: job.id)

    async def _stored(self) -> AsyncIterator[list[str]]:
        """Ids of stored jobs, some at a time, by SCAN."""
        cursor = 0
        while True:
            cursor, keys = await self._redis.scan(cursor, match=f"{JOB}*", count=10_000)
            if keys:
                yield [key.removeprefix(JOB) for key in keys]
            if not cursor:
                return

    async def _exist(self, keys: Sequence[str]) -> list[bool]:
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            pipe.exists(key)
        return [bool(found) for found in await pipe.execute()] if keys else []

    async def _job(self, id_: str, state: State, due: float | None) -> ArqJob:
        at = moments.from_milliseconds(int(due)) if due is not None else ""
        raw: bytes | None = await self._redis.execute_command("GET", f"{JOB}{id_}", NEVER_DECODE=True)  # type: ignore[no-untyped-call]  # redis-py
        if raw is None:
            return ArqJob(
                id=id_, state="orphaned", at=at, text="The queue names it, but it is gone: arq passes over it."
            )
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
