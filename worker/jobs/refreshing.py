"""refreshing: a draft that was written a moment ago is not updated again before the setup's `refresh` has passed.

Only an update that brings time up to date waits. A creation, a submission, a deletion, what closes with its period,
what is to be compared with Xero, and what a person decided or asked for since the last write go at once.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from worker.billing.closing import closes_at
from worker.context import Context, Loaded
from worker.jobs.sending import Plan
from worker.store import moments


async def fresh(ctx: Context, loaded: Loaded, plans: Sequence[Plan], verify: Container[str]) -> dict[str, datetime]:
    """Until when each draft that was written too lately is left as it is, by key. `verify`: keys to compare at once."""
    refresh = timedelta(seconds=ctx.refresh(loaded))
    if not refresh:
        return {}
    now = datetime.fromisoformat(await ctx.store.clock())
    held = {p.item.id: _until(p, loaded, refresh) for p in plans if p.item.id not in verify and _follows(p)}
    return {key: until for key, until in held.items() if until > now}


async def postpone(ctx: Context, epoch: str, plans: Sequence[Plan], held: dict[str, datetime]) -> list[Plan]:
    """Put the items of these plans back until their moment; gives the plans with a word about it for people."""
    now = datetime.fromisoformat(await ctx.store.clock())
    for p in plans:
        wait = (held[p.item.id] - now).total_seconds()
        await ctx.store.invoices.postpone(epoch, p.item, wait)
        await ctx.store.bell.ring("invoices", max(0.0, wait))
    return [replace(p, notes=(*p.notes, _said(held[p.item.id]))) for p in plans]


def _follows(plan: Plan) -> bool:
    """Is this an update that only follows the entries?"""
    if plan.document is None or plan.create or plan.document.status != "open" or not plan.held.written:
        return False
    written = moments.from_milliseconds(plan.held.written)
    return not any(made.at > written for unit in plan.units.values() for made in unit.decisions)


def _until(plan: Plan, loaded: Loaded, refresh: timedelta) -> datetime:
    """When it may be updated: no later than its period closes, for a draft on its way holds up the close."""
    assert plan.document is not None
    until = datetime.fromtimestamp(plan.held.written / 1000, UTC) + refresh
    closes = closes_at(plan.document.period, loaded.rules)
    return min(until, closes) if closes else until


def _said(until: datetime) -> str:
    return f"Its entries changed; it is brought up to date at {moments.text(until)}: the setup's refresh says when."
