"""Work lists: what must be done, remembered until it is done.

An item is an id with a due time, a generation (moved by every `add`, from a counter that is never reset), a number of
attempts and the last error. Its score in the sorted set is max(due, lease end), so one range read finds what may be
claimed. Leases save double effort only; `done`, `retry` and `wait` name the generation they worked on and change
nothing but the lease when it has moved meanwhile. All times are Redis' own clock, in milliseconds;
delays arrive in seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

STAGES = ("collect", "invoices", "write_back")

# Lua shared by every script that touches a work list, here and in the inbox, the ledger and the intents.
PRELUDE = """
local function now_ms()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function epoch_is(base, epoch)
  return epoch ~= "" and redis.call("GET", base .. "epoch") == epoch
end
local function work_end(list, id)
  redis.call("HDEL", list .. ":lease", id)
  local due = redis.call("HGET", list .. ":due", id)
  if due then redis.call("ZADD", list, due, id) end
end
local function work_forget(list, id)
  redis.call("ZREM", list, id)
  for _, part in ipairs({"gen", "due", "lease", "first", "size", "attempts", "error"}) do
    redis.call("HDEL", list .. ":" .. part, id)
  end
end
local function work_unpark(base, stage, id)
  local list = base .. "work:" .. stage
  local parked = redis.call("HGET", list .. ":cause", id)
  if not parked then return end
  redis.call("HDEL", list .. ":waiting", id)
  redis.call("HDEL", list .. ":cause", id)
  redis.call("ZREM", list .. ":parked", id)
  if parked ~= "" then redis.call("SREM", base .. "cause:" .. parked, stage .. "|" .. id) end
end
local function work_add(base, stage, id, quiet, most, size)
  local list, now = base .. "work:" .. stage, now_ms()
  redis.call("HSET", list .. ":gen", id, redis.call("INCR", base .. "generation"))
  redis.call("HSETNX", list .. ":first", id, now)
  local due = math.min(now + quiet, redis.call("HGET", list .. ":first", id) + most)
  if size > 0 and redis.call("HINCRBY", list .. ":size", id, 1) >= size then due = now end
  due = math.max(due, now)
  redis.call("HSET", list .. ":due", id, due)
  work_unpark(base, stage, id)
  redis.call("ZADD", list, math.max(due, redis.call("HGET", list .. ":lease", id) or 0), id)
end
local function work_moved(list, id, generation)
  if redis.call("HGET", list .. ":gen", id) == generation then return false end
  redis.call("HDEL", list .. ":attempts", id)
  work_end(list, id)
  return true
end
local function work_done(list, id, generation)
  if not work_moved(list, id, generation) then work_forget(list, id) end
end
"""


class EpochMovedError(Exception):
    """The ledger's epoch is missing or another than this process read: nothing but intake may run. Read it again."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An item leased to this process: work on it, then say `done`, `retry`, `wait` or `hand_back` with `generation`."""

    id: str
    generation: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Settle:
    """When an added item falls due: `quiet` seconds after the last add, `most` after the first, or at `size` adds."""

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
    return await _release_cause(redis, keys("cause", cause), keys.base)


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
            await _add(self._redis, self._keys.base, self.stage, chunk, quiet, most, settle.size)

    async def claim(self, epoch: str, count: int, lease: float, gather: float = 0.0) -> list[Claimed]:
        """Lease up to `count` due items for `lease` seconds; when one is due, also what falls due within `gather`.

        Raises `EpochMovedError`. Gives nothing while the stage is paused or before its `not_before`.
        """
        rows = await _claim(
            self._redis, self._keys.base, self.stage, epoch, count, int(lease * 1000), int(gather * 1000)
        )
        if rows is None:
            raise EpochMovedError(self.stage)
        return [Claimed(id_, generation, int(attempts)) for id_, generation, attempts in rows]

    async def done(self, epoch: str, items: Sequence[Claimed]) -> None:
        """Take off the list what nobody added again since it was claimed. Raises `EpochMovedError`."""
        pairs = [[item.id, item.generation] for item in items]
        if await _done(self._redis, self._keys.base, self.stage, epoch, pairs) is None:
            raise EpochMovedError(self.stage)

    async def retry(self, epoch: str, item: Claimed, delay: float, error: str) -> None:
        """Try again in `delay` seconds (sooner when it was added again). Raises `EpochMovedError`."""
        answer = await _retry(
            self._redis, self._keys.base, self.stage, epoch, item.id, item.generation, int(delay * 1000), error
        )
        if answer is None:
            raise EpochMovedError(self.stage)

    async def wait(self, epoch: str, item: Claimed, parked: Parked) -> None:
        """Park the item until a person or its cause releases it, unless it was added again.

        Raises `EpochMovedError`.
        """
        text = msgspec.json.encode(parked).decode()
        answer = await _wait(
            self._redis, self._keys.base, self.stage, epoch, item.id, item.generation, text, parked.cause
        )
        if answer is None:
            raise EpochMovedError(self.stage)

    async def hand_back(self, items: Sequence[Claimed]) -> None:
        """End the leases of items that were claimed and not worked on; their attempt does not count."""
        await _hand_back(self._redis, self._keys.base, self.stage, [item.id for item in items])

    async def release(self, ids: Iterable[str]) -> None:
        """Parked items are due again at once."""
        await self.add(ids)

    async def hasten(self) -> None:
        """Make everything that is not leased due now: somebody asked for it."""
        await _hasten(self._redis, self._keys.base, self.stage)

    async def counts(self) -> Counts:
        """The figures of this stage now."""
        due, leased, retrying, waiting, oldest, scheduled = await _counts(self._redis, self._keys.base, self.stage)
        return Counts(due, leased, retrying, waiting, oldest, scheduled, await self.paused())

    async def next_due(self) -> float | None:
        """Seconds until something may be claimed (0 or less: now); None when the list is empty."""
        answer = await _next_due(self._redis, self._keys.base, self.stage)
        return None if answer is None else int(answer) / 1000

    async def parked(self, start: int = 0, count: int = 100) -> list[Parked]:
        """A page of what waits, longest first."""
        ids = await self._redis.zrange(f"{self._list}:parked", start, start + count - 1)
        texts = await self._redis.hmget(f"{self._list}:waiting", ids) if ids else []  # type: ignore[misc]
        return [msgspec.json.decode(text, type=Parked) for text in texts if text]

    async def page(self, start: int = 0, count: int = 100) -> list[dict[str, str]]:
        """A page of the list, soonest first: id, score, due, attempts, error, lease."""
        rows = await self._redis.zrange(self._list, start, start + count - 1, withscores=True)
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

    async def hold_until(self, seconds: float) -> None:
        """Nothing of this stage is claimed for `seconds` (a service said wait)."""
        await _hold(self._redis, self._keys("stage", self.stage), int(seconds * 1000))


def _milliseconds(settle: Settle) -> tuple[int, int]:
    return int(settle.quiet * 1000), int(max(settle.most, settle.quiet) * 1000)


@script(prelude=PRELUDE)
async def _add(redis: Redis, base: str, stage: str, ids: list[str], quiet: int, most: int, size: int) -> None:
    """
    for _, id in ipairs(ids) do work_add(base, stage, id, quiet, most, tonumber(size)) end
    """
    stub()


@script(prelude=PRELUDE)
async def _claim(
    redis: Redis, base: str, stage: str, epoch: str, count: int, lease: int, gather: int
) -> list[list[str]] | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    local now = now_ms()
    local held = redis.call("HMGET", base .. "stage:" .. stage, "paused", "not_before")
    if held[1] or (held[2] and tonumber(held[2]) > now) then return {} end
    local first = redis.call("ZRANGE", work, 0, 0, "WITHSCORES")
    if not first[2] or tonumber(first[2]) > now then return {} end
    local claimed = {}
    local ids = redis.call("ZRANGE", work, "-inf", now + gather, "BYSCORE", "LIMIT", 0, count * 3 + 50)
    for _, id in ipairs(ids) do
      local leased = redis.call("HGET", work .. ":lease", id)
      if #claimed < tonumber(count) and not (leased and tonumber(leased) > now) then
        redis.call("HSET", work .. ":lease", id, now + lease)
        redis.call("HDEL", work .. ":first", id)
        redis.call("HDEL", work .. ":size", id)
        redis.call("ZADD", work, now + lease, id)
        local attempts = redis.call("HINCRBY", work .. ":attempts", id, 1)
        claimed[#claimed + 1] = {id, redis.call("HGET", work .. ":gen", id), tostring(attempts)}
      end
    end
    return claimed
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def _done(redis: Redis, base: str, stage: str, epoch: str, pairs: list[list[str]]) -> int | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    for _, pair in ipairs(pairs) do work_done(work, pair[1], pair[2]) end
    return #pairs
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def _retry(
    redis: Redis, base: str, stage: str, epoch: str, id: str, generation: str, delay: int, error: str
) -> int | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    if work_moved(work, id, generation) then return 0 end
    redis.call("HSET", work .. ":error", id, error)
    redis.call("HSET", work .. ":due", id, now_ms() + delay)
    work_end(work, id)
    return 1
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def _wait(
    redis: Redis, base: str, stage: str, epoch: str, id: str, generation: str, parked: str, cause: str
) -> int | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    if work_moved(work, id, generation) then return 0 end
    work_forget(work, id)
    redis.call("HSET", work .. ":waiting", id, parked)
    redis.call("HSET", work .. ":cause", id, cause)
    redis.call("ZADD", work .. ":parked", now_ms(), id)
    if cause ~= "" then redis.call("SADD", base .. "cause:" .. cause, stage .. "|" .. id) end
    return 1
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def _hand_back(redis: Redis, base: str, stage: str, ids: list[str]) -> None:
    """
    local work = base .. "work:" .. stage
    for _, id in ipairs(ids) do
      if redis.call("HGET", work .. ":lease", id) then
        redis.call("HINCRBY", work .. ":attempts", id, -1)
        work_end(work, id)
      end
    end
    """
    stub()


@script(prelude=PRELUDE)
async def _hasten(redis: Redis, base: str, stage: str) -> None:
    """
    local work = base .. "work:" .. stage
    local now = now_ms()
    for _, id in ipairs(redis.call("ZRANGE", work, 0, -1)) do
      redis.call("HSET", work .. ":due", id, now)
      redis.call("ZADD", work, math.max(now, redis.call("HGET", work .. ":lease", id) or 0), id)
    end
    """
    stub()


@script(prelude=PRELUDE)
async def _counts(redis: Redis, base: str, stage: str) -> tuple[int, int, int, int, int, int]:
    """
    local work = base .. "work:" .. stage
    local now, leased, oldest = now_ms(), 0, 0
    for _, lease in ipairs(redis.call("HVALS", work .. ":lease")) do
      if tonumber(lease) > now then leased = leased + 1 end
    end
    local first = redis.call("ZRANGE", work, 0, 0, "WITHSCORES")
    if first[2] and tonumber(first[2]) < now then oldest = math.floor((now - first[2]) / 1000) end
    local due = redis.call("ZCOUNT", work, "-inf", now)
    local later = redis.call("ZCARD", work) - due - leased
    return {due, leased, redis.call("HLEN", work .. ":error"), redis.call("ZCARD", work .. ":parked"), oldest, later}
    """
    stub()


@script(prelude=PRELUDE)
async def _next_due(redis: Redis, base: str, stage: str) -> int | None:
    """
    local work = base .. "work:" .. stage
    local first = redis.call("ZRANGE", work, 0, 0, "WITHSCORES")
    if not first[2] then return false end
    return first[2] - now_ms()
    """
    stub()


@script(prelude=PRELUDE)
async def _hold(redis: Redis, stage: Key, wait: int) -> None:
    """
    redis.call("HSET", stage, "not_before", now_ms() + wait)
    """
    stub()


@script(prelude=PRELUDE)
async def _release_cause(redis: Redis, cause: Key, base: str) -> int:
    """
    local members = redis.call("SMEMBERS", cause)
    for _, member in ipairs(members) do
      local stage, id = string.match(member, "^([^|]+)|(.*)$")
      work_add(base, stage, id, 0, 0, 0)
    end
    redis.call("DEL", cause)
    return #members
    """
    stub()
