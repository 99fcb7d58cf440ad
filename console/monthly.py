"""The month-end statement from the ledger: where every hour of a period is, and the numbers of the series."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from console import readmodel
from worker.billing import periods
from worker.billing.model import Document, Waiting
from worker.billing.statement import Part, Reckoned, Statement, as_csv, statement
from worker.context import Context, Loaded
from worker.errors import ConfigurationError

ORDER = (
    "drafts", "awaiting-approval", "approved", "waiting", "dont-bill", "elsewhere", "before-start", "not-billable",
    "write-ons", "own-lines", "ignored", "rounding",
)  # fmt: skip
WORDS = {
    "drafts": "on drafts",
    "awaiting-approval": "awaiting approval",
    "approved": "approved",
    "waiting": "waiting",
    "dont-bill": "don't bill",
    "elsewhere": "billed elsewhere",
    "before-start": "before the start",
    "not-billable": "not billable",
    "write-ons": "write-ons and write-offs",
    "own-lines": "people's own lines in Xero",
    "ignored": "corrections ignored",
    "rounding": "rounding",
}


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """Hours in one place, for one reason, client and currency."""

    where: str
    reason: str
    xero_contact_id: str
    xero_contact: str
    currency: str
    hours: str
    amount: str


class NumberView(msgspec.Struct, frozen=True, kw_only=True):
    """A number of the series, or a gap in it (`text` says what is known)."""

    number: str
    key: str
    status: str
    xero_contact: str
    currency: str
    date: str
    total: str
    text: str


class MonthView(msgspec.Struct, frozen=True, kw_only=True):
    """The statement of a period. `difference` is money, `difference_hours` time: both must be nothing."""

    period: str
    logged: str
    difference: str
    difference_hours: str
    unexplained: list[str]
    parts: list[PartView]
    unbilled: list[PartView]
    numbers: list[NumberView]


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a statement is made of, as the ledger has it at one moment."""

    loaded: Loaded
    units: list[Reckoned]
    documents: list[Document]
    follow: dict[str, str]
    names: dict[str, str]  # of Xero contacts, by id


async def made(ctx: Context, period: str) -> tuple[Statement, dict[str, str]]:
    """The statement, and the Xero contacts' names by id. Raises `ConfigurationError` for what names no period."""
    books = await opened(ctx)
    return await reckoned(ctx, books, period), books.names


async def reckoned(ctx: Context, books: Books, period: str) -> Statement:
    """The statement from these books. Raises `ConfigurationError` for what names no period."""
    named(period)
    explained = await _explained(ctx, books.documents)
    rules, follow = books.loaded.rules, books.follow
    # In a thread: whatever else this process does goes on meanwhile.
    return await asyncio.to_thread(
        statement, period, books.units, books.documents, rules, follow=follow, explained=explained
    )


def named(period: str) -> str:
    """The period. Raises `ConfigurationError` for what names none with days."""
    try:
        days = periods.first_day(period), periods.last_day(period)
    except ValueError:
        days = None, None
    if None in days:
        shapes = "Write one such as 2026-11, 2026-Q4, 2026-W45 or 2026-11-05."
        raise ConfigurationError(f"{period!r} names no billing period.", shapes)
    return period


async def opened(ctx: Context, tell: Callable[[int, int], None] | None = None) -> Books:
    """Read the whole ledger; `tell` hears how many of how many entries were read.

    Raises `ConfigurationError` without a setup.
    """
    loaded = await ctx.loaded()
    if loaded is None:
        raise ConfigurationError("There is no setup yet.", "Apply one: hourstream setup apply FILE.")
    notes = await ctx.store.ledger.notes()
    held: dict[str, Waiting] = {id_: why for note in notes.values() for id_, why in note.waiting.items()}
    read, total = 0, await ctx.store.ledger.count_units()
    units: list[Reckoned] = []
    async for batch in ctx.store.ledger.scan_units():
        units += [
            Reckoned(
                unit=unit.id,
                entry=unit.entry,
                verdict=unit.verdict,
                postings=unit.postings,
                decisions=unit.decisions,
                held=held.get(unit.id),
            )
            for unit in batch
            if unit.entry is not None
        ]
        read += len(batch)
        if tell is not None:
            tell(read, max(read, total))
    return Books(
        loaded=loaded,
        units=units,
        documents=await _documents(ctx),
        follow=await ctx.store.contacts.merged(),
        names={contact.id: contact.name for contact in await ctx.store.contacts.all()},
    )


async def _documents(ctx: Context) -> list[Document]:
    held = await ctx.store.ledger.invoices(await ctx.store.ledger.all_keys())
    return [document for record in held.values() if record.invoice for document in record.invoice.documents]


async def _explained(ctx: Context, documents: list[Document]) -> dict[str, str]:
    """What is known of numbers that are on no document of ours."""
    there = {document.number for document in documents}
    explained = {
        entry.subject: f"It is on a document of others in Xero ({entry.at[:10]})."
        for entry in await ctx.store.audit.latest(10_000)
        if entry.what == "number burned"
    }
    for name, number in (await ctx.store.ledger.numbers()).items():
        if number not in there:
            explained[number] = f"It is kept for {name}, which is not in Xero yet."
    return explained


def view(found: Statement, names: Mapping[str, str]) -> MonthView:
    """The statement as text."""
    parts = sorted(found.parts, key=lambda part: (ORDER.index(part.where), part.reason, part.contact, part.currency))
    return MonthView(
        period=found.period,
        logged=readmodel.hours(found.logged),
        difference=readmodel.money(found.difference),
        difference_hours=readmodel.hours(found.difference_seconds),
        unexplained=list(found.unexplained),
        parts=[_part(part, names) for part in parts],
        unbilled=[_part(part, names) for part in found.unbilled],
        numbers=[
            NumberView(
                number=each.number,
                key=each.document,
                status=each.status,
                xero_contact=names.get(each.contact, each.contact),
                currency=each.currency,
                date=each.date,
                total="" if each.total is None else readmodel.money(each.total),
                text=each.text,
            )
            for each in found.numbers
        ],
    )


def csv_of(found: Statement, names: Mapping[str, str]) -> str:
    """The statement for a spreadsheet."""
    return as_csv(found, names)


def _part(part: Part, names: Mapping[str, str]) -> PartView:
    return PartView(
        where=part.where,
        reason=part.reason,
        xero_contact_id=part.contact,
        xero_contact=names.get(part.contact, ""),
        currency=part.currency,
        hours=readmodel.hours(part.seconds),
        amount=readmodel.money(part.amount),
    )
