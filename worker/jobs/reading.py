"""Reading: what a person did in Xero to our drafts, found just before we change them, and taken into the ledger."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from worker.billing.canonical import followed
from worker.billing.keys import document_id
from worker.billing.merge import classify, merge
from worker.billing.model import Document, DocumentType, Found, Posting
from worker.billing.postings import postings_of
from worker.context import Context
from worker.errors import ServiceError
from worker.jobs.answering import collected_after, decided_about, with_document
from worker.jobs.contacts import contacts
from worker.jobs.sending import Plan
from worker.store.ledger import Held

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading drafts just before they change found, by invoice key.

    `moved`: the plan no longer holds; True where Xero shows an earlier content of ours that arrived late, so that ours
    must be written again. `missed`: something changed there, and the ledger's record moved before it could be taken in:
    nothing may be sent, the draft is read again. `unreadable`: the draft is there and cannot be read, and why: nothing
    may be sent. `at` is the moment before the read, on this process' monotonic clock.
    """

    at: float
    moved: dict[str, bool] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)


async def read_and_merge(ctx: Context, epoch: str, plans: Sequence[Plan], marks: Mapping[str, str]) -> Reading:
    """Read these plans' open documents and take in what changed there. `marks`: the flags that were seen before.

    Raises `ServiceError`, after pausing the stage, where Xero does not know one of them; and the client's errors.
    """
    wanted = {document.xero_id: (plan, document) for plan in plans for document in _open(plan.held)}
    reading = Reading(time.monotonic())
    found, odd = await _found(ctx, [document for _, document in wanted.values()])
    merged = await merges(ctx, [(document, found[id_]) for id_, (_, document) in wanted.items() if id_ in found])
    for xero_id, (plan, document) in wanted.items():
        there = found.get(xero_id)
        if xero_id in odd or (there is None and "" in odd):
            why = odd.get(xero_id) or odd[""]
            reading.unreadable[plan.item.id] = f"Xero's draft {document.number} cannot be read: {why}."
        elif there is None:
            await _another_company(ctx, plan, document)
        else:
            await _take_in(ctx, epoch, plan, document, there, merged, marks.get(plan.item.id, ""), reading)
    return reading


async def _found(ctx: Context, documents: Sequence[Document]) -> tuple[dict[str, Found], dict[str, str]]:
    """These documents as Xero has them now, and why others cannot be read, by id."""
    found: dict[str, Found] = {}
    odd: dict[str, str] = {}
    kinds: tuple[DocumentType, ...] = ("ACCREC", "ACCRECCREDIT")
    for kind in kinds:
        ids = [document.xero_id for document in documents if document.type == kind]
        if ids:
            answer = await ctx.xero.invoices(ids=ids, kind=kind, patience=ctx.limits.fresh_read)
            found |= {each.id: each for each in answer.items}
            odd |= {each.id: each.reason for each in answer.odd}
    return found, odd


async def merges(ctx: Context, pairs: Sequence[tuple[Document, Found]]) -> Mapping[str, str]:
    """The contacts that Xero merged into others; asked for where one of these documents has another contact.

    A merge that is not known yet would look like a person's choice of another client, which locks the document.
    """
    merged = await ctx.store.contacts.merged()
    open_ = [(ours, there) for ours, there in pairs if not ours.fixed]
    if all(followed(ours.contact, merged) == followed(there.contact, merged) for ours, there in open_):
        return merged
    await contacts(ctx)
    return await ctx.store.contacts.merged()


async def _take_in(
    ctx: Context,
    epoch: str,
    plan: Plan,
    document: Document,
    there: Found,
    merged: Mapping[str, str],
    mark: str,
    reading: Reading,
) -> None:
    kind = classify(document, there, merged)
    # A document locked for good, and not touched since, is no news: taking it in again would make its invoice due.
    if there.updated == document.updated and (kind == "untouched" or document.fixed):
        await ctx.store.ledger.unflag(plan.item.id, mark)
        return
    key, held = plan.item.id, plan.held
    if key in reading.moved:  # another document of this invoice was taken in just now
        held = (await ctx.store.ledger.invoices([key]))[key]
    if not await record_merge(ctx, epoch, held, document, there, merged, mark=mark):
        await ctx.store.ledger.flag([key], "it moved while it was read")
        await ctx.store.invoices.add([key])
        reading.missed.add(key)
    reading.moved[key] = kind == "late-own" or reading.moved.get(key, False)


def _open(held: Held) -> list[Document]:
    documents = held.invoice.documents if held.invoice else ()
    return [document for document in documents if document.xero_id and document.status == "open"]


async def record_merge(
    ctx: Context,
    epoch: str,
    held: Held,
    base: Document,
    found: Found,
    merged: Mapping[str, str] | None = None,
    *,
    mark: str = "",
) -> bool:
    """Store what a person made of our document; False when the ledger's record has moved meanwhile."""
    if merged is None:
        merged = await ctx.store.contacts.merged()
    result = merge(base, found, merged)
    fresh = postings_of(result.document)
    postings: dict[str, list[Posting]] = {posting.unit: [] for posting in (*postings_of(base), *fresh)}
    for posting in fresh:
        postings[posting.unit].append(posting)
    record, here = (
        with_document(held.invoice, result.document, found.contact_name),
        document_id(base.key, base.sequence),
    )
    again = await decided_about(ctx, postings)
    if (result.document.fixed or result.document.status != "open") and not base.fixed and base.status == "open":
        again |= await _out_of_shape(ctx, base)
    async with collected_after(ctx, again):
        merged_in = await ctx.store.ledger.merge(epoch, held, record, here, postings, mark=mark)
    if not merged_in:
        return False
    log.info("merged", key=base.key, number=base.number, status=result.document.status, notes=list(result.notes))
    await ctx.store.audit.write(ctx.who, "merge", here, {"status": result.document.status, "notes": list(result.notes)})
    return True


async def _out_of_shape(ctx: Context, base: Document) -> set[str]:
    """Time that comes after a document was locked, or is gone, takes the shape of the setup in force, not its."""
    stored = await ctx.store.setup.current()
    older = base.rules_version and stored is not None and stored.version != base.rules_version
    return set(await ctx.store.ledger.members(base.key)) if older else set()


async def _another_company(ctx: Context, plan: Plan, document: Document) -> None:
    """Xero does not know a document it gave us: another company answers, or a demo company was reset."""
    text = (
        f"Xero no longer knows {document.number} ({document.xero_id}). This happens when another company is connected "
        "or a demo company was reset."
    )
    log.error("document_not_in_xero", key=plan.item.id, number=document.number)
    await ctx.store.audit.write(ctx.who, "stopped", "xero", {"why": text})
    await ctx.store.invoices.pause("hourstream", text)
    raise ServiceError(text, "Connect the right company, or start with an empty HOURSTREAM_DATA; then resume invoices.")
