"""Cursors: how far a long walk (contacts, reconcile, statuses) has come, so that any process can go on with it."""

import msgspec
from redis.asyncio import Redis

from worker.store.keys import Keys


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """`since`: what this walk reads from; `place`: where it stands (a page, a record); `until`: what the next walk
    reads from, once this one is through; `began`: when the reads of the last walk that came through began, by the
    service's own clock; `by`: what its rows are made by; `anew`: rows written before are written too; `again`: the span
    is read a second time; `slipped`: something moved in it, so that it will be. Times are ISO 8601 in UTC."""

    since: str = ""
    place: str = ""
    until: str = ""
    began: str = ""
    by: str = ""
    anew: bool = False
    again: bool = False
    slipped: bool = False


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not taken, and what it was made by."""

    by: str
    row: dict[str, str | None]


class Cursors:
    """Cursors by name."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def get(self, name: str) -> Cursor:
        """Where the walk stands; an empty cursor before the first."""
        text = await self._redis.hget(self._keys("cursors"), name)  # type: ignore[misc]  # sync and async typed as one
        return msgspec.json.decode(text, type=Cursor) if text else Cursor()

    async def put(self, name: str, cursor: Cursor) -> None:
        """The walk has come this far, and the work of everything before is stored."""
        text = msgspec.json.encode(cursor).decode()
        await self._redis.hset(self._keys("cursors"), name, text)  # type: ignore[misc]  # as above

    async def rows(self, name: str, ids: list[str]) -> dict[str, str]:
        """Marks of rows written before, by id (a digest of what was written)."""
        values = await self._redis.hmget(self._keys("rows", name), ids) if ids else []  # type: ignore[misc]  # as above
        return {id_: value for id_, value in zip(ids, values, strict=True) if value}

    async def put_rows(self, name: str, marks: dict[str, str]) -> None:
        """Remember the marks of rows written; they are refused no longer."""
        if marks:
            await self._redis.hset(self._keys("rows", name), mapping=marks)  # type: ignore[misc]  # as above
            await self._redis.hdel(self._keys("refused", name), *marks)  # type: ignore[misc]  # as above

    async def refused(self, name: str, by: str) -> dict[str, dict[str, str | None]]:
        """Rows that were not taken, by id; those that were made `by` something else are forgotten."""
        found: dict[str, str] = await self._redis.hgetall(self._keys("refused", name))  # type: ignore[misc]  # as above
        rows = {id_: msgspec.json.decode(text, type=Refused) for id_, text in found.items()}
        others = [id_ for id_, kept in rows.items() if kept.by != by]
        if others:
            await self._redis.hdel(self._keys("refused", name), *others)  # type: ignore[misc]  # as above
        return {id_: kept.row for id_, kept in rows.items() if kept.by == by}

    async def put_refused(self, name: str, by: str, rows: dict[str, dict[str, str | None]]) -> None:
        """Keep rows that were not taken."""
        if rows:
            kept = {id_: msgspec.json.encode(Refused(by=by, row=row)).decode() for id_, row in rows.items()}
            await self._redis.hset(self._keys("refused", name), mapping=kept)  # type: ignore[misc]  # as above
