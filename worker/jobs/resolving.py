"""Resolving: find out what became of an intent whose outcome is not known, before anything new is computed.

While Xero still remembers the Idempotency-Key the same bytes may go out again; later the documents are looked up, by
number where they were created and by id where they were changed. Content that is not the intent's is never adopted as
if it were.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from worker.billing import words
from worker.billing.canonical import canonical, digest, remember
from worker.billing.keys import document_id, parse_url
from worker.billing.match import same_numbers
from worker.billing.merge import accept, matches
from worker.billing.model import Document, Found
from worker.context import Context
from worker.jobs.answering import (
    PROBLEM,
    apply,
    park,
    postings_after,
    refused_alone,
    retry,
    settle_written,
    with_document,
)
from worker.jobs.credit_numbers import burn
from worker.jobs.filing import resolve_filing
from worker.jobs.reading import merges
from worker.store.governor import Refused
from worker.store.intents import Element, Intent, Settled
from worker.store.ledger import Held
from worker.store.worklist import Claimed

log = structlog.get_logger()

GIVE_UP = 8  # attempts after which a document whose writes end in errors of Xero's own waits for a person
EXHAUSTED = 1000  # sends of an intent whose outcome Xero has told: nothing of it is on the wire any more


@dataclass(frozen=True, slots=True)
class Sighting:
    """What Xero holds of an intent's documents, by invoice key. `odd`: it is there and cannot be read, and why."""

    found: dict[str, Found] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)


async def resolve(ctx: Context, epoch: str, items: Sequence[Claimed], held: Mapping[str, Held]) -> None:
    """Resolve every intent that these items' slots name; the items themselves go back to their list, or off it.

    Raises the Xero client's errors, and `ServiceError` when nothing can be sent.
    """
    for id_ in sorted({held[item.id].slot for item in items}):
        mine = {item.id: item for item in items if held[item.id].slot == id_}
        intent = await ctx.store.intents.get(id_)
        if intent is None:  # settled meanwhile by whoever sent it
            await ctx.store.invoices.hand_back(list(mine.values()))
            continue
        await _resolve(ctx, epoch, intent, mine)


async def _resolve(ctx: Context, epoch: str, intent: Intent, items: Mapping[str, Claimed]) -> None:
    if intent.file:
        await resolve_filing(ctx, epoch, intent, items)
        return
    unsettled = await _unsettled(ctx, intent)
    keys = [element.key for element in unsettled]
    if await _arrived_credit(ctx, intent, unsettled) or await _moved(ctx, intent, unsettled):
        await _look_up(ctx, epoch, intent, items)
        return
    admitted = await ctx.xero.admit("write")
    if isinstance(admitted, Refused):
        await ctx.store.invoices.hand_back(list(items.values()))
        await ctx.store.invoices.hold_until(admitted.wait, admitted.why)
        return
    whole, asked = len(keys) == len(intent.elements), time.monotonic()
    if whole and await ctx.store.intents.send_again(
        epoch, intent.id, keys, ctx.limits.repeats, ctx.limits.repeat_window
    ):
        log.info("sending_same_bytes_again", intent=intent.id, documents=len(keys))
        again = await ctx.store.intents.get(intent.id)
        answer = await ctx.xero.send(
            intent.method,
            intent.kind,
            intent.body.encode(),
            intent.id,
            permit=admitted,
            within=ctx.limits.send_within - (time.monotonic() - asked),
        )
        applied = await apply(ctx, epoch, again or intent, answer, items)
        if applied.refused:
            for item in items.values():
                await refused_alone(ctx, epoch, item, applied.refused)
        return
    await ctx.xero.unused(admitted)
    await _look_up(ctx, epoch, intent, items)


async def _arrived_credit(ctx: Context, intent: Intent, elements: Sequence[Element]) -> bool:
    """Whether Xero has one of the credit notes to be created: their numbers are looked up before every send."""
    if intent.kind != "ACCRECCREDIT" or intent.method != "PUT":
        return False
    seen = await _find(ctx, intent, elements)
    return bool(seen.found or seen.odd)


async def _moved(ctx: Context, intent: Intent, elements: Sequence[Element]) -> bool:
    """Whether a document to be changed is not as our last answer left it: sent again, the bytes would undo an edit."""
    repeats = intent.sends <= ctx.limits.repeats and intent.age < ctx.limits.repeat_window
    if intent.method == "PUT" or not repeats:  # a create has nothing to undo
        return False
    seen = await _find(ctx, intent, elements)
    held = await ctx.store.ledger.invoices(element.key for element in elements)
    before = {element.key: _document(held[element.key], element) for element in elements}
    return any(
        (was := before[element.key]) is None
        or (there := seen.found.get(element.key)) is None
        or there.updated != was.updated
        for element in elements
    )


async def _unsettled(ctx: Context, intent: Intent) -> list[Element]:
    held = await ctx.store.ledger.invoices(element.key for element in intent.elements)
    return [element for element in intent.elements if held[element.key].slot == intent.id]


# ---- looking up ----------------------------------------------------------------------------------------------------


async def _look_up(ctx: Context, epoch: str, intent: Intent, items: Mapping[str, Claimed]) -> None:
    """What does Xero hold of this intent's documents? Each is settled by what is found."""
    elements = await _unsettled(ctx, intent)
    log.info("looking_up_documents", intent=intent.id, documents=len(elements))
    seen = await _find(ctx, intent, elements)
    await ctx.store.heartbeats.end("problem", PROBLEM)
    held = await ctx.store.ledger.invoices(element.key for element in elements)
    follow = await merges(ctx, [(e.document, seen.found[e.key]) for e in elements if e.key in seen.found])
    arrived, free, mixed, flying = [], [], [], set[str]()
    for element in elements:
        there = seen.found.get(element.key)
        if element.key in seen.odd:
            continue
        if there is None and element.operation == "create" and not _off_the_wire(ctx, intent):
            flying.add(element.key)
        elif there is None:
            free.append(element)
        elif not _ours(element, there):
            free.append(element)
            await _burn(ctx, element, there)
        elif _arrived(element, there, follow, _document(held[element.key], element)):
            arrived.append((element, there))
        elif element.operation != "create" and _is_older_body(held[element.key], element, there):
            free.append(element)
        else:
            mixed.append((element, there))
    await settle_written(ctx, epoch, intent, arrived, items)
    await _free(ctx, epoch, intent, free, held)
    for element, there in mixed:
        await _edited(ctx, epoch, intent, element, there)
    await retry(ctx, epoch, {k: items[k] for k in flying & items.keys()}, "What was sent to Xero may still arrive.")
    for key in seen.odd.keys() & items.keys():
        await retry(ctx, epoch, {key: items[key]}, seen.odd[key])
    over = {e.key for e, _ in arrived} | flying | seen.odd.keys()
    await _give_back(ctx, epoch, [item for item in items.values() if item.id not in over])
    await ctx.store.bell.ring("invoices")


def _off_the_wire(ctx: Context, intent: Intent) -> bool:
    """Whether "not found" means "not written": Xero has answered, or time enough has passed for any request to end.

    Of credit notes nothing but their number is known: there it counts only when Xero has forgotten the request's key.
    """
    if intent.kind == "ACCRECCREDIT":
        return intent.age >= ctx.limits.credit_wait
    return intent.sends >= EXHAUSTED or intent.age >= ctx.limits.rebuild_wait


def _arrived(element: Element, there: Found, follow: Mapping[str, str], before: Document | None) -> bool:
    """Xero holds just what the element says. What it held before may say the same but for its status and dates: a
    submission or a deletion that never arrived leaves the content as it is, and so does a date that moves."""
    status, asked = words.status(there.status), element.document
    if status in words.GONE or element.operation == "delete":
        return status in words.GONE and element.operation == "delete"
    if status == "open" and asked.status in words.LOCKED:
        return False
    if before is not None and before.date != asked.date and there.date == before.date:
        return False
    return matches(asked, there, follow)


async def _give_back(ctx: Context, epoch: str, items: Sequence[Claimed]) -> None:
    """These are computed afresh; one that has failed again and again waits for a person instead."""
    for item in items:
        if item.attempts > GIVE_UP:
            text = f"Xero failed {item.attempts - 1} times when this invoice was sent, and does not hold it."
            await park(ctx, epoch, item, "xero-fails", text)
    await ctx.store.invoices.hand_back([item for item in items if item.attempts <= GIVE_UP])


async def _find(ctx: Context, intent: Intent, elements: Sequence[Element]) -> Sighting:
    """The documents as Xero has them now, in any status."""
    creates = [element for element in elements if element.operation == "create"]
    updates = {e.document.xero_id: e.key for e in elements if e.operation != "create"}
    seen = Sighting()
    if updates:
        answer = await ctx.xero.invoices(ids=list(updates), kind=intent.kind, patience=ctx.limits.step)
        seen.found.update({updates[document.id]: document for document in answer.items if document.id in updates})
        seen.odd.update({updates[odd.id]: _odd(odd.reason) for odd in answer.odd if odd.id in updates})
    if creates:
        numbers = {element.document.number: element.key for element in creates if element.document.number}
        answer = await ctx.xero.invoices(numbers=list(numbers), kind=intent.kind, patience=ctx.limits.step)
        asked = answer.date
        seen.found.update({numbers[found.number]: found for found in answer.items if found.number in numbers})
        seen.odd.update({numbers[odd.number]: _odd(odd.reason) for odd in answer.odd if odd.number in numbers})
        known = seen.found.keys() | seen.odd.keys()
        nameless = any(odd.number not in numbers for odd in answer.odd)
        missing = {document_id(e.key, e.document.sequence): e.key for e in creates if e.key not in known}
        if missing and intent.kind == "ACCREC":  # Xero keeps no Url on credit notes
            await _find_by_url(ctx, intent, missing, seen, asked, unclear=nameless)
    return seen


async def _find_by_url(
    ctx: Context, intent: Intent, missing: Mapping[str, str], seen: Sighting, asked: str, *, unclear: bool
) -> None:
    """A create that took another number than was asked for is known by its Url.

    `asked`: Xero's own time of the answer before, "" where there was none: this machine's clock may be wrong. While a
    document among those that changed since cannot be read, none of the missing ones is "not found".
    """
    now = datetime.now(UTC)
    if not asked:
        asked = (await ctx.xero.invoices(modified_since=now, created_by_my_app=True, patience=ctx.limits.step)).date
    since = datetime.fromisoformat(asked or now.isoformat()) - timedelta(seconds=intent.age + ctx.limits.overlap)
    page, more = 1, True
    while more:
        answer = await ctx.xero.invoices(
            page=page, modified_since=since, created_by_my_app=True, kind=intent.kind, patience=ctx.limits.step
        )
        for document in answer.items:
            identity = parse_url(document.url)
            name = document_id(*identity) if identity else ""
            if name in missing:
                seen.found[missing[name]] = document
        unclear = unclear or bool(answer.odd)
        page, more = page + 1, answer.more
    if unclear:
        text = _odd("which one of those that changed lately, nobody can tell")
        seen.odd.update({key: text for key in missing.values() if key not in seen.found})


def _odd(reason: str) -> str:
    return f"Xero holds the document, but it cannot be read: {reason}."


def _ours(element: Element, found: Found) -> bool:
    """Url, or the id we were given; without a Url number, contact, currency and content must all be the intent's."""
    if element.operation != "create":
        return found.id == element.document.xero_id
    identity = parse_url(found.url)
    if identity:
        return identity == (element.key, element.document.sequence)
    if element.document.type == "ACCRECCREDIT":  # looked up before it was sent: nobody else had the number then
        return (found.number, found.contact) == (element.document.number, element.document.contact)
    same = (found.number, found.contact, found.currency)
    meant = (element.document.number, element.document.contact, element.document.currency)
    return same == meant and matches(element.document, found)


def _is_older_body(held: Held, element: Element, found: Found) -> bool:
    """Xero still holds what it held before this update: it never arrived."""
    before = _document(held, element)
    if before is None or words.status(found.status) in words.GONE:
        return False
    now = canonical(found)
    return now == before.body or digest(now) in before.digests


def _document(held: Held, element: Element) -> Document | None:
    documents = held.invoice.documents if held.invoice else ()
    return next((d for d in documents if d.sequence == element.document.sequence), None)


async def _burn(ctx: Context, element: Element, there: Found) -> None:
    if element.document.type == "ACCRECCREDIT":
        await burn(ctx, there.number, element.key, element.document.sequence)
        return
    log.warning("number_is_somebody_elses", number=there.number, key=element.key)
    await ctx.store.ledger.burn(element.key, element.document.sequence)
    await ctx.store.audit.write(
        ctx.who, "number burned", there.number, {"key": element.key, "why": "the number is on a document of others"}
    )


async def _free(
    ctx: Context, epoch: str, intent: Intent, elements: Sequence[Element], held: Mapping[str, Held]
) -> None:
    """Nothing of these was written: free their slots; what they should hold is computed afresh.

    The body of an update is remembered: should it arrive after all, it is known as ours.
    """
    outcomes = []
    for element in elements:
        before, record = _document(held[element.key], element), None
        if before is not None:
            record = with_document(held[element.key].invoice, remember(before, canonical(element.document)))
        outcomes.append(
            Settled(
                key=element.key,
                generation=element.generation,
                invoice=record,
                free=[unit for unit, _ in element.placed] + list(element.departed),
                finished=False,
            )
        )
    if outcomes:
        await ctx.store.intents.settle(epoch, intent, outcomes)


# ---- edited meanwhile ----------------------------------------------------------------------------------------------


async def _edited(ctx: Context, epoch: str, intent: Intent, element: Element, found: Found) -> None:
    """Ours, and neither the intent's content nor the one before: a person edited it after (or before) it arrived.

    What the ledger holds is then whichever content of ours has more in common with what is found. The edit itself is
    taken in by the next pass, from a read of its own: `found` may be old by then.
    """
    held = (await ctx.store.ledger.invoices([element.key]))[element.key]
    before = _document(held, element)
    if before is not None and _common(before, found) > _common(element.document, found):
        await _free(ctx, epoch, intent, [element], {element.key: held})
    else:
        await _commit(ctx, epoch, intent, element, found, held)
    await ctx.store.ledger.flag([element.key], "a person's edit met an unresolved write")
    await ctx.store.invoices.add([element.key])


async def _commit(ctx: Context, epoch: str, intent: Intent, element: Element, found: Found, held: Held) -> None:
    """Write the intent's own content into the ledger, with the ids that Xero gave its lines."""
    linked = accept(element.document, msgspec.structs.replace(found, status="DRAFT"))
    document = msgspec.structs.replace(linked, body=canonical(element.document), updated="")
    outcome = Settled(
        key=element.key,
        generation=element.generation,
        invoice=with_document(held.invoice, document, found.contact_name),
        postings=postings_after(element, document),
        free=element.departed,
        finished=False,
    )
    await ctx.store.intents.settle(epoch, intent, [outcome])


def _common(document: Document, found: Found) -> tuple[int, int]:
    """How many lines have the same numbers, and of how many the text is the same, too: a person who only words a line
    anew has not changed its time."""
    mine = {line.id: line for line in document.lines if line.id}
    same = [line for line in found.lines if line.id in mine and same_numbers(mine[line.id], line)]
    return len(same), sum(1 for line in same if words.fold(mine[line.id].description) == words.fold(line.description))
