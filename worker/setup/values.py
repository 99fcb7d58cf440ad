"""The kinds of values a setup file holds, each parsed once and refused with what would be right."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from worker.setup.ids import record_id
from worker.setup.schedule import STANDING, Schedule

REFUSED = "setup"  # the type of every error raised here; its context holds `what` and `remedy`
LONGEST_STEP = 1_440  # minutes
DEEPEST_PATH = 5  # relationships in one path (SOQL: child-to-parent)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_{1,2}[A-Za-z0-9]+)*")
LINK = re.compile(r"link\((.*)\)")
_CHANNEL = re.compile(r"/data/[A-Za-z][A-Za-z0-9_]*(?:ChangeEvents?|__chn)")
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def refuse(what: str, remedy: str) -> PydanticCustomError:
    """The error that carries a problem and its remedy through pydantic."""
    return PydanticCustomError(REFUSED, "{what}. {remedy}", {"what": what, "remedy": remedy})


def shown(value: object) -> str:
    """A value as it stands in the file; tables and lists by their kind."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return str(value)


# ---- durations and schedules ---------------------------------------------------------------------------------------


def duration(value: Any) -> timedelta:
    """`"5s"`, `"15m"`, `"1h"`, `"5d"`, `"1w"`."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise refuse(f"{shown(value)} is no duration", 'Write a number and a unit: "5s", "15m", "1h" or "5d".')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def some_duration(value: Any) -> timedelta:
    """A duration above zero."""
    length = duration(value)
    if not length:
        raise refuse(f"{shown(value)} is no time at all", 'Write how often, for example "15m" or "1h".')
    return length


def schedule(value: Any) -> Schedule:
    """`"preview"`, `"off"`, `"live"`, a duration, or a cron line."""
    if isinstance(value, str):
        for kind in STANDING:
            if value == kind:
                return Schedule(kind=kind)
        if _DURATION.fullmatch(value):
            return Schedule(kind="every", every=some_duration(value))
        if Schedule.is_cron(value):
            return Schedule(kind="cron", cron=" ".join(value.split()))
    raise refuse(
        f"{shown(value)} is no schedule",
        'Write "preview", "live", "off", a duration such as "15m", or a cron line such as "0 18 * * 5".',
    )


# ---- numbers -------------------------------------------------------------------------------------------------------


def amount(value: Any) -> Decimal:
    """A decimal number that is not negative, exactly as written."""
    remedy = 'Write it like "120.00".'
    if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value):
        raise refuse(f"{shown(value)} is no amount", remedy)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise refuse(f"{shown(value)} is no amount", remedy)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise refuse(f"{shown(value)} is no amount", remedy) from None
    if not number.is_finite() or number < 0:
        raise refuse(f"{shown(value)} is no amount of 0 or more", remedy)
    return number


def optional_amount(value: Any) -> Decimal | None:
    """An amount; empty text means none."""
    return None if value == "" else amount(value)


def percentage(value: Any) -> Decimal:
    """`"20%"` as 20; not negative."""
    number = value[:-1] if isinstance(value, str) and value.endswith("%") else ""
    if not re.fullmatch(r"\d+(?:\.\d+)?", number):
        raise refuse(f"{shown(value)} is no percentage", 'Write it like "20%".')
    return Decimal(number)


def count(value: Any) -> int:
    """A whole number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise refuse(f"{shown(value)} is no whole number of 0 or more", "Write it without quotes, for example 50.")
    return value


def minutes(value: int) -> int:
    """A step to round to: at most a day's minutes."""
    if value > LONGEST_STEP:
        raise refuse(f"{value} minutes are more than a day", "Write a step such as 6 or 15, or 0 for no rounding.")
    return value


def optional_days(value: Any) -> int | None:
    """A whole number of days; empty text means none."""
    if value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{1,4}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000:
        raise refuse(f"{shown(value)} is no number of days", 'Write a whole number such as 14, or "".')
    return value


def day(value: Any) -> date:
    """A day, written without quotes."""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise refuse(f"{shown(value)} is no day", "Write it without quotes and without a time, for example 2026-11-01.")
    return value


# ---- names ---------------------------------------------------------------------------------------------------------


def text(value: Any) -> str:
    """Text in quotes, on one line."""
    if not isinstance(value, str):
        raise refuse(f"{shown(value)} is not text", "Write it in quotes.")
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise refuse("the text holds a line break or control character", "Write it on one line.")
    return value


def field_name(value: Any) -> str:
    """The API name of an object or of a field on the object itself."""
    name = text(value)
    if "." in name:
        raise refuse(f"{shown(name)} is a path", 'Write the API name of one field of the object, such as "Status__c".')
    if not _FIELD.fullmatch(name) or name.endswith("__r"):
        raise refuse(f"{shown(name)} is no API name", 'Write it as Salesforce shows it, such as "TimeEntry__c".')
    return name


def soql_path(value: Any) -> str:
    """A path from the entry to a field, over relationships (`Project__r.Account__r.Name`)."""
    path = text(value)
    *relations, field = path.split(".")
    for part in (*relations, field):
        if not _FIELD.fullmatch(part):
            raise refuse(
                f"{shown(path)} is no path to a field",
                'Write API names with dots between them, such as "Project__r.Name".',
            )
    if field.endswith("__r"):
        raise refuse(f"{shown(path)} ends in a relationship", f'Add the field to read there, such as "{path}.Name".')
    for part in relations:
        _check_relation(path, part)
    if len(relations) > DEEPEST_PATH:
        raise refuse(
            f"{shown(path)} goes over {len(relations)} relationships",
            f"Salesforce follows {DEEPEST_PATH} at most: add a formula field nearer to the entry.",
        )
    return path


def _check_relation(path: str, part: str) -> None:
    if part.endswith("__c"):
        raise refuse(
            f"{shown(path)} has the field {part} where a relationship is needed", f'Write "{part[:-1]}r" there.'
        )
    if part.endswith("Id") and len(part) > 2:
        raise refuse(
            f"{shown(path)} has the field {part} where a relationship is needed", f'Write "{part[:-2]}" there.'
        )


def optional_path(value: Any) -> str | None:
    """A path; empty text means none."""
    return None if value == "" else soql_path(value)


def contact_path(value: Any) -> str:
    """The path to a Xero ContactID, or `link(Project__c)`: the lookup to a record that people link to a contact."""
    if isinstance(value, str) and (link := LINK.fullmatch(value.strip())):
        return f"link({soql_path(link[1].strip())})"
    return soql_path(value)


def rate_path(value: Any) -> str:
    """A path to a rate, or "people"."""
    return "people" if value == "people" else soql_path(value)


def channel(value: Any) -> str:
    """The channel of change events; empty text: derived from the object."""
    if value == "":
        return ""
    if not isinstance(value, str) or not _CHANNEL.fullmatch(value):
        raise refuse(
            f"{shown(value)} is no change data capture channel",
            'Leave it out, or write it like "/data/TimeEntry__ChangeEvent" or "/data/Time__chn".',
        )
    return value


def salesforce_id(value: Any) -> str:
    """A record id, in its 18-character form."""
    try:
        return record_id(text(value))
    except ValueError as error:
        raise refuse(str(error), "Copy it from the record's address in Salesforce.") from None


def currency(value: Any) -> str:
    """A currency code; empty text means none."""
    if value == "":
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{3}", value):
        raise refuse(f"{shown(value)} is no currency", 'Write its three letters, such as "GBP".')
    return value.upper()


def gate_value(value: Any) -> str:
    """A picklist value or a checkbox state, as text."""
    return str(value).lower() if isinstance(value, bool) else text(value)


Duration = Annotated[timedelta, PlainValidator(duration)]
SomeDuration = Annotated[timedelta, PlainValidator(some_duration)]
Amount = Annotated[Decimal, PlainValidator(amount)]
OptionalAmount = Annotated[Decimal | None, PlainValidator(optional_amount)]
Percentage = Annotated[Decimal, PlainValidator(percentage)]
Count = Annotated[int, PlainValidator(count)]
OptionalDays = Annotated[int | None, PlainValidator(optional_days)]
Day = Annotated[date, PlainValidator(day)]
OptionalDay = Annotated[date | None, PlainValidator(day)]
Text = Annotated[str, PlainValidator(text)]
FieldName = Annotated[str, PlainValidator(field_name)]
SoqlPath = Annotated[str, PlainValidator(soql_path)]
OptionalPath = Annotated[str | None, PlainValidator(optional_path)]
ContactPath = Annotated[str, PlainValidator(contact_path)]
RatePath = Annotated[str, PlainValidator(rate_path)]
Channel = Annotated[str, PlainValidator(channel)]
RecordId = Annotated[str, PlainValidator(salesforce_id)]
Currency = Annotated[str, PlainValidator(currency)]
GateValue = Annotated[str, PlainValidator(gate_value)]
When = Annotated[Schedule, PlainValidator(schedule)]


def optional_field(value: Any) -> str | None:
    """The API name of a field of the object itself; empty text means none."""
    return None if value == "" else field_name(value)


OptionalField = Annotated[str | None, PlainValidator(optional_field)]


def _listed(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise refuse(f"{shown(value)} is not a list", 'Write it in brackets, such as ["first", "second"].')
    if len({str(item) for item in value}) < len(value):
        raise refuse("the list names something twice", "Leave one of them out.")
    return tuple(value)


Listed = BeforeValidator(_listed)
