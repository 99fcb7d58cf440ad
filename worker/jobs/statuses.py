"""statuses: which of our documents did people change, approve or void in Xero since we last looked?

Only finds them: the invoice job reads each of them again and takes in what was done. It also puts locked documents on
the list that still lack their timesheet or note.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from worker.billing.keys import key_of, parse_url, sequence_of
from worker.billing.model import Document, DocumentType, Found
from worker.context import Context
from worker.jobs.copies import note_copy
from worker.jobs.filed import make_due
from worker.jobs.reading import record_merge
from worker.store.cursors import Cursor
from worker.store.ledger import Held
from worker.xero.pages import InvoicePage
from worker.xero.values import later

log = structlog.get_logger()

CURSOR = "statuses"
CREDIT_CURSOR = "statuses-credit"
Identity = tuple[str, int]  # invoice key, sequence
SAME_SPAN = "same"  # in a cursor's `until`: the next walk reads from where this one did


class StatusesReport(msgspec.Struct, frozen=True):
    """How many documents were read, how many had changed, and how many could not be read."""

    read: int = 0
    changed: int = 0
    odd: int = 0


async def statuses(ctx: Context) -> StatusesReport:
    """Page through what changed since the last walk.

    Raises the Xero client's errors; the next run goes on from the page this one came to.
    """
    epoch, loaded = await ctx.store.epoch.current(), await ctx.loaded()
    if not epoch or loaded is None:
        return StatusesReport()
    await ctx.tenant()
    done = await _walk(ctx, epoch, "ACCREC", CURSOR)
    if await ctx.store.ledger.series("ACCRECCREDIT"):
        credits = await _walk(ctx, epoch, "ACCRECCREDIT", CREDIT_CURSOR)
        done = StatusesReport(done.read + credits.read, done.changed + credits.changed, done.odd + credits.odd)
    await make_due(ctx, loaded)
    return done


async def _walk(ctx: Context, epoch: str, kind: DocumentType, name: str) -> StatusesReport:
    """The documents of one type that changed since its last walk."""
    cursor = await ctx.store.cursors.get(name)
    until, done = time.monotonic() + ctx.limits.step, StatusesReport()
    while True:
        number = int(cursor.place or 1)
        since = datetime.fromisoformat(cursor.since) - timedelta(seconds=ctx.limits.overlap) if cursor.since else None
        page = await ctx.xero.invoices(
            page=number, modified_since=since, created_by_my_app=True, kind=kind, patience=ctx.limits.step
        )
        ours = await _identified(ctx, page.items)
        changed, postponed = await _take_in(ctx, epoch, ours)
        for odd in page.odd if kind == "ACCREC" else ():  # of credit notes everybody's are listed
            log.warning("document_not_readable", id=odd.id, number=odd.number, error=odd.reason)
        again = postponed or bool(page.odd and kind == "ACCREC")
        done = StatusesReport(done.read + len(ours), done.changed + changed, done.odd + len(page.odd))
        cursor = _moved_on(cursor, page, again=again)
        await ctx.store.cursors.put(name, cursor)
        if not cursor.place:
            return done
        if time.monotonic() > until:
            await ctx.store.schedule.again("statuses")
            await ctx.store.bell.ring("statuses")
            return done


async def _identified(ctx: Context, found: Sequence[Found]) -> list[tuple[Identity, Found]]:
    """Which of these are ours: invoices by their address, which two may have, and credit notes by their number."""
    ours = [(identity, each) for each in found if each.url and (identity := parse_url(each.url)) is not None]
    credits = [each for each in found if each.type == "ACCRECCREDIT"]
    if credits:
        by_number = {number: name for name, number in (await ctx.store.ledger.numbers()).items()}
        named = [(by_number[each.number], each) for each in credits if each.number in by_number]
        ours += [((key_of(name), sequence_of(name)), each) for name, each in named]
    return ours


def _moved_on(cursor: Cursor, page: InvoicePage, *, again: bool) -> Cursor:
    """Where the walk stands after a page; what could not be taken in makes the next walk read this span again.

    So does a document that changed meanwhile, of a walk of several pages: it moved to the end, and a later page begins
    with what would have been the second document on it. It does so once: where documents change all the time, a span of
    many pages would be read for ever.
    """
    until = SAME_SPAN if again or cursor.until == SAME_SPAN else cursor.until or page.date
    slipped = cursor.slipped and not again
    if cursor.place and not cursor.again and any(later(each.updated, until) for each in page.items):
        until, slipped = SAME_SPAN, True
    if page.more:
        return Cursor(since=cursor.since, place=str(page.page + 1), until=until, again=cursor.again, slipped=slipped)
    return Cursor(since=cursor.since, again=slipped) if until == SAME_SPAN else Cursor(since=until)


async def _take_in(ctx: Context, epoch: str, ours: Sequence[tuple[Identity, Found]]) -> tuple[int, bool]:
    """Open documents that moved are for the invoice job; of locked ones the status is recorded here.

    Gives how many had changed, and whether one of them must be looked at again. A document of ours that the ledger
    lacks means that the ledger is not complete.
    """
    held = await ctx.store.ledger.invoices({key for (key, _), _ in ours})
    changed, postponed = 0, False
    for (key, sequence), there in ours:
        document = _document(held[key], sequence)
        if document is None or document.type != there.type:
            postponed |= await _unknown(ctx, epoch, held[key], there)
            continue
        if document.xero_id != there.id:
            fresh = (await ctx.store.ledger.invoices([key]))[key]
            postponed |= not await _copy(ctx, epoch, fresh, sequence, there)
            continue
        if document.updated == there.updated:
            continue
        changed += 1
        if document.status == "open":
            await ctx.store.ledger.flag([key], "changed in Xero")
            await ctx.store.invoices.add([key])
            await ctx.store.bell.ring("invoices")
        else:
            fresh = (await ctx.store.ledger.invoices([key]))[key]  # what was added to it meanwhile is not forgotten
            base = _document(fresh, sequence) or document
            postponed |= base.status == "open" or not await record_merge(ctx, epoch, fresh, base, there)
    return changed, postponed


async def _copy(ctx: Context, epoch: str, held: Held, sequence: int, there: Found) -> bool:
    """Whether it is noted. An invoice of others may have one of our credit notes' numbers: that is no copy."""
    document = _document(held, sequence)
    if there.type == "ACCRECCREDIT" or document is None or document.xero_id == there.id:
        return there.type == "ACCRECCREDIT"
    return await note_copy(ctx, epoch, held, document, there)


async def _unknown(ctx: Context, epoch: str, held: Held, there: Found) -> bool:
    """A document of ours was made by somebody this ledger does not know of, unless it is being created this moment.

    Then it is looked at again (True): a person may have edited it before Xero's answer to us is taken in.
    """
    if there.type == "ACCRECCREDIT":  # an invoice of others may have one of our credit notes' numbers
        return False
    if held.slot:
        return True
    why = f"Xero holds {there.number}, which is ours by its address and which the ledger does not know"
    log.error("document_not_in_ledger", number=there.number)
    await ctx.store.audit.write(ctx.who, "stopped", "ledger", {"why": why})
    await ctx.store.epoch.discard(epoch, why)
    return False


def _document(held: Held, sequence: int) -> Document | None:
    documents = held.invoice.documents if held.invoice else ()
    return next((document for document in documents if document.sequence == sequence), None)
