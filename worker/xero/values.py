"""Reading single values of Xero's JSON: absent, null and odd ones included. Nothing here raises but `BadValueError`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

Json = Mapping[str, Any]

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_BOM = b"\xef\xbb\xbf"
_MS_DATE = re.compile(r"/Date\((-?\d{1,17})([+-]\d{4})?\)/")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NO_ID = "00000000-0000-0000-0000-000000000000"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadValueError(ValueError):
    """A value that must not be guessed at, such as an amount that is no number. The text names its field."""


def decode(body: bytes) -> Any:
    """JSON with every fraction as an exact Decimal. Raises ValueError when it is not JSON."""
    try:
        return _DECODER.decode(body.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def text(record: Json, name: str) -> str:
    """A text, "" where there is none. Numbers and booleans become text, objects and lists do not."""
    value = record.get(name)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | Decimal) else ""


def guid(record: Json, name: str) -> str:
    """An id in lower case, "" where there is none; the zero id of a refused element counts as none."""
    value = text(record, name).strip().lower()
    return "" if value == _NO_ID else value


def is_guid(value: str) -> bool:
    """Whether this is an id as Xero makes them."""
    return _GUID.fullmatch(value) is not None


def number(record: Json, name: str) -> Decimal | None:
    """An exact number, None where there is none. Raises BadValueError for what is there but no number."""
    value = record.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise BadValueError(f"{name} is not a number")
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise BadValueError(f"{name} is not a number") from error
    if not amount.is_finite():
        raise BadValueError(f"{name} is not a number")
    return amount


def whole(record: Json, name: str) -> int | None:
    """A whole number, None where there is none or it is something else."""
    try:
        value = number(record, name)
        return None if value is None else int(value)
    except BadValueError:
        return None


def flag(record: Json, name: str, default: bool) -> bool:
    """A boolean, `default` where there is none or it is something else."""
    value = record.get(name)
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return value if isinstance(value, bool) else default


def nested(record: Json, name: str) -> Json:
    """An object, empty where there is none."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def items(record: Json, name: str) -> list[Json]:
    """The objects of a list; null, and whatever in it is no object, is left out."""
    value = record.get(name)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def day(record: Json, name: str) -> str:
    """A calendar day as YYYY-MM-DD, from the `String` twin if there is one, else from `/Date(ms)/`; "" for neither."""
    for value in (text(record, f"{name}String"), text(record, name)):
        if match := _DAY.fullmatch(value):
            return match[1]
        if moment := _moment(value):
            return moment.date().isoformat()
    return ""


def updated(record: Json) -> str:
    """`UpdatedDateUTC` exactly as answered (it is compared, never computed with), else its text twin."""
    return text(record, "UpdatedDateUTC") or text(record, "UpdatedDateUTCString")


def iso(value: str) -> str:
    """`/Date(ms)/` as ISO 8601 in UTC; anything else unchanged."""
    moment = _moment(value)
    return value if moment is None else stamp(moment)


def later(value: str, than: str) -> bool:
    """Whether a time as Xero writes it is after an ISO 8601 one; not where either is none that anybody can read."""
    try:
        moment, other = datetime.fromisoformat(iso(value)), datetime.fromisoformat(than)
    except ValueError:
        return False
    return moment.replace(tzinfo=moment.tzinfo or UTC) > other


def stamp(moment: datetime) -> str:
    """An aware time as ISO 8601 in UTC, to the second unless it holds more."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def header_date(headers: Mapping[str, str]) -> str:
    """The answer's `Date` header as ISO 8601 in UTC, "" where it is missing or odd."""
    try:
        return stamp(parsedate_to_datetime(headers.get("Date", "")).replace(tzinfo=UTC))
    except (ValueError, TypeError):
        return ""


def since(moment: datetime | str) -> str:
    """A time as the If-Modified-Since header takes it: `yyyy-mm-ddThh:mm:ss`, UTC, whole seconds, rounded down.

    Raises ValueError for a text that is no ISO 8601 time, or a time without its zone. (Xero ignores what it cannot
    read there and answers everything.)
    """
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if value.tzinfo is None:
        raise ValueError(f"the time {value.isoformat()} says no zone")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _moment(value: str) -> datetime | None:
    match = _MS_DATE.fullmatch(value)
    if match is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(match[1]))
    except OverflowError:
        return None
