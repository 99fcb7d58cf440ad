"""What SOQL asks of an entry before it is read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from worker.setup.sections import Fields

DayType = Literal["date", "datetime"]


def day_type(fields: Fields) -> DayType:
    """Whether `worked_on` is a date or a date and time, as far as the mapping itself tells.

    It is a time where the entry's own start or end is mapped to it, or where it has the name of a standard time field.
    """
    field = fields.worked_on.rpartition(".")[2].lower()
    times = {path.lower() for path in (fields.start, fields.end) if path}
    if fields.worked_on.lower() in times or field in {"starttime", "endtime", "startdatetime", "createddate"}:
        return "datetime"
    return "date"


def worked_since(fields: Fields, start: date, kind: DayType | None = None) -> str:
    """Entries worked on or after a day. A time is asked for from a day earlier on: which day it falls on is the
    company's time zone's to say, and billing looks at the day itself."""
    if (kind or day_type(fields)) == "date":
        return f"{fields.worked_on} >= {start.isoformat()}"
    return f"{fields.worked_on} >= {(start - timedelta(days=1)).isoformat()}T00:00:00Z"
