"""invoice: make the drafts in Xero say what Salesforce says.

One pass claims the invoices that are due, resolves what is unresolved, computes what each should hold, reads from Xero
the drafts it is about to change, merges what a person did there, and sends creates and updates in two calls.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import msgspec
import structlog

from worker.billing.model import DocumentType
from worker.context import Context, Loaded
from worker.jobs.answering import unreadable
from worker.jobs.braking import Brake
from worker.jobs.filed import attaches, unfiled
from worker.jobs.filing import file
from worker.jobs.pacing import pause
from worker.jobs.planning import plan
from worker.jobs.reading import read_and_merge
from worker.jobs.refreshing import fresh, postpone
from worker.jobs.resolving import resolve
from worker.jobs.sending import Plan, send
from worker.store.ledger import Held, Note
from worker.store.worklist import PACE, Claimed

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
    brake: Brake = field(default_factory=Brake)


async def invoice(ctx: Context, *, spares: bool = False) -> InvoiceReport:
    """Work on the list until nothing is due or the step is over.

    `spares` calls of Xero, as workers do and a person who wants it now does not: what changes while another's call is
    under way gathers until then, and when few of the day's calls are left, updates are further apart.

    Raises the Xero client's errors, and `ServiceError` when nothing can be sent; what was claimed is handed back.
    """
    looked_at = written = 0
    until, brake = time.monotonic() + ctx.limits.step, Brake()
    while time.monotonic() < until:
        loaded, epoch = await ctx.loaded(), await ctx.store.epoch.current()
        if loaded is None or not epoch or not loaded.live:
            break
        await ctx.tenant()
        claimed = await ctx.store.invoices.claim(epoch, BATCH, ctx.limits.lease, ctx.limits.gather, whole=spares)
        if not claimed:
            break
        looked_at += len(claimed)
        try:
            written += await _pass(Pass(ctx, loaded, epoch, brake), claimed)
        except Exception:
            await ctx.store.invoices.hand_back(claimed)
            raise
        await ctx.store.bell.ring("write_back")
        if spares:
            await _pace(ctx, loaded)
    else:
        await ctx.store.bell.ring("invoices")
    return InvoiceReport(looked_at, written)


async def _pace(ctx: Context, loaded: Loaded) -> None:
    """Hold the stage for as long as the rest of the day's calls asks for."""
    most = loaded.setup.schedule.settle_max.total_seconds() / ctx.settings.hourstream_time_scale
    seconds = pause(await ctx.store.governor.state(), ctx.store.governor.quota.day_reserve, most)
    if seconds > 0:
        await ctx.store.invoices.hold_until(seconds, PACE)
        await ctx.store.bell.ring("invoices", seconds)


async def _pass(work: Pass, claimed: Sequence[Claimed]) -> int:
    ctx = work.ctx
    held = await ctx.store.ledger.invoices(item.id for item in claimed)
    unresolved = [item for item in claimed if held[item.id].slot]
    if unresolved:
        await resolve(ctx, work.epoch, unresolved, held)
    free = [item for item in claimed if not held[item.id].slot]
    flagged = await ctx.store.ledger.flagged([item.id for item in free])
    plans = await plan(ctx, work.loaded, free, held)
    plans, later = await _let_rest(work, plans, flagged)
    to_read = [p for p in plans if _open_in_xero(p.held) and (p.changed or p.item.id in flagged)]
    if to_read:
        plans = await _after_reading(work, plans, to_read, flagged)
    if not await work.brake.lets_go(ctx, work.loaded, plans):
        await ctx.store.invoices.hand_back([p.item for p in plans])
        return 0
    await _note(ctx, [*plans, *later])
    idle = [p for p in plans if not p.changed]
    locked = [p for p in plans if unfiled(p.held.invoice, attach=True)]
    attach = bool(locked) and await attaches(ctx, work.loaded)
    to_file = [p for p in locked if unfiled(p.held.invoice, attach=attach)]
    done = [p.item for p in idle if p not in to_file]
    if done:
        await ctx.store.invoices.done(work.epoch, done)
    # A locked document's timesheet goes before its client's next draft, which may wait for ever; once it failed, after.
    first = [p for p in to_file if p.item.attempts <= 1 or not p.changed]
    written = await _send_all(work, [p for p in plans if p.changed and p not in first])
    for p in first:
        await file(ctx, work.loaded, work.epoch, p, attach=attach)
    await ctx.store.invoices.add(await _written(ctx, [p for p in to_file if p not in first]))
    await work.brake.spent(ctx, [p.item.id for p in plans])
    return written


async def _written(ctx: Context, plans: Sequence[Plan]) -> list[str]:
    """The invoices of these plans that Xero took; one that waits for a person must not be woken."""
    fresh = await ctx.store.ledger.invoices(p.item.id for p in plans)
    return [p.item.id for p in plans if fresh[p.item.id].version != p.held.version and not fresh[p.item.id].slot]


async def _let_rest(work: Pass, plans: Sequence[Plan], marks: Mapping[str, str]) -> tuple[list[Plan], list[Plan]]:
    """The plans to go on with, and those of drafts that were written too lately, which are put back."""
    held = await fresh(work.ctx, work.loaded, plans, marks)
    later = await postpone(work.ctx, work.epoch, [p for p in plans if p.item.id in held], held)
    return [p for p in plans if p.item.id not in held], later


async def _note(ctx: Context, plans: Sequence[Plan]) -> None:
    """What people should know of these drafts, and on the entries why they wait."""
    now = await ctx.store.clock()
    for p in plans:
        await ctx.store.ledger.note(p.item.id, Note(waiting=p.waiting, corrections=p.corrections, texts=p.notes), now)
    await ctx.store.write_back.add({unit for p in plans for unit in p.waiting})


async def _after_reading(
    work: Pass, plans: Sequence[Plan], to_read: Sequence[Plan], marks: Mapping[str, str]
) -> list[Plan]:
    """Plans that hold after a read of their drafts; where a person was there before us they are computed anew."""
    ctx, reading = work.ctx, await read_and_merge(work.ctx, work.epoch, to_read, marks)
    read = {p.item.id for p in to_read}
    for p in to_read:
        if (why := reading.unreadable.get(p.item.id)) is not None:
            await unreadable(ctx, work.epoch, p.item, why)
    await ctx.store.invoices.hand_back([p.item for p in to_read if p.item.id in reading.missed])
    again = [p.item for p in plans if p.item.id in reading.moved.keys() - reading.missed]
    fresh = await ctx.store.ledger.invoices(item.id for item in again)
    kept = [p for p in plans if p.item.id not in reading.moved and p.item.id not in reading.unreadable]
    anew = await plan(ctx, work.loaded, again, fresh, reading.moved)
    return [replace(p, read_at=reading.at) if p.item.id in read else p for p in (*kept, *anew)]


async def _send_all(work: Pass, plans: Sequence[Plan]) -> int:
    """Updates before creates, in separate calls: what was read a moment ago goes first."""
    written = 0
    kinds: tuple[DocumentType, ...] = ("ACCREC", "ACCRECCREDIT")
    for create in (False, True):
        for kind in kinds:
            for batch in batches([p for p in plans if p.create is create and p.kind == kind]):
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
