"""What a cron asks every second, and what happens when a job fails."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from worker.context import Context, Loaded
from worker.errors import HourstreamError
from worker.jobs.backoff import delay
from worker.store.epoch import RebuildLostError
from worker.store.worklist import EpochMovedError, WorkList

log = structlog.get_logger()


async def tick(ctx: Context) -> None:
    """Ring for every list with something due, and for every recurring task whose time has come."""
    loaded = await ctx.loaded()
    if not await ctx.store.epoch.current():
        await ctx.store.bell.ring("rebuild")
        return
    if loaded is None:
        return
    for work in ctx.store.lists():
        if await _due(ctx, loaded, work):
            await ctx.store.bell.ring(work.stage)
    scale = ctx.settings.hourstream_time_scale
    schedule = loaded.setup.schedule
    for task, every in (
        ("contacts", schedule.contacts),
        ("statuses", schedule.statuses),
        ("reconcile", schedule.reconcile),
    ):
        if await ctx.store.schedule.due(task, every.total_seconds() / scale):
            await ctx.store.bell.ring(task)
    if await ctx.store.inbox.resyncs():
        await ctx.store.bell.ring("reconcile")


async def _due(ctx: Context, loaded: Loaded, work: WorkList) -> bool:
    seconds = await work.next_due()
    if seconds is None or seconds > 0:
        return False
    return work.stage != "invoices" or await _invoices_may_run(ctx, loaded)


async def _invoices_may_run(ctx: Context, loaded: Loaded) -> bool:
    """Live: whenever something is due. Else when the setup's own schedule says so."""
    when = loaded.setup.schedule.invoices
    if not when.writes:
        return False
    if when.kind == "live":
        return True
    last = (await ctx.store.schedule.last()).get("invoices", 0)
    following = when.next_after(datetime.fromtimestamp(last / 1000, UTC))
    if following is None or following > datetime.fromisoformat(await ctx.store.clock()):
        return False
    await ctx.store.schedule.mark("invoices")
    return True


class Failures:
    """Runs jobs so that a failing service is waited for, visibly, and never ends the worker."""

    def __init__(self) -> None:
        self._failed: dict[str, int] = {}

    async def guard(self, ctx: Context, name: str, work: Callable[[Context], Awaitable[object]]) -> None:
        """Run one job; after a failure its stage is held for a while, longer each time."""
        try:
            await work(ctx)
        except (EpochMovedError, RebuildLostError):
            log.info("ledger_moved_meanwhile", job=name)
        except HourstreamError as error:
            await self._hold(ctx, name, str(error))
        except Exception as error:
            log.exception("job_failed", job=name)
            await self._hold(ctx, name, f"{type(error).__name__}: {error}")
        else:
            if self._failed.pop(name, 0):
                await ctx.store.heartbeats.end("problem", name)

    async def _hold(self, ctx: Context, name: str, text: str) -> None:
        times = self._failed[name] = self._failed.get(name, 0) + 1
        wait = delay(min(times, 5), ctx.limits)
        log.warning("job_waits", job=name, seconds=round(wait, 1), error=text)
        await ctx.store.heartbeats.beat("problem", name, {"text": text})
        for work in ctx.store.lists():
            if work.stage in (name, f"{name}s"):
                await work.hold_until(wait)
