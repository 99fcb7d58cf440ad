"""Times as the inbox keeps them: ISO 8601 in UTC with milliseconds and a final Z, so that they sort as text."""

from datetime import UTC, datetime, timedelta


def stamp(moment: datetime) -> str:
    """`2026-11-05T10:00:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The opposite of `stamp`; also reads Salesforce's `2026-11-05T10:00:00.000+0000`. Raises `ValueError`."""
    read = datetime.fromisoformat(text)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def back(text: str, seconds: float) -> str:
    """The time that many seconds earlier; "" (from the very start) stays as it is."""
    return stamp(moment(text) - timedelta(seconds=seconds)) if text else ""
