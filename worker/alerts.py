"""When a person is needed, decided from the state now: eight codes, each with its section in docs/operating.md.

Pure: what is known goes in, what to say comes out. `worker.watching` reads the one and delivers the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct, structs

from worker.store.alerts import Told
from worker.store.reconnects import Reconnect

RECONNECT, SILENT, REPLAY, BRAKE, WAITING, DAY, REDIS, LOST = CODES = tuple(f"HS-00{number}" for number in range(1, 9))

NAMES = {"salesforce": "Salesforce", "xero": "Xero"}
SECOND = 1000  # milliseconds
BACKOFF, LONGEST = 60, 3600  # seconds until a delivery that failed is tried again: doubled each time, at most an hour


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a state may last before somebody is told, in unscaled time."""

    silent: timedelta = timedelta(minutes=15)
    replay: timedelta = timedelta(hours=72)  # Salesforce keeps events this long
    replay_left: timedelta = timedelta(hours=24)
    waiting: timedelta = timedelta(days=2)
    repeat: timedelta = timedelta(days=1)
    mended: timedelta = timedelta(minutes=1)  # what is mended faster than anybody looks is told all the same

    def scaled(self, scale: float) -> "Patience":
        """The same for a process whose waits are divided."""
        return Patience(
            self.silent / scale,
            self.replay / scale,
            self.replay_left / scale,
            self.waiting / scale,
            self.repeat / scale,
            self.mended / scale,
        )


class Situation(Struct, frozen=True, kw_only=True):
    """What is known now. Times are aware."""

    now: datetime
    reconnects: tuple[Reconnect, ...] = ()
    read_at: datetime | None = None  # when anything was last read from Salesforce, or reading was to begin
    streaming: bool = False  # whether reading goes by replay ids, which Salesforce forgets
    brake: tuple[str, ...] = ()  # what the pass that was stopped would have done
    waiting: int = 0  # entries and invoices that wait for longer than `Patience.waiting`
    day_until: datetime | None = None  # when Xero takes calls again, once the day's are used up
    redis: tuple[str, ...] = ()  # what is wrong with the server
    lost: str | None = None  # since when all is read again for a lost position (ISO 8601; "": since the setup's start)


class Alert(Struct, frozen=True, kw_only=True):
    """What a person is told. `subject` tells alerts of one code apart, where there can be several."""

    code: str
    text: str
    subject: str = ""

    @property
    def key(self) -> str:
        """What it is remembered by."""
        return f"{self.code}:{self.subject}" if self.subject else self.code


def alerts_of(found: Situation, patience: Patience = Patience()) -> tuple[Alert, ...]:
    """What a person is needed for, in the order of the codes."""
    alerts = [
        Alert(
            code=RECONNECT,
            subject=each.service,
            text=f"{NAMES[each.service]} has to be connected again: {each.why} {each.todo} Time keeps accumulating.",
        )
        for each in sorted(found.reconnects, key=lambda each: each.service)
    ]
    alerts += _reading(found, patience)
    if found.brake:
        text = f"A pass was stopped before anything was sent: {' '.join(found.brake)} Say whether it may go on."
        alerts.append(Alert(code=BRAKE, text=text))
    if found.waiting:
        text = f"{_count(found.waiting)} for over {_days(patience.waiting)}. See each one's reason, and decide."
        alerts.append(Alert(code=WAITING, text=text))
    if found.day_until is not None:
        text = f"Xero's calls of this day are used up: nothing is sent until {found.day_until:%Y-%m-%d %H:%M} UTC."
        alerts.append(Alert(code=DAY, text=text))
    if found.redis:
        alerts.append(Alert(code=REDIS, text=" ".join(found.redis)))
    if found.lost is not None:
        since = f"{datetime.fromisoformat(found.lost):%Y-%m-%d %H:%M} UTC" if found.lost else "the start of billing"
        text = (
            "Salesforce no longer knows up to where its change events were read: everything changed since "
            f"{since} is being read again. Nothing is lost by it."
        )
        alerts.append(Alert(code=LOST, text=text))
    return tuple(alerts)


def _reading(found: Situation, patience: Patience) -> list[Alert]:
    if found.read_at is None or found.now - found.read_at <= patience.silent:
        return []
    silent = found.now - found.read_at
    alerts = [Alert(code=SILENT, text=f"Nothing was read from Salesforce since {found.read_at:%Y-%m-%d %H:%M} UTC.")]
    left = patience.replay - silent
    if found.streaming and left < patience.replay_left:
        text = (
            f"Salesforce keeps change events for another {_hours(left)} only. After that everything is read again, "
            "which is slow but loses nothing."
        )
        alerts.append(Alert(code=REPLAY, text=text))
    return alerts


def _count(waiting: int) -> str:
    return "One entry or invoice waits" if waiting == 1 else f"{waiting} entries and invoices wait"


def _days(span: timedelta) -> str:
    return "two days" if span == timedelta(days=2) else f"{span.total_seconds():g} s"


def _hours(span: timedelta) -> str:
    return f"{max(0, int(span.total_seconds() // 3600))} h"


# ---- telling -------------------------------------------------------------------------------------------------------


class Message(Struct, frozen=True, kw_only=True):
    """What is delivered now about one alert, and what is remembered of it until the delivery is known."""

    key: str
    told: Told


def settle(on: Mapping[str, Alert], told: Mapping[str, Told], now: int) -> dict[str, Told]:
    """What is remembered from now on (milliseconds since 1970): new alerts, changed texts, alerts that are over.

    One that is over before anybody was told is forgotten: it is missing in the answer.
    """
    found = {}
    for key, alert in on.items():
        before = told.get(key)
        if before is None or before.over:
            again = Told(code=alert.code, text=alert.text, since=now, next_at=now)
            found[key] = again if before is None else structs.replace(again, delivered=before.delivered)
        else:
            found[key] = structs.replace(before, text=alert.text)
    for key, before in told.items():
        if key not in on and before.delivered:
            found[key] = before if before.over else structs.replace(before, over=True, next_at=now, tries=0)
    return found


def due(told: Mapping[str, Told], now: int) -> list[Message]:
    """What is to be delivered now."""
    return [Message(key=key, told=each) for key, each in told.items() if each.next_at <= now]


def after(message: Message, now: int, delivered: bool, patience: Patience = Patience()) -> Told | None:
    """What is remembered after a delivery that arrived or not; None: nothing any more."""
    told = message.told
    if not delivered:
        wait = min(LONGEST, BACKOFF * 2 ** min(told.tries, 10))
        return structs.replace(told, tries=told.tries + 1, next_at=now + wait * SECOND)
    if told.over:
        return None
    repeat = round(patience.repeat.total_seconds() * SECOND)
    return structs.replace(told, delivered=True, tries=0, next_at=now + repeat)
