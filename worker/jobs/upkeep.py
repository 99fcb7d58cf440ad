"""upkeep: what comes due by the passing of time alone: periods close, corrections ripen, what waits is tried again."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from worker.billing.model import Correction, Decision
from worker.context import Context, Loaded
from worker.jobs.closing import close_periods
from worker.store.ledger import Note

AUTO = "auto"  # who accepts corrections that ripened


class UpkeepReport(msgspec.Struct, frozen=True, kw_only=True):
    """The periods closed, how many corrections ripened, and how many waiting things are tried again."""

    closed: tuple[str, ...] = ()
    ripened: int = 0
    again: int = 0


async def upkeep(ctx: Context) -> UpkeepReport:
    """Look once. Raises the Salesforce client's errors."""
    loaded, epoch = await ctx.loaded(), await ctx.store.epoch.current()
    if loaded is None or not epoch:
        return UpkeepReport()
    await ctx.org()
    closed = await close_periods(ctx, loaded, epoch)
    ripened = await ripen(ctx, loaded)
    again = await _try_again(ctx) if await ctx.store.schedule.due("waiting", ctx.limits.daily_retry) else 0
    if ripened or again:
        await ctx.store.bell.ring("collect")
    return UpkeepReport(closed=tuple(closed), ripened=ripened, again=again)


async def ripen(ctx: Context, loaded: Loaded) -> int:
    """Accept, where the setup says `correct = "auto"`, the corrections that were proposed just so for long enough."""
    if loaded.rules.correct != AUTO:
        return 0
    now = datetime.fromisoformat(await ctx.store.clock())
    patience = timedelta(seconds=loaded.rules.correct_after / ctx.settings.hourstream_time_scale)
    ripe = [
        correction
        for note in (await ctx.store.ledger.notes()).values()
        for correction in note.corrections
        if _since(note, correction, now) + patience <= now
    ]
    await ctx.store.decisions.add([accepted(correction, by=AUTO) for correction in ripe])
    for each in ripe:
        detail = {"document": each.document, "seconds": each.seconds, "amount": each.amount}
        await ctx.store.audit.write(AUTO, "decision.accept", each.unit, detail)
    return len(ripe)


def accepted(correction: Correction, *, by: str, reason: str = "", ignored: bool = False) -> Decision:
    """The decision about a proposed correction: just these seconds and this amount."""
    return Decision(
        unit=correction.unit,
        kind="ignore" if ignored else "accept",
        document=correction.document,
        seconds=Decimal(correction.seconds),
        amount=Decimal(correction.amount),
        reason=reason,
        by=by,
    )


def _since(note: Note, correction: Correction, now: datetime) -> datetime:
    text = note.since.get(f"{correction.unit} {correction.document}")
    return datetime.fromisoformat(text) if text else now


async def _try_again(ctx: Context) -> int:
    """Everything that waits, once a day: what it waits for may be mended without our having heard of it."""
    units = [unit.id for unit in await ctx.store.ledger.waiting(0, 100_000)]
    await ctx.store.collect.add(units)
    count = len(units)
    for work in ctx.store.lists():
        parked = [item.id for item in await work.parked(0, 100_000)]
        await work.release(parked)
        count += len(parked)
    return count
