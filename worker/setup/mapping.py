"""From one Salesforce record to one entry, by the setup's paths. Pure.

A record is a dictionary only here. Numbers arrive as `int` or `Decimal` (the client parses JSON so); a float is
refused, because it has already lost digits.

What cannot be read now is not what is empty. A relationship that is null behind a lookup that is set, or a mapped field
that the answer lacks, makes the entry *unreadable*: what was known of it stays, and the reason is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from worker.billing.model import Entry
from worker.salesforce.ids import id18, is_id
from worker.setup.ids import record_id
from worker.setup.model import Setup
from worker.setup.paths import lookup_field

T = TypeVar("T")

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?Z?")
_MISSING = object()


class _UnreadableError(ValueError):
    """Why a value cannot be used, in words that end a sentence."""


def entry_from(record: Mapping[str, Any], setup: Setup, *, timezone: str) -> Entry:
    """The entry a record is now.

    Args:
        record: one record of a REST query over `setup.paths()`, related records nested in it.
        timezone: the company's IANA time zone; it says on which day a time falls where `worked_on` is no plain date,
            and which moment a time without an offset is.

    Raises:
        ValueError: the record has no valid `Id`, or there is no such time zone.
    """
    reader = _Reader(record, _zone(timezone))
    fields, gate = setup.source.fields, setup.source.approved
    record18 = id18(str(record["Id"]))
    entry = Entry(
        id=f"{setup.source.sobject}:{record18}#0",
        record=record18,
        seconds=_seconds(reader, setup),
        worked_on=reader.day(fields.worked_on),
        person=reader.reference(fields.person),
        person_name=reader.text(fields.person_name),
        project=reader.reference(fields.project),
        project_name=reader.text(fields.project_name),
        description=reader.text(fields.description),
        xero_contact="" if fields.link else reader.contact(fields.xero_contact),
        linked=reader.reference(fields.link or None),
        billable=reader.flag(fields.billable),
        currency=reader.text(fields.currency).upper(),
        rates=tuple("" if path == "people" else reader.text(path) for path in fields.rates),
        approval=reader.text(gate.field) if gate else "",
        already_billed=reader.mark(fields.already_billed),
        extra={name: reader.text(path) for name, path in fields.extra.items()},
        written={name: reader.text(field) for name, field in setup.source.write_back.fields.items()},
        modified=str(record.get("SystemModstamp") or ""),
        deleted=_get(record, "IsDeleted") is True,
    )
    return entry if entry.deleted else replace(entry, unreadable=reader.problem)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(f'there is no time zone "{name}"') from None


def _seconds(reader: _Reader, setup: Setup) -> Decimal | None:
    """How long, exactly; `None` where the quantity is empty."""
    fields = setup.source.fields
    if fields.hours or fields.minutes:
        number = reader.number(fields.hours or fields.minutes)
        return None if number is None else number * (3600 if fields.hours else 60)
    return reader.between(fields.start, fields.end, fields.worked_on)


class _Reader:
    """Reads values from one record and remembers the first reason why one cannot be read."""

    def __init__(self, record: Mapping[str, Any], zone: ZoneInfo) -> None:
        self._record = record
        self._zone = zone
        self.problem = ""

    def number(self, path: str | None) -> Decimal | None:
        return self._read(path, _number, None)

    def day(self, path: str) -> date | None:
        return self._read(path, lambda value: _day(value, self._zone), None)

    def between(self, start: str | None, end: str | None, worked_on: str) -> Decimal | None:
        """The seconds between two times; `None` where one of them is empty.

        A time of day is on the day that was worked on, in the company's zone; an end that is earlier in the day than
        the start is on the day after. Between two moments the clocks may be changed: what counts is what passed.
        """
        first, last = self._read(start, _time, None), self._read(end, _time, None)
        if first is None or last is None:
            return None
        if isinstance(first, time) != isinstance(last, time):
            self.problem = self.problem or f"{start} and {end} are not both times of day"
            return None
        day = self.day(worked_on) if isinstance(first, time) else date.min
        if day is None:
            return None
        begun, ended = _on(first, day, self._zone), _on(last, day, self._zone)
        if isinstance(last, time) and isinstance(first, time) and last < first:
            ended = _on(last, day + timedelta(days=1), self._zone)
        elif ended < begun:
            ended = _on(last.replace(fold=1), day, self._zone)  # the hour that the clocks repeat in autumn
        if ended < begun:
            self.problem = self.problem or f"{end} is before {start}"
            return None
        return _seconds_of(ended - begun)

    def text(self, path: str | None) -> str:
        return self._read(path, _text, "")

    def reference(self, path: str | None) -> str:
        return self._read(path, _reference, "")

    def contact(self, path: str) -> str:
        return self._read(path, _contact, "")

    def mark(self, path: str | None) -> str:
        """Text that counts by being there; an unticked checkbox is not there."""
        return self._read(path, lambda value: "" if value is False else _text(value), "")

    def flag(self, path: str | None) -> bool:
        """A checkbox; ticked where none is mapped."""
        if path is None:
            return True
        value = self._read(path, _flag, None)
        if value is None and not self.problem:
            self.problem = f"{path} is empty, neither ticked nor not"
        return bool(value)

    def _read(self, path: str | None, convert: Callable[[Any], T], empty: T) -> T:
        if path is None:
            return empty
        try:
            value = _at(self._record, path)
            return empty if value is None or value == "" else convert(value)
        except _UnreadableError as error:
            self.problem = self.problem or f"{path} {error}"
            return empty


def _get(record: Mapping[str, Any], name: str) -> Any:
    """A value by API name; Salesforce answers in its own spelling whatever case was asked for."""
    if name in record:
        return record[name]
    return next((value for key, value in record.items() if key.lower() == name.lower()), _MISSING)


def _at(record: Mapping[str, Any], path: str) -> Any:
    """The value at a path; `None` where it, or a lookup on the way, is empty."""
    *relations, field = path.split(".")
    for relation in relations:
        inner = _get(record, relation)
        if inner is None or inner is _MISSING:
            lookup = _get(record, lookup_field(relation))
            if lookup is None:
                return None
            if lookup is _MISSING:
                raise _UnreadableError(f"cannot be read: Salesforce did not answer {lookup_field(relation)}")
            raise _UnreadableError(f"leads to {lookup}, which cannot be read")
        if not isinstance(inner, Mapping):
            raise _UnreadableError(f"leads over {relation}, which is no relationship")
        record = inner
    value = _get(record, field)
    if value is _MISSING:
        raise _UnreadableError("is missing in Salesforce's answer")
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _UnreadableError(f'is "{value}", which is not an exact number')
    return Decimal(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, str | int):
        return str(value)
    raise _UnreadableError("is neither text nor number")


def _plain(number: Decimal) -> str:
    """A number without exponent and without zeros that say nothing: one value, one text."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _UnreadableError(f'is "{value}", which is neither true nor false')


def _reference(value: Any) -> str:
    text = _text(value)
    try:
        return record_id(text) if is_id(text) else text
    except ValueError:
        return text  # a name that happens to have the length of an id


def _contact(value: Any) -> str:
    text = _text(value).strip().lower()
    if not _GUID.fullmatch(text):
        raise _UnreadableError(f'is "{value}", which is no Xero ContactID')
    return text


def _day(value: Any, zone: ZoneInfo) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise _UnreadableError(f'is "{value}", which is no day') from None
    return _moment(value, zone).astimezone(zone).date()


def _moment(value: Any, zone: ZoneInfo) -> datetime:
    """A Salesforce datetime, such as 2026-11-03T09:30:00.000+0000; one without an offset is the company's time."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _UnreadableError(f'is "{value}", which is no time') from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _time(value: Any) -> datetime | time:
    """A moment, or the time of day that a field of the type Time holds (09:30:00.000Z, which says no zone)."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return time.fromisoformat(value.removesuffix("Z"))
        except ValueError:
            raise _UnreadableError(f'is "{value}", which is no time') from None
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _UnreadableError(f'is "{value}", which is no time') from None


def _on(moment: datetime | time, day: date, zone: ZoneInfo) -> datetime:
    """A moment, in UTC. What has no offset of its own is a time of the company's clocks."""
    if isinstance(moment, time):
        moment = datetime.combine(day, moment)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _seconds_of(span: timedelta) -> Decimal:
    return Decimal(span.days * 86_400 + span.seconds) + Decimal(span.microseconds) / 1_000_000
