"""One document of ours, as the client sees it, and under each of its lines the entries it is made of."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from console import readmodel
from console.readmodel import InvoiceView
from console.web import lives
from console.web.lives import Moment
from console.web.site import Site
from worker.billing.keys import document_id
from worker.billing.model import Correction, Document, Line, Share, Waiting
from worker.store.audit import KEPT_IN_REDIS
from worker.store.ledger import Held, Note, Unit
from worker.store.store import Store


class ShareRow(Struct, frozen=True, kw_only=True):
    """An entry's part of a line."""

    unit: str
    worked_on: str
    person: str
    project: str
    description: str
    hours: str
    rate: str
    rate_source: str
    amount: str


class LineBlock(Struct, frozen=True, kw_only=True):
    """A line with its entries; `marks` say what a person did to it in Xero."""

    description: str
    quantity: str
    unit_amount: str
    amount: str
    account: str
    tax_type: str
    shares: tuple[ShareRow, ...]
    marks: tuple[str, ...]


class InvoicePage(Struct, frozen=True, kw_only=True):
    """The page of one document."""

    view: InvoiceView
    document: Document
    total_tax: str
    total: str
    lines: tuple[LineBlock, ...]
    removed: tuple[LineBlock, ...]
    corrections: tuple[Correction, ...]
    waiting: tuple[tuple[str, Waiting], ...]
    others: tuple[InvoiceView, ...]
    in_xero: str
    life: tuple[Moment, ...]
    note: tuple[str, ...]  # what else is to be known of its draft


async def read_invoice(store: Store, site: Site, key: str, sequence: int) -> InvoicePage | None:
    """The document `sequence` of the invoice `key`; None when there is none."""
    held = (await store.ledger.invoices([key]))[key]
    views = readmodel.documents_of(held)
    found = next((index for index, view in enumerate(views) if view.sequence == sequence), None)
    if found is None or held.invoice is None:
        return None
    document = held.invoice.documents[found]
    units = await store.ledger.units(_units_of(document))
    life = tuple(lives.life(await store.audit.latest(KEPT_IN_REDIS), document_id(key, sequence)))
    return _page(held, views, found, document, units, (await store.ledger.notes()).get(key, Note()), site, life)


def _page(
    held: Held,
    views: Sequence[InvoiceView],
    index: int,
    document: Document,
    units: Mapping[str, Unit],
    note: Note,
    site: Site,
    life: tuple[Moment, ...],
) -> InvoicePage:
    view, name = views[index], document_id(document.key, document.sequence)
    last = index == len(views) - 1
    return InvoicePage(
        view=view,
        document=document,
        total_tax="" if document.total_tax is None else readmodel.money(document.total_tax),
        total="" if document.total is None else readmodel.money(document.total),
        lines=_blocks(document.lines, units),
        removed=_blocks(document.removed, units),
        corrections=tuple(each for each in note.corrections if each.document == name),
        waiting=tuple(sorted(note.waiting.items())) if last else (),
        others=tuple(each for each in views if each is not view),
        in_xero=site.in_xero(view.kind, document.xero_id),
        life=life,
        note=note.texts if last else (),
    )


def _units_of(document: Document) -> set[str]:
    return {share.unit for line in (*document.lines, *document.removed) for share in line.shares}


def _blocks(lines: Sequence[Line], units: Mapping[str, Unit]) -> tuple[LineBlock, ...]:
    return tuple(
        LineBlock(
            description=line.description,
            quantity=readmodel.plain(line.quantity),
            unit_amount=readmodel.plain(line.unit_amount),
            amount=readmodel.money(line.amount),
            account=line.account,
            tax_type=line.tax_type,
            shares=tuple(_share(share, units.get(share.unit)) for share in line.shares),
            marks=tuple(_marks(line)),
        )
        for line in lines
    )


def _share(share: Share, unit: Unit | None) -> ShareRow:
    entry = unit.entry if unit else None
    return ShareRow(
        unit=share.unit,
        worked_on=entry.worked_on.isoformat() if entry and entry.worked_on else "",
        person=(entry.person_name or entry.person) if entry else "",
        project=(entry.project_name or entry.project) if entry else "",
        description=entry.description if entry else "",
        hours=readmodel.hours(share.seconds),
        rate=readmodel.plain(share.rate),
        rate_source=share.rate_source,
        amount=readmodel.money(share.amount),
    )


def _marks(line: Line) -> list[str]:
    found = ["A person's own line in Xero: kept as it is."] if line.foreign else []
    if line.fixed:
        found.append("A person set this line in Xero: its amount stays.")
    if line.write_on > 0:
        found.append(f"Written on: {readmodel.money(line.write_on)}.")
    if line.write_on < 0:
        found.append(f"Written off: {readmodel.money(-line.write_on)}.")
    if line.kept and not line.fixed:
        found.append(f"Chosen in Xero and kept: {', '.join(line.kept).replace('_', ' ')}.")
    return found
