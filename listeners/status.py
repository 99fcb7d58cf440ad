"""What the listener says of itself: a snapshot, written as its heartbeat, shown by `queue status` and the console."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from listeners.times import moment, stamp

State = Literal["starting", "waiting for a setup", "standing by", "connecting", "listening", "retrying", "stopped"]


@dataclass
class Status:
    """Mutable, and written only within the listener's own process."""

    state: State = "starting"
    transport: str = ""
    reason: str = ""  # why it polls, waits or tries again, with what to do
    channel: str = ""
    position_at: str = ""  # when the position was stored last
    last_event_at: str = ""  # commit time of the last event
    last_response_at: str = ""
    lag: float | None = None  # seconds from the last event's commit until it was stored
    events: int = 0
    echoes: int = 0
    parked: int = 0
    resyncs: Counter[str] = field(default_factory=Counter)
    reconnects: Counter[str] = field(default_factory=Counter)

    def now(self, state: State, reason: str = "") -> None:
        """What the listener does at this moment."""
        self.state, self.reason = state, reason

    def responded(self, committed_at: datetime | None, events: int) -> None:
        """A response was stored."""
        now = datetime.now(UTC)
        self.last_response_at = self.position_at = stamp(now)
        self.events += events
        if committed_at is not None:
            self.last_event_at = stamp(committed_at)
            self.lag = max(0.0, round((now - committed_at).total_seconds(), 3))

    def detail(self) -> dict[str, str]:
        """The snapshot, as text. Ages and lag are seconds; counts by reason read `unavailable=2 silent=1`."""
        return {
            "state": self.state,
            "transport": self.transport,
            "reason": self.reason,
            "channel": self.channel,
            "last_event_at": self.last_event_at,
            "last_response_at": self.last_response_at,
            "lag_seconds": _seconds(self.lag),
            "position_age_seconds": _seconds(_age(self.position_at)),
            "events": str(self.events),
            "echoes": str(self.echoes),
            "parked": str(self.parked),
            "resyncs": _counts(self.resyncs),
            "reconnects": _counts(self.reconnects),
        }


def _age(text: str) -> float | None:
    return (datetime.now(UTC) - moment(text)).total_seconds() if text else None


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{max(0.0, value):.3f}"


def _counts(counter: Counter[str]) -> str:
    return " ".join(f"{name.replace(' ', '-')}={count}" for name, count in sorted(counter.items()))
