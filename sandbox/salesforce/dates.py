"""SOQL's date literals as ranges of days; weeks begin on Sunday in an org of the United States, on Monday in ours."""

from datetime import date, timedelta

from sandbox.salesforce.soql import DateLiteral

Days = tuple[date, date]


def days_of(literal: DateLiteral, today: date) -> Days:
    """First and last day that the literal covers."""
    name, number = literal.name, literal.number
    if name in _DAYS:
        day = today + timedelta(days=_DAYS[name])
        return day, day
    match name:
        case "LAST_N_DAYS" | "LAST_90_DAYS":
            return today - timedelta(days=number or 90), today
        case "NEXT_N_DAYS" | "NEXT_90_DAYS":
            return today + timedelta(days=1), today + timedelta(days=number or 90)
        case "N_DAYS_AGO":
            return (today - timedelta(days=number),) * 2
        case "LAST_N_WEEKS" | "NEXT_N_WEEKS":
            return _span(_week(today, 0)[0], 7, name.startswith("LAST"), number)
        case "LAST_N_MONTHS":
            return _months(today, -number, 1)[0], _months(today, -1, 1)[1]
        case "NEXT_N_MONTHS":
            return _months(today, 1, 1)[0], _months(today, number, 1)[1]
    shift = {"LAST": -1, "THIS": 0, "NEXT": 1}[name.split("_")[0]]
    unit = name.split("_")[1]
    if unit == "WEEK":
        return _week(today, shift)
    size = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    return _months(today, shift * size, size)


_DAYS = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}


def _week(today: date, shift: int) -> Days:
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=shift)
    return monday, monday + timedelta(days=6)


def _span(start: date, days: int, before: bool, count: int) -> Days:
    length = timedelta(days=days * count)
    return (
        (start - length, start - timedelta(days=1))
        if before
        else (
            start + timedelta(days=days),
            start + timedelta(days=days - 1) + length,
        )
    )


def _months(today: date, shift: int, size: int) -> Days:
    """`size` whole months beginning `shift` months from the one that begins today's month, quarter or year."""
    month = today.year * 12 + (today.month - 1) // size * size + shift
    after = month + size
    return date(month // 12, month % 12 + 1, 1), date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
