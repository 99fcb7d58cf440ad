"""drafts: what a person does with one draft of ours: create it from the preview, withdraw it, apply new rates to it.

All three go through the slot of their invoice, like everything else that is written to Xero.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from worker.billing.keys import document_id
from worker.billing.merge import classify
from worker.billing.model import Document, Entry, Placed, Posting
from worker.billing.postings import postings_of
from worker.billing.scene import open_document
from worker.context import Context, Loaded
from worker.errors import ConfigurationError, ServiceError
from worker.jobs.judging import judge
from worker.jobs.planning import plan
from worker.jobs.reading import read_and_merge
from worker.jobs.sending import Plan, send
from worker.store.ledger import Facts, Unit
from worker.store.worklist import Claimed, Settle


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a draft that was to be withdrawn: `why` not, "" where it was."""

    key: str
    number: str
    why: str = ""


class Rerated(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of an open draft that gets another rate."""

    unit: str
    before: Decimal
    after: Decimal


async def create(ctx: Context, key: str) -> Document:
    """Create or update just this draft in Xero, in preview too.

    Raises `ServiceError` with the reason where there is nothing to write or Xero did not take it.
    """
    loaded, epoch = await _ready(ctx)
    [p] = await _planned(ctx, loaded, [key])
    if p.document is None:
        await ctx.store.invoices.hand_back([p.item])
        why = next((waiting.text for waiting in p.waiting.values()), "nothing is due on it")
        raise ServiceError(f"There is nothing to write for {key}: {why.rstrip('.')}.", "See `invoices preview`.")
    [p] = await _read(ctx, loaded, epoch, [p])
    if p.document is None or not await send(ctx, loaded, epoch, [p], asked=True):
        raise ServiceError(f"The draft of {key} was not written.", await _why_not(ctx, key))
    held = (await ctx.store.ledger.invoices([key]))[key]
    document = open_document(held.invoice)
    if document is None:
        raise ServiceError(f"The draft of {key} was written and is no draft any more.", "See `invoices show`.")
    await ctx.store.audit.write(ctx.who, "draft.created", document_id(key, document.sequence), {})
    return document


async def withdraw(ctx: Context, keys: Sequence[str]) -> list[Withdrawn]:
    """Delete the drafts of these invoices in Xero that nobody touched; their time is free again.

    Raises the Xero client's errors.
    """
    loaded, epoch = await _ready(ctx)
    found: list[Withdrawn] = []
    for key in keys:
        found.append(await _withdraw(ctx, loaded, epoch, key))
    await ctx.store.bell.ring("invoices")
    return found


async def _withdraw(ctx: Context, loaded: Loaded, epoch: str, key: str) -> Withdrawn:
    held = (await ctx.store.ledger.invoices([key]))[key]
    document = open_document(held.invoice)
    if document is None:
        return Withdrawn(key=key, number="", why="It has no draft that is still ours.")
    read_at = time.monotonic()
    untouched = await _untouched(ctx, document)
    if untouched:
        return Withdrawn(key=key, number=document.number, why=untouched)
    item = await _item(ctx, key)
    gone = msgspec.structs.replace(document, status="deleted")
    on_it = {posting.unit for posting in postings_of(document)}
    units = await ctx.store.ledger.units(on_it)
    p = Plan(item=item, held=held, units=units, document=gone, delete=True, departed=tuple(sorted(on_it)))
    p = replace(p, read_at=read_at)
    if not await send(ctx, loaded, epoch, [p], asked=True):
        return Withdrawn(key=key, number=document.number, why=await _why_not(ctx, key))
    await ctx.store.audit.write(ctx.who, "draft.withdrawn", document_id(key, document.sequence), {})
    return Withdrawn(key=key, number=document.number)


async def _untouched(ctx: Context, document: Document) -> str:
    """Why a draft must stay: a person was there; "" when nobody was."""
    answer = await ctx.xero.invoices(ids=[document.xero_id], kind=document.type, patience=ctx.limits.fresh_read)
    there = next((each for each in answer.items if each.id == document.xero_id), None)
    if there is None:
        return "Xero does not show it."
    kind = classify(document, there, await ctx.store.contacts.merged())
    theirs = any(line.foreign or line.fixed or line.kept for line in document.lines) or document.removed
    if kind != "untouched" or theirs or document.theirs:
        return "A person edited it in Xero: delete it there if it is to go."
    return ""


async def rerate(ctx: Context, key: str) -> list[Rerated]:
    """Judge the time on this invoice's open draft with the rates of now; gives what changes.

    Raises `ServiceError` where there is no open draft, and the clients' errors.
    """
    loaded, epoch = await _ready(ctx)
    held = (await ctx.store.ledger.invoices([key]))[key]
    document = open_document(held.invoice)
    if document is None or held.invoice is None:
        raise ServiceError(f"{key} has no open draft: what is approved keeps its rates.", "See `invoices list`.")
    here = document_id(key, document.sequence)
    ticket = await ctx.store.ledger.ticket()
    units = await ctx.store.ledger.units({posting.unit for posting in postings_of(document)})
    facts = await _judged_anew(ctx, loaded, units, here)
    changed = [each for each in (_rerated(units[fact.id], fact, here) for fact in facts) if each is not None]
    names = {each.unit for each in changed}
    stripped = {id_: _stripped(units[id_].postings, here) for id_ in names}
    if names and not await ctx.store.ledger.merge(epoch, held, held.invoice, here, stripped):
        raise ServiceError(f"{document.number} is being written just now.", "Try again in a moment.")
    await ctx.store.ledger.store_facts(epoch, ticket, [fact for fact in facts if fact.id in names], Settle())
    await ctx.store.ledger.may_follow([key])
    for each in changed:
        detail = {"document": here, "before": each.before, "after": each.after}
        await ctx.store.audit.write(ctx.who, "rate.applied", each.unit, detail)
    return changed


async def _judged_anew(ctx: Context, loaded: Loaded, units: Mapping[str, Unit], here: str) -> list[Facts]:
    entries: dict[str, Entry] = {id_: unit.entry for id_, unit in units.items() if unit.entry is not None}
    free = {
        id_: msgspec.structs.replace(unit, postings=tuple(_stripped(unit.postings, here)))
        for id_, unit in units.items()
    }
    return await judge(ctx, loaded, entries, free, {})


def _stripped(postings: Sequence[Posting], here: str) -> list[Posting]:
    """The postings without what their rate on this document was snapshotted for."""
    bare = msgspec.structs.replace
    return [bare(posting, basis="") if posting.document == here else posting for posting in postings]


def _rerated(unit: Unit, fact: Facts, here: str) -> Rerated | None:
    on = [p for p in unit.postings if p.document == here and p.state == "open" and not p.surcharge and not p.corrects]
    if not on or not isinstance(fact.verdict, Placed) or fact.verdict.corrects or on[-1].rate == fact.verdict.rate:
        return None
    return Rerated(unit=unit.id, before=on[-1].rate, after=fact.verdict.rate)


# ---- one invoice, now ----------------------------------------------------------------------------------------------


async def _ready(ctx: Context) -> tuple[Loaded, str]:
    loaded, epoch = await ctx.loaded(), await ctx.store.epoch.current()
    if loaded is None:
        raise ConfigurationError("There is no setup yet.", "Apply one: hourstream setup apply FILE.")
    if not epoch:
        raise ServiceError("The ledger is being rebuilt.", "See `hourstream queue status`, and try again.")
    await ctx.tenant()
    return loaded, epoch


async def _item(ctx: Context, key: str) -> Claimed:
    """The invoice as an item of its work list; a worker that holds it meanwhile loses nothing, `begin` decides."""
    await ctx.store.invoices.add([key])
    rows = {row["id"]: row for row in await ctx.store.invoices.page(0, 100_000)}
    return Claimed(key, rows[key]["gen"] if key in rows else "", 1)


async def _planned(ctx: Context, loaded: Loaded, keys: Sequence[str]) -> list[Plan]:
    items = [await _item(ctx, key) for key in keys]
    held = await ctx.store.ledger.invoices(keys)
    return await plan(ctx, loaded, items, held)


async def _read(ctx: Context, loaded: Loaded, epoch: str, plans: Sequence[Plan]) -> list[Plan]:
    """The plans after a read of their drafts; where a person was there before us they are computed anew."""
    if all(p.create for p in plans):
        return list(plans)
    reading = await read_and_merge(ctx, epoch, plans, {})
    if reading.unreadable:
        raise ServiceError(next(iter(reading.unreadable.values())))
    moved = [p for p in plans if p.item.id in reading.moved]
    if moved:
        keys = [p.item.id for p in moved]
        anew = await _planned(ctx, loaded, keys)
        plans = [*(p for p in plans if p.item.id not in reading.moved), *anew]
    return [replace(p, read_at=reading.at) for p in plans]


async def _why_not(ctx: Context, key: str) -> str:
    parked = {item.id: item.text for item in await ctx.store.invoices.parked(0, 100_000)}
    rows = {row["id"]: row.get("error", "") for row in await ctx.store.invoices.page(0, 100_000)}
    paused = await ctx.store.invoices.paused()
    said = parked.get(key) or rows.get(key) or (f"The stage is paused ({paused})." if paused else "")
    return said or "Something of it changed meanwhile: try again."
