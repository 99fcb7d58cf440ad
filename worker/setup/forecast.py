"""How many calls of Xero a day a setup will take, from its schedule and the entries seen so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from worker.setup.schedule import Schedule
from worker.setup.sections import ScheduleSection

DAY = timedelta(days=1)
CONTACTS = 6  # calls a run: five for the company's settings, one for a page of changed contacts
UPDATE = 2  # calls an update of drafts takes: one read, one write, of up to 50 drafts at once
NEAR = 0.8  # part of the allowed calls above which people are warned
TIERS = "1,000 or 5,000, by its tier"
MANY = 3_000  # runs of a cron line that are looked at
_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)  # a day like any other


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the work. `entries` a day, on average; `limit` is Xero's calls a day, None before it is known.

    `credit_notes`: there are some of ours, which take a list of their own.
    """

    entries: float = 0.0
    credit_notes: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Calls a day, by what they are for; `drafts` at most, as many entries as now."""

    contacts: int
    statuses: int
    drafts: int
    seen: Seen

    @property
    def total(self) -> int:
        """All of them."""
        return self.contacts + self.statuses + self.drafts

    @property
    def near(self) -> bool:
        """Whether so many come near what Xero allows."""
        return self.seen.limit is not None and self.total > NEAR * self.seen.limit


def entries_a_day(units: int, start: date, today: date) -> float:
    """The average since billing began; the first day counts whole."""
    return units / max(1, (today - start).days + 1)


def forecast(schedule: ScheduleSection, seen: Seen) -> Forecast:
    """What this schedule takes a day.

    Live, drafts are updated at most once for each entry, and at most once in each `settle`; by a schedule, at most once
    a run. When few calls are left in a day, updates are spaced further: the forecast is of a day that is not.
    """
    lists = 2 if seen.credit_notes else 1
    return Forecast(
        contacts=_times(schedule.contacts) * CONTACTS,
        statuses=_times(schedule.statuses) * lists,
        drafts=round(min(seen.entries, _updates(schedule))) * UPDATE,
        seen=seen,
    )


def sentence(found: Forecast) -> str:
    """The forecast in words."""
    allowed = f"{found.seen.limit:,}" if found.seen.limit else TIERS
    if found.seen.entries:
        drafts = f"up to {found.drafts:,} for drafts ({found.seen.entries:,.0f} entries a day)"
    else:
        drafts = f"and {UPDATE} more each time that drafts are updated"
    parts = f"{found.contacts:,} for contacts, {found.statuses:,} for the states of invoices, {drafts}"
    return f"About {found.total:,} Xero calls a day: {parts}. Xero allows {allowed}."


def _times(every: timedelta) -> int:
    """How often a task comes due in a day."""
    return round(DAY / every)


def _updates(schedule: ScheduleSection) -> float:
    """How often a day drafts are updated at most."""
    when: Schedule = schedule.invoices
    if not when.writes:
        return 0.0
    if when.every is not None:
        return DAY / when.every
    if when.cron:
        return float(_runs(when))
    return DAY / max(schedule.settle, timedelta(seconds=1))


def _runs(when: Schedule) -> int:
    """How often a cron line comes due within a day, on average over four weeks, or over so many runs."""
    moment, end, count = _BEFORE, _BEFORE + 28 * DAY, 0
    while (following := when.next_after(moment)) is not None and following < end:
        moment, count = following, count + 1
        if count == MANY:
            end = moment
    return max(1, round(count / ((end - _BEFORE) / DAY)))
