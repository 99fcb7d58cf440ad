"""The month-end statement: where every logged hour of a period is, and that documents and entries agree to the cent.

logged = on drafts + awaiting approval + approved + waiting by reason + don't bill, billed elsewhere, before start, not
billable +- write-ons, write-offs and ignored corrections; beside them people's own lines, which are nobody's time. Two
differences must be nothing: that of the hours (a unit's time that nothing explains), and that of the money (a document
in Xero against its entries' parts, what people wrote on or off, and their own lines).
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final

from msgspec import Struct

from worker.billing import periods, words
from worker.billing.corrections import bucket_of
from worker.billing.keys import document_id
from worker.billing.model import Document, Line
from worker.billing.money import HOUR, ZERO, half_up
from worker.billing.reckoning import DUE, Part, Reckoned, Surroundings, Where, grouped, parts_of
from worker.billing.rules import Rules
from worker.billing.write_ons import WriteOns

__all__ = ["DUE", "Numbered", "Part", "Reckoned", "Statement", "Where", "as_csv", "entries_of", "statement"]

MOST_GAPS = 200  # numbers in a row that no document has, each with a row of its own
_NOTHING: Final[Mapping[str, str]] = {}
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


class Numbered(Struct, frozen=True, kw_only=True):
    """A number of the series: on a document, or a gap (no `document`), and what is known about it."""

    number: str
    document: str = ""
    type: str = ""
    status: str = ""
    contact: str = ""
    currency: str = ""
    date: str = ""
    total: Decimal | None = None
    text: str = ""


class Statement(Struct, frozen=True, kw_only=True):
    """One period. Hours are in seconds; amounts are without tax where prices are."""

    period: str
    logged: Decimal
    parts: tuple[Part, ...]
    numbers: tuple[Numbered, ...] = ()
    difference: Decimal = ZERO  # money: documents in Xero less what explains them
    difference_seconds: Decimal = Decimal(0)  # logged less all parts
    unexplained: tuple[str, ...] = ()  # units and documents that the differences come from

    def seconds(self, where: Where, reason: str | None = None) -> Decimal:
        """The time in one place (for one reason)."""
        return sum((part.seconds for part in self._in(where, reason)), Decimal(0))

    def amount(self, where: Where, currency: str, reason: str | None = None) -> Decimal:
        """The worth of the time in one place, in one currency."""
        return sum((part.amount for part in self._in(where, reason) if part.currency == currency), ZERO)

    @property
    def unbilled(self) -> tuple[Part, ...]:
        """Work that is not billed yet, by Xero contact and reason."""
        return tuple(sorted(self._in("waiting", None), key=lambda part: (part.contact, part.currency, part.reason)))

    @property
    def reasons(self) -> dict[str, Decimal]:
        """Seconds that wait, by reason."""
        reasons = dict.fromkeys(part.reason for part in self._in("waiting", None))
        return {reason: self.seconds("waiting", reason) for reason in reasons}

    def _in(self, where: Where, reason: str | None) -> list[Part]:
        return [part for part in self.parts if part.where == where and reason in {None, part.reason}]


def statement(
    period: str,
    units: Iterable[Reckoned],
    documents: Iterable[Document],
    rules: Rules,
    *,
    follow: Mapping[str, str] = _NOTHING,
    explained: Mapping[str, str] = _NOTHING,
) -> Statement:
    """The statement of one period (any kind of period name but those without days).

    `units` and `documents` are all that the ledger knows: a write-off is shared by all units of its line, whenever
    they were worked. `follow` are merged contacts, `explained` says of numbers that are on no document why not.
    Raises ValueError for text that names no period with days.
    """
    first, last = periods.first_day(period), periods.last_day(period)
    if first is None or last is None:
        raise ValueError(f"{period!r} has no days: name a month such as 2026-11")
    known = sorted(units, key=lambda one: one.unit)
    papers = list(documents)
    around = _surroundings(papers, rules, follow)
    reckoned = {one.unit: (one, parts_of(one, around)) for one in known}
    mine = {unit: each for unit, each in reckoned.items() if _within(each[0], first.isoformat(), last.isoformat())}
    touched = [document for document in papers if _concerns(document, period, mine)]
    off = [unit for unit, (one, parts) in mine.items() if _left(one, parts)]
    wrong = [document for document in touched if _difference(document)]
    parts = [part for _, parts in mine.values() for part in parts] + _written_on(touched, mine)
    parts += _own_lines([document for document in papers if _is_of(document, first, last)])
    return Statement(
        period=period,
        logged=sum((one.logged for one, _ in mine.values()), Decimal(0)),
        parts=grouped(parts),
        numbers=_numbers(touched, papers, rules, explained),
        difference=sum((abs(_difference(document)) for document in wrong), ZERO),
        difference_seconds=sum((_left(one, parts) for one, parts in mine.values()), Decimal(0)),
        unexplained=(*off, *(document.number or _id(document) for document in wrong)),
    )


def entries_of(
    period: str,
    units: Iterable[Reckoned],
    documents: Iterable[Document],
    rules: Rules,
    *,
    follow: Mapping[str, str] = _NOTHING,
) -> tuple[tuple[Reckoned, Part], ...]:
    """What the statement's parts are made of: each unit worked in the period with each part of its time.

    Raises as `statement`.
    """
    first, last = periods.first_day(period), periods.last_day(period)
    if first is None or last is None:
        raise ValueError(f"{period!r} has no days: name a month such as 2026-11")
    around = _surroundings(list(documents), rules, follow)
    mine = sorted((one for one in units if _within(one, first.isoformat(), last.isoformat())), key=lambda one: one.unit)
    return tuple((one, part) for one in mine for part in parts_of(one, around))


def as_csv(made: Statement, names: Mapping[str, str] = _NOTHING) -> str:
    """The statement for a spreadsheet, a row for each place, reason, client and currency; `names` of Xero contacts."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(["period", "where", "reason", "xero_contact_id", "xero_contact", "currency", "hours", "amount"])
    for part in made.parts:
        name = names.get(part.contact, "")
        row = [made.period, part.where, part.reason, part.contact, name, part.currency]
        rows.writerow([*map(_plain_text, row), _hours(part.seconds), str(part.amount)])
    rows.writerow([made.period, "logged", "", "", "", "", _hours(made.logged), ""])
    rows.writerow([made.period, "difference", "", "", "", "", _hours(made.difference_seconds), str(made.difference)])
    for each in made.numbers:
        row = [made.period, "number", each.number, each.contact, names.get(each.contact, ""), each.currency]
        total = "" if each.total is None else f"{each.total:.2f}"
        rows.writerow([*map(_plain_text, row), "", total])
    return out.getvalue()


def _surroundings(documents: Sequence[Document], rules: Rules, follow: Mapping[str, str]) -> Surroundings:
    statuses = {_id(document): document.status for document in documents}
    return Surroundings(rules, bucket_of(rules, follow), statuses, WriteOns(documents))


def _within(one: Reckoned, first: str, last: str) -> bool:
    day = one.entry.worked_on
    return day is not None and first <= day.isoformat() <= last


def _left(one: Reckoned, parts: Sequence[Part]) -> Decimal:
    return one.logged - sum((part.seconds for part in parts), Decimal(0))


def _concerns(document: Document, period: str, units: Mapping[str, object]) -> bool:
    """Documents of the period, those dated in it, and those that hold time of it."""
    if document.period == period or (document.date and period == document.date[: len(period)]):
        return True
    return any(share.unit in units for line in (*document.lines, *document.removed) for share in line.shares)


def _difference(document: Document) -> Decimal:
    """What Xero's lines come to, less the parts of entries, what people wrote on or off, and their own lines."""
    if document.status in words.GONE:
        return ZERO
    ours = sum((_explained(line) for line in document.lines), ZERO)
    in_xero = document.total
    if in_xero is None:
        in_xero = sum((line.amount for line in document.lines), ZERO)
    elif document.amounts == "exclusive":
        in_xero -= document.total_tax or ZERO
    return in_xero - ours


def _explained(line: Line) -> Decimal:
    if line.foreign or not line.shares:
        return line.amount
    return sum((share.amount for share in line.shares), line.write_on)


def _written_on(documents: Sequence[Document], units: Mapping[str, object]) -> list[Part]:
    """What people wrote on or off lines, as far as these units are on them."""
    parts = []
    for document in documents:
        sign = -1 if document.type == "ACCRECCREDIT" else 1
        for line in document.lines if document.status not in words.GONE else ():
            places = [place for place, share in enumerate(line.shares) if share.unit in units]
            if line.write_on and places:
                amount = sign * sum((_portion(line, place) for place in places), ZERO)
                part = Part(where="write-ons", contact=document.contact, currency=document.currency, amount=amount)
                parts.append(part)
    return parts


def _own_lines(documents: Iterable[Document]) -> list[Part]:
    """What people's own lines come to: they are nobody's time, but on the client's invoice."""
    return [
        Part(
            where="own-lines",
            contact=document.contact,
            currency=document.currency,
            amount=-line.amount if document.type == "ACCRECCREDIT" else line.amount,
        )
        for document in documents
        if document.status not in words.GONE
        for line in document.lines
        if (line.foreign or not line.shares) and line.amount
    ]


def _is_of(document: Document, first: date, last: date) -> bool:
    """Whether a document's own period ends in these days (its date lies in them, where it has none): over all months,
    each is of one."""
    ends = periods.last_day(document.period) if document.period else None
    if ends is None:
        return bool(document.date) and first.isoformat() <= document.date <= last.isoformat()
    return first <= ends <= last


def _portion(line: Line, place: int) -> Decimal:
    """An entry's portion of what was written on or off its line, an equal one: over all months they add up to it."""
    before, after = (half_up(line.write_on * count / len(line.shares), 2) for count in (place, place + 1))
    return after - before


def _numbers(
    touched: Sequence[Document], documents: Sequence[Document], rules: Rules, explained: Mapping[str, str]
) -> tuple[Numbered, ...]:
    """The numbers of the period's documents in order, and what is missing between them."""
    every = {document.number: document for document in documents if document.number}
    rows = {document.number: _numbered(document) for document in touched if document.number}
    for prefix in (rules.number_prefix, f"{rules.number_prefix}CN-"):
        mine, known = _counts(prefix, rows), sorted(_counts(prefix, every))
        if mine:
            inside = [count for count in known if min(mine) <= count <= max(mine)]
            rows |= {
                number: _numbered(every[number]) for count in inside if (number := f"{prefix}{count:05d}") in every
            }
            for before, after in pairwise(inside):
                rows |= {row.number: row for row in _gaps(prefix, before + 1, after - 1, explained)}
    return tuple(rows[number] for number in sorted(rows))


def _counts(prefix: str, numbers: Iterable[str]) -> list[int]:
    return [int(found[1]) for number in numbers if (found := _in_series(prefix, number))]


def _gaps(prefix: str, first: int, last: int, explained: Mapping[str, str]) -> list[Numbered]:
    """The numbers between two documents: one by one, or as one row where somebody jumped ahead by very many."""
    if last - first < MOST_GAPS:
        return [_gap(f"{prefix}{count:05d}", explained) for count in range(first, last + 1)]
    text = "No document of ours has one of these numbers."
    return [Numbered(number=f"{prefix}{first:05d} to {prefix}{last:05d}", text=text)]


def _in_series(prefix: str, number: str) -> re.Match[str] | None:
    return re.fullmatch(re.escape(prefix) + r"([0-9]{5,})", number)


def _gap(number: str, explained: Mapping[str, str]) -> Numbered:
    return Numbered(number=number, text=explained.get(number, "No document of ours has this number."))


def _numbered(document: Document) -> Numbered:
    return Numbered(
        number=document.number,
        document=_id(document),
        type=document.type,
        status=document.status,
        contact=document.contact,
        currency=document.currency,
        date=document.date,
        total=document.total,
    )


def _id(document: Document) -> str:
    return document_id(document.key, document.sequence)


def _hours(seconds: Decimal) -> str:
    return str(half_up(seconds / HOUR, 4))


def _plain_text(text: str) -> str:
    return f"'{text}" if text.startswith(_RISKY) else text
