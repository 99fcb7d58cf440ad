"""What somebody has to chase before a month can be closed: beside the statement, and from the same books."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from console import readmodel, words
from console.monthly import Books, MonthView
from worker.billing import periods
from worker.billing.keys import document_id, record_of
from worker.billing.model import Company, Document
from worker.billing.reckoning import Reckoned
from worker.billing.statement import Part, entries_of


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry's part of a statement."""

    id: str
    worked_on: str
    person: str
    project: str
    hours: str
    amount: str
    currency: str


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with time that is not approved, or without any time in the period."""

    id: str
    name: str
    hours: str = "0"
    entries: int = 0


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """Time of the period that is on a document of a later one."""

    id: str
    worked_on: str
    person: str
    hours: str
    number: str
    document: str
    period: str


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A document to look at: a credit note, one with a correction on it, a draft whose date is locked."""

    number: str
    document: str
    xero_contact: str
    amount: str
    currency: str
    text: str


class Chase(msgspec.Struct, frozen=True, kw_only=True):
    """Everything to look at beside the statement."""

    unapproved: list[Person]
    without_time: list[Person]
    late: list[Late]
    papers: list[Paper]
    locked: list[Paper]


def chase(books: Books, period: str, company: Company | None, people: dict[str, str]) -> Chase:
    """What is to be chased for this period. `people`: names by id of everybody who ever logged time."""
    first, last = periods.first_day(period), periods.last_day(period)
    if first is None or last is None:
        return Chase(unapproved=[], without_time=[], late=[], papers=[], locked=[])
    mine = [one for one in books.units if one.entry.worked_on and first <= one.entry.worked_on <= last]
    working = {one.entry.person for one in mine}
    numbers = {document_id(each.key, each.sequence): each for each in books.documents}
    return Chase(
        unapproved=_unapproved(mine),
        without_time=[
            Person(id=id_, name=name) for id_, name in sorted(people.items(), key=lambda p: p[1]) if id_ not in working
        ],
        late=[late for one in mine for late in _late(one, numbers, last)],
        papers=[paper for each in books.documents if (paper := _paper(each, books, period)) is not None],
        locked=[paper for each in books.documents if (paper := _locked(each, books, period, company)) is not None],
    )


def entries(books: Books, period: str) -> dict[str, list[EntryRow]]:
    """The entries behind each part of the statement, by `part_name`. Raises ValueError for what names no period."""
    found: dict[str, list[EntryRow]] = {}
    for one, part in entries_of(period, books.units, books.documents, books.loaded.rules, follow=books.follow):
        name = part_name(part.where, part.reason, part.contact, part.currency)
        found.setdefault(name, []).append(_entry_row(one, part))
    return found


def tables(view: MonthView, found: Chase) -> dict[str, Sequence[msgspec.Struct]]:
    """The rows of each table of the page, by name."""
    mine = {name: getattr(found, name) for name in found.__struct_fields__}
    return mine | {"parts": view.parts, "unbilled": view.unbilled, "numbers": view.numbers}


def part_name(where: str, reason: str, contact: str, currency: str) -> str:
    """What a part of a statement is found by."""
    return "|".join((where, reason, contact, currency))


def _entry_row(one: Reckoned, part: Part) -> EntryRow:
    return EntryRow(
        id=one.unit,
        worked_on=one.entry.worked_on.isoformat() if one.entry.worked_on else "",
        person=one.entry.person_name or one.entry.person,
        project=one.entry.project_name or one.entry.project,
        hours=readmodel.hours(part.seconds),
        amount=readmodel.money(part.amount),
        currency=part.currency,
    )


def recent_periods(kind: str, start: date, today: date, count: int = 12) -> list[str]:
    """The period of today and those before it, back to the setup's start; the newest first."""
    found: list[str] = []
    day = today
    kind = kind if kind != "until-approved" else "month"
    while len(found) < count:
        name = periods.period_of(day, kind, start)
        found.append(name)
        first = periods.first_day(name)
        if first is None or first <= start:
            break
        day = date.fromordinal(first.toordinal() - 1)
    return found


def _unapproved(units: Sequence[Reckoned]) -> list[Person]:
    found: dict[str, tuple[str, Decimal, int]] = {}
    for one in units:
        if getattr(one.verdict, "reason", "") == "not-approved":
            name, seconds, count = found.get(one.entry.person, (one.entry.person_name, Decimal(0), 0))
            found[one.entry.person] = (name, seconds + (one.entry.seconds or Decimal(0)), count + 1)
    rows = [
        Person(id=id_, name=name or id_, hours=readmodel.hours(seconds), entries=count)
        for id_, (name, seconds, count) in found.items()
    ]
    return sorted(rows, key=lambda row: (-Decimal(row.hours), row.name))


def _late(one: Reckoned, numbers: dict[str, Document], last: date) -> Iterator[Late]:
    for posting in one.postings:
        document = numbers.get(posting.document)
        first = periods.first_day(document.period) if document and document.period and not posting.corrects else None
        if document and first and first > last and posting.state != "suspended":
            yield Late(
                id=record_of(one.unit),
                worked_on=one.entry.worked_on.isoformat() if one.entry.worked_on else "",
                person=one.entry.person_name or one.entry.person,
                hours=readmodel.hours(posting.seconds),
                number=document.number or posting.document,
                document=posting.document,
                period=document.period,
            )


def _paper(document: Document, books: Books, period: str) -> Paper | None:
    """A credit note dated in the period, or an invoice of the period with a correction on it."""
    corrections = sorted({line.corrects for line in document.lines if line.corrects})
    dated = document.date.startswith(period) if document.date else False
    if document.type == "ACCRECCREDIT" and dated:
        return _row(document, books, "Credit note")
    if corrections and (document.period == period or dated):
        what = words.count(len(corrections), "correction of an earlier invoice", "corrections of earlier invoices")
        return _row(document, books, f"Has {what} on it")
    return None


def _locked(document: Document, books: Books, period: str, company: Company | None) -> Paper | None:
    until = company.locked_until if company else None
    if document.status != "open" or document.period != period or not until or not document.date:
        return None
    if document.date > str(until):
        return None
    return _row(
        document, books, f"Dated {document.date}, and Xero's books are locked until {until}: approving is refused"
    )


def _row(document: Document, books: Books, text: str) -> Paper:
    total = sum((line.amount for line in document.lines), Decimal(0))
    return Paper(
        number=document.number or document.key,
        document=document_id(document.key, document.sequence),
        xero_contact=books.names.get(document.contact, document.contact),
        amount=readmodel.money(total),
        currency=document.currency,
        text=text,
    )
