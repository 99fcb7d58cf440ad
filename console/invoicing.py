"""The lists behind the Invoices pages: documents by status, what waits by reason, proposed corrections."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, partial

import msgspec

from console import deciding, readmodel, words
from console.readmodel import EntryView, InvoiceView
from worker.billing.model import Document, Waiting
from worker.billing.periods import period_of
from worker.billing.rules import Rules
from worker.store.ledger import Unit
from worker.store.store import Store
from worker.xero.values import iso

TABS = ("open", "awaiting-approval", "approved", "paid", "voided", "deleted")
LISTED = 10_000  # waiting units that a list by reason is made of


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A document in a list. `missing` is time of the same client and period that waits: "4.5 h not approved"."""

    view: InvoiceView
    missing: str = ""
    edited: bool = False
    updated: str = ""


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Time that waits: the entry, why, since when."""

    entry: EntryView
    reason: str
    text: str
    since: str
    decidable: bool  # whether "bill" ends its waiting


class CorrectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed correction with both sides: what the invoice says of the entry, and what Salesforce says."""

    correction: deciding.CorrectionView
    entry: EntryView | None
    invoice_hours: str
    invoice_amount: str
    salesforce_hours: str


async def counts(store: Store) -> dict[str, int]:
    """How many there are behind each tab: documents by status, `waiting`, `corrections`; `preview`: drafts to write."""
    found = {status: await store.ledger.count_invoices(status) for status in TABS}
    sending = await store.invoices.counts()
    found["preview"] = sending.due + sending.scheduled
    found["waiting"] = await store.ledger.count_waiting()
    found["corrections"] = len(await readmodel.corrections(store))
    return found


async def documents(store: Store, status: str, start: int, count: int, rules: Rules | None) -> list[Row]:
    """A page of the documents with a status, the one that changed last first."""
    page = await store.ledger.page_invoices(start, count, status)
    clients = {held.invoice.contact for held in page if held.invoice} if status == "open" else set()
    waits = await _waiting_by_client(store, rules, clients) if rules else {}
    return [
        Row(
            view=view,
            missing=words.by_reason_hours(waits.get((view.xero_contact_id, view.period), {}))
            if status == "open"
            else "",
            edited=_edited(document),
            updated=iso(document.updated),
        )
        for held in page
        if held.invoice
        for view, document in zip(readmodel.documents_of(held), held.invoice.documents, strict=True)
        if view.status == status
    ]


def _edited(document: Document) -> bool:
    """Whether a person changed it in Xero and we keep what they did."""
    return (
        document.theirs
        or bool(document.kept or document.removed)
        or any(line.fixed or line.foreign or line.kept for line in document.lines)
    )


async def _waiting_by_client(
    store: Store, rules: Rules, contacts: Iterable[str]
) -> dict[tuple[str, str], dict[str, Decimal]]:
    """Hours that wait, by contact and period, then by reason."""
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    period = cache(partial(_period, rules=rules))  # the same days, contact after contact
    for contact, days in (await store.figures.waiting_at(contacts)).items():
        for each in days:
            where = found.setdefault((contact, period(each.day)), {})
            where[each.reason] = where.get(each.reason, Decimal(0)) + each.seconds / readmodel.HOUR
    return found


def _period(day: date, rules: Rules) -> str:
    return period_of(day, rules.period, rules.start)


# ---- what waits ----------------------------------------------------------------------------------------------------


async def waiting_page(store: Store, reason: str, start: int, count: int) -> list[WaitingRow]:
    """A page of the time that waits (for this reason), longest first; what invoices hold back comes last."""
    units = await store.ledger.waiting(start, count, reason)
    rows = await _waiting_rows(store, units, {})
    if len(rows) < count:
        before = await _count_waiting(store, reason)
        held = {id_: each for id_, each in (await _held(store)).items() if reason in ("", each.reason)}
        some = dict(list(held.items())[max(0, start - before) : max(0, start + count - before)])
        more = await store.ledger.units(some)
        rows += await _waiting_rows(store, list(more.values()), some)
    return rows


async def waiting_reasons(store: Store) -> dict[str, tuple[int, str]]:
    """How many wait for each reason, and for how many hours; the most hours first."""
    found = {each.reason: (each.count, each.seconds / readmodel.HOUR) for each in await store.figures.waiting()}
    held = await _held(store)
    units = await store.ledger.units(held)
    for id_, each in held.items():
        entry = units[id_].entry if id_ in units else None
        count, hours = found.get(each.reason, (0, Decimal(0)))
        found[each.reason] = (count + 1, hours + ((entry.seconds if entry else None) or Decimal(0)) / readmodel.HOUR)
    return _ordered(found)


async def _count_waiting(store: Store, reason: str) -> int:
    return sum(each.count for each in await store.figures.waiting() if reason in ("", each.reason))


async def _held(store: Store) -> dict[str, Waiting]:
    """What invoices hold back, by unit."""
    return {id_: each for note in (await store.ledger.notes()).values() for id_, each in note.waiting.items()}


async def _waiting_rows(store: Store, units: Sequence[Unit], held: Mapping[str, Waiting]) -> list[WaitingRow]:
    since = await store.ledger.waiting_since([unit.id for unit in units])
    views = await readmodel.entries(store, units)
    return [
        _waiting_row(unit, view, held.get(unit.id), since.get(unit.id, 0))
        for unit, view in zip(units, views, strict=True)
    ]


async def waiting(store: Store, reason: str = "", text: str = "") -> list[WaitingRow]:
    """Time that waits, longest first; of one reason, or with a text in its person, project, id or explanation."""
    units, held = await store.ledger.waiting(0, LISTED), await _held(store)
    more = await store.ledger.units(held.keys() - {unit.id for unit in units})
    rows = await _waiting_rows(store, [*units, *more.values()], held)
    wanted = text.casefold()
    return [row for row in rows if reason in ("", row.reason) and wanted in _searched(row)]


def _waiting_row(unit: Unit, view: EntryView, held: Waiting | None, since: int) -> WaitingRow:
    waits = held or (unit.verdict if isinstance(unit.verdict, Waiting) else None)
    reason = waits.reason if waits else view.reason
    return WaitingRow(
        entry=view,
        reason=reason,
        text=waits.text if waits else view.text,
        since=readmodel.iso(since),
        decidable=reason in deciding.LIFTED,
    )


def _searched(row: WaitingRow) -> str:
    return " ".join((row.entry.person, row.entry.project, row.entry.id, row.text)).casefold()


def by_reason(rows: Sequence[WaitingRow]) -> dict[str, tuple[int, str]]:
    """How many wait for each reason, and for how many hours; the most hours first."""
    found: dict[str, tuple[int, Decimal]] = {}
    for row in rows:
        count, hours = found.get(row.reason, (0, Decimal(0)))
        found[row.reason] = (count + 1, hours + Decimal(row.entry.hours or 0))
    return _ordered(found)


def _ordered(found: Mapping[str, tuple[int, Decimal]]) -> dict[str, tuple[int, str]]:
    ordered = sorted(found.items(), key=lambda each: (-each[1][1], each[0]))
    return {reason: (count, readmodel.plain(hours)) for reason, (count, hours) in ordered}


# ---- corrections ---------------------------------------------------------------------------------------------------


async def corrections(store: Store) -> list[CorrectionRow]:
    """Every correction that is proposed and not decided, oldest first."""
    found = await deciding.corrections(store)
    units = await store.ledger.units(each.id for each in found)
    views = await readmodel.entries(store, list(units.values()))
    entries: Mapping[str, EntryView] = {view.id: view for view in views}
    return [_correction_row(each, units.get(each.id), entries.get(each.id)) for each in found]


def _correction_row(correction: deciding.CorrectionView, unit: Unit | None, entry: EntryView | None) -> CorrectionRow:
    """What the invoice says: everything the unit has on it, and on what corrected it before."""
    fixed = [each for each in unit.postings if each.state == "fixed"] if unit else []
    seconds = sum((each.seconds for each in fixed), Decimal(0))
    now = unit.entry.seconds if unit and unit.entry and not unit.entry.deleted else Decimal(0)
    return CorrectionRow(
        correction=correction,
        entry=entry,
        invoice_hours=readmodel.hours(seconds),
        invoice_amount=readmodel.money(sum((each.amount for each in fixed), Decimal(0))),
        salesforce_hours=readmodel.hours(now or Decimal(0)),
    )
