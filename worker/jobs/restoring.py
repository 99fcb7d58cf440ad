"""restoring: each document of ours in Xero is put back into the ledger, with the postings that can be proven.

A document whose lines are not what its postings say keeps the rest as a problem that people see; see `proving`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import msgspec

from worker.billing.canonical import canonical
from worker.billing.compose import compose
from worker.billing.keys import document_id, key_of, parse_url, sequence_of
from worker.billing.merge import accept
from worker.billing.model import Document, DocumentType, Found, Invoice, Placed, Posting
from worker.billing.periods import CREDIT, period_of
from worker.billing.postings import postings_of
from worker.billing.restore import restored, with_choices
from worker.billing.rules import Rules
from worker.context import Context, Loaded
from worker.errors import ServiceError
from worker.jobs.answering import with_document
from worker.jobs.copies import copies_of, is_ours, with_copy
from worker.jobs.filed import UNKNOWN
from worker.store.epoch import Progress
from worker.store.ledger import Held, Unit

PROVE = (
    "Nothing is billed until this is cleared up: connect the company that holds it, or empty the fields on the entry."
)


async def documents(ctx: Context, loaded: Loaded, token: str, progress: Progress) -> Progress:
    """One page of our invoices or credit notes, in all statuses."""
    number = int(progress.cursor or 1)
    kind: DocumentType = "ACCREC" if progress.step == "invoices" else "ACCRECCREDIT"
    page = await ctx.xero.invoices(page=number, created_by_my_app=True, kind=kind, patience=ctx.limits.step)
    if page.odd and kind == "ACCREC":  # of credit notes everybody's are listed, and none of ours can be among the odd
        odd = page.odd[0]
        raise ServiceError(f"Xero's answer about {odd.number or odd.id} cannot be read: {odd.reason}.", PROVE)
    shapes = await ctx.store.creates.shapes()
    for (key, sequence), found in await _ours(ctx, kind, page.items):
        await restore(ctx, loaded, token, found, key, sequence, shapes)
    if page.more:
        return msgspec.structs.replace(progress, cursor=str(number + 1))
    following = "credit-notes" if progress.step == "invoices" else "named"
    return msgspec.structs.replace(progress, step=following, cursor="1")


async def _ours(ctx: Context, kind: DocumentType, found: Sequence[Found]) -> list[tuple[tuple[str, int], Found]]:
    """Which of these are ours: invoices by their address; credit notes by their number as it is on disk, else by the
    lines that entries say they are on."""
    if kind == "ACCREC":
        return [(identity, each) for each in found if (identity := parse_url(each.url)) is not None]
    by_number, by_line = await ctx.store.creates.credit_notes(), dict[str, str]()
    if any(each.number not in by_number for each in found):
        async for units in ctx.store.ledger.scan_units():
            by_line |= {p.line: p.document for unit in units for p in unit.postings if p.line}
    ours: list[tuple[tuple[str, int], Found]] = []
    for each in found:
        names = (by_line[line.id] for line in each.lines if line.id in by_line)
        name = by_number.get(each.number) or next(names, "")
        if name:
            ours.append(((key_of(name), sequence_of(name)), each))
    return ours


async def restore(
    ctx: Context, loaded: Loaded, token: str, found: Found, key: str, sequence: int, shapes: Mapping[str, int]
) -> None:
    """Put one document of ours back into the ledger, with the postings that can be proven. `shapes`: the versions of
    the setup that documents were opened under.

    What the ledger holds of a document that Xero shows just so stays: its entries may not have been told of it yet. Of
    two with one address only the one that is ours is put back, with the other one noted on it.
    """
    held = (await ctx.store.ledger.invoices([key]))[key]
    before = next((d for d in held.invoice.documents if d.sequence == sequence), None) if held.invoice else None
    if before is not None and _unmoved(before, found):
        await _put(ctx, loaded, token, found, held, before)
        return
    units = await ctx.store.ledger.units(await ctx.store.ledger.members(key))
    here = document_id(key, sequence)
    named = [posting for unit in units.values() for posting in unit.postings if posting.document == here]
    twice = before is not None and before.xero_id not in {"", found.id}
    if before is not None and twice and not is_ours(found, before, named):
        await ctx.store.epoch.restore_invoice(token, with_document(held.invoice, with_copy(before, found)))
        return
    placed = [u.verdict for u in units.values() if isinstance(u.verdict, Placed) and u.verdict.key == key]
    period = _period(loaded, found, placed)
    groups = {each.unit: each.line for each in placed}
    document = restored(found, key, sequence, named, period=period, groups=groups)
    recognised, version = None, shapes.get(here, 0)
    rules = await ctx.rules_of(loaded, version)
    if document.problem or not named:
        free = [each for each in placed if not _settled_elsewhere(units[each.unit], here)]
        recognised = await _recognised(ctx, rules, found, document, free)
    if recognised is None:
        on = {posting.unit for posting in named}
        wanted = await _made_of(ctx, rules, [each for each in placed if each.unit in on])
        document = with_choices(document, None if twice else before, wanted)
    document = recognised or document
    shape, copies = version or document.rules_version, copies_of(before, found)
    document = msgspec.structs.replace(document, rules_version=shape, filed=UNKNOWN, copies=copies)
    if held.invoice is None:
        held = msgspec.structs.replace(held, invoice=_invoice(key, found, period, placed))
    await _put(ctx, loaded, token, found, held, document)


async def _put(ctx: Context, loaded: Loaded, token: str, found: Found, held: Held, document: Document) -> None:
    key, sequence = document.key, document.sequence
    record = with_document(held.invoice, document, found.contact_name)
    await ctx.store.epoch.restore_invoice(token, record)
    await ctx.store.epoch.restore_number(
        token, key, sequence, found.number, found.type, prefix=loaded.rules.number_prefix
    )
    on = {posting.unit for posting in postings_of(document)}
    units = await ctx.store.ledger.units(on | await ctx.store.ledger.members(key))
    await _restore_postings(ctx, token, units, document)


def _unmoved(before: Document, found: Found) -> bool:
    """Whether nothing happened to a document in Xero since the ledger's record of it, which proves all of it."""
    same = (before.xero_id, before.updated, before.body) == (found.id, found.updated, canonical(found))
    return same and bool(found.updated) and not before.problem and not before.rewrite


async def _made_of(ctx: Context, rules: Rules, placed: Sequence[Placed]) -> Document | None:
    """What these units would be on a document of their own."""
    if not placed:
        return None
    contact = (await ctx.contacts({placed[0].contact})).get(placed[0].contact)
    return compose(None, placed, {}, rules, await ctx.company(), contact).document


def _settled_elsewhere(unit: Unit, here: str) -> bool:
    """Whether this unit's time is fixed on another document, or was taken off one by a person."""
    return any(posting.document != here and posting.state != "open" for posting in unit.postings)


def _invoice(key: str, found: Found, period: str, placed: Sequence[Placed]) -> Invoice:
    group = placed[0].group if placed else ()
    return Invoice(key=key, contact=found.contact, currency=found.currency, period=period, group=group)


def _period(loaded: Loaded, found: Found, placed: Sequence[Placed]) -> str:
    if found.type == "ACCRECCREDIT":
        return CREDIT
    if placed:
        return placed[0].period
    day = date.fromisoformat(found.date) if found.date else datetime.now(UTC).date()
    return period_of(day, loaded.rules.period, loaded.rules.start)


async def _recognised(
    ctx: Context, rules: Rules, found: Found, document: Document, placed: Sequence[Placed]
) -> Document | None:
    """A draft without manifests whose content is just what its entries make now stands for those entries."""
    if document.status != "open":
        return None
    wanted = await _made_of(ctx, rules, placed)
    if wanted is None or canonical(wanted) != canonical(found):
        return None
    same = msgspec.structs.replace(wanted, sequence=document.sequence, number=found.number, xero_id=found.id)
    return accept(same, found)


async def _restore_postings(ctx: Context, token: str, units: Mapping[str, Unit], document: Document) -> None:
    here = document_id(document.key, document.sequence)
    fresh = postings_of(document)
    changed: dict[str, list[Posting]] = {}
    for id_, unit in units.items():
        mine = [posting for posting in fresh if posting.unit == id_]
        others = [posting for posting in unit.postings if posting.document != here]
        if mine or len(others) != len(unit.postings):
            changed[id_] = others + mine
    await ctx.store.epoch.restore_postings(token, changed)
