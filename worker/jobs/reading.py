"""Reading: what a person did in Xero to our drafts, found just before we change them, and taken into the ledger."""

from collections.abc import Mapping, Sequence

import structlog

from worker.billing.keys import document_id
from worker.billing.merge import classify, merge
from worker.billing.model import Document, Found, Posting
from worker.billing.postings import postings_of
from worker.context import Context
from worker.jobs.sending import Plan, with_document
from worker.store.ledger import Held

log = structlog.get_logger()


async def read_and_merge(ctx: Context, epoch: str, plans: Sequence[Plan]) -> dict[str, bool]:
    """Read these plans' open documents and take in what changed there.

    Gives the keys whose plan no longer holds; True where Xero shows an earlier content of ours that arrived late, so
    that ours must be written again. Raises the Xero client's errors.
    """
    wanted = {document.xero_id: (plan, document) for plan in plans for document in _open(plan.held)}
    found = {d.id: d for d in (await ctx.xero.invoices(ids=list(wanted), patience=ctx.limits.fresh_read)).items}
    merged = await ctx.store.contacts.merged()
    moved: dict[str, bool] = {}
    for xero_id, (plan, document) in wanted.items():
        there = found.get(xero_id)
        if there is None:
            await _another_company(ctx, plan, document)
            moved[plan.item.id] = False
            continue
        kind = classify(document, there, merged)
        if kind == "untouched" and there.updated == document.updated:
            await ctx.store.ledger.unflag(plan.item.id)
            continue
        await record_merge(ctx, epoch, plan.held, document, there, merged)
        moved[plan.item.id] = kind == "late-own"
    return moved


def _open(held: Held) -> list[Document]:
    documents = held.invoice.documents if held.invoice else ()
    return [document for document in documents if document.xero_id and document.status == "open"]


async def record_merge(
    ctx: Context, epoch: str, held: Held, base: Document, found: Found, merged: Mapping[str, str] | None = None
) -> bool:
    """Store what a person made of our document; False when the ledger's record has moved meanwhile."""
    if merged is None:
        merged = await ctx.store.contacts.merged()
    result = merge(base, found, merged)
    here = document_id(base.key, base.sequence)
    touched = {posting.unit for posting in (*postings_of(base), *postings_of(result.document))}
    units = await ctx.store.ledger.units(touched)
    fresh = postings_of(result.document)
    postings: dict[str, list[Posting]] = {}
    for id_ in touched:
        others = [p for p in (units[id_].postings if id_ in units else ()) if p.document != here]
        postings[id_] = others + [posting for posting in fresh if posting.unit == id_]
    record = with_document(held.invoice, result.document, found.contact_name)
    if not await ctx.store.ledger.merge(epoch, held, record, postings):
        return False
    log.info("merged", key=base.key, number=base.number, status=result.document.status, notes=list(result.notes))
    await ctx.store.audit.write(
        ctx.who, "merge", f"{base.key}/{base.sequence}", {"status": result.document.status, "notes": list(result.notes)}
    )
    return True


async def _another_company(ctx: Context, plan: Plan, document: Document) -> None:
    """Xero does not know a document it gave us: another company answers, or a demo company was reset."""
    text = (
        f"Xero no longer knows {document.number} ({document.xero_id}). This happens when another company is connected "
        "or a demo company was reset."
    )
    log.error("document_not_in_xero", key=plan.item.id, number=document.number)
    await ctx.store.audit.write(ctx.who, "stopped", "xero", {"why": text})
    await ctx.store.invoices.pause("hourstream", text)
