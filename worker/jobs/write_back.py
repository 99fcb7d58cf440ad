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
    """Work on the list until nothing is due or the step is over. Raises the Salesforce client's errors."""
    loaded, epoch = await ctx.loaded(), await ctx.store.epoch.current()
    if loaded is None or not epoch or not loaded.live:
        return WriteBackReport()
    written = failed = 0
    until = time.monotonic() + ctx.limits.step
    while time.monotonic() < until:
        claimed = await ctx.store.write_back.claim(epoch, 200, ctx.limits.lease)
        if not claimed:
            break
        ok, bad = await _batch(ctx, loaded, epoch, claimed)
        written, failed = written + ok, failed + bad
    else:
        await ctx.store.bell.ring("write_back")
    return WriteBackReport(written, failed)


async def _batch(ctx: Context, loaded: Loaded, epoch: str, claimed: list[Claimed]) -> tuple[int, int]:
    units = await ctx.store.ledger.units(item.id for item in claimed)
    documents = await _documents(ctx, units)
    fields = loaded.setup.source.write_back.fields
    changes = {id_: _change(unit, documents, fields) for id_, unit in units.items()}
    todo = [item for item in claimed if changes.get(item.id)]
    settled = [item for item in claimed if not changes.get(item.id)]
    if settled:
        await ctx.store.write_back.done(epoch, settled)
    if not todo:
        return 0, 0
    records = [
        {"Id": units[item.id].entry.record}  # type: ignore[union-attr]  # a change exists only where an entry does
        | {fields[name]: text or None for name, text in changes[item.id].items()}
        for item in todo
    ]
    try:
        results = await ctx.salesforce.update(loaded.setup.source.sobject, records)
    except Exception:
        for item in todo:
            await ctx.store.write_back.retry(epoch, item, delay(item.attempts, ctx.limits), "Salesforce did not answer")
        raise
    failed = 0
    for item, result in zip(todo, results, strict=True):
        if result.success:
            await _told(ctx, epoch, item, units[item.id], changes[item.id])
        else:
            failed += 1
            log.warning("write_back_refused", entry=item.id, error=result.problem)
            await ctx.store.write_back.retry(epoch, item, delay(item.attempts, ctx.limits), result.problem)
    return len(todo) - failed, failed


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


def _change(unit: Unit, documents: Mapping[str, Document], fields: Mapping[str, str]) -> dict[str, str]:
    """What the entry's write-back fields should say and do not."""
    if unit.entry is None or unit.entry.deleted or unit.entry.unreadable:
        return {}
    wanted = wanted_values(unit, documents)
    return {name: wanted[name] for name in fields if wanted[name] != unit.entry.written.get(name, "")}


def wanted_values(unit: Unit, documents: Mapping[str, Document]) -> dict[str, str]:
    """What should stand in each write-back field; "" empties it."""
    live = [posting for posting in unit.postings if posting.state != "suspended"]
    document = documents.get(live[-1].document) if live else None
    return {
        "invoice_id": document.xero_id if document else "",
        "invoice_number": document.number if document else "",
        "invoice_status": document.status if document else "",
        "billed": manifest(unit.postings) if unit.postings else "",
        "problem": unit.verdict.text[:255] if isinstance(unit.verdict, Waiting) else "",
    }
