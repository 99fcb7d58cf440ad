"""filing: once a document is locked, its timesheet (CSV and HTML) is put on it, and one note into its history.

Each is an intent in the invoice's slot like every other write, and is done once: the document's record says so. Without
the scope for attachments they are left out, which is said once, and holds nothing back.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import structlog
from ulid import ULID

from worker.billing.keys import document_id
from worker.billing.model import Document, Entry
from worker.billing.money import ZERO, quantity
from worker.billing.timesheet import as_csv, as_html, prints_descriptions
from worker.context import Context, Loaded
from worker.jobs.answering import PROBLEM, retry, stopped, with_document
from worker.jobs.filed import FILES, NOTE, file_name, is_ours, look_up, missing, say_once, uncertain, unfiled
from worker.jobs.sending import Plan
from worker.store.governor import Admitted, Refused
from worker.store.intents import Element, Intent, Settled
from worker.store.ledger import Held
from worker.store.worklist import Claimed
from worker.xero.answers import WriteAnswer
from worker.xero.errors import MissingScope

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Work:
    """What filing works with."""

    ctx: Context
    loaded: Loaded
    epoch: str


async def file(ctx: Context, loaded: Loaded, epoch: str, plan: Plan, *, attach: bool) -> None:
    """Add what is missing to the locked documents of one invoice, one call each; then its item is done, or goes back
    where a draft is still to be written.

    Raises `ServiceError` where Xero cannot be spoken to at all; the item is back on the list then.
    """
    work, item = Work(ctx, loaded, epoch), plan.item
    for document in unfiled(plan.held.invoice, attach=attach):
        names = missing(document, attach=attach)
        if uncertain(document, names):
            if not await look_up(ctx, epoch, plan.held, document, names):
                await retry(ctx, epoch, {item.id: item}, f"What is on {document.number} cannot be looked up now.")
            else:  # what is left of it is seen in the next pass
                await ctx.store.invoices.hand_back([item])
            return
        for name in names:
            held = (await ctx.store.ledger.invoices([item.id]))[item.id]
            if not await _add(work, item, held, document.sequence, name):
                return
    if plan.changed:
        await ctx.store.invoices.hand_back([item])
    else:
        await ctx.store.invoices.done(epoch, [item])


async def _add(work: Work, item: Claimed, held: Held, sequence: int, name: str) -> bool:
    """Add one thing. False: not now, and the item is taken care of."""
    ctx = work.ctx
    documents = held.invoice.documents if held.invoice else ()
    document = next((each for each in documents if each.sequence == sequence), None)
    if document is None or held.slot:
        await ctx.store.invoices.hand_back([item])
        return False
    admitted = await ctx.xero.admit("write")
    if isinstance(admitted, Refused):
        await ctx.store.invoices.hold_until(admitted.wait, admitted.why)
        await ctx.store.invoices.hand_back([item])
        return False
    intent = await _intent(work, item, held, document, name)
    began = time.monotonic()
    begun = await ctx.store.intents.begin(
        work.epoch,
        intent,
        least=ctx.store.highwater.highest(),
        setup_version=work.loaded.version,
        numbers={},
        series=-1,
    )
    if not isinstance(begun, int):
        await ctx.xero.unused(admitted)
        await ctx.store.invoices.hand_back([item])
        return False
    await ctx.store.highwater.raise_to(begun)
    answer = await _send(ctx, intent, admitted, ctx.limits.send_within - (time.monotonic() - began))
    return await _apply(ctx, work.epoch, intent, answer, item)


async def _intent(work: Work, item: Claimed, held: Held, document: Document, name: str) -> Intent:
    units = await work.ctx.store.ledger.units({share.unit for line in document.lines for share in line.shares})
    entries = {id_: unit.entry for id_, unit in units.items() if unit.entry is not None}
    done = msgspec.structs.replace(document, filed=(*document.filed, name))
    element = Element(
        key=document.key, operation="file", document=done, version=held.version, generation=item.generation
    )
    body = _content(work, document, entries, name)
    return Intent(id=str(ULID()), method="PUT", kind=document.type, body=body, elements=(element,), file=name)


def _content(work: Work, document: Document, entries: Mapping[str, Entry], name: str) -> str:
    descriptions = prints_descriptions(work.loaded.rules)
    if name == "csv":
        return as_csv(document, entries, descriptions=descriptions)
    if name == "html":
        return as_html(document, entries, descriptions=descriptions)
    return note_text(document, work.ctx.settings.hourstream_console_url)


def note_text(document: Document, console: str) -> str:
    """The note in the history: what of Salesforce is on the document, and where to look."""
    shares = [share for line in document.lines if not line.surcharge for share in line.shares]
    hours = quantity(sum((share.seconds for share in shares), Decimal(0)))
    amount = sum((line.amount for line in document.lines if line.shares), ZERO)
    entries = len({share.unit for share in shares})
    return (
        f"Hourstream: {hours.normalize():f} h of {entries} time entries in Salesforce, {amount} {document.currency}. "
        f"{console}/i/{document.key}/{document.sequence}"
    )


async def _send(ctx: Context, intent: Intent, permit: Admitted, within: float) -> WriteAnswer:
    document = intent.elements[0].document
    if intent.file == NOTE:
        return await ctx.xero.note(
            document.xero_id, document.type, intent.body, intent.id, permit=permit, within=within
        )
    return await ctx.xero.attach(
        document.xero_id,
        document.type,
        file_name(document, intent.file),
        FILES[intent.file],
        intent.body.encode(),
        intent.id,
        permit=permit,
        within=within,
    )


async def _apply(ctx: Context, epoch: str, intent: Intent, answer: WriteAnswer, item: Claimed) -> bool:
    """What came of it. What Xero refuses for good is not tried again: a timesheet holds back no billing."""
    [element] = intent.elements
    detail = {
        "document": document_id(element.key, element.document.sequence),
        "outcome": answer.outcome,
        "problem": answer.problem,
    }
    await ctx.store.audit.write(ctx.who, f"xero {intent.file}", f"intent {intent.id}", detail)
    match answer.outcome:
        case "answered":
            await _settle(ctx, epoch, intent)
            return True
        case "refused" if intent.sends <= 1:
            log.warning("not_filed", document=element.document.number, what=intent.file, error=answer.problem)
            await _settle(ctx, epoch, intent)
            return True
        case "auth" if answer.missing_scope and intent.sends <= 1:
            await say_once(ctx)
            await _settle(ctx, epoch, intent)
            return True
        case "limited" | "auth" | "not-sent" if intent.sends <= 1:
            await ctx.store.intents.drop(epoch, intent)
    if answer.outcome == "limited":
        await ctx.store.invoices.hold_until(answer.retry_after or 0)
        await ctx.store.invoices.hand_back([item])
    elif answer.outcome in ("auth", "not-sent"):
        await ctx.store.invoices.hand_back([item])
        raise stopped(answer)
    else:
        if answer.outcome != "unknown":
            await ctx.store.intents.exhaust(intent.id)
        await ctx.store.heartbeats.beat("problem", PROBLEM, {"text": answer.problem})
        await retry(ctx, epoch, {item.id: item}, answer.problem)
    return False


async def _settle(ctx: Context, epoch: str, intent: Intent) -> None:
    """It is there (or never will be): the document's record says so."""
    [element] = intent.elements
    held = (await ctx.store.ledger.invoices([element.key]))[element.key]
    record = with_document(held.invoice, element.document)
    done = Settled(key=element.key, generation=element.generation, invoice=record, finished=False)
    await ctx.store.intents.settle(epoch, intent, [done])


# ---- outcomes that are not known -----------------------------------------------------------------------------------


async def resolve_filing(ctx: Context, epoch: str, intent: Intent, items: Mapping[str, Claimed]) -> None:
    """Find out what became of an attachment or a note: sent again while Xero keeps its key, then looked up."""
    [element] = intent.elements
    item = items[element.key]
    admitted = await ctx.xero.admit("write")
    if isinstance(admitted, Refused):
        await ctx.store.invoices.hand_back([item])
        await ctx.store.invoices.hold_until(admitted.wait, admitted.why)
        return
    began = time.monotonic()
    limits = ctx.limits
    if await ctx.store.intents.send_again(epoch, intent.id, [element.key], limits.repeats, limits.repeat_window):
        again = await ctx.store.intents.get(intent.id) or intent
        answer = await _send(ctx, intent, admitted, limits.send_within - (time.monotonic() - began))
        if await _apply(ctx, epoch, again, answer, item):
            await ctx.store.invoices.hand_back([item])
        return
    await ctx.xero.unused(admitted)
    if await _is_there(ctx, intent):
        await _settle(ctx, epoch, intent)
    else:
        await ctx.store.intents.drop(epoch, intent)
    await ctx.store.heartbeats.end("problem", PROBLEM)
    await ctx.store.invoices.hand_back([item])
    await ctx.store.bell.ring("invoices")


async def _is_there(ctx: Context, intent: Intent) -> bool:
    document = intent.elements[0].document
    if intent.file == NOTE:
        notes = await ctx.xero.history(document.xero_id, document.type, patience=ctx.limits.step)
        return any(is_ours(note, document) for note in notes)
    try:
        files = await ctx.xero.attachments(document.xero_id, document.type, patience=ctx.limits.step)
    except MissingScope:  # then nobody can tell, and nothing more can be attached either
        return True
    return any(each.name == file_name(document, intent.file) for each in files)
