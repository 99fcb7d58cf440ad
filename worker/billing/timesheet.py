"""The timesheet of a document: every entry on it with its hours, rate and where the rate came from.

As CSV for a machine, as HTML to read. Both add up to the document: surcharges, what a person wrote on or off, and
lines that a person added have rows of their own. Entry descriptions are there only where the setup prints them.
"""

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal
from html import escape
from io import StringIO
from typing import Final

from msgspec import Struct

from worker.billing import words
from worker.billing.keys import record_of
from worker.billing.model import Document, Entry, Line, Share
from worker.billing.money import ZERO, quantity
from worker.billing.rules import Rules

_TITLES: Final = ("Date", "Person", "Project", "Description", "Hours", "Worked", "Rate", "Rate from", "Amount", "Entry")
_NUMBERS: Final = frozenset({"Hours", "Worked", "Rate", "Amount"})
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for the beginning of a formula
_STYLE: Final = (
    "body{font:14px/1.4 sans-serif;margin:2em;color:#222}table{border-collapse:collapse}"
    "th,td{padding:.3em .8em;border-bottom:1px solid #ddd;text-align:left}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}tfoot td{font-weight:bold}"
)


class Row(Struct, frozen=True, kw_only=True):
    """One row. `hours` are billed, `worked` where different what was worked; None where there are none."""

    date: str = ""
    person: str = ""
    project: str = ""
    description: str = ""
    hours: Decimal | None = None
    worked: Decimal | None = None
    rate: Decimal | None = None
    source: str = ""
    amount: Decimal = ZERO
    record: str = ""

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of the titles."""
        numbers = [_plain(each) for each in (self.hours, self.worked, self.rate)]
        texts = (self.date, self.person, self.project, self.description)
        return (*texts, *numbers, self.source, str(self.amount), self.record)


def prints_descriptions(rules: Rules) -> bool:
    """Whether the setup prints entry descriptions for the client."""
    return "description" in words.placeholders(rules.description) | words.placeholders(rules.reference)


def as_csv(document: Document, entries: Mapping[str, Entry], *, descriptions: bool = False) -> str:
    """The timesheet as CSV with a header; `entries` are those of the document, by unit id."""
    titles = _titles(descriptions)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(titles)
    for row in rows(document, entries):
        writer.writerow(cell if title in _NUMBERS else _no_formula(cell) for title, cell in _chosen(row, titles))
    return text.getvalue()


def as_html(document: Document, entries: Mapping[str, Entry], *, descriptions: bool = False) -> str:
    """The timesheet as a page of its own."""
    titles = _titles(descriptions)
    made = rows(document, entries)
    title = escape(f"Timesheet {document.number}".strip())
    head = "".join(_cell("th", name, name) for name in titles)
    body = "\n".join(
        f"<tr>{''.join(_cell('td', name, cell) for name, cell in _chosen(row, titles))}</tr>" for row in made
    )
    foot = "".join(_cell("td", name, cell) for name, cell in _chosen(_total(made), titles))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"</head><body><h1>{title}</h1><p>{escape(document.reference)}</p>\n<table><thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody><tfoot><tr>{foot}</tr></tfoot></table></body></html>\n"
    )


def rows(document: Document, entries: Mapping[str, Entry]) -> list[Row]:
    """The rows: time by day, person and project, then everything that is not time."""
    timed = [
        _row(share, entries.get(share.unit))
        for line in document.lines
        if not line.surcharge and not line.foreign
        for share in line.shares
    ]
    ordered = sorted(timed, key=lambda row: (row.date, row.person, row.project, row.record))
    return [*ordered, *(row for line in document.lines for row in _beside_time(line))]


def _row(share: Share, entry: Entry | None) -> Row:
    return Row(
        date=entry.worked_on.isoformat() if entry and entry.worked_on else "",
        person=(entry.person_name or entry.person) if entry else "",
        project=(entry.project_name or entry.project) if entry else "",
        description=words.fold(entry.description) if entry else "",
        hours=quantity(share.seconds),
        worked=None if share.worked is None else quantity(share.worked),
        rate=share.rate,
        source=source_text(share.rate_source),
        amount=share.amount,
        record=record_of(share.unit),
    )


def _beside_time(line: Line) -> Iterator[Row]:
    """What a line holds beyond the time on it."""
    ours = sum((share.amount for share in line.shares), ZERO)
    if line.surcharge:
        yield Row(project=line.description, source="surcharge", amount=ours)
    if line.write_on and line.shares:
        source = "written on in Xero" if line.write_on > 0 else "written off in Xero"
        yield Row(project=line.description, source=source, amount=line.write_on)
    if not line.shares and line.amount:
        yield Row(project=words.fold(line.description), source="added in Xero", amount=line.amount)


def source_text(source: str) -> str:
    """Where a rate came from, for people: a path of the setup, the people's list, the default."""
    named = {"people": "the person", "default_rate": "the default"}
    return named.get(source, source)


def _total(made: list[Row]) -> Row:
    hours = sum((row.hours for row in made if row.hours is not None), Decimal(0))
    return Row(date="Total", hours=hours, amount=sum((row.amount for row in made), ZERO))


def _titles(descriptions: bool) -> list[str]:
    return [title for title in _TITLES if descriptions or title != "Description"]


def _chosen(row: Row, titles: list[str]) -> Iterator[tuple[str, str]]:
    return ((title, cell) for title, cell in zip(_TITLES, row.cells(), strict=True) if title in titles)


def _cell(tag: str, title: str, text: str) -> str:
    numeric = ' class="n"' if title in _NUMBERS else ""
    return f"<{tag}{numeric}>{escape(text)}</{tag}>"


def _no_formula(text: str) -> str:
    """Text that no spreadsheet computes: people write the descriptions."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number:f}"
