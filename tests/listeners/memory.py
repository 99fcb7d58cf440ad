"""The rest of the house in memory: an inbox with the real one's rules, locks, an org, and waiting for a condition."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from listeners.lease import lock_name
from listeners.ports import Clock, Deletions
from worker.errors import ServiceError
from worker.limits import Limits
from worker.salesforce.auth import Session

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
LIMITS = replace(Limits().scaled(100), read_request=5.0, request=5.0, watermark_margin=900.0, stream_silence=20.0)


async def eventually(condition: Callable[[], object], within: float = 10.0) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class MemoryLocks:
    held: dict[str, str] = field(default_factory=dict)
    tokens: int = 0

    async def acquire(self, name: str, seconds: float) -> str | None:
        if name in self.held:
            return None
        self.tokens += 1
        self.held[name] = str(self.tokens)
        return self.held[name]

    async def renew(self, name: str, token: str, seconds: float) -> bool:
        return self.held.get(name) == token

    async def release(self, name: str, token: str) -> None:
        if self.held.get(name) == token:
            del self.held[name]


@dataclass(frozen=True)
class MemoryPosition:
    replay: str
    committed_at: str = ""


@dataclass(frozen=True)
class Stored:
    """One accepted `store`."""

    channel: str
    position: str
    ids: tuple[str, ...]
    resync: dict[str, str]


@dataclass
class MemoryInbox:
    """Fenced like the real one."""

    locks: MemoryLocks
    positions: dict[str, MemoryPosition] = field(default_factory=dict)
    stores: list[Stored] = field(default_factory=list)
    requested: dict[str, str] = field(default_factory=dict)
    parked: list[tuple[str, str, str, str]] = field(default_factory=list)
    down: bool = False

    @property
    def ids(self) -> list[str]:
        return [unit for stored in self.stores for unit in stored.ids]

    def resyncs(self, kind: str) -> list[str]:
        """The times stored with flags of this kind."""
        flags = [flag for stored in self.stores for flag in stored.resync.items()]
        return [since for name, since in flags if name.partition(":")[0] == kind]

    def asked(self, kind: str) -> list[str]:
        return [since for name, since in self.requested.items() if name.partition(":")[0] == kind]

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
        if self.down:
            raise ServiceError("Redis is away.")
        had = self.positions.get(channel)
        if self.locks.held.get(lock_name(channel)) != lease or (had.replay if had else None) != expected:
            return False
        self.stores.append(Stored(channel, position, tuple(ids), dict(resync)))
        self.positions[channel] = MemoryPosition(position, committed_at or (had.committed_at if had else ""))
        return True

    async def position(self, channel: str) -> MemoryPosition | None:
        return self.positions.get(channel)

    async def request_resync(self, kind: str, since: str) -> None:
        self.requested[kind] = since

    async def park(self, channel: str, replay: str, raw: str, why: str) -> None:
        self.parked.append((channel, replay, raw, why))


@dataclass
class MemoryOrg:
    """An org whose sessions are `token-1`, `token-2`, …, and whose rows a test writes down."""

    now: datetime = NOW
    covered: datetime | None = None
    rows: list[tuple[str, datetime]] = field(default_factory=list)
    gone: list[tuple[str, datetime]] = field(default_factory=list)
    earliest: datetime = NOW - timedelta(days=15)
    number: int = 1
    page: int = 2
    since: list[datetime] = field(default_factory=list)

    async def session(self, stale: Session | None = None) -> Session:
        if stale is not None and stale.access_token == f"token-{self.number}":
            self.number += 1
        return Session(f"token-{self.number}", "https://org.example.com", "00D000000000001EAA")

    async def clock(self, sobject: str) -> Clock:
        return Clock(self.now, self.covered)

    async def changed(self, sobject: str, since: datetime) -> AsyncIterator[Sequence[tuple[str, str]]]:
        self.since.append(since)
        found = [(name, at.isoformat()) for name, at in sorted(self.rows, key=lambda row: row[1]) if at >= since]
        for start in range(0, max(1, len(found)), self.page):
            yield found[start : start + self.page]

    async def deleted(self, sobject: str, start: datetime, end: datetime) -> Deletions:
        rows = tuple((name, at.isoformat()) for name, at in self.gone if start <= at <= end)
        return Deletions(rows, end, self.earliest)
