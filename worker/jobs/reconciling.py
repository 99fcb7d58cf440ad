"""Reconciling: how a pass and a walk begin and end. What lies between is in `changes` and `walking`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from ulid import ULID

from worker.context import Context, Loaded
from worker.jobs.walking import window
from worker.salesforce.errors import Action, SalesforceError
from worker.salesforce.wire import ApiUsage
from worker.store.cursors import Cursor
from worker.store.inbox import POSITION_LOST
from worker.store.passes import NAMES, Finished, Pass

log = structlog.get_logger()

CURSOR = "reconcile"
PASS, RELATED, WALK = NAMES  # `RELATED` names its cursor too, and a request for a walk begins with `WALK`
COVERED_OF = timedelta(minutes=2)  # getUpdated is asked for its latestDateCovered alone
LEFT_FOR_PASS, LEFT_FOR_WALK = 0.05, 0.2  # shares of the org's API calls of a day that must be left to begin one
MORNING = 6  # o'clock, in the company's time zone


FROM_THE_STREAM = ("gap:", "overflow:", "wildcard:", "undecodable:", "anchored:", f"{POSITION_LOST}:")


# ---- beginning -----------------------------------------------------------------------------------------------------


async def begin_pass(ctx: Context, loaded: Loaded, requests: Mapping[str, str]) -> Pass | None:
    """A pass from the watermark, or from the earliest request. None where the org has too few calls left today for one
    that nobody asked for. Raises the Salesforce client's errors."""
    sobject, started = loaded.setup.source.sobject, await ctx.store.clock()
    since = _since(await ctx.store.cursors.get(CURSOR), requests)
    began, watermark = await clock(ctx, sobject)
    if not requests and not affordable(ctx.salesforce.api_usage, LEFT_FOR_PASS):
        log.warning("reconcile_postponed", usage=ctx.salesforce.api_usage)
        return None
    objects = await ctx.salesforce.objects_on(sobject, loaded.setup.paths()) if since else {}
    todo = ("changed" if since else "every", *(f"related {name}" for name in objects), "deleted")
    return Pass(
        version=loaded.version,
        since=since,
        began=began.isoformat(),
        watermark=watermark.isoformat(),
        started_at=started,
        requests=dict(requests),
        phases=len(todo),
        todo=todo,
    )


async def begin_related(ctx: Context, loaded: Loaded) -> Pass | None:
    """A pass over what entries hang on, and nothing else, from where the last one ended. None where calls are short."""
    sobject, started = loaded.setup.source.sobject, await ctx.store.clock()
    objects = await ctx.salesforce.objects_on(sobject, loaded.setup.paths())
    began, watermark = await clock(ctx, sobject)
    if not affordable(ctx.salesforce.api_usage, LEFT_FOR_WALK):
        return None
    since = (await ctx.store.cursors.get(RELATED)).since or watermark.isoformat()
    return Pass(
        version=loaded.version,
        since=since,
        began=began.isoformat(),
        watermark=watermark.isoformat(),
        started_at=started,
        phases=len(objects),
        todo=tuple(f"related {name}" for name in objects),
    )


async def too_soon(ctx: Context, requests: Mapping[str, str]) -> bool:
    """Whether only the stream asks, and the last pass came through a moment ago: it is served by the next one."""
    if not requests or not all(kind.startswith(FROM_THE_STREAM) for kind in requests):
        return False
    last, now = (await ctx.store.passes.finished(PASS)).at, datetime.fromisoformat(await ctx.store.clock())
    return bool(last) and timedelta(0) <= now - datetime.fromisoformat(last) < timedelta(
        seconds=ctx.limits.passes_apart
    )


def _since(cursor: Cursor, requests: Mapping[str, str]) -> str:
    """The moment to read from; "": every entry since the setup's start."""
    moments = [*requests.values(), *([cursor.since] if cursor.since else [])]
    if not moments or "" in moments:
        return ""
    return min(datetime.fromisoformat(moment).astimezone(UTC) for moment in moments).isoformat()


async def clock(ctx: Context, sobject: str) -> tuple[datetime, datetime]:
    """Salesforce's time, before anything is read, and what the next pass reads from: the time until which every
    transaction is finished, else its time less the margin (Salesforce: getUpdated, `latestDateCovered`)."""
    now = datetime.now(UTC)
    try:
        covered = (await ctx.salesforce.updated(sobject, now - COVERED_OF, now)).covered
    except SalesforceError as error:
        if error.action is not Action.PERMANENT:
            raise
        log.info("the org does not say until when it is complete", sobject=sobject, error=error.what)
        covered = None
    began = ctx.salesforce.server_date or now
    return began, min(began, covered or began - timedelta(seconds=ctx.limits.watermark_margin))


async def begin_walk(ctx: Context, loaded: Loaded, requests: Mapping[str, str], *, wanted: bool) -> Pass | None:
    """A walk, where one is requested (then of the whole object), `wanted` or due; else None.

    A request without a time has every entry read again, whether or not it differs.
    """
    if not wanted and not requests and not await _by_night(ctx, loaded):
        return None
    await ctx.store.schedule.mark(WALK)
    started = await ctx.store.clock()
    began, _ = await clock(ctx, loaded.setup.source.sobject)
    day = await window(ctx, loaded, whole=bool(requests))
    return Pass(
        version=loaded.version,
        began=began.isoformat(),
        started_at=started,
        requests=dict(requests),
        again="" in requests.values(),
        phases=3,
        todo=(f"expected {day}", f"walk {day}", "missing"),
    )


async def _by_night(ctx: Context, loaded: Loaded) -> bool:
    """Whether it is time: once a night, at the latest after thirty hours, and while calls are plenty."""
    if WALK not in await ctx.store.schedule.last():  # everything was just read to build the ledger
        await ctx.store.schedule.mark(WALK)
        return False
    if not affordable(ctx.salesforce.api_usage, LEFT_FOR_WALK):
        return False
    now = datetime.fromisoformat(await ctx.store.clock())
    hour = now.astimezone(ZoneInfo(loaded.rules.timezone)).hour
    return await ctx.store.schedule.due(WALK, ctx.limits.walk_by_night if hour < MORNING else ctx.limits.walk_at_latest)


def affordable(usage: ApiUsage | None, share: float) -> bool:
    """Whether more than this share of the org's calls of 24 hours is left, or nothing is known of them."""
    return usage is None or usage.allowed - usage.used > share * usage.allowed


# ---- ending --------------------------------------------------------------------------------------------------------


async def end_pass(ctx: Context, token: str, state: Pass) -> None:
    """Everything is on the inbox: the watermark moves, and what was requested is done.

    Where the log of deletions did not reach back far enough, what is no longer there is looked for by a walk.
    """
    if state.requests:
        detail = {"why": sorted(state.requests), "since": state.since, "read": state.read, "missed": state.missed}
        await ctx.store.audit.write(ctx.who, "reconcile.done", "entries", detail)
    if state.unlogged:
        await ctx.store.inbox.request_resync(f"{WALK}:{ULID()}", state.since)
    await ctx.store.cursors.put(CURSOR, Cursor(since=state.watermark, began=state.began))
    await _end(ctx, token, PASS, state)


async def end_related(ctx: Context, token: str, state: Pass) -> None:
    """The next one begins where this one's reads did."""
    await ctx.store.cursors.put(RELATED, Cursor(since=state.watermark, began=state.began))
    await _end(ctx, token, RELATED, state)


async def end_walk(ctx: Context, token: str, state: Pass) -> None:
    """Everything was seen, or looked for."""
    await _end(ctx, token, WALK, state)


async def _end(ctx: Context, token: str, name: str, state: Pass) -> None:
    if state.changed or state.related or state.deleted or state.unseen:
        await ctx.store.bell.ring("collect")
    if state.missed and await ctx.store.epoch.current():  # an incomplete ledger has missed nothing: it knows nothing
        log.warning("events_missed", by=name, count=state.missed, examples=state.examples[:3])
        detail = {"count": state.missed, "since": state.since, "units": list(state.examples)}
        await ctx.store.audit.write(ctx.who, f"{name}.found", "entries", detail)
    before = await ctx.store.passes.finished(name)
    done = Finished(at=await ctx.store.clock(), state=state, missed_in_all=before.missed_in_all + state.missed)
    await ctx.store.passes.end(token, name, done)
    for kind, moment in state.requests.items():
        await ctx.store.inbox.resynced(kind, moment)
