"""invoice: make the drafts in Xero say what Salesforce says.

One pass claims the invoices that are due, resolves what is unresolved, computes what each should hold, reads from Xero
the drafts it is about to change, merges what a person did there, and sends creates and updates in two calls.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby

import msgspec
import structlog

from worker.billing.compose import compose
from worker.billing.model import Company, Contact, Placed, Rules, Waiting
from worker.context import Context, Loaded
from worker.jobs.answering import unreadable
from worker.jobs.reading import read_and_merge
from worker.jobs.resolving import resolve
from worker.jobs.sending import Plan, send
from worker.store.ledger import Held, Note, Unit
from worker.store.worklist import Claimed

log = structlog.get_logger()

BATCH = 50  # documents a call: what Xero calls practical


class InvoiceReport(msgspec.Struct, frozen=True):
    """How many invoices were looked at, and how many were created or updated in Xero."""

    looked_at: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass works with: the setup, the epoch, and who belongs on which invoice."""

    ctx: Context
    loaded: Loaded
    epoch: str


async def invoice(ctx: Context) -> InvoiceReport:
    """Work on the list until nothing is due or the step is over.

    Raises the Xero client's errors, and `ServiceError` when nothing can be sent; what was claimed is handed back.
    """
    looked_at = written = 0
    until = time.monotonic() + ctx.limits.step
    while time.monotonic() < until:
        loaded, epoch = await ctx.loaded(), await ctx.store.epoch.current()
        if loaded is None or not epoch or not loaded.live:
            break
        await ctx.tenant()
        claimed = await ctx.store.invoices.claim(epoch, BATCH, ctx.limits.lease, ctx.limits.gather)
        if not claimed:
            break
        looked_at += len(claimed)
        try:
            written += await _pass(Pass(ctx, loaded, epoch), claimed)
        except Exception:
            await ctx.store.invoices.hand_back(claimed)
            raise
        await ctx.store.bell.ring("write_back")
    else:
        await ctx.store.bell.ring("invoices")
    return InvoiceReport(looked_at, written)


async def _pass(work: Pass, claimed: Sequence[Claimed]) -> int:
    ctx = work.ctx
    held = await ctx.store.ledger.invoices(item.id for item in claimed)
    unresolved = [item for item in claimed if held[item.id].slot]
    if unresolved:
        await resolve(ctx, work.epoch, unresolved, held)
    free = [item for item in claimed if not held[item.id].slot]
    flagged = await ctx.store.ledger.flagged([item.id for item in free])
    plans = await plan(ctx, work.loaded, free, held)
    to_read = [p for p in plans if _open_in_xero(p.held) and (p.changed or p.item.id in flagged)]
    if to_read:
        plans = await _after_reading(work, plans, to_read, flagged)
    for p in plans:
        await ctx.store.ledger.note(p.item.id, Note(waiting=p.waiting, corrections=p.corrections))
    await ctx.store.write_back.add({unit for p in plans for unit in p.waiting})
    idle = [p.item for p in plans if not p.changed]
    if idle:
        await ctx.store.invoices.done(work.epoch, idle)
    return await _send_all(work, [p for p in plans if p.changed])


async def _after_reading(
    work: Pass, plans: Sequence[Plan], to_read: Sequence[Plan], marks: Mapping[str, str]
) -> list[Plan]:
    """Plans that hold after a read of their drafts; where a person was there before us they are computed anew."""
    ctx, reading = work.ctx, await read_and_merge(work.ctx, work.epoch, to_read, marks)
    read = {p.item.id for p in to_read}
    for p in to_read:
        if (why := reading.unreadable.get(p.item.id)) is not None:
            await unreadable(ctx, work.epoch, p.item, why)
    again = [p.item for p in plans if p.item.id in reading.moved]
    fresh = await ctx.store.ledger.invoices(item.id for item in again)
    kept = [p for p in plans if p.item.id not in reading.moved and p.item.id not in reading.unreadable]
    anew = await plan(ctx, work.loaded, again, fresh, reading.moved)
    return [replace(p, read_at=reading.at) if p.item.id in read else p for p in (*kept, *anew)]


async def _send_all(work: Pass, plans: Sequence[Plan]) -> int:
    """Updates before creates, in separate calls: what was read a moment ago goes first."""
    written = 0
    for create in (False, True):
        for batch in batches([p for p in plans if p.create is create]):
            written += await send(work.ctx, work.loaded, work.epoch, batch)
    return written


def batches(plans: Sequence[Plan]) -> list[list[Plan]]:
    """Calls for these plans: the more often an invoice failed, the fewer others are in its call, at last none."""
    found: list[list[Plan]] = []
    for attempts, some in groupby(sorted(plans, key=_attempts), key=_attempts):
        size, group = max(1, BATCH >> attempts - 1), list(some)
        found += [group[start : start + size] for start in range(0, len(group), size)]
    return found


def _attempts(plan: Plan) -> int:
    return max(1, plan.item.attempts)


def _open_in_xero(held: Held) -> bool:
    return held.invoice is not None and any(d.status == "open" and d.xero_id for d in held.invoice.documents)


async def plan(
    ctx: Context,
    loaded: Loaded,
    items: Sequence[Claimed],
    held: Mapping[str, Held],
    rewrite: Mapping[str, bool] | None = None,
) -> list[Plan]:
    """What each invoice should hold now. `rewrite`: content of an earlier body of ours arrived late: write again."""
    members = {item.id: await ctx.store.ledger.members(item.id) for item in items}
    units = await ctx.store.ledger.units(set().union(*members.values()))
    contacts = await ctx.contacts({_contact_of(key, held[key], units, members[key]) for key in members} - {""})
    surroundings = _Surroundings(
        await ctx.company(),
        await ctx.store.ledger.closed(),
        await ctx.store.contacts.merged(),
        datetime.now(UTC).date(),
        await ctx.store.ledger.doubts(units),
    )
    plans = []
    for item in items:
        mine = {id_: units[id_] for id_ in members[item.id] if id_ in units}
        contact = contacts.get(_contact_of(item.id, held[item.id], units, members[item.id]))
        forced = bool(rewrite and rewrite.get(item.id)) or _differs(held[item.id])
        plans.append(_plan(item, held[item.id], mine, loaded.rules, contact, surroundings, forced=forced))
    return plans


def _plan(
    item: Claimed,
    held: Held,
    units: Mapping[str, Unit],
    rules: Rules,
    contact: Contact | None,
    around: "_Surroundings",
    *,
    forced: bool,
) -> Plan:
    candidates = placed_on(item.id, units)
    placed = [each for each in candidates if each.unit not in around.doubts]
    doubted = {e.unit: _doubted(around.doubts[e.unit]) for e in candidates if e.unit in around.doubts}
    if held.invoice is None and not placed:
        return Plan(item=item, held=held, units=units, waiting=doubted)
    here = {each.unit for each in placed}
    composition = compose(
        held.invoice,
        placed,
        {id_: unit.postings for id_, unit in units.items()},
        rules,
        around.company,
        contact,
        others={id_: u.verdict for id_, u in units.items() if u.verdict is not None and id_ not in here} | doubted,
        closed=around.closed,
        follow=around.merged,
        today=around.today,
    )
    document = composition.document if composition.changed or composition.reposted or forced else None
    if document is not None and composition.delete:
        document = msgspec.structs.replace(document, status="deleted")
    return Plan(
        item=item,
        held=held,
        units=units,
        document=document,
        create=composition.create,
        delete=composition.delete,
        departed=composition.departed,
        corrections=composition.corrections,
        waiting=dict(composition.waiting) | doubted,
    )


def _differs(held: Held) -> bool:
    """Xero computed its draft otherwise than we did: it is written and compared again."""
    return held.invoice is not None and any(d.differs and d.status == "open" for d in held.invoice.documents)


def _doubted(why: str) -> Waiting:
    """It may be billed already: what of it is on the open draft stays there, and nothing is added."""
    return Waiting("in-doubt", why, holds=True)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    company: Company
    closed: set[str]
    merged: Mapping[str, str]
    today: date
    doubts: Mapping[str, str]


def placed_on(key: str, units: Mapping[str, Unit]) -> list[Placed]:
    """The units that belong on this invoice and are not still on (or on their way to) another."""
    return [
        unit.verdict
        for unit in sorted(units.values(), key=lambda unit: unit.id)
        if isinstance(unit.verdict, Placed) and unit.verdict.key == key and unit.at in ("", key)
    ]


def _contact_of(key: str, held: Held, units: Mapping[str, Unit], members: set[str]) -> str:
    if held.invoice is not None:
        return held.invoice.contact
    verdicts = (units[id_].verdict for id_ in members if id_ in units)
    return next((v.contact for v in verdicts if isinstance(v, Placed) and v.key == key), "")
