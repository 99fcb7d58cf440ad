"""What the doors need of the rest of the house, as Protocols: the inbox, locks, the Salesforce org, the setup.

`worker.store` and `worker.salesforce` fill them; `listeners/wiring.py` plugs them together.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from listeners.events import ChangeEvent
from worker.salesforce.auth import Session
from worker.store.inbox import POSITION_LOST

Ring = Callable[[str], Awaitable[object]]


class Resync:
    """Why Salesforce has to be read again: the kinds of `resync`, each stored with the time to read from.

    The time is when the change may first have been made; "" asks for every entry since `billing.start`.
    """

    INITIAL = "initial"  # there was no position: nothing was heard before
    ANCHORED = "anchored"  # the position is new: what changed around the subscribe
    POSITION = POSITION_LOST  # Salesforce no longer knows the stored position
    UNDECODABLE = "undecodable"  # an event could not be read; it is parked
    GAP = "gap"  # Salesforce could not make an event of a change
    OVERFLOW = "overflow"  # a transaction had more changes than it makes events of
    WILDCARD = "wildcard"  # an event names its records by a pattern
    DELETES = "deletes"  # the delete log does not reach back to the watermark

    @staticmethod
    def named(kind: str, occasion: str) -> str:
        """The kind with its occasion: a request must not be taken for done because an earlier like it was."""
        return f"{kind}:{occasion}"


class Position(Protocol):
    """How far a channel has been taken in. `replay` is opaque text (of a polled channel: the watermark); everything
    committed until `committed_at` is stored."""

    @property
    def replay(self) -> str: ...
    @property
    def committed_at(self) -> str: ...


class Inbox(Protocol):
    """The durable list of units to collect, and each channel's position."""

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
        """One script: ids, resync flags and, last, the position.

        False, and nothing written, when `lease` is not the token of the lock `listener:{channel}` or the stored
        position is not `expected` (None: there is none yet).
        """
        ...

    async def position(self, channel: str) -> Position | None: ...

    async def request_resync(self, kind: str, since: str) -> object: ...

    async def park(self, channel: str, replay: str, raw: str, why: str) -> object:
        """Keep an event that nobody could read. Called before the `store` that steps over it, so it may come twice."""
        ...


class Locks(Protocol):
    """Leases by name. The token fences: scripts refuse it once somebody else holds the name."""

    async def acquire(self, name: str, seconds: float) -> str | None: ...
    async def renew(self, name: str, token: str, seconds: float) -> bool: ...
    async def release(self, name: str, token: str) -> object: ...


class Sessions(Protocol):
    """Where the stream gets its token."""

    async def session(self, stale: Session | None = None) -> Session:
        """The session in use; another one where `stale` is what Salesforce just refused."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Salesforce's own time, and the time until which every transaction is finished (None: the org does not say)."""

    now: datetime
    covered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deletions:
    """What the delete log said of a span of time: (record id, when it was deleted)."""

    rows: tuple[tuple[str, str], ...]
    covered: datetime  # the log is complete up to here
    earliest: datetime  # what was deleted before this may have been purged from it


class Org(Sessions, Protocol):
    """The Salesforce org, as far as listening needs it."""

    async def clock(self, sobject: str) -> Clock:
        """From an answer just received; also proves that the object can be read."""
        ...

    def changed(self, sobject: str, since: datetime) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """Pages of (record id, SystemModstamp) changed at or after `since`, oldest first; deleted records as well."""
        ...

    async def deleted(self, sobject: str, start: datetime, end: datetime) -> Deletions:
        """What was deleted in the span, purged records included."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """What to listen to, as the setup says it."""

    sobject: str
    channel: str
    write_back: frozenset[str] = frozenset()  # the fields we write on an entry ourselves


Setups = Callable[[], Awaitable[Source | None]]


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as it came in, still in its door's own form."""

    replay: str
    schema: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What a stream said at once. `latest` moves the position of a response without events; else it is "".

    `opening`: it only says that the stream is open. That proves nothing: a client may be forgotten right after.
    """

    events: tuple[RawEvent, ...] = ()
    latest: str = ""
    opening: bool = False


class Subscription(Protocol):
    """An open stream: iterate the responses, and say what has been stored so that more is asked for."""

    def __aiter__(self) -> AsyncIterator[Response]: ...
    async def __anext__(self) -> Response: ...
    async def stored(self, events: int) -> None: ...


class ChangeSource(Protocol):
    """A stream of change events, whatever its wire: the Pub/Sub API or CometD.

    Everything raises `StreamFault`, which says what went wrong and which back-off fits.
    """

    @property
    def name(self) -> str: ...

    def subscribe(self, channel: str, replay: str | None) -> AbstractAsyncContextManager[Subscription]:
        """Open the stream after the position `replay`; None: from now on. Entered once the request has been sent."""
        ...

    async def decode(self, raw: RawEvent, *, fresh: bool = False) -> ChangeEvent:
        """The event, or `Undecodable`. `fresh`: with schema and token fetched anew."""
        ...
