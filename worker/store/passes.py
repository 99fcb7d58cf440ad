"""Passes: readings of Salesforce that go in steps, each with where it stands and what it found so far.

Whoever works on them holds the turn; its token fences: a process that slept through its turn stores nothing more.
"""

from collections.abc import Iterable, Sequence

import msgspec
from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

NAMES = ("reconcile", "related", "walk")
TURN = "reconcile"  # the lock that holds the turn
EXPECTED = 7 * 86_400  # seconds that a walk's list of what it expects is kept after the last addition
EXAMPLES = 20  # ids that a pass remembers of what it found


class TurnLostError(Exception):
    """Another process took the turn; this one stores nothing more."""


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a phase stands: after the row `id` of SystemModstamp `stamp`; of a related object also which of its records
    are being followed (`group`), over which lookup (`lookup`), after which entry (`after`)."""

    stamp: str = ""
    id: str = ""
    group: tuple[str, ...] = ()
    lookup: int = 0
    after: str = ""


class Pass(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reading. Times are ISO 8601 in UTC and Salesforce's own, but for `started_at`, which is Redis'.

    `since`: what it reads from ("": everything); `began`: when its first read began; `watermark`: what the next one
    reads from; `requests`: what it does on request; `todo`: its phases still to come, the one under way first.
    """

    version: int  # of the setup it reads by
    since: str = ""
    began: str = ""
    watermark: str = ""
    started_at: str = ""
    requests: dict[str, str] = {}
    again: bool = False  # a walk after which every entry is read again, whether or not it differs
    phases: int = 0
    todo: tuple[str, ...] = ()
    place: Place = Place()
    total: int = 0  # entries this phase will read, 0: not known
    read: int = 0
    changed: int = 0
    related: int = 0
    deleted: int = 0
    unseen: int = 0  # could be read before, and cannot now
    unlogged: bool = False  # the log of deletions does not reach back to `since`
    missed: int = 0
    examples: tuple[str, ...] = ()

    def found(self, ids: Sequence[str]) -> "Pass":
        """With these units, of which no event told."""
        examples = (*self.examples, *ids)[:EXAMPLES]
        return msgspec.structs.replace(self, missed=self.missed + len(ids), examples=examples)


class Finished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last pass that came through, and what all of them missed so far. `at` is Redis' time."""

    at: str = ""
    state: Pass | None = None
    missed_in_all: int = 0


class Passes:
    """The passes under way, by name."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def get(self, name: str) -> Pass | None:
        """The pass of this name, if one is under way."""
        text = await self._redis.hget(self._keys("passes"), name)  # type: ignore[misc]  # sync and async typed as one
        return msgspec.json.decode(text, type=Pass) if text else None

    async def left(self, version: int) -> list[str]:
        """The passes by this version of the setup that nobody works on, for whoever did was killed.

        Somebody may take the turn meanwhile. What is left by another version is begun anew when it is time for it.
        """
        if await self._redis.exists(self._lock):
            return []
        states = {name: await self.get(name) for name in NAMES}
        return [name for name, state in states.items() if state is not None and state.version == version]

    async def put(self, token: str, seconds: float, name: str, state: Pass) -> None:
        """It stands here, and the work of everything before is stored; the turn is kept. Raises `TurnLostError`."""
        text = msgspec.json.encode(state).decode()
        if not await _put(self._redis, self._lock, self._keys("passes"), token, int(seconds * 1000), name, text):
            raise TurnLostError

    async def end(self, token: str, name: str, finished: Finished | None) -> None:
        """It came through (`finished`), or is not gone on with. Raises `TurnLostError`."""
        text = msgspec.json.encode(finished).decode() if finished else ""
        if not await _end(self._redis, self._lock, self._keys("passes"), token, name, text):
            raise TurnLostError

    async def finished(self, name: str) -> Finished:
        """The last one of this name that came through."""
        text = await self._redis.hget(self._keys("passes"), f"{name}:finished")  # type: ignore[misc]  # as above
        return msgspec.json.decode(text, type=Finished) if text else Finished()

    # ---- what a walk expects to see --------------------------------------------------------------------------------

    async def units(self, cursor: str, count: int = 1000) -> tuple[str, list[str]]:
        """Some of all units that the ledger knows, and the cursor of the next ones ("" at the end)."""
        following, ids = await self._redis.sscan(self._keys("units"), int(cursor or 0), count=count)
        return (str(following) if int(following) else ""), list(ids)

    async def expect(self, walk: Pass, ids: Iterable[str]) -> None:
        """This walk ought to see these."""
        names = list(ids)
        if names:
            await self._redis.sadd(self._expected(walk), *names)  # type: ignore[misc]  # as above
            await self._redis.expire(self._expected(walk), EXPECTED)

    async def seen(self, walk: Pass, ids: Iterable[str]) -> None:
        """It saw these."""
        names = list(ids)
        if names:
            await self._redis.srem(self._expected(walk), *names)  # type: ignore[misc]  # as above

    async def not_seen(self, walk: Pass, count: int) -> list[str]:
        """Some of what it did not see."""
        return list(await self._redis.srandmember(self._expected(walk), count))  # type: ignore[misc]  # as above

    def _expected(self, walk: Pass) -> Key:
        return self._keys("passes", "expected", walk.started_at)

    @property
    def _lock(self) -> Key:
        return self._keys("lock", TURN)


@script()
async def _put(redis: Redis, lock: Key, passes: Key, token: str, milliseconds: int, name: str, text: str) -> int:
    """
    if redis.call("GET", lock) ~= token then return 0 end
    redis.call("PEXPIRE", lock, milliseconds)
    redis.call("HSET", passes, name, text)
    return 1
    """
    return stub()


@script(allow_oom=True)
async def _end(redis: Redis, lock: Key, passes: Key, token: str, name: str, finished: str) -> int:
    """
    if redis.call("GET", lock) ~= token then return 0 end
    redis.call("HDEL", passes, name)
    if finished ~= "" then redis.call("HSET", passes, name .. ":finished", finished) end
    return 1
    """
    return stub()
