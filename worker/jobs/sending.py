"""Sending: an intent in its slots, then its bytes, then what Xero answered.

The governor admits before `begin`, never between `begin` and the send. Bytes leave soon after `begin` or the intent is
dropped. What an answer means is decided in one table (`apply`); whatever is not certain stays in its slot for
`resolve`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import structlog
from ulid import ULID

from worker.billing.keys import document_id, number_by_key
from worker.billing.merge import accept, difference
from worker.billing.model import Correction, Document, Found, Invoice, Posting, Waiting
from worker.billing.postings import postings_of
from worker.context import Context, Loaded
from worker.jobs.backoff import delay
from worker.store.governor import Refused
from worker.store.intents import Element, Intent, Operation, Settled
from worker.store.ledger import Held, Unit
from worker.store.worklist import Claimed, Parked
from worker.xero.answers import WriteAnswer

log = structlog.get_logger()

BEGIN_TRIES = 4
NUMBER_TAKEN = "unique"  # Xero: "Invoice # must be unique."


@dataclass(frozen=True, slots=True)
class Plan:
    """What one invoice should hold, computed from the ledger's record `held`; `document` None: it holds that now."""

    item: Claimed
    held: Held
    units: Mapping[str, Unit]
    document: Document | None = None
    create: bool = False
    delete: bool = False
    departed: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Is there something to write to Xero?"""
        return self.document is not None

    @property
    def operation(self) -> Operation:
        """What the element asks of Xero."""
        if self.create:
            return "create"
        return "delete" if self.delete else "update"


async def send(ctx: Context, loaded: Loaded, epoch: str, plans: Sequence[Plan]) -> int:
    """One write call for these plans (all creates, or none of them); gives how many documents Xero took."""
    plans = list(plans)
    admitted = await ctx.xero.admit("write")
    if isinstance(admitted, Refused):
        await ctx.store.invoices.hold_until(admitted.wait)
        await ctx.store.invoices.hand_back([p.item for p in plans])
        await ctx.store.bell.ring("invoices", admitted.wait)
        return 0
    intent: Intent | None = None
    began = time.monotonic()
    for _ in range(BEGIN_TRIES):
        numbered, numbers, series = await _number(ctx, loaded, plans)
        intent = _intent(ctx, numbered)
        began = time.monotonic()
        plans, begun = await _begin(ctx, loaded, epoch, intent, numbered, numbers, series)
        if begun:
            break
        intent = None
        if not plans:
            break
    if intent is None:
        await ctx.xero.unused(admitted)
        await ctx.store.invoices.hand_back([p.item for p in plans])
        return 0
    if time.monotonic() - began > ctx.limits.send_within:
        await ctx.xero.unused(admitted)
        await ctx.store.intents.drop(epoch, intent)
        await ctx.store.invoices.hand_back([p.item for p in plans])
        return 0
    left = ctx.limits.send_within - (time.monotonic() - began)
    answer = await ctx.xero.send(
        intent.method, intent.kind, intent.body.encode(), intent.id, permit=admitted, within=left
    )
    return await apply(ctx, epoch, intent, answer, {p.item.id: p.item for p in plans})


async def _number(ctx: Context, loaded: Loaded, plans: Sequence[Plan]) -> tuple[list[Plan], dict[str, str], int]:
    """Plans with their numbers, the numbers newly taken, and where the series stood (-1: nothing taken from it)."""
    if not any(p.create for p in plans):
        return list(plans), {}, -1
    series, out = await ctx.store.ledger.series(), []
    taken: dict[str, str] = {}
    for p in plans:
        assert p.document is not None
        key, sequence = p.document.key, p.document.sequence
        number = await ctx.store.ledger.number(key, sequence)
        if not number and loaded.rules.numbering == "key":
            number = number_by_key(loaded.rules.number_prefix, key, sequence)
        elif not number:
            number = f"{loaded.rules.number_prefix}{series + len(taken) + 1:05d}"
            taken[document_id(key, sequence)] = number
        out.append(replace(p, document=msgspec.structs.replace(p.document, number=number)))
    return out, taken, series if taken else -1


def _intent(ctx: Context, plans: Sequence[Plan]) -> Intent:
    documents = [p.document for p in plans if p.document is not None]
    body = ctx.xero.encode(documents, create=plans[0].create, moved={d for p in plans for d in _dates_moved(p)})
    return Intent(
        id=str(ULID()),
        method="PUT" if plans[0].create else "POST",
        body=body.decode(),
        elements=tuple(_element(p) for p in plans),
    )


def _dates_moved(plan: Plan) -> list[tuple[str, int]]:
    """Dates are sent with an update only where they move."""
    held = plan.held.invoice.documents if plan.held.invoice else ()
    before = [d for d in held if plan.document is not None and d.sequence == plan.document.sequence]
    if plan.create or plan.document is None or not before:
        return []
    same = (before[0].date, before[0].due_date) == (plan.document.date, plan.document.due_date)
    return [] if same else [(plan.document.key, plan.document.sequence)]


def _element(plan: Plan) -> Element:
    assert plan.document is not None
    on_it = {share.unit for line in plan.document.lines for share in line.shares}
    return Element(
        key=plan.item.id,
        operation=plan.operation,
        document=plan.document,
        version=plan.held.version,
        generation=plan.item.generation,
        placed=tuple((unit, str(plan.units[unit].ticket)) for unit in sorted(on_it) if unit in plan.units),
        departed=plan.departed,
    )


async def _begin(
    ctx: Context,
    loaded: Loaded,
    epoch: str,
    intent: Intent,
    plans: Sequence[Plan],
    numbers: Mapping[str, str],
    series: int,
) -> tuple[list[Plan], bool]:
    """Try to take the slots. Gives the plans to go on with, and whether the intent has begun."""
    answer = await ctx.store.intents.begin(
        epoch,
        intent,
        least=ctx.store.highwater.highest(),
        setup_version=loaded.version,
        numbers=numbers,
        series=series,
    )
    if isinstance(answer, int):
        await ctx.store.highwater.raise_to(answer)
        return list(plans), True
    whole = {refusal.reason for refusal in answer if not refusal.key}
    if "behind" in whole:
        await ctx.store.epoch.discard("the store was rolled back: it has begun fewer writes than were seen before")
    if whole:
        log.info("begin_refused", reasons=sorted(whole))
        return ([] if whole != {"series"} else list(plans)), False
    refused = {refusal.key for refusal in answer}
    await ctx.store.invoices.hand_back([p.item for p in plans if p.item.id in refused])
    return [p for p in plans if p.item.id not in refused], False


# ---- answers -------------------------------------------------------------------------------------------------------


async def apply(ctx: Context, epoch: str, intent: Intent, answer: WriteAnswer, items: Mapping[str, Claimed]) -> int:
    """Do what the answer asks for; gives how many documents Xero took.

    Source: Xero's own description of summarizeErrors, idempotency and limits; EXACTNESS 2 of the design has the table.
    """
    await _audit(ctx, intent, answer)
    match answer.outcome:
        case "answered":
            return await _answered(ctx, epoch, intent, answer, items)
        case "limited":
            await _not_written(ctx, epoch, intent, items, answer.problem)
            await ctx.store.invoices.hold_until(answer.retry_after or ctx.limits.minute)
        case "auth":
            await _not_written(ctx, epoch, intent, items, answer.problem)
            await ctx.store.invoices.hold_until(ctx.limits.minute)
        case "refused" | "not-sent":
            await _not_written(ctx, epoch, intent, items, answer.problem)
        case "cached-error":
            await ctx.store.intents.exhaust(intent.id)
            await _retry(ctx, epoch, items, answer.problem)
        case "unknown":
            await _retry(ctx, epoch, items, answer.problem)
    return 0


async def _not_written(ctx: Context, epoch: str, intent: Intent, items: Mapping[str, Claimed], problem: str) -> None:
    """This send wrote nothing; where an earlier send of the same bytes is unknown, the slot stays for `resolve`."""
    if intent.sends <= 1:
        await ctx.store.intents.drop(epoch, intent)
    await _retry(ctx, epoch, items, problem)


async def _retry(ctx: Context, epoch: str, items: Mapping[str, Claimed], problem: str) -> None:
    for item in items.values():
        await ctx.store.invoices.retry(epoch, item, delay(item.attempts, ctx.limits), problem)


async def _answered(ctx: Context, epoch: str, intent: Intent, answer: WriteAnswer, items: Mapping[str, Claimed]) -> int:
    pairs = list(zip(intent.elements, answer.elements, strict=False))
    good = [(e, f) for e, f in pairs if f.outcome != "ERROR"]
    bad = [(e, f) for e, f in pairs if f.outcome == "ERROR"]
    await settle_written(ctx, epoch, intent, good, items)
    for element, found in bad:
        await _element_refused(ctx, epoch, intent, element, found, items.get(element.key))
    if len(pairs) < len(intent.elements):  # Xero answered fewer than were sent: the rest is unknown
        await ctx.store.intents.exhaust(intent.id)
    return len(good)


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
    touched = {unit for element, _ in written for unit in _units_of(element)}
    units = await ctx.store.ledger.units(touched)
    stopped: dict[str, str] = {}
    outcomes = []
    for element, found in written:
        document = accept(element.document, found)
        problem = difference(element.document, found) if element.operation != "delete" else None
        if problem:
            document, stopped[element.key] = msgspec.structs.replace(document, problem=problem), problem
        record = with_document(held[element.key].invoice, document, found.contact_name)
        outcomes.append(
            Settled(
                key=element.key,
                generation=element.generation,
                invoice=record,
                postings=_postings(element, document, units),
                free=element.departed,
                finished=not problem,
            )
        )
    await ctx.store.intents.settle(epoch, intent, outcomes)
    for key, text in stopped.items():
        if key in items:
            await _park(ctx, epoch, items[key], "amounts-differ", text)


def _units_of(element: Element) -> set[str]:
    return {unit for unit, _ in element.placed} | set(element.departed)


def _postings(element: Element, document: Document, units: Mapping[str, Unit]) -> dict[str, list[Posting]]:
    """All postings of each unit the element touched, once its document holds what it says."""
    here = document_id(document.key, document.sequence)
    fresh = postings_of(document)
    changed = {}
    for id_ in _units_of(element) | {posting.unit for posting in fresh}:
        others = [p for p in (units[id_].postings if id_ in units else ()) if p.document != here]
        changed[id_] = others + [posting for posting in fresh if posting.unit == id_]
    return changed


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
    free = [unit for unit, _ in element.placed] + list(element.departed)
    await ctx.store.intents.settle(
        epoch, intent, [Settled(key=element.key, generation=element.generation, free=free, finished=False)]
    )
    log.warning("xero_refused_document", key=element.key, number=element.document.number, error=text)
    if element.operation == "create" and NUMBER_TAKEN in text:
        await ctx.store.ledger.burn(element.key, element.document.sequence)
        if item:
            await ctx.store.invoices.retry(epoch, item, 0, text)
        return
    if element.operation != "create":
        await ctx.store.ledger.flag([element.key], text)
    if item is None:
        return
    if element.operation != "create" and item.attempts <= 2:
        await ctx.store.invoices.retry(epoch, item, 0, text)  # the flag makes the next pass read it first
        return
    await _park(ctx, epoch, item, "xero-refused", f"Xero says: {text}")


async def _park(ctx: Context, epoch: str, item: Claimed, reason: str, text: str) -> None:
    since = await ctx.store.clock()
    await ctx.store.invoices.wait(epoch, item, Parked(item.id, reason, text, f"invoice:{item.id}", since))
    await ctx.store.audit.write(ctx.who, "waits", f"invoice {item.id}", {"reason": reason, "text": text})


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
