"""When invoices are brought up to date: the scheduler sync frequency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from cronsim import CronSim, CronSimError

Standing = Literal["preview", "off", "live"]
Kind = Literal[Standing, "every", "cron"]
STANDING: tuple[Standing, ...] = ("preview", "off", "live")


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every` and `cron` are set in the kinds of the same name only."""

    kind: Kind
    every: timedelta | None = None
    cron: str = ""

    @staticmethod
    def is_cron(line: str) -> bool:
        """Whether a text is a cron line of five fields that comes due at all."""
        if len(line.split()) != 5:
            return False
        try:
            return next(CronSim(line, datetime(2026, 1, 1, tzinfo=UTC)), None) is not None
        except CronSimError:
            return False

    @property
    def writes(self) -> bool:
        """Whether invoices are written to Xero without a person asking for each."""
        return self.kind in {"live", "every", "cron"}

    def next_after(self, moment: datetime, scale: float = 1.0) -> datetime | None:
        """When the next run is due after an aware moment; a cron line is read in the moment's own time zone.

        `scale` is HOURSTREAM_TIME_SCALE: it divides spans.

        `None` where no run is scheduled: "live" follows changes, "preview" and "off" have no runs.
        """
        if self.every is not None:
            return moment + self.every / scale
        return next(CronSim(self.cron, moment), None) if self.cron else None

    def __str__(self) -> str:
        if self.every is None:
            return self.cron or self.kind
        seconds = int(self.every.total_seconds())
        size, unit = next((size, unit) for size, unit in _SIZES if seconds % size == 0)
        return f"{seconds // size}{unit}"


_SIZES = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
