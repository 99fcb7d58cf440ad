"""What a cron asks every second, and what happens when a job fails."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from worker.connections import rest, rests
from worker.context import Context, Loaded
from worker.errors import HourstreamError
from worker.jobs.backoff import delay
from worker.jobs.invoice import InvoiceReport, invoice
from worker.store.cursors import Cursor
from worker.store.epoch import RebuildLostError
from worker.store.worklist import EpochMovedError
from worker.xero.errors import Limited

log = structlog.get_logger()

RUN = "invoice-run"  # the cursor that says that a scheduled run is open
SCHEDULED = ("every", "cron")
RECURRING = ("contacts", "statuses", "reconcile")
UPKEEP, UPKEEP_EVERY = "upkeep", 60.0  # seconds
RELATED = "related"


async def tick(ctx: Context) -> None:
    """Ring for every list with something due, and for every recurring task whose time has come."""
    resting = await ctx.store.reconnects.all()
    if not await ctx.store.epoch.current():
        if not rests("rebuild", resting):
            await ctx.store.bell.ring("rebuild")
        return
    loaded = await ctx.loaded()
    if loaded is None:
        return
    await _open_run(ctx, loaded)
    for work in ctx.store.lists():
        seconds = await work.next_due()
        if seconds is not None and seconds <= 0 and not rests(work.stage, resting):
            await ctx.store.bell.ring(work.stage)
    every = {task: getattr(loaded.setup.schedule, task).total_seconds() for task in RECURRING} | {UPKEEP: UPKEEP_EVERY}
    scaled = {task: seconds / ctx.settings.hourstream_time_scale for task, seconds in every.items()}
    for task, seconds in (scaled | {RELATED: ctx.limits.related}).items():
        if not rests(task, resting) and await ctx.store.schedule.due(task, seconds):
            await ctx.store.bell.ring(task)
    asked = {"reconcile"} if await ctx.store.inbox.resyncs() else set()
    asked |= {RELATED if name == RELATED else "reconcile" for name in await ctx.store.passes.left(loaded.version)}
    for task in asked:
        if not rests(task, resting):
            await ctx.store.bell.ring(task)


# ---- invoices by a schedule ----------------------------------------------------------------------------------------


async def _open_run(ctx: Context, loaded: Loaded) -> None:
    """At the moments that the setup names, everything that was gathered until then may be sent."""
    if loaded.setup.schedule.invoices.kind not in SCHEDULED:
        return
    following, now = await ctx.next_run(loaded), datetime.fromisoformat(await ctx.store.clock())
    if following is None or following > now:
        return
    await ctx.store.schedule.mark("invoices")
    await ctx.store.cursors.put(RUN, Cursor(since=now.isoformat()))
    await ctx.store.invoices.hasten()
    await ctx.store.bell.ring("invoices")


async def scheduled_invoice(ctx: Context) -> InvoiceReport:
    """The invoice job as the worker runs it: under a schedule, only while a run is open.

    A run ends when nothing is due, under way or tried again. Raises what the invoice job raises.
    """
    loaded = await ctx.loaded()
    if loaded is None or loaded.setup.schedule.invoices.kind not in SCHEDULED:
        return await invoice(ctx, spares=True)
    if not (await ctx.store.cursors.get(RUN)).since:
        return InvoiceReport()
    report = await invoice(ctx, spares=True)
    counts = await ctx.store.invoices.counts()
    if not counts.due and not counts.leased and not counts.retrying:
        await ctx.store.cursors.put(RUN, Cursor())
    return report


# ---- failures ------------------------------------------------------------------------------------------------------


class Failures:
    """Runs jobs so that a failing service is waited for, visibly, and never ends the worker."""

    def __init__(self) -> None:
        self._failed: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._until: dict[str, float] = {}

    async def guard(self, ctx: Context, name: str, work: Callable[[Context], Awaitable[object]]) -> None:
        """Run one job; after a failure its stage is held for a while, longer each time."""
        if time.monotonic() < self._until.get(name, 0) or rests(name, await ctx.store.reconnects.all()):
            return
        try:
            await work(ctx)
        except (EpochMovedError, RebuildLostError):
            log.info("ledger_moved_meanwhile", job=name)
        except Limited as error:
            await self._rest(ctx, name, error.wait, error.why)
        except HourstreamError as error:
            await self._reconnect(ctx, name, error)
        except Exception as error:
            log.exception("job_failed", job=name)
            await self._hold(ctx, name, f"{type(error).__name__}: {error}")
        else:
            if self._failed.pop(name, 0):
                self._texts.pop(name, None)
                await ctx.store.heartbeats.end("problem", name)

    async def show(self, ctx: Context) -> None:
        """Say again what fails at present; to be said as often as signs of life are."""
        for name, text in list(self._texts.items()):
            await ctx.store.heartbeats.beat("problem", name, {"text": text})

    async def _rest(self, ctx: Context, name: str, wait: float, why: str) -> None:
        """Xero takes no calls: no failure of the job, which is simply done later. The governor is asked every minute:
        it may know better by then."""
        self._until[name] = time.monotonic() + min(wait, ctx.limits.minute)
        log.info("job_rests", job=name, seconds=round(wait, 1), why=why)
        await _held(ctx, name, wait, why)

    async def _reconnect(self, ctx: Context, name: str, error: HourstreamError) -> None:
        """Where somebody has to connect again the job rests until then, and goes on at once; else it failed."""
        if not await rest(ctx, error):
            await self._hold(ctx, name, str(error))
        elif name in (*RECURRING, UPKEEP, RELATED):
            await ctx.store.schedule.again(name)

    async def _hold(self, ctx: Context, name: str, text: str) -> None:
        times = self._failed[name] = self._failed.get(name, 0) + 1
        wait = delay(min(times, 5), ctx.limits)
        self._texts[name], self._until[name] = text, time.monotonic() + wait
        log.warning("job_waits", job=name, seconds=round(wait, 1), error=text)
        await ctx.store.heartbeats.beat("problem", name, {"text": text})
        await _held(ctx, name, wait)


async def _held(ctx: Context, name: str, wait: float, why: str = "") -> None:
    """Nothing of a job's stage is claimed for so many seconds, and a recurring one is due again then."""
    for stage in ctx.store.lists():
        if stage.stage in (name, f"{name}s"):
            await stage.hold_until(wait, why)
    if name in (*RECURRING, UPKEEP, RELATED):  # it was rung for once; it is due again, not an hour later
        await ctx.store.schedule.again(name)
