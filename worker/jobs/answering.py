"""Answering: what Xero's answer to a write means for the ledger and the work list, in one table (`apply`).

Source: Xero's description of summarizeErrors, idempotency and limits; EXACTNESS 2 of the design has the table.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import structlog

from worker.billing import words
from worker.billing.merge import accept, difference
from worker.billing.model import Document, Found, Invoice, Posting
from worker.billing.postings import postings_of
from worker.context import Context
from worker.errors import ServiceError
from worker.jobs.backoff import delay
from worker.store.intents import Element, Intent, Settled
from worker.store.worklist import Claimed, Parked
from worker.xero.answers import WriteAnswer, disconnected
from worker.xero.errors import MissingScope, ReconnectNeeded

log = structlog.get_logger()

GIVE_UP = 3  # attempts after which a document that Xero refuses waits for a person
PROBLEM = "writes to Xero"  # how failing writes are called among the problems
REFUSED = "xero-refused"  # why an invoice waits that Xero does not take; tried again whenever the company is read
NUMBER_TAKEN = "unique"  # Xero: "Invoice # must be unique."


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of an answer. `refused`: Xero's words when it refused the call as a whole and nothing is unknown."""

    written: int = 0
    refused: str = ""


async def apply(ctx: Context, epoch: str, intent: Intent, answer: WriteAnswer, items: Mapping[str, Claimed]) -> Applied:
    """Do what the answer asks for.

    After `refused` the slots are free and the items still leased: the caller decides. Raises `ServiceError` where Xero
    cannot be spoken to at all; the items are back on the list then.
    """
    await _audit(ctx, intent, answer)
    match answer.outcome:
        case "answered":
            await ctx.store.heartbeats.end("problem", PROBLEM)
            return Applied(await _answered(ctx, epoch, intent, answer, items))
        case "limited":
            await _not_written(ctx, epoch, intent)
            if answer.retry_after:  # without it the governor knows how long
                await ctx.store.invoices.hold_until(answer.retry_after)
            await ctx.store.invoices.hand_back(list(items.values()))
        case "auth" | "not-sent":
            await _not_written(ctx, epoch, intent)
            await ctx.store.invoices.hand_back(list(items.values()))
            raise stopped(answer)
        case "refused" if intent.sends <= 1:
            await _not_written(ctx, epoch, intent)
            return Applied(refused=answer.problem or f"HTTP status {answer.status}")
        case "refused" | "cached-error":
            await ctx.store.intents.exhaust(intent.id)
            await _unknown(ctx, epoch, items, answer.problem)
        case "unknown":
            await _unknown(ctx, epoch, items, answer.problem)
    return Applied()


def stopped(answer: WriteAnswer) -> ServiceError:
    """Why nothing can be written at all, of the kind that says whether a person is needed."""
    text = f"Nothing was written to Xero: {answer.problem or 'it refused our credentials'}."
    if answer.missing_scope:
        return MissingScope(text, "Grant the missing scope, then connect to Xero again.", status=answer.status)
    if disconnected(answer):
        return ReconnectNeeded(text, "Connect to Xero again.", status=answer.status)
    return ServiceError(text)


async def _not_written(ctx: Context, epoch: str, intent: Intent) -> None:
    """This send wrote nothing; where an earlier send of the same bytes is unknown, the slot stays for `resolve`."""
    if intent.sends <= 1:
        await ctx.store.intents.drop(epoch, intent)


async def _unknown(ctx: Context, epoch: str, items: Mapping[str, Claimed], problem: str) -> None:
    """Whether it was written is not known: the slots stay full, and whoever claims the items finds out."""
    await ctx.store.heartbeats.beat("problem", PROBLEM, {"text": problem})
    await retry(ctx, epoch, items, problem)


async def retry(ctx: Context, epoch: str, items: Mapping[str, Claimed], problem: str) -> None:
    """These are tried again, later each time."""
    for item in items.values():
        await ctx.store.invoices.retry(epoch, item, delay(item.attempts, ctx.limits), problem)


async def refused_alone(ctx: Context, epoch: str, item: Claimed, problem: str) -> None:
    """Xero refuses this invoice although nothing else was in its call: after a few tries it waits for a person."""
    if item.attempts >= GIVE_UP:
        await park(ctx, epoch, item, REFUSED, f"Xero says: {problem}")
    else:
        await retry(ctx, epoch, {item.id: item}, problem)


async def unreadable(ctx: Context, epoch: str, item: Claimed, why: str) -> None:
    """Xero holds this invoice in a form we cannot read: nothing is sent, and at last it waits for a person."""
    if item.attempts >= GIVE_UP:
        await park(ctx, epoch, item, "unreadable-in-xero", why)
    else:
        await retry(ctx, epoch, {item.id: item}, why)


async def park(ctx: Context, epoch: str, item: Claimed, reason: str, text: str) -> None:
    """This invoice waits for a person, with the reason."""
    since = await ctx.store.clock()
    await ctx.store.invoices.wait(epoch, item, Parked(item.id, reason, text, f"invoice:{item.id}", since))
    await ctx.store.audit.write(ctx.who, "waits", f"invoice {item.id}", {"reason": reason, "text": text})


# ---- element by element --------------------------------------------------------------------------------------------


async def _answered(ctx: Context, epoch: str, intent: Intent, answer: WriteAnswer, items: Mapping[str, Claimed]) -> int:
    pairs = paired(intent.elements, answer.elements)
    good = [(e, f) for e, f in pairs if f.outcome != "ERROR"]
    bad = [(e, f) for e, f in pairs if f.outcome == "ERROR"]
    await settle_written(ctx, epoch, intent, good, items)
    for element, found in bad:
        await _element_refused(ctx, epoch, intent, element, found, items.get(element.key))
    unanswered = {e.key for e in intent.elements} - {e.key for e, _ in pairs}
    if unanswered:
        await ctx.store.intents.exhaust(intent.id)
        rest = {key: item for key, item in items.items() if key in unanswered}
        await _unknown(ctx, epoch, rest, "Xero's answer does not say what became of this document")
    return len(good)


def paired(elements: Sequence[Element], answers: Sequence[Found]) -> list[tuple[Element, Found]]:
    """Each element with its answer, which is in the order sent; one that names another document is nobody's."""
    return [(element, found) for element, found in zip(elements, answers, strict=False) if _of(element, found)]


def _of(element: Element, found: Found) -> bool:
    if element.operation == "create":
        return "" in (found.number, element.document.number) or found.number == element.document.number
    return found.id in ("", element.document.xero_id)


async def settle_written(
    ctx: Context,
    epoch: str,
    intent: Intent,
    written: Sequence[tuple[Element, Found]],
    items: Mapping[str, Claimed],
) -> None:
    """Xero holds what these elements say: write it into the ledger, from the intent and the answer."""
    if not written:
        return
    held = await ctx.store.ledger.invoices(element.key for element, _ in written)
    rates = {rate.type: rate.rate for rate in (await ctx.company()).tax_rates}
    stopped: dict[str, str] = {}
    outcomes = []
    for element, found in written:
        document = accept(element.document, found)
        differs = difference(element.document, found, rates) if element.operation != "delete" else None
        document = msgspec.structs.replace(document, differs=differs or "")
        if differs:
            stopped[element.key] = differs
        record = with_document(held[element.key].invoice, document, found.contact_name)
        outcomes.append(
            Settled(
                key=element.key,
                generation=element.generation,
                invoice=record,
                postings=postings_after(element, document),
                free=element.departed,
                finished=not differs,
            )
        )
    locked = [e.key for e, found in written if words.status(found.status or "DRAFT") in words.LOCKED]
    on = {p.unit for e, _ in written if e.key in locked for p in postings_of(e.document)}
    again = await decided_about(ctx, on) | await _out_of_shape(ctx, [element for element, _ in written])
    async with collected_after(ctx, again | {u for e, _ in written if e.operation == "delete" for u in e.departed}):
        await ctx.store.intents.settle(epoch, intent, outcomes)
    await ctx.store.invoices.add(locked)  # their timesheets are still to be put on them
    for key, text in stopped.items():
        if key in items:
            await park(ctx, epoch, items[key], "amounts-differ", text)


async def _out_of_shape(ctx: Context, elements: Sequence[Element]) -> set[str]:
    """Time that was judged while its draft was on the way has the shape of a later setup: it gets the draft's own."""
    stored = await ctx.store.setup.current()
    made = [each for each in elements if each.operation == "create" and each.document.rules_version]
    older = [each for each in made if stored is not None and each.document.rules_version != stored.version]
    return {unit for element in older for unit in await ctx.store.ledger.members(element.key)}


async def decided_about(ctx: Context, concerned: Iterable[str]) -> set[str]:
    """Those that people decided about: what is next for them depends on what became of their documents."""
    known = await ctx.store.ledger.units(concerned)
    return {id_ for id_, unit in known.items() if unit.decisions}


@asynccontextmanager
async def collected_after(ctx: Context, units: Collection[str]) -> AsyncIterator[None]:
    """These units are read and judged again once the block has written what became of their documents.

    They are on the list before it, for later: whoever dies between the two must not hide it.
    """
    if units:
        await ctx.store.collect.release(units, ctx.limits.lease)
    yield
    if units:
        await ctx.store.collect.release(units)
        await ctx.store.bell.ring("collect")


def postings_after(element: Element, document: Document) -> dict[str, list[Posting]]:
    """The postings on this document of each unit the element touched, once it holds what it says."""
    fresh = postings_of(document)
    units = {unit for unit, _ in element.placed} | set(element.departed) | {posting.unit for posting in fresh}
    return {unit: [posting for posting in fresh if posting.unit == unit] for unit in units}


def with_document(invoice: Invoice | None, document: Document, contact_name: str = "") -> Invoice:
    """The invoice's record with this document in its place."""
    if invoice is None:
        invoice = Invoice(
            key=document.key, contact=document.contact, currency=document.currency, period=document.period
        )
    others = [d for d in invoice.documents if d.sequence != document.sequence]
    return msgspec.structs.replace(
        invoice,
        contact_name=contact_name or invoice.contact_name,
        documents=tuple(sorted([*others, document], key=lambda d: d.sequence)),
    )


async def _element_refused(
    ctx: Context, epoch: str, intent: Intent, element: Element, found: Found, item: Claimed | None
) -> None:
    """Xero refused this document; it is read before anything is concluded, for the element only echoes the request."""
    text = "; ".join(found.errors) or "Xero refused this document without saying why"
    log.warning("xero_refused_document", key=element.key, number=element.document.number, error=text)
    if element.operation == "create" and NUMBER_TAKEN in text:
        # Somebody else's, or our own of an earlier call that arrived late: the slot stays, and it is looked up.
        await ctx.store.intents.exhaust(intent.id)
        if item:
            await ctx.store.invoices.retry(epoch, item, 0, text)
        return
    free = [unit for unit, _ in element.placed] + list(element.departed)
    outcome = Settled(key=element.key, generation=element.generation, free=free, finished=False)
    await ctx.store.intents.settle(epoch, intent, [outcome])
    if element.operation != "create":
        await ctx.store.ledger.flag([element.key], text)
    if item is None:
        await ctx.store.invoices.add([element.key])
    elif element.operation != "create" and item.attempts < GIVE_UP:
        await ctx.store.invoices.retry(epoch, item, 0, text)  # the flag makes the next pass read it first
    else:
        await park(ctx, epoch, item, REFUSED, f"Xero says: {text}")


async def _audit(ctx: Context, intent: Intent, answer: WriteAnswer) -> None:
    await ctx.store.audit.write(
        ctx.who,
        f"xero {intent.method}",
        f"intent {intent.id}",
        {
            "outcome": answer.outcome,
            "status": answer.status,
            "problem": answer.problem,
            "documents": [f"{e.operation} {e.key}/{e.document.sequence} {e.document.number}" for e in intent.elements],
        },
    )
