"""When a period takes no more time.

A period closes `close_after` its last day ended in the company's time zone. What is closed is a stored fact, set by a
job once nothing of the period can still be on its way; here is only when it may. Periods without days (until approved,
credit notes) never close.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.billing import periods
from worker.billing.model import Document
from worker.billing.rules import Rules


def closes_at(period: str, rules: Rules) -> datetime | None:
    """The moment from which a period may be closed, None for one that never is.

    Raises ValueError for text that names no period.
    """
    last = periods.last_day(period)
    if last is None:
        return None
    midnight = datetime.combine(last + timedelta(days=1), time(), ZoneInfo(rules.timezone))
    return midnight.astimezone(UTC) + timedelta(seconds=rules.close_after)


def due_to_close(period: str, rules: Rules, now: datetime) -> bool:
    """Whether a period may be closed at `now` (aware). Raises ValueError for text that names no period."""
    at = closes_at(period, rules)
    return at is not None and now >= at


def closing(document: Document, period: str) -> bool:
    """Whether a document is to be looked at when its period is closed: to be submitted, or deleted where emptied."""
    return document.period == period and document.status == "open" and not document.fixed
