"""Resolving: find out what became of an intent whose outcome is not known, before anything new is computed.

While Xero still remembers the Idempotency-Key the same bytes may go out again; later the documents are looked up, by
number where they were created and by id where they were changed. Content that is not the intent's is never adopted as
if it were.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from worker.billing.canonical import canonical, digest
from worker.billing.keys import document_id, parse_url
from worker.billing.merge import matches
from worker.billing.model import Document, Found
from worker.context import Context
from worker.jobs.reading import record_merge
from worker.jobs.sending import apply, settle_written
from worker.store.governor import Refused
from worker.store.intents import Element, Intent, Settled
from worker.store.ledger import Held
from worker.store.worklist import Claimed

log = structlog.get_logger()


async def resolve(ctx: Context, epoch: str, items: Sequence[Claimed], held: Mapping[str, Held]) -> None:
    """Resolve every intent that these items' slots name; the items themselves go back to their list, or off it."""
    for id_ in sorted({held[item.id].slot for item in items}):
        mine = {item.id: item for item in items if held[item.id].slot == id_}
        intent = await ctx.store.intents.get(id_)
        if intent is None:  # settled meanwhile by whoever sent it
            await ctx.store.invoices.hand_back(list(mine.values()))
            continue
        await _resolve(ctx, epoch, intent, mine)


async def _resolve(ctx: Context, epoch: str, intent: Intent, items: Mapping[str, Claimed]) -> None:
    keys = [element.key for element in await _unsettled(ctx, intent)]
    admitted = await ctx.xero.admit("write")
    if isinstance(admitted, Refused):
        await ctx.store.invoices.hand_back(list(items.values()))
        await ctx.store.invoices.hold_until(admitted.wait)
        return
    whole = len(keys) == len(intent.elements)
    if whole and await ctx.store.intents.send_again(intent.id, keys, ctx.limits.repeats, ctx.limits.repeat_window):
        log.info("sending_same_bytes_again", intent=intent.id, documents=len(keys))
        again = await ctx.store.intents.get(intent.id)
        answer = await ctx.xero.send(intent.method, intent.kind, intent.body.encode(), intent.id, permit=admitted)
        await apply(ctx, epoch, again or intent, answer, items)
        return
    await ctx.xero.unused(admitted)
    await _look_up(ctx, epoch, intent, items)


async def _unsettled(ctx: Context, intent: Intent) -> list[Element]:
    held = await ctx.store.ledger.invoices(element.key for element in intent.elements)
    return [element for element in intent.elements if held[element.key].slot == intent.id]


async def _look_up(ctx: Context, epoch: str, intent: Intent, items: Mapping[str, Claimed]) -> None:
    """What does Xero hold of this intent's documents? Each is settled by what is found."""
    elements = await _unsettled(ctx, intent)
    log.info("looking_up_documents", intent=intent.id, documents=len(elements))
    found = await _find(ctx, intent, elements)
    held = await ctx.store.ledger.invoices(element.key for element in elements)
    arrived, free, mixed = [], [], []
    for element in elements:
        there = found.get(element.key)
        if there is None or not _ours(element, there):
            free.append(element)
            if there is not None:
                await _burn(ctx, element, there)
        elif matches(element.document, there) or (element.operation == "delete" and there.status == "DELETED"):
            arrived.append((element, there))
        elif element.operation != "create" and _is_older_body(held[element.key], element, there):
            free.append(element)
        else:
            mixed.append((element, there))
    await settle_written(ctx, epoch, intent, arrived, items)
    await _free(ctx, epoch, intent, free)
    for element, there in mixed:
        await _edited(ctx, epoch, intent, element, there)
    await ctx.store.invoices.hand_back([item for item in items.values() if item.id in {e.key for e in free}])
    await ctx.store.bell.ring("invoices")


async def _find(ctx: Context, intent: Intent, elements: Sequence[Element]) -> dict[str, Found]:
    """The documents as Xero has them now, in any status, by invoice key."""
    creates = [element for element in elements if element.operation == "create"]
    updates = [element for element in elements if element.operation != "create"]
    found: dict[str, Found] = {}
    if updates:
        ids = {element.document.xero_id: element.key for element in updates}
        answer = await ctx.xero.invoices(ids=list(ids), kind=intent.kind, patience=ctx.limits.step)
        for document in answer.items:
            found[ids[document.id]] = document
    if creates:
        numbers = {element.document.number: element.key for element in creates}
        answer = await ctx.xero.invoices(numbers=list(numbers), kind=intent.kind, patience=ctx.limits.step)
        for document in answer.items:
            if document.number in numbers:
                found[numbers[document.number]] = document
        missing = {document_id(e.key, e.document.sequence): e.key for e in creates if e.key not in found}
        if missing:
            found |= await _find_by_url(ctx, intent, missing)
    return found


async def _find_by_url(ctx: Context, intent: Intent, missing: Mapping[str, str]) -> dict[str, Found]:
    """A create that took another number than was asked for is known by its Url."""
    since = datetime.now(UTC) - timedelta(seconds=intent.age + ctx.limits.overlap)
    found, page = {}, 1
    while True:
        answer = await ctx.xero.invoices(
            page=page, modified_since=since, created_by_my_app=True, kind=intent.kind, patience=ctx.limits.step
        )
        for document in answer.items:
            identity = parse_url(document.url)
            name = document_id(*identity) if identity else ""
            if name in missing:
                found[missing[name]] = document
        if page >= answer.page_count:
            return found
        page += 1


def _ours(element: Element, found: Found) -> bool:
    """Url, or number with contact and currency, or the id we were given."""
    if element.operation != "create":
        return found.id == element.document.xero_id
    identity = parse_url(found.url)
    if identity:
        return identity == (element.key, element.document.sequence)
    same = (found.number, found.contact, found.currency)
    return same == (element.document.number, element.document.contact, element.document.currency)


def _is_older_body(held: Held, element: Element, found: Found) -> bool:
    """Xero still holds what it held before this update: it never arrived."""
    before = _document(held, element)
    if before is None:
        return False
    now = canonical(found)
    return now == before.body or digest(now) in before.digests


def _document(held: Held, element: Element) -> Document | None:
    documents = held.invoice.documents if held.invoice else ()
    return next((d for d in documents if d.sequence == element.document.sequence), None)


async def _burn(ctx: Context, element: Element, there: Found) -> None:
    log.warning("number_is_somebody_elses", number=there.number, key=element.key)
    await ctx.store.ledger.burn(element.key, element.document.sequence)
    await ctx.store.audit.write(
        ctx.who, "number burned", there.number, {"key": element.key, "why": "the number is on a document of others"}
    )


async def _free(ctx: Context, epoch: str, intent: Intent, elements: Sequence[Element]) -> None:
    """Nothing of these was written: free their slots; what they should hold is computed afresh."""
    outcomes = [
        Settled(
            key=element.key,
            generation=element.generation,
            free=[unit for unit, _ in element.placed] + list(element.departed),
            finished=False,
        )
        for element in elements
    ]
    if outcomes:
        await ctx.store.intents.settle(epoch, intent, outcomes)


async def _edited(ctx: Context, epoch: str, intent: Intent, element: Element, found: Found) -> None:
    """Ours, and neither the intent's content nor the one before: a person edited it after (or before) it arrived.

    The base of the merge is whichever content of ours has more lines in common with what is found.
    """
    held = (await ctx.store.ledger.invoices([element.key]))[element.key]
    before = _document(held, element)
    base = element.document
    if before is not None and _common(before, found) > _common(element.document, found):
        base = before
    if base is element.document:
        await settle_written(ctx, epoch, intent, [(element, found)], {})
    else:
        await _free(ctx, epoch, intent, [element])
    held = (await ctx.store.ledger.invoices([element.key]))[element.key]
    if not await record_merge(ctx, epoch, held, base, found):
        log.info("merge_postponed", key=element.key)
    await ctx.store.ledger.flag([element.key], "a person's edit met an unresolved write")
    await ctx.store.invoices.add([element.key])


def _common(document: Document, found: Found) -> int:
    mine = {(line.id, line.quantity, line.unit_amount, line.description) for line in document.lines}
    return sum(1 for line in found.lines if (line.id, line.quantity, line.unit_amount, line.description) in mine)
