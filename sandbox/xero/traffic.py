"""Every call of the API with its key and the digest of its body, and what a careful client must never do counted."""

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.xero.limits import MINUTE
from sandbox.xero.wire import Json

KEEP = 20_000
ON_ITS_WAY = 0.5  # seconds: a call sent before another one's refusal was read is not early


@dataclass
class Entry:
    """One request; `status` is 0 until it is answered. `body_sha256` tells equal bytes without keeping them."""

    at: datetime
    method: str
    path: str
    query: str
    client_id: str = ""
    idempotency_key: str = ""
    body_sha256: str = ""
    body_bytes: int = 0
    elements: int = 0
    status: int = 0
    problem: str = ""
    repeated: bool = False

    def as_json(self) -> Json:
        """For the control port."""
        return {name: value for name, value in vars(self).items() if name != "at"} | {"at": self.at.isoformat()}


@dataclass
class Counts:
    """Totals since the start or the last `clear`."""

    calls: int = 0
    reads: int = 0
    writes: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    max_calls_rolling_minute: int = 0
    writes_without_idempotency_key: int = 0
    keys_reused_with_another_body: int = 0
    calls_before_retry_after: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    by_resource: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_minute: Counter[str] = field(default_factory=Counter)


class Traffic:
    """The calls of the API, newest last, and their statistics."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.entries: deque[Entry] = deque(maxlen=KEEP)
        self.counts = Counts()
        self._recent: deque[datetime] = deque()
        self._not_before: dict[str, tuple[datetime, datetime]] = {}  # from when on a call is early, and until when

    def clear(self) -> None:
        """Forget everything but what is under way."""
        under_way = self.counts.in_flight
        self.entries.clear()
        self.counts = Counts(in_flight=under_way, max_in_flight=under_way)
        self._recent.clear()
        self._not_before.clear()

    def begin(self, method: str, path: str, query: str) -> Entry:
        """A request arrived. Every `begin` is followed by `end`."""
        entry = Entry(self._clock.now(), method, path, query)
        self.entries.append(entry)
        counts = self.counts
        counts.calls += 1
        counts.in_flight += 1
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)
        counts.by_resource[f"{method} {resource_of(path)}"] += 1
        counts.by_minute[entry.at.strftime("%Y-%m-%dT%H:%MZ")] += 1
        self._count_rolling(entry.at)
        if any(told < entry.at < until for told, until in self._not_before.values()):
            counts.calls_before_retry_after += 1
        return entry

    def read_body(self, entry: Entry, body: bytes, key: str | None, *, is_write: bool) -> None:
        """The body and key of a request are known."""
        entry.body_bytes = len(body)
        entry.body_sha256 = hashlib.sha256(body).hexdigest() if body else ""
        entry.idempotency_key = key or ""
        if not is_write:
            self.counts.reads += 1
            return
        self.counts.writes += 1
        if not key:
            self.counts.writes_without_idempotency_key += 1

    def limited(self, entry: Entry, problem: str, retry_after: int | None) -> None:
        """A request was answered 429; until Retry-After has passed, further ones are early."""
        entry.problem = problem
        self.counts.refused[problem] += 1
        if retry_after is not None:
            # A second of grace: Retry-After is rounded up to whole seconds.
            wait = max(0.0, self._clock.seconds(retry_after - 1))
            now = self._clock.now()
            self._not_before[problem] = now + timedelta(seconds=ON_ITS_WAY), now + timedelta(seconds=wait)

    def forgive(self, early: int = 0) -> None:
        """Nobody knows how long to stay away: who was told is gone. Of the calls until now `early` count as early."""
        self._not_before.clear()
        self.counts.calls_before_retry_after = early

    def end(self, entry: Entry, status: int) -> None:
        """A request is answered."""
        entry.status = status
        self.counts.in_flight -= 1
        self.counts.by_status[str(status)] += 1

    def stats(self) -> Json:
        """The counts, JSON-able."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self.counts).items()}

    def _count_rolling(self, now: datetime) -> None:
        self._recent.append(now)
        oldest = now - timedelta(seconds=self._clock.seconds(MINUTE))
        while self._recent and self._recent[0] <= oldest:
            self._recent.popleft()
        self.counts.max_calls_rolling_minute = max(self.counts.max_calls_rolling_minute, len(self._recent))


def resource_of(path: str) -> str:
    """The resource a path is about: `Invoices`, or `Invoices/History` for what hangs below one."""
    parts = path.removeprefix("/api.xro/2.0/").split("/")
    return f"{parts[0]}/{parts[2]}" if len(parts) > 2 else parts[0]
