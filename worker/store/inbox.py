"""The inbox: where changes arrive, and how far the stream has been read. Intake needs no epoch.

One script stores a response of the stream whole: the ids, the resync flags and, last, the position. It refuses when the
listener's lease is another's or the stored position is not the one the response continues, so neither a paused former
leader nor a rolled-back store can step over an event.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from redis.asyncio import Redis

from worker.store import moments
from worker.store.keys import Keys
from worker.store.lua import Key, script, stub
from worker.store.worklist import WorkList
from worker.store.worklist_scripts import PRELUDE

POSITION_LOST = "position-lost"  # the kind of resync that is asked for when Salesforce forgot where a stream was left


class Position(msgspec.Struct, frozen=True):
    """How far a channel has been read: its door's own text (a replay id, or a poll watermark) and two times."""

    replay: str
    committed_at: str = ""  # commit time of the last event read, ISO 8601 in UTC; "" when it came from a keep-alive
    stored_at: str = ""  # Redis milliseconds


class Inbox:
    """Ids of units that may have changed, on the work list `collect`."""

    def __init__(self, redis: Redis, keys: Keys, collect: WorkList) -> None:
        self._redis, self._keys, self._collect = redis, keys, collect

    async def store(
        self,
        lease: str,
        channel: str,
        expected: str | None,
        position: str,
        ids: Sequence[str],
        resync: Mapping[str, str],
        committed_at: str,
    ) -> bool:
        """Store one response of the stream. `expected`: the position it continues, None for the first one.

        `resync` maps a kind to the time (ISO 8601) since when everything must be read again, "" for all there is.
        False: nothing was stored, because the lease or the position moved; subscribe anew from what is stored.
        Raises `TypeError` or `ValueError`, with nothing stored, for an argument that is no text or no time.
        """
        answer = await _store(
            self._redis,
            self._keys("lock", f"listener:{channel}"),
            self._keys("position", channel),
            self._keys.base,
            lease,
            expected or "",
            position,
            list(ids),
            {kind: _sortable(since) for kind, since in resync.items()},
            committed_at,
        )
        return bool(answer)

    async def add(self, ids: Iterable[str]) -> None:
        """Remember that these units may have changed."""
        await self._collect.add(ids)

    async def pending(self, ids: Sequence[str]) -> set[str]:
        """Which of these are on the list already, to be read again."""
        scores = await self._redis.zmscore(self._keys("work", "collect"), list(ids)) if ids else []
        return {id_ for id_, score in zip(ids, scores, strict=True) if score is not None}

    async def position(self, channel: str) -> Position | None:
        """How far the channel has been read; None before the first response was stored."""
        row = await self._redis.hgetall(self._keys("position", channel))  # type: ignore[misc]
        if not row.get("replay"):
            return None
        return Position(row["replay"], row.get("committed_at", ""), row.get("stored_at", ""))

    async def request_resync(self, kind: str, since: str) -> None:
        """Everything changed since this time (ISO 8601, or "": all there is) must be read again.

        The earlier of two requests counts. Raises `ValueError` for a text that is no time.
        """
        await _request_resync(self._redis, self._keys("resync"), kind, _sortable(since))

    async def resyncs(self) -> dict[str, str]:
        """What was requested and is not done: kind to time."""
        return dict(await self._redis.hgetall(self._keys("resync")))  # type: ignore[misc]

    async def resynced(self, kind: str, since: str) -> None:
        """This request is done, unless it was made earlier meanwhile."""
        await _resynced(self._redis, self._keys("resync"), kind, _sortable(since))

    async def park(self, channel: str, replay: str, raw: str, why: str) -> None:
        """Keep an event that cannot be decoded, for people (the latest 1,000)."""
        text = msgspec.json.encode({"channel": channel, "replay": replay, "raw": raw, "why": why}).decode()
        pipe = self._redis.pipeline(transaction=True)
        pipe.lpush(self._keys("parked"), text)
        pipe.ltrim(self._keys("parked"), 0, 999)
        await pipe.execute()


def _sortable(since: str) -> str:
    """A time as texts of one form, which scripts can compare; "" is earlier than all of them."""
    if since == "":
        return ""
    moment = datetime.fromisoformat(since)
    if moment.tzinfo is None:
        raise ValueError(f"{since!r} does not say its time zone")
    return moments.text(moment)


@script(prelude=PRELUDE)
async def _store(
    redis: Redis,
    lock: Key,
    position: Key,
    base: str,
    lease: str,
    expected: str,
    replay: str,
    ids: list[str],
    resync: dict[str, str],
    committed_at: str,
) -> int:
    """
    if redis.call("GET", lock) ~= lease then return 0 end
    if (redis.call("HGET", position, "replay") or "") ~= expected then return 0 end
    for _, id in ipairs(ids) do work_add(base, "collect", id, 0, 0, 0) end
    if #ids > 0 then pulse(base, "intake", "done", #ids, 0) end
    for kind, since in pairs(resync) do
      local had = redis.call("HGET", base .. "resync", kind)
      if not had or since < had then redis.call("HSET", base .. "resync", kind, since) end
    end
    if committed_at ~= "" then redis.call("HSET", position, "committed_at", committed_at) end
    redis.call("HSET", position, "stored_at", now_ms(), "replay", replay)
    return 1
    """
    stub()


@script()
async def _request_resync(redis: Redis, resync: Key, kind: str, since: str) -> None:
    """
    local had = redis.call("HGET", resync, kind)
    if not had or since < had then redis.call("HSET", resync, kind, since) end
    """
    stub()


@script(allow_oom=True)
async def _resynced(redis: Redis, resync: Key, kind: str, since: str) -> None:
    """
    if redis.call("HGET", resync, kind) == since then redis.call("HDEL", resync, kind) end
    """
    stub()
