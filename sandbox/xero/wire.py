"""How Xero writes things down: JSON with exact numbers, dates in two forms, XML for those who do not ask for JSON."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import msgspec

Json = dict[str, Any]

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_MS_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode(body: bytes) -> Any:
    """Parse JSON with fractions as Decimal. Raises ValueError when it is not JSON."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error


def encode(value: object) -> bytes:
    """Write JSON; Decimals become numbers digit by digit, never through a float."""
    return _ENCODER.encode(value)


def plain(value: Any) -> Any:
    """The same value with every Decimal as a string, for readers whose JSON knows only floats."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def number(value: Decimal) -> Decimal:
    """A number as Xero prints it: no trailing zeros, but always one place (21.0, 24.15)."""
    trimmed = value.normalize()
    exponent = trimmed.as_tuple().exponent
    return trimmed if isinstance(exponent, int) and exponent <= -1 else trimmed.quantize(Decimal("0.1"))


def ms_date(moment: datetime) -> str:
    """`/Date(1789378199100+0000)/`: milliseconds since 1970, UTC."""
    return f"/Date({(moment - _EPOCH) // timedelta(milliseconds=1)}+0000)/"


def day_pair(name: str, day: date | None) -> Json:
    """Both forms in which a day is answered: `Date` and `DateString`."""
    if day is None:
        return {}
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {f"{name}String": f"{day.isoformat()}T00:00:00", name: ms_date(midnight)}


def updated_pair(moment: datetime) -> Json:
    """`UpdatedDateUTC` and its ISO twin, which has been answered since July 2026."""
    iso = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"UpdatedDateUTC": ms_date(moment), "UpdatedDateUTCString": iso}


def read_day(text: str) -> date:
    """A day as a caller writes it; a time with an offset is moved to UTC first, as Xero does. Raises ValueError."""
    if match := _MS_DATE.fullmatch(text):
        return (_EPOCH + timedelta(milliseconds=int(match[1]))).date()
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def read_moment(text: str) -> datetime | None:
    """An If-Modified-Since value to the second; None when malformed (Xero then answers everything)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.replace(microsecond=0)


def is_guid(text: str) -> bool:
    """Whether this is a GUID in its usual spelling."""
    try:
        return len(text) == 36 and bool(UUID(text))
    except ValueError:
        return False


def flag(text: str | None, default: bool = False) -> bool:
    """A boolean query parameter: true/false in any case, as SDKs differ."""
    return default if text is None else text.strip().lower() in {"true", "1"}


def to_xml(name: str, value: object) -> bytes:
    """The XML Xero answers to a caller that did not ask for JSON."""
    document: bytes = ElementTree.tostring(_element(name, value), encoding="utf-8", xml_declaration=True)
    return document


def _element(name: str, value: object) -> ElementTree.Element:
    node = ElementTree.Element(name)
    if isinstance(value, Mapping):
        node.extend(_element(key, item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        node.extend(_element(_singular(name), item) for item in value)
    elif isinstance(value, bool):
        node.text = str(value).lower()
    elif value is not None:
        node.text = str(value)
    return node


def _singular(name: str) -> str:
    for plural, single in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if name.endswith(plural):
            return name.removesuffix(plural) + single
    return name
