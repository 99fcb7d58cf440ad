"""Billing periods and the days that follow from them.

A period is named by text that sorts in time: `2026-11-05`, `2026-W45`, `2026-W45-W46` (a fortnight: its two weeks),
`2026-11`, `2026-Q4`. Two have no days: `until-approved`, and `credit`, that of credit notes. Weeks begin on Monday
(ISO 8601); fortnights are counted from the week of `billing.start`.
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Set
from datetime import date, timedelta

from worker.billing.model import Terms

UNTIL_APPROVED = "until-approved"
CREDIT = "credit"
WITHOUT_DAYS = frozenset({UNTIL_APPROVED, CREDIT})

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_FORM = re.compile(
    r"(?P<year>[0-9]{4})-(?:"
    r"Q(?P<quarter>[1-4])|W(?P<week>[0-9]{2})(?P<fortnight>-W[0-9]{2})?|(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)"
)


def period_of(day: date, kind: str, start: date) -> str:
    """The name of the period of `kind` (`billing.period`) that `day` lies in; `start` anchors fortnights.

    Raises ValueError for a kind that is none.
    """
    match kind:
        case "day":
            return day.isoformat()
        case "week":
            return _week_name(day)
        case "fortnight":
            anchor = _monday(start)
            return _fortnight_name(anchor + (_monday(day) - anchor) // (2 * _WEEK) * 2 * _WEEK)
        case "month":
            return f"{day.year}-{day.month:02}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "until-approved":
            return UNTIL_APPROVED
    raise ValueError(f"{kind!r} is no billing period: use day, week, fortnight, month, quarter or until-approved")


def first_day(period: str) -> date | None:
    """The first day of a period; None for one without days. Raises ValueError for text that names no period."""
    days = _days(period)
    return days[0] if days else None


def last_day(period: str) -> date | None:
    """The last day of a period; None for one without days. Raises ValueError for text that names no period."""
    days = _days(period)
    return days[1] if days else None


def next_period(period: str) -> str:
    """The period after this one; one without days has none but itself."""
    days = _days(period)
    if days is None:
        return period
    following = days[1] + _DAY
    if "-W" in period and period.count("W") == 2:
        return _fortnight_name(following)
    return period_of(following, _kind(period), following)


def open_periods(period: str, closed: Set[str]) -> list[str]:
    """`period` and those after it, up to and with the first that is not closed: where its time may be billed."""
    names = [period]
    while names[-1] in closed and names[-1] not in WITHOUT_DAYS:
        names.append(next_period(names[-1]))
    return names


def invoice_date(rule: str, period: str, worked: Iterable[date], today: date | None = None) -> date | None:
    """The date of an invoice by `billing.invoice_date`; None when nothing says one (no entry, no period, no today)."""
    last = max(worked, default=None)
    if rule == "today" and today is not None:
        return today
    if rule == "period-end":
        return last_day(period) or last
    return last or last_day(period)


def due_date(day: date, terms: Terms | int | None) -> date:
    """The due date of an invoice of `day` by Xero's payment terms or by a number of days; without terms the day itself.

    A day of the month that the month lacks is its last one. "Of the current month" never lies before the invoice: past
    that day it is the following month's.
    """
    if terms is None:
        return day
    if isinstance(terms, int):
        return day + timedelta(days=terms)
    match terms.kind:
        case "DAYSAFTERBILLDATE":
            return day + timedelta(days=terms.day)
        case "DAYSAFTERBILLMONTH":
            return _month_end(day) + timedelta(days=terms.day)
        case "OFCURRENTMONTH":
            this_month = _clamped(day, terms.day)
            return this_month if this_month >= day else _clamped(_month_end(day) + _DAY, terms.day)
        case "OFFOLLOWINGMONTH":
            return _clamped(_month_end(day) + _DAY, terms.day)
    return day


def _days(period: str) -> tuple[date, date] | None:
    if period in WITHOUT_DAYS:
        return None
    form = _FORM.fullmatch(period)
    if not form:
        raise ValueError(f"{period!r} names no billing period, such as 2026-11, 2026-Q4, 2026-W45 or 2026-11-05")
    year = int(form["year"])
    if form["week"]:
        monday = date.fromisocalendar(year, int(form["week"]), 1)
        return monday, monday + (2 if form["fortnight"] else 1) * _WEEK - _DAY
    if form["quarter"]:
        month = int(form["quarter"]) * 3
        return date(year, month - 2, 1), _month_end(date(year, month, 1))
    if form["day"]:
        day = date.fromisoformat(period)
        return day, day
    first = date(year, int(form["month"]), 1)
    return first, _month_end(first)


def _kind(period: str) -> str:
    if "Q" in period:
        return "quarter"
    if "W" in period:
        return "week"
    return "day" if period.count("-") == 2 else "month"


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _week_name(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _fortnight_name(monday: date) -> str:
    return f"{_week_name(monday)}-W{(monday + _WEEK).isocalendar().week:02}"


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _clamped(month: date, day: int) -> date:
    return month.replace(day=max(1, min(day, monthrange(month.year, month.month)[1])))
