"""proving: what entries say is billed is found in Xero, or nothing is billed; what cannot be proven waits."""

from collections.abc import Mapping

import structlog

from worker.billing.canonical import followed
from worker.billing.keys import document_id, key_of, parse_url
from worker.billing.model import Document, Entry, Placed
from worker.context import Context, Loaded
from worker.errors import ServiceError
from worker.jobs.restoring import PROVE, restore
from worker.store.ledger import Unit

log = structlog.get_logger()


async def named(ctx: Context, loaded: Loaded, token: str) -> None:
    """Documents that entries name and that were not among ours: read by the ids and numbers beside the manifests.

    Raises `ServiceError` where Xero does not know one: another company answers, or a demo company was reset.
    """
    missing = await _missing(ctx)
    if not missing:
        return
    ids = sorted({entry.written.get("invoice_id", "") for entry in missing.values()} - {""})
    numbers = sorted({entry.written.get("invoice_number", "") for entry in missing.values()} - {""})
    pages = [
        await ctx.xero.invoices(ids=ids, patience=ctx.limits.step),
        await ctx.xero.invoices(numbers=numbers, patience=ctx.limits.step),
    ]
    shapes = await ctx.store.creates.shapes()
    for found in {found.id: found for page in pages for found in page.items}.values():
        identity = parse_url(found.url)
        if identity is not None and document_id(*identity) in missing:
            await restore(ctx, loaded, token, found, *identity, shapes)
    unknown = await _missing(ctx)
    for name, entry in unknown.items():
        number = entry.written.get("invoice_number", "") or name
        more = f" (and entries name {len(unknown) - 1} more such)" if len(unknown) > 1 else ""
        raise ServiceError(f"{entry.record} says that it is billed on {number}, which Xero does not know{more}.", PROVE)


async def _missing(ctx: Context) -> dict[str, Entry]:
    """Documents that postings name and the ledger lacks, each with one of the entries that name it."""
    missing: dict[str, Entry] = {}
    async for units in ctx.store.ledger.scan_units():
        named = {p.document: unit.entry for unit in units for p in unit.postings if unit.entry is not None}
        held = await ctx.store.ledger.invoices({key_of(name) for name in named})
        there = {
            document_id(record.key, document.sequence)
            for record in held.values()
            if record.invoice
            for document in record.invoice.documents
        }
        missing |= {name: entry for name, entry in named.items() if name not in there}
    return missing


async def doubts(ctx: Context, token: str) -> None:
    """Time of a client with a document that is not proven may already be on it: it waits for a person, and so does what
    may not be billed at the moment, once it may."""
    records = await ctx.store.ledger.invoices(await ctx.store.ledger.all_keys())
    documents = [d for record in records.values() if record.invoice for d in record.invoice.documents if d.problem]
    follow = await ctx.store.contacts.merged()
    unproven: dict[tuple[str, str], Document] = {}
    for each in documents:
        client = followed(each.contact, follow)
        unproven |= {(client, each.currency): each, (client, ""): each}
    for document in documents:
        log.warning("document_not_proven", number=document.number, problem=document.problem)
    if not unproven:
        return
    async for units in ctx.store.ledger.scan_units():
        for unit in units:
            whose = _client(unit, follow)
            of = unproven.get(whose)
            if of is not None and not _told(unit, whose, follow):
                text = f"It may already be on {of.number}. {of.problem}"
                await ctx.store.epoch.doubt(token, [unit.id], text)


def _client(unit: Unit, follow: Mapping[str, str]) -> tuple[str, str]:
    """Whose time this is, by what became of it or what its entry says, and the currency ("" where neither says)."""
    if isinstance(unit.verdict, Placed):
        return followed(unit.verdict.contact, follow), unit.verdict.currency
    return (followed(unit.entry.xero_contact, follow), unit.entry.currency) if unit.entry is not None else ("", "")


def _told(unit: Unit, client: tuple[str, str], follow: Mapping[str, str]) -> bool:
    """Whether the postings say what became of this time: it is on a draft, or on a locked document of this client with
    nothing to be added. What people took off, or were to correct, may be on a document again that nobody told of."""
    if any(posting.state == "open" for posting in unit.postings):
        return True
    fixed = [p for p in unit.postings if p.state == "fixed" and followed(p.contact, follow) == client[0]]
    corrects = isinstance(unit.verdict, Placed) and bool(unit.verdict.corrects)
    return not corrects and any(client[1] in ("", posting.currency) for posting in fixed)
