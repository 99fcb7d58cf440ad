"""write_back: tell each entry in Salesforce what became of it, and leave there the manifest a rebuild is proven by.

A failing write-back never holds back billing: it is tried again with back-off, and shown.
"""

import time
from collections.abc import Mapping

import msgspec
import structlog

from worker.billing.model import Document, Waiting
from worker.billing.postings import manifest
from worker.context import Context, Loaded
from worker.jobs.backoff import delay
from worker.store.ledger import Unit
from worker.store.worklist import Claimed

log = structlog.get_logger()


class WriteBackReport(msgspec.Struct, frozen=True):
    """How many entries were told, and how many refused it."""

    written: int = 0
    failed: int = 0


async def write_back(ctx: Context) -> WriteBackReport:
    """Work on the list until nothing is due or the step is over.

    Raises the Salesforce client's errors; what was claimed is tried again later.
    """
    written = failed = 0
    until = time.monotonic() + ctx.limits.step
    while time.monotonic() < until:
        loaded, epoch = await ctx.loaded(), await ctx.store.epoch.current()
        if loaded is None or not epoch or not loaded.live:
            break
        await ctx.org()
        claimed = await ctx.store.write_back.claim(epoch, 200, ctx.limits.lease)
        if not claimed:
            break
        try:
            ok, bad = await _batch(ctx, loaded, epoch, claimed)
        except Exception:
            await ctx.store.write_back.hand_back(claimed)
            raise
        written, failed = written + ok, failed + bad
    else:
        await ctx.store.bell.ring("write_back")
    return WriteBackReport(written, failed)


async def _batch(ctx: Context, loaded: Loaded, epoch: str, claimed: list[Claimed]) -> tuple[int, int]:
    units = await ctx.store.ledger.units(item.id for item in claimed)
    documents, notes = await _documents(ctx, units), await ctx.store.ledger.notes()
    held = {unit: waiting for note in notes.values() for unit, waiting in note.waiting.items()}
    fields = loaded.setup.source.write_back.fields
    changes = {id_: _change(unit, documents, fields, held.get(id_)) for id_, unit in units.items()}
    todo = [item for item in claimed if changes.get(item.id)]
    settled = [item for item in claimed if not changes.get(item.id)]
    if settled:
        await ctx.store.write_back.done(epoch, settled)
    if not todo:
        return 0, 0
    records = [_record(units[item.id], fields, changes[item.id]) for item in todo]
    results = await ctx.salesforce.update(loaded.setup.source.sobject, records)
    failed = 0
    for item, result in zip(todo, results, strict=True):
        if result.success:
            await _told(ctx, epoch, item, units[item.id], changes[item.id])
        else:
            failed += 1
            if result.code == "ENTITY_IS_DELETED":  # nobody told us yet
                await ctx.store.inbox.add([item.id])
            log.warning("write_back_refused", entry=item.id, error=result.problem)
            await ctx.store.write_back.retry(epoch, item, delay(item.attempts, ctx.limits), result.problem)
    return len(todo) - failed, failed


def _record(unit: Unit, fields: Mapping[str, str], change: Mapping[str, str]) -> dict[str, str | None]:
    assert unit.entry is not None  # a change exists only where an entry does
    return {"Id": unit.entry.record} | {fields[name]: text or None for name, text in change.items()}


async def _told(ctx: Context, epoch: str, item: Claimed, unit: Unit, change: Mapping[str, str]) -> None:
    assert unit.entry is not None
    entry = msgspec.structs.replace(unit.entry, written=unit.entry.written | dict(change))
    await ctx.store.ledger.note_written(unit.id, unit.ticket, entry)
    await ctx.store.write_back.done(epoch, [item])


async def _documents(ctx: Context, units: Mapping[str, Unit]) -> dict[str, Document]:
    """Documents named by these units' postings, by "{key}/{sequence}"."""
    keys = {posting.document.partition("/")[0] for unit in units.values() for posting in unit.postings}
    held = await ctx.store.ledger.invoices(keys)
    return {
        f"{record.key}/{document.sequence}": document
        for record in held.values()
        if record.invoice
        for document in record.invoice.documents
    }


def _change(
    unit: Unit, documents: Mapping[str, Document], fields: Mapping[str, str], held: Waiting | None
) -> dict[str, str]:
    """What the entry's write-back fields should say and do not."""
    if unit.entry is None or unit.entry.deleted or unit.entry.unreadable:
        return {}
    wanted, had = wanted_values(unit, documents, held), unit.entry.written
    return {name: wanted[name] for name in fields if _said(wanted[name]) != _said(had.get(name, ""))}


def _said(text: str) -> list[str]:
    """What a field says, however it ends its lines: Salesforce's pages send others than they were given."""
    return [line.rstrip() for line in text.strip().splitlines()]


def wanted_values(unit: Unit, documents: Mapping[str, Document], held: Waiting | None = None) -> dict[str, str]:
    """What should stand in each write-back field; "" empties it. `held`: why its invoice goes without it."""
    live = [posting for posting in unit.postings if posting.state != "suspended"]
    document = documents.get(live[-1].document) if live else None
    waits = unit.verdict if isinstance(unit.verdict, Waiting) else held
    return {
        "invoice_id": document.xero_id if document else "",
        "invoice_number": document.number if document else "",
        "invoice_status": document.status if document else "",
        "billed": manifest(unit.postings, unit.decisions),
        "problem": waits.text[:255] if waits else "",
    }
