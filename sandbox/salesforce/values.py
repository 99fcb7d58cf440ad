"""Field values: what a write may send, how they are kept, and how JSON shows them."""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from sandbox.salesforce.errors import FieldError, parser_error
from sandbox.salesforce.ids import MalformedIdError, to18
from sandbox.salesforce.schema import Field

_EMAIL = re.compile(r"[^@\s,;:<>]+@[^@\s,;:<>]+\.[A-Za-z][A-Za-z0-9-]*")
_KINDS = {"double": "double", "currency": "double", "percent": "double", "int": "int", "boolean": "boolean"}


def parse(field: Field, raw: object, *, round_to_scale: bool = True) -> object:
    """A JSON value as the field keeps it; empty text is null. Raises ApiError or FieldError in Salesforce's words."""
    if raw is None or (raw == "" and field.type != "boolean"):
        return _empty(field, raw)
    if isinstance(raw, dict | list):
        raise parser_error(_KINDS.get(field.type, field.type), raw)
    match field.type:
        case "boolean":
            return _boolean(field, raw)
        case "double" | "currency" | "percent":
            return _decimal(field, raw, round_to_scale)
        case "int":
            return int(_decimal(field, raw, True))
        case "date":
            return _date(field, raw)
        case "datetime":
            return _datetime(field, raw)
        case "id" | "reference":
            return _reference(field, raw)
        case _:
            return _text(field, raw)


def _empty(field: Field, raw: object) -> object:
    if field.type == "boolean":
        if raw is None:
            return field.default
        raise parser_error("boolean", raw)
    return None


def _boolean(field: Field, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in {"true", "false"}:
        return raw.lower() == "true"
    raise parser_error("boolean", raw)


def _decimal(field: Field, raw: object, rounded: bool) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | str | Decimal):
        raise parser_error(_KINDS[field.type], raw)
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise parser_error(_KINDS[field.type], raw) from None
    if not value.is_finite() or abs(value) >= Decimal(10) ** (field.precision - field.scale):
        text = f"{field.label}: value outside of valid range on numeric field: {raw}"
        raise FieldError("NUMBER_OUTSIDE_VALID_RANGE", text, [field.name])
    return value.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP) if rounded else value


def _date(field: Field, raw: object) -> date:
    if isinstance(raw, str):
        try:
            return date.fromisoformat(raw[:10])
        except ValueError:
            raise parser_error("date", raw) from None
    raise parser_error("date", raw)


def _datetime(field: Field, raw: object) -> datetime:
    if isinstance(raw, str):
        try:
            return read_datetime(raw)
        except ValueError:
            raise parser_error("datetime", raw) from None
    raise parser_error("datetime", raw)


def _reference(field: Field, raw: object) -> str:
    if isinstance(raw, str):
        try:
            return to18(raw)
        except MalformedIdError:
            pass
    raise FieldError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {raw}", [field.name])


def _text(field: Field, raw: object) -> str | None:
    if isinstance(raw, bool) or not isinstance(raw, str | int | Decimal):
        raise parser_error("string", raw)
    value = str(raw) if field.type == "textarea" else str(raw).strip()
    if not value:
        return None
    if field.length and len(value) > field.length:
        shown = value if len(value) <= 255 else value[:255] + "…"
        text = f"{field.label}: data value too large: {shown} (max length={field.length})"
        raise FieldError("STRING_TOO_LONG", text, [field.name])
    if field.type == "email" and not _EMAIL.fullmatch(value):
        raise FieldError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", [field.name])
    if field.restricted and value not in field.picklist:
        text = f"{field.label}: bad value for restricted picklist field: {value}"
        raise FieldError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, [field.name])
    return value


def read_datetime(text: str) -> datetime:
    """An ISO 8601 time, in UTC, cut to the second as the org keeps it. Raises ValueError, also without a zone."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        if len(text) > 10:
            raise ValueError(f"no time zone in {text}")
        value = value.replace(tzinfo=UTC)
    return value.astimezone(UTC).replace(microsecond=0)


def show_datetime(value: datetime) -> str:
    """As answers carry it: 2026-11-25T02:30:00.000+0000."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def show(value: object) -> object:
    """A kept value as JSON shows it; numbers become doubles, as in Salesforce."""
    match value:
        case datetime():
            return show_datetime(value)
        case date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case _:
            return value


def epoch_ms(value: object) -> object:
    """A kept value as change events carry it: dates are milliseconds since 1970."""
    match value:
        case datetime():
            return int(value.timestamp()) * 1000
        case date():
            return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()) * 1000
        case Decimal():
            return float(value)
        case _:
            return value


def iso_time(value: object, kind: str) -> object:
    """The opposite of `epoch_ms` for a field of that type, as the JSON events of the Streaming API carry it."""
    if not isinstance(value, int) or isinstance(value, bool) or kind not in {"date", "datetime"}:
        return value
    moment = datetime.fromtimestamp(value / 1000, UTC)
    return moment.strftime("%Y-%m-%d" if kind == "date" else "%Y-%m-%dT%H:%M:%S.000Z")
