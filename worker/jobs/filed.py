"""filed: what is still to be put on locked documents, and what of ours is there already by Xero's own lists.

After a rebuild the ledger does not know what was added to a document: each thing is then marked as not known, and is
looked up before it is added. Which documents come next is decided here too: a consent that is widened later, or a
rebuild, leaves no timesheet out.
"""

from collections.abc import Sequence

import msgspec
import structlog

from worker.billing import words
from worker.billing.keys import document_id
from worker.billing.model import Document, Invoice
from worker.context import Context, Loaded
from worker.jobs.answering import with_document
from worker.store.cursors import Cursor
from worker.store.ledger import Held
from worker.xero.errors import XeroError
from worker.xero.filing import WITHOUT_SCOPE, HistoryNote

log = structlog.get_logger()

FILES = {"csv": "text/csv", "html": "text/html"}
NOTE = "note"
UNKNOWN = tuple(f"{name}?" for name in (*FILES, NOTE))  # of a document that was found in Xero: to be looked up first
BACKLOG = 10  # invoices made due at a time: at up to five calls a document, well within a day's calls
SAID = "no-scope"  # the cursor that remembers that the missing scope was said


def unfiled(invoice: Invoice | None, *, attach: bool) -> list[Document]:
    """The locked documents that something is still to be added to."""
    return [each for each in (invoice.documents if invoice else ()) if missing(each, attach=attach)]


def missing(document: Document, *, attach: bool) -> list[str]:
    """What is still to be added to a document; nothing before it is locked, or where no time of ours is on it."""
    ours = any(line.shares for line in document.lines)
    if document.status not in words.LOCKED or not document.xero_id or not ours:
        return []
    wanted = [*(FILES if attach else ()), NOTE]
    return [name for name in wanted if name not in document.filed]


def file_name(document: Document, ending: str) -> str:
    """The name of the timesheet that has this ending."""
    number = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in document.number)
    return f"timesheet-{number or document.key}.{ending}"


def is_ours(note: HistoryNote, document: Document) -> bool:
    """Whether a line of the history is the note that we add, whatever the console's address was then."""
    return note.text.startswith("Hourstream: ") and note.text.endswith(f"/i/{document.key}/{document.sequence}")


async def attaches(ctx: Context, loaded: Loaded) -> bool:
    """Whether timesheets are attached: the setup asks for it and the consent covers it (else that is said once)."""
    if not loaded.rules.attach_timesheet:
        return False
    if await ctx.xero.can_attach():
        await ctx.store.cursors.put(SAID, Cursor())
        return True
    await say_once(ctx)
    return False


async def say_once(ctx: Context) -> None:
    """Say that the consent lacks the scope, until it has it."""
    if (await ctx.store.cursors.get(SAID)).since:
        return
    log.warning("timesheets_not_attached", text=WITHOUT_SCOPE)
    await ctx.store.cursors.put(SAID, Cursor(since=await ctx.store.clock()))
    await ctx.store.audit.write(ctx.who, "filing.no-scope", "attachments", {"why": WITHOUT_SCOPE})


async def make_due(ctx: Context, loaded: Loaded) -> int:
    """Put a few of the invoices with something left to add on the list, the latest first; gives how many.

    Raises the Xero client's errors.
    """
    records = await ctx.store.ledger.invoices(await ctx.store.ledger.all_keys())
    left = [held for held in records.values() if unfiled(held.invoice, attach=loaded.rules.attach_timesheet)]
    attach = bool(left) and await attaches(ctx, loaded)
    left = [held for held in left if unfiled(held.invoice, attach=attach)]
    due = [held.key for held in sorted(left, key=_changed, reverse=True)[:BACKLOG]]
    if due:
        await ctx.store.invoices.add(due)
        await ctx.store.bell.ring("invoices")
    return len(due)


def _changed(held: Held) -> str:
    return max((each.updated for each in held.invoice.documents), default="") if held.invoice else ""


def uncertain(document: Document, names: Sequence[str]) -> bool:
    """Whether one of these must be looked up before it is added."""
    return any(f"{name}?" in document.filed for name in names)


async def look_up(ctx: Context, epoch: str, held: Held, document: Document, names: Sequence[str]) -> bool:
    """Read Xero's own lists, and store what of ours is there already. False: not now, or the record moved meanwhile."""
    try:
        there = await _there(ctx, document, [name for name in names if f"{name}?" in document.filed])
    except XeroError as error:
        log.warning("not_looked_up", document=document.number, error=str(error))
        return False
    kept = [name for name in document.filed if name.removesuffix("?") not in there]
    fresh = msgspec.structs.replace(document, filed=(*kept, *(name for name, found in there.items() if found)))
    here = document_id(document.key, document.sequence)
    return await ctx.store.ledger.merge(epoch, held, with_document(held.invoice, fresh), here, {})


async def _there(ctx: Context, document: Document, names: Sequence[str]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    kind, patience = document.type, ctx.limits.step
    if NOTE in names:
        notes = await ctx.xero.history(document.xero_id, kind, patience=patience)
        found[NOTE] = any(is_ours(note, document) for note in notes)
    if endings := [name for name in names if name in FILES]:
        files = await ctx.xero.attachments(document.xero_id, kind, patience=patience)
        ours = {file.name.rpartition(".")[2] for file in files if file.name.startswith("timesheet-")}
        found |= {name: name in ours for name in endings}
    return found
