"""Cursors: how far a long walk (contacts, reconcile, statuses) has come, so that any process can go on with it."""

import msgspec
from redis.asyncio import Redis

from worker.store.keys import Keys


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """`since`: what this walk reads from; `place`: where it stands (a page, a record); `until`: what the next walk
    reads from, once this one is through. Times are ISO 8601 in UTC."""

    since: str = ""
    place: str = ""
    until: str = ""


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
        """Remember the marks of rows written."""
        if marks:
            await self._redis.hset(self._keys("rows", name), mapping=marks)  # type: ignore[misc]  # as above
