"""statuses: which of our documents did people change, approve or void in Xero since we last looked?

Only finds them: the invoice job reads each of them again and takes in what was done.
"""

import time
from datetime import datetime, timedelta

import msgspec

from worker.billing.keys import parse_url
from worker.billing.model import Document, Found
from worker.context import Context
from worker.jobs.reading import record_merge
from worker.store.cursors import Cursor
from worker.store.ledger import Held

CURSOR = "statuses"


class StatusesReport(msgspec.Struct, frozen=True):
    """How many documents were read, and how many had changed."""

    read: int = 0
    changed: int = 0


async def statuses(ctx: Context) -> StatusesReport:
    """Page through what changed since the last walk.

    Raises the Xero client's errors; the next run goes on from the page this one came to.
    """
    epoch = await ctx.store.epoch.current()
    loaded = await ctx.loaded()
    if not epoch or loaded is None:
        return StatusesReport()
    cursor = await ctx.store.cursors.get(CURSOR)
    until, read, changed = time.monotonic() + ctx.limits.step, 0, 0
    while True:
        number = int(cursor.place or 1)
        since = datetime.fromisoformat(cursor.since) - timedelta(seconds=ctx.limits.overlap) if cursor.since else None
        page = await ctx.xero.invoices(
            page=number, modified_since=since, created_by_my_app=True, patience=ctx.limits.step
        )
        read, changed = read + len(page.items), changed + await _take_in(ctx, epoch, page.items)
        if page.page >= page.page_count:
            await ctx.store.cursors.put(CURSOR, Cursor(since=cursor.until or page.date))
            return StatusesReport(read, changed)
        cursor = Cursor(since=cursor.since, place=str(number + 1), until=cursor.until or page.date)
        await ctx.store.cursors.put(CURSOR, cursor)
        if time.monotonic() > until:
            await ctx.store.bell.ring("statuses")
            return StatusesReport(read, changed)


async def _take_in(ctx: Context, epoch: str, found: tuple[Found, ...]) -> int:
    """Open documents that moved are for the invoice job; of locked ones the status is recorded here."""
    ours = {identity: d for d in found if (identity := parse_url(d.url)) is not None}
    held = await ctx.store.ledger.invoices({key for key, _ in ours})
    changed = 0
    for (key, sequence), there in ours.items():
        document = _document(held[key], sequence)
        if document is None or document.updated == there.updated:
            continue
        changed += 1
        if document.status == "open":
            await ctx.store.ledger.flag([key], "changed in Xero")
            await ctx.store.invoices.add([key])
            await ctx.store.bell.ring("invoices")
        else:
            fresh = (await ctx.store.ledger.invoices([key]))[key]
            await record_merge(ctx, epoch, fresh, document, there)
    return changed


def _document(held: Held, sequence: int) -> Document | None:
    documents = held.invoice.documents if held.invoice else ()
    return next((document for document in documents if document.sequence == sequence), None)
