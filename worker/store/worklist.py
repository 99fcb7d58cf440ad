"""Work lists: what must be done, remembered until it is done.

An item is an id with a due time, a generation (moved by every `add`, to a number that was never given before), a number
of attempts and the last error. Its score in the sorted set is max(due, lease end), so one range read finds what may be
claimed. Leases save double effort only; `done`, `retry` and `wait` name the generation they worked on and change
nothing but the lease when it has moved meanwhile. All times are Redis' own clock, in milliseconds;
delays arrive in seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from redis.asyncio import Redis

from worker.store import moments
from worker.store import worklist_scripts as scripts
from worker.store.keys import Keys

STAGES = ("collect", "invoices", "write_back")
PACE = "pace"  # why a stage is held that spares what is left of a day's calls; a person who asks for it now lifts it


class EpochMovedError(Exception):
    """The ledger's epoch is missing or another than this process read: nothing but intake may run. Read it again."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An item leased to this process: work on it, then say `done`, `retry`, `wait` or `hand_back`.

    `lease` is its end as the store has it; only the process that still holds it may postpone, park or hand back.
    """

    id: str
    generation: str
    attempts: int
    lease: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """When an added item falls due: `quiet` seconds after the last add, `most` after the first, or at `size` adds.

    What is due already stays due.
    """

    quiet: float = 0.0
    most: float = 0.0
    size: int = 0


class Parked(msgspec.Struct, frozen=True):
    """An item that waits for a person or for its cause to be mended. `since` is ISO 8601 in UTC."""

    id: str
    reason: str
    text: str
    cause: str
    since: str


class Counts(msgspec.Struct, frozen=True):
    """What `queue status` shows of a stage; `oldest_seconds` is the age of the oldest due item."""

    due: int
    leased: int
    retrying: int
    waiting: int
    oldest_seconds: int
    scheduled: int = 0
    paused: str = ""


async def release_cause(redis: Redis, keys: Keys, cause: str) -> int:
    """Everything parked for `cause` is due again (units go through collect); gives how many."""
    return await scripts.release_cause(redis, keys("cause", cause), keys.base)


class WorkList:
    """One stage's work list."""

    def __init__(self, redis: Redis, keys: Keys, stage: str) -> None:
        self._redis, self._keys, self.stage = redis, keys, stage
        self._list = keys("work", stage)

    async def add(self, ids: Iterable[str], settle: Settle = Settle()) -> None:
        """Remember that these must be done; repeating it is harmless, every call moves the generation."""
        names = list(ids)
        for start in range(0, len(names), 500):
            chunk = names[start : start + 500]
            quiet, most = _milliseconds(settle)
            await scripts.add(self._redis, self._keys.base, self.stage, chunk, quiet, most, settle.size)

    async def claim(
        self, epoch: str, count: int, lease: float, gather: float = 0.0, *, whole: bool = False
    ) -> list[Claimed]:
        """Lease up to `count` due items for `lease` seconds; when one is due, also what falls due within `gather`.

        `whole`: while others are leased to somebody, only a claim of `count` is given: fewer gather until then.
        Raises `EpochMovedError`. Gives nothing while the stage is paused or before its `not_before`.
        """
        rows = await scripts.claim(
            self._redis, self._keys.base, self.stage, epoch, count, int(lease * 1000), int(gather * 1000), int(whole)
        )
        if rows is None:
            raise EpochMovedError(self.stage)
        return [Claimed(id_, generation, int(attempts), lease_end) for id_, generation, attempts, lease_end in rows]

    async def done(self, epoch: str, items: Sequence[Claimed]) -> None:
        """Take off the list what nobody added again since it was claimed. Raises `EpochMovedError`.

        An invoice whose slot an unresolved intent holds stays on it.
        """
        pairs = [[item.id, item.generation] for item in items]
        if await scripts.done(self._redis, self._keys.base, self.stage, epoch, pairs) is None:
            raise EpochMovedError(self.stage)

    async def retry(self, epoch: str, item: Claimed, delay: float, error: str) -> None:
        """Try again in `delay` seconds (sooner when it was added again). Raises `EpochMovedError`.

        Nothing happens when the lease lapsed and another process has claimed the item: it says what comes next.
        """
        answer = await scripts.retry(
            self._redis,
            self._keys.base,
            self.stage,
            epoch,
            item.id,
            item.generation,
            item.lease,
            int(delay * 1000),
            error,
        )
        if answer is None:
            raise EpochMovedError(self.stage)

    async def wait(self, epoch: str, item: Claimed, parked: Parked) -> None:
        """Park the item until a person or its cause releases it.

        Not when it was added again, an unresolved intent holds its slot, or another process has claimed it: it stays
        on the list. Raises `EpochMovedError`.
        """
        text = msgspec.json.encode(parked).decode()
        answer = await scripts.wait(
            self._redis, self._keys.base, self.stage, epoch, item.id, item.generation, item.lease, text, parked.cause
        )
        if answer is None:
            raise EpochMovedError(self.stage)

    async def postpone(self, epoch: str, item: Claimed, delay: float) -> None:
        """Look at it again in `delay` seconds, or when it is added again; its attempt does not count.

        Nothing happens when another process has claimed the item meanwhile. Raises `EpochMovedError`.
        """
        answer = await scripts.postpone(
            self._redis, self._keys.base, self.stage, epoch, item.id, item.generation, item.lease, int(delay * 1000)
        )
        if answer is None:
            raise EpochMovedError(self.stage)

    async def hand_back(self, items: Sequence[Claimed]) -> None:
        """End the leases of items that were claimed and not worked on; their attempt does not count.

        This needs no epoch: it lets go, and works on nothing.
        """
        await scripts.hand_back(self._redis, self._keys.base, self.stage, [[item.id, item.lease] for item in items])

    async def release(self, ids: Iterable[str], after: float = 0.0) -> None:
        """Items, parked ones too, are due again, at once or after so many seconds; also while Redis is full: what was
        begun is finished, and people empty it."""
        names, quiet = list(ids), int(after * 1000)
        for start in range(0, len(names), 500):
            await scripts.release(self._redis, self._keys.base, self.stage, names[start : start + 500], quiet)

    async def forgive(self, ids: Iterable[str]) -> None:
        """These are due at once as if nothing of them had ever failed: a person wants them tried again."""
        names = list(ids)
        for start in range(0, len(names), 500):
            await scripts.forgive(self._redis, self._keys.base, self.stage, names[start : start + 500])

    async def hasten(self, *, asked: bool = False) -> None:
        """Make everything that is not leased due now, and spare no calls for it.

        `asked`: a person asked; drafts are not too fresh for it then.
        """
        await scripts.hasten(self._redis, self._keys.base, self.stage, PACE, "1" if asked else "")

    async def counts(self) -> Counts:
        """The figures of this stage now."""
        due, leased, retrying, waiting, oldest, scheduled = await scripts.counts(
            self._redis, self._keys.base, self.stage
        )
        return Counts(due, leased, retrying, waiting, oldest, scheduled, await self.paused())

    async def next_due(self) -> float | None:
        """Seconds until something may be claimed (0 or less: now); None when the list is empty."""
        answer = await scripts.next_due(self._redis, self._keys.base, self.stage)
        return None if answer is None else int(answer) / 1000

    async def parked(self, start: int = 0, count: int = 100) -> list[Parked]:
        """A page of what waits, longest first."""
        ids = await self._redis.zrange(f"{self._list}:parked", start, start + count - 1)
        texts = await self._redis.hmget(f"{self._list}:waiting", ids) if ids else []  # type: ignore[misc]
        return [msgspec.json.decode(text, type=Parked) for text in texts if text]

    async def page(self, start: int = 0, count: int = 100) -> list[dict[str, str]]:
        """A page of the list, soonest first: id, score, due, attempts, error, lease."""
        rows = await self._redis.zrange(self._list, start, start + count - 1, withscores=True)
        return await self._rows(rows)

    async def _rows(self, rows: Sequence[tuple[str, float]]) -> list[dict[str, str]]:
        ids = [id_ for id_, _ in rows]
        if not ids:
            return []
        columns = {
            part: await self._redis.hmget(f"{self._list}:{part}", ids)  # type: ignore[misc]
            for part in ("due", "attempts", "error", "lease", "gen")
        }
        return [
            {"id": id_, "score": str(int(score))} | {part: values[n] or "" for part, values in columns.items()}
            for n, (id_, score) in enumerate(rows)
        ]

    async def pause(self, who: str, why: str) -> None:
        """Nothing of this stage is claimed until `resume`."""
        await self._redis.hset(self._keys("stage", self.stage), mapping={"paused": f"{who}: {why}"})  # type: ignore[misc]

    async def resume(self) -> None:
        """Take a pause back."""
        await self._redis.hdel(self._keys("stage", self.stage), "paused")  # type: ignore[misc]

    async def paused(self) -> str:
        """Who paused the stage and why; "" when it runs."""
        return await self._redis.hget(self._keys("stage", self.stage), "paused") or ""  # type: ignore[misc]

    async def hold_until(self, seconds: float, why: str = "") -> None:
        """Nothing of this stage is claimed for `seconds` (a service said wait); the longest such wait counts.

        `why`: what is waited for, in the governor's words, or `PACE`; or in a person's.
        """
        await scripts.hold(self._redis, self._keys("stage", self.stage), int(seconds * 1000), why)

    async def held(self) -> tuple[str, str]:
        """Until when nothing of this stage is claimed (ISO 8601 in UTC), and why; ("", "") when it runs."""
        until, why = await scripts.held(self._redis, self._keys("stage", self.stage))
        return moments.from_milliseconds(int(until)), why

    async def item(self, id_: str) -> dict[str, str]:
        """One item as `page` shows it; {} when it is not on the list."""
        score = await self._redis.zscore(self._list, id_)
        return {} if score is None else (await self._rows([(id_, score)]))[0]

    async def parked_item(self, id_: str) -> Parked | None:
        """One item that waits; None when it does not."""
        text = await self._redis.hget(f"{self._list}:waiting", id_)  # type: ignore[misc]
        return msgspec.json.decode(text, type=Parked) if text else None

    async def failing(self) -> list[str]:
        """The ids whose last attempt failed and that are tried again."""
        return sorted(await self._redis.hkeys(f"{self._list}:error"))  # type: ignore[misc]

    async def most_attempts(self) -> int:
        """How often the item was tried that was tried most."""
        return max(map(int, await self._redis.hvals(f"{self._list}:attempts")), default=0)  # type: ignore[misc]

    async def give_up(self, parked: Parked) -> str:
        """Stop trying an item that failed; see `give_up_all`."""
        return (await self.give_up_all([parked]))[0]

    async def give_up_all(self, parked: Sequence[Parked], *, failed: bool = True) -> list[str]:
        """Stop trying items that failed (`failed` False: any): they wait, visibly, until somebody releases them or they
        are added again.

        Gives for each "parked", or why not: "absent", "not-retried" (it has not failed), "leased" (somebody works on
        it), or "unresolved" (whether Xero has it is not known yet, so it may not rest).
        """
        answers: list[str] = []
        for start in range(0, len(parked), 500):
            rows = [[each.id, msgspec.json.encode(each).decode(), each.cause] for each in parked[start : start + 500]]
            answers += await scripts.give_up(self._redis, self._keys.base, self.stage, rows, failed)
        return answers


def _milliseconds(settle: Settle) -> tuple[int, int]:
    return int(settle.quiet * 1000), int(max(settle.most, settle.quiet) * 1000)
