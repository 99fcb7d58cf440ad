"""Which records were changed or deleted in a span of time.

Source: Salesforce REST API Developer Guide, "sObject Get Updated" and "sObject Get Deleted". Salesforce cuts both ends
to the minute; deletions reach back 15 days, changes 30.
"""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from msgspec import Struct

from worker.salesforce import soql
from worker.salesforce.errors import SalesforceError
from worker.salesforce.transport import Transport

MINUTE = timedelta(minutes=1)


class Updated(Struct, frozen=True):
    """Ids of records created or changed. `covered` is where the next span begins: earlier changes are all in here."""

    ids: tuple[str, ...]
    covered: datetime


class DeletedRecord(Struct, frozen=True):
    """A record in the recycle bin or purged, and when it was deleted."""

    id: str
    at: datetime


class Deleted(Struct, frozen=True):
    """Deletions. `earliest`: what was deleted before this is no longer known; `covered` as of `Updated`."""

    records: tuple[DeletedRecord, ...]
    earliest: datetime
    covered: datetime


class _UpdatedAnswer(Struct, rename="camel"):
    ids: tuple[str, ...]
    latest_date_covered: str


class _DeletedRow(Struct, rename="camel"):
    id: str
    deleted_date: str


class _DeletedAnswer(Struct, rename="camel"):
    deleted_records: tuple[_DeletedRow, ...]
    earliest_date_available: str
    latest_date_covered: str


async def updated(transport: Transport, sobject: str, start: datetime, end: datetime) -> Updated:
    """Ids of the records changed in the span; one with more than 600,000 of them is asked for in halves.

    Raises:
        SalesforceError: INVALID_REPLICATION_DATE when the start is more than 30 days ago.
    """
    span = whole_minutes(start, end)
    try:
        return await _updated(transport, sobject, *span)
    except SalesforceError as error:
        middle = _middle(error, *span)
    first = await updated(transport, sobject, span[0], middle)
    second = await updated(transport, sobject, middle, span[1])
    covered = second.covered if first.covered >= middle else first.covered
    return Updated(tuple(dict.fromkeys(first.ids + second.ids)), covered)


async def _updated(transport: Transport, sobject: str, start: datetime, end: datetime) -> Updated:
    path = f"{transport.root}/sobjects/{soql.name(sobject)}/updated/"
    answer = await transport.get(path, f"list what changed in {sobject}", _UpdatedAnswer, _query(start, end))
    return Updated(answer.value.ids, _covered(answer.value.latest_date_covered, answer.server_date))


async def deleted(transport: Transport, sobject: str, start: datetime, end: datetime) -> Deleted:
    """The records deleted in the span, hard deletions included; one with more than 600,000 is asked for in halves.

    Raises:
        SalesforceError: INVALID_REPLICATION_DATE when the start is more than 15 days ago.
    """
    span = whole_minutes(start, end)
    try:
        return await _deleted(transport, sobject, *span)
    except SalesforceError as error:
        middle = _middle(error, *span)
    first = await deleted(transport, sobject, span[0], middle)
    second = await deleted(transport, sobject, middle, span[1])
    covered = second.covered if first.covered >= middle else first.covered
    return Deleted(first.records + second.records, max(first.earliest, second.earliest), covered)


async def _deleted(transport: Transport, sobject: str, start: datetime, end: datetime) -> Deleted:
    path = f"{transport.root}/sobjects/{soql.name(sobject)}/deleted/"
    answer = await transport.get(path, f"list what was deleted from {sobject}", _DeletedAnswer, _query(start, end))
    rows = tuple(DeletedRecord(row.id, soql.instant(row.deleted_date)) for row in answer.value.deleted_records)
    earliest = soql.instant(answer.value.earliest_date_available)
    return Deleted(rows, earliest, _covered(answer.value.latest_date_covered, answer.server_date))


def _middle(error: SalesforceError, start: datetime, end: datetime) -> datetime:
    """Where to halve a span that holds too many ids. Raises `error` when it is another, or the span a minute."""
    if error.code != "EXCEEDED_ID_LIMIT" or end - start < 2 * MINUTE:
        raise error
    return whole_minutes(start, start + (end - start) / 2)[1]


def whole_minutes(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The span in whole minutes that holds the given one and is not empty."""
    first = _floor(start)
    last = _floor(end)
    return first, max(last if last == end else last + MINUTE, first + MINUTE)


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _covered(text: str, server_date: datetime) -> datetime:
    """Never later than the minute of the answer: a span that ends in the future covers nothing of it."""
    return min(soql.instant(text), _floor(server_date))


def _query(start: datetime, end: datetime) -> str:
    return urlencode({"start": soql.datetime_literal(start), "end": soql.datetime_literal(end)})
