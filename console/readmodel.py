"""What people are shown, on the command line and in the browser: one reading of the ledger for both.

Amounts and hours are decimal strings, times ISO 8601 in UTC, names as in the interface contract; fields may be added.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from console import sources, words
from worker.billing.keys import document_id
from worker.billing.model import Document, Invoice, Line, Out, Placed, Posting, Waiting
from worker.billing.money import half_up
from worker.store.ledger import Held, Unit
from worker.store.store import Store
from worker.store.worklist import WorkList

HOUR = Decimal(3600)


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line as the client sees it. `entries` are ids of units."""

    id: str
    description: str
    quantity: str
    unit_amount: str
    amount: str
    tax_type: str
    account: str
    entries: list[str]
    sources: dict[str, str] = {}  # where account, tax_type, amounts, currency, terms and tracking were found


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """One document of ours."""

    key: str
    sequence: int
    number: str
    status: str
    xero_id: str
    xero_contact_id: str
    xero_contact: str
    period: str
    currency: str
    hours: str
    amount: str
    lines: list[LineView]
    entries: list[str]
    problem: str = ""
    kind: str = "invoice"
    amounts: str = "exclusive"  # of tax, inclusive of it, or no-tax


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of time: on which invoice and line at which rate, or why on none."""

    id: str
    state: str  # billed, fixed, suspended, moving, due, waiting, not-billed, unknown
    reason: str
    text: str
    invoice: str
    line: str
    hours: str
    rate: str
    rate_source: str
    amount: str
    worked_on: str = ""
    person: str = ""
    project: str = ""
    xero_contact_id: str = ""
    corrections: list[str] = []
    currency: str = ""
    amounts: str = ""  # as of the invoice it is on
    set_by_person: str = ""  # what a person did to its line on a draft that is still open
    sources: dict[str, str] = {}  # where its line's values were found, as in LineView
    spread: str = ""  # the documents with its hours on each, where it is on several: it was corrected


class WaitingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits, and since when."""

    id: str
    reason: str
    cause: str
    since: str
    text: str = ""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Time that is on no invoice, counted by reason; `invoices`: invoices that wait as a whole; and corrections that
    are proposed."""

    waiting: dict[str, int]
    not_billed: dict[str, int]
    invoices: dict[str, int]
    corrections: int = 0


# ---- invoices ------------------------------------------------------------------------------------------------------


async def invoices(store: Store, status: str = "") -> list[InvoiceView]:
    """Every document of ours, latest change first; with one status only where it is given."""
    found: list[InvoiceView] = []
    start = 0
    while page := await store.ledger.page_invoices(start, 200, status):
        found += [view for held in page for view in documents_of(held) if status in ("", view.status)]
        start += 200
    return found


async def invoice(store: Store, name: str) -> list[InvoiceView]:
    """The documents of an invoice key, or the one of a number or "key/sequence"; empty when there is none."""
    keys = {name.partition("/")[0], await store.ledger.key_of(name)}
    found = [view for held in (await store.ledger.invoices(keys)).values() for view in documents_of(held)]
    return [view for view in found if name in (view.key, f"{view.key}/{view.sequence}", view.number)]


def documents_of(held: Held) -> list[InvoiceView]:
    """The documents of a ledger record."""
    return [_invoice_view(held.invoice, document) for document in held.invoice.documents] if held.invoice else []


def _invoice_view(record: Invoice, document: Document) -> InvoiceView:
    lines = [_line_view(line) for line in document.lines]
    seconds = sum((share.seconds for line in document.lines for share in line.shares), Decimal(0))
    return InvoiceView(
        key=document.key,
        sequence=document.sequence,
        number=document.number,
        status=document.status,
        xero_id=document.xero_id,
        xero_contact_id=document.contact,
        xero_contact=record.contact_name,
        period=document.period or record.period,
        currency=document.currency,
        hours=hours(seconds),
        amount=money(sum((line.amount for line in document.lines), Decimal(0))),
        lines=lines,
        entries=[entry for line in lines for entry in line.entries],
        problem=document.problem or document.differs or _copies(document),
        kind="invoice" if document.type == "ACCREC" else "credit-note",
        amounts=document.amounts,
    )


def _copies(document: Document) -> str:
    if not document.copies:
        return ""
    others = ", ".join(copy.number or copy.id for copy in document.copies)
    return (
        f"Xero holds a copy of {document.number}: {others}. It was made by a request that arrived late, and is not in "
        "this ledger. Delete or void the copy in Xero."
    )


def preview_view(document: Document, contact_name: str) -> InvoiceView:
    """A document as it would be created."""
    record = Invoice(key=document.key, contact=document.contact, contact_name=contact_name, currency=document.currency)
    return msgspec.structs.replace(_invoice_view(record, document), status="preview")


def _line_view(line: Line) -> LineView:
    return LineView(
        id=line.id,
        description=line.description,
        quantity=plain(line.quantity),
        unit_amount=plain(line.unit_amount),
        amount=money(line.amount),
        tax_type=line.tax_type,
        account=line.account,
        entries=[share.unit for share in line.shares],
        sources=sources.of_line(line),
    )


def totals(views: Iterable[InvoiceView]) -> dict[str, str]:
    """What these come to, by currency."""
    found: dict[str, list[str]] = {}
    for view in views:
        found.setdefault(view.currency, []).append(view.amount)
    return {currency: sum_of(amounts) for currency, amounts in sorted(found.items())}


# ---- entries -------------------------------------------------------------------------------------------------------


async def entries(store: Store, units: Sequence[Unit]) -> list[EntryView]:
    """These units, with the numbers of the documents they are on."""
    keys = {posting.document.partition("/")[0] for unit in units for posting in unit.postings}
    documents = {
        document_id(document.key, document.sequence): document
        for held in (await store.ledger.invoices(keys)).values()
        if held.invoice
        for document in held.invoice.documents
    }
    numbers = {id_: document.number or id_ for id_, document in documents.items()}
    notes = await store.ledger.notes()
    held_back = {unit: waiting for note in notes.values() for unit, waiting in note.waiting.items()}
    proposed: dict[str, list[str]] = {}
    for note in notes.values():
        for correction in note.corrections:
            proposed.setdefault(correction.unit, []).append(correction.text)
    return [
        msgspec.structs.replace(
            entry_view(unit, numbers, held_back.get(unit.id), proposed.get(unit.id, [])),
            set_by_person=_set_by_person(unit, documents),
            amounts=_amounts(unit, documents),
            sources=sources.of_unit(unit, documents),
        )
        for unit in units
    ]


def _amounts(unit: Unit, documents: Mapping[str, Document]) -> str:
    document = documents.get(unit.postings[-1].document) if unit.postings else None
    return document.amounts if document else ""


def _set_by_person(unit: Unit, documents: Mapping[str, Document]) -> str:
    """What a person did to the line that the unit is on, where the draft is open and only its line is fixed."""
    live = [posting for posting in unit.postings if posting.state != "suspended"]
    document = documents.get(live[-1].document) if live and live[-1].state == "fixed" else None
    if document is None or document.fixed or document.status != "open":
        return ""
    line = next((line for line in document.lines if line.fixed and line.id == live[-1].line), None)
    if line is None or not line.write_on:
        return "a person set this line in Xero, so it stays as they made it"
    how = f"{money(abs(line.write_on))} {document.currency} written {'on' if line.write_on > 0 else 'off'}"
    return f"a person set this line in Xero ({how}), so it stays as they made it"


def entry_view(
    unit: Unit, numbers: Mapping[str, str], held_back: Waiting | None = None, proposed: Sequence[str] = ()
) -> EntryView:
    """One unit."""
    live = [posting for posting in unit.postings if posting.state != "suspended"]
    shown = live[-1] if live else (unit.postings[-1] if unit.postings else None)
    state, reason, text = _state(unit, shown, numbers, held_back)
    entry, placed = unit.entry, unit.verdict if isinstance(unit.verdict, Placed) else None
    seconds = sum((posting.seconds for posting in live), Decimal(0)) if live else (entry.seconds if entry else None)
    rate = shown.rate if shown else (placed.rate if placed else None)
    return EntryView(
        id=unit.id,
        state=state,
        reason=reason,
        text=text,
        invoice=numbers.get(shown.document, shown.document) if shown else "",
        line=shown.line if shown else "",
        hours=hours(seconds) if seconds is not None else "",
        rate=plain(rate),
        rate_source=shown.rate_source if shown else (placed.rate_source if placed else ""),
        amount=money(sum((posting.amount for posting in live), Decimal(0))) if live else "",
        worked_on=entry.worked_on.isoformat() if entry and entry.worked_on else "",
        person=entry.person_name or entry.person if entry else "",
        project=entry.project_name or entry.project if entry else "",
        xero_contact_id=entry.xero_contact if entry else "",
        corrections=list(proposed),
        currency=shown.currency if shown else (placed.currency if placed else ""),
        spread=_spread(live, numbers),
    )


def _spread(live: Sequence[Posting], numbers: Mapping[str, str]) -> str:
    found: dict[str, Decimal] = {}
    for posting in live:
        found[posting.document] = found.get(posting.document, Decimal(0)) + posting.seconds
    said = [f"{numbers.get(document, document)} ({hours(seconds)} h)" for document, seconds in found.items()]
    return " and ".join(said) if len(said) > 1 else ""


def _state(
    unit: Unit, shown: Posting | None, numbers: Mapping[str, str], held_back: Waiting | None
) -> tuple[str, str, str]:
    if held_back is not None:
        return "waiting", held_back.reason, held_back.text
    if unit.entry is not None and unit.entry.unreadable:
        return ("billed" if shown else "waiting"), "not-readable", unit.entry.unreadable
    if shown is not None and shown.state == "suspended":
        text = f"Taken off {numbers.get(shown.document, shown.document)} by a person in Xero; it waits for a decision."
        return "suspended", "suspended", text
    if shown is not None:
        number = numbers.get(shown.document, shown.document)
        text = f"On {number}: {hours(shown.seconds)} h at {plain(shown.rate)} {shown.currency} ({shown.rate_source})."
        return ("fixed" if shown.state == "fixed" else "billed"), "", text
    if isinstance(unit.verdict, Waiting):
        return "waiting", unit.verdict.reason, unit.verdict.text
    if isinstance(unit.verdict, Out):
        return "not-billed", unit.verdict.reason, unit.verdict.text
    if isinstance(unit.verdict, Placed):
        moving = bool(unit.at) and unit.at != unit.belongs
        return ("moving" if moving else "due"), "", "It goes on the next update of its draft."
    return "unknown", "", "Nothing is known of it yet."


# ---- the rest ------------------------------------------------------------------------------------------------------


async def waiting(store: Store, count: int = 10_000, lists: Sequence[WorkList] | None = None) -> list[WaitingView]:
    """Units and invoices that wait, longest first; `lists`: only what waits on these, beside what the ledger says."""
    units = await store.ledger.waiting(0, count)
    since = await store.ledger.waiting_since([unit.id for unit in units])
    found = [
        WaitingView(
            id=unit.id,
            reason=unit.verdict.reason,
            cause=unit.verdict.cause,
            since=iso(since.get(unit.id, 0)),
            text=unit.verdict.text,
        )
        for unit in units
        if isinstance(unit.verdict, Waiting)
    ]
    for work in store.lists() if lists is None else lists:
        found += [
            WaitingView(id=item.id, reason=item.reason, cause=item.cause, since=item.since, text=item.text)
            for item in await work.parked(0, count)
        ]
    notes = await store.ledger.notes()
    found += [
        WaitingView(id=unit, reason=held.reason, cause=held.cause, since="", text=held.text)
        for note in notes.values()
        for unit, held in note.waiting.items()
    ]
    return found


async def corrections(store: Store) -> list[WaitingView]:
    """Corrections proposed for locked documents and lines: each a person's to decide."""
    return [
        WaitingView(id=each.unit, reason="correction", cause="", since="", text=each.text)
        for note in (await store.ledger.notes()).values()
        for each in note.corrections
    ]


async def left_out(store: Store) -> LeftOut:
    """What is on no invoice, and why. An entry that waits in two places counts once."""
    entries, documents = await waiting_by_id(store)
    never: list[str] = []
    async for batch in store.ledger.scan_units():
        never += [unit.verdict.reason for unit in batch if isinstance(unit.verdict, Out) and not unit.postings]
    return LeftOut(
        waiting=words.tally(entries.values()),
        not_billed=words.tally(never),
        invoices=words.tally(documents.values()),
        corrections=len(await corrections(store)),
    )


async def waiting_by_id(store: Store) -> tuple[dict[str, str], dict[str, str]]:
    """Reasons of entries and of invoices. What could not be written back is on its invoice all the same."""
    entries, documents = {}, {}
    for each in await waiting(store, lists=(store.collect, store.invoices)):
        if ":" in each.id:
            entries[each.id] = each.reason
        else:
            documents[each.id] = each.reason
    return entries, documents


def hours(seconds: Decimal) -> str:
    """Hours of so many seconds, at most 4 decimals."""
    return plain(half_up(seconds / HOUR, 4))


def money(amount: Decimal) -> str:
    """An amount with its cents."""
    return str(half_up(amount, 2))


def sum_of(amounts: Iterable[str]) -> str:
    """The sum of amounts as they are shown."""
    return money(sum((Decimal(amount) for amount in amounts), Decimal(0)))


def amount_text(amount: str, currency: str, amounts: str) -> str:
    """An amount as people read it: with its currency, and "net" where tax comes on top of it."""
    parts = (amount, currency, "net" if amounts == "exclusive" else "")
    return " ".join(part for part in parts if part) if amount else ""


def plain(value: Decimal | None) -> str:
    """A number without trailing zeros, never in scientific notation; "" for none."""
    return "" if value is None else f"{value.normalize():f}"


def price(rate: str) -> str:
    """A rate with its cents, and with what it has beyond them; "" for none."""
    whole, _, rest = rate.partition(".")
    return f"{whole}.{rest:0<2}" if rate else ""


def iso(milliseconds: int) -> str:
    """A moment, given in milliseconds since 1970; "" for 0."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat() if milliseconds else ""
