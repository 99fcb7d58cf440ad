"""reconcile: find what no event told.

A *pass* reads what changed since a watermark: entries, what they hang on, deletions. A *walk* compares every entry of
the open periods and the last 90 days with the ledger, once a night. Both go in steps: where they stand is stored after
each page, so that any process goes on with them, and one at a time has the turn.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import structlog
from ulid import ULID

from worker.context import Context, Loaded
from worker.jobs.reconciling import CURSOR, PASS, WALK, begin_pass, begin_walk, end_pass, end_walk, too_soon
from worker.jobs.turns import ReconcileProgress, Tell, Turn, shown, turn
from worker.store.passes import Pass, TurnLostError
from worker.store.store import Store

__all__ = ["ReconcileProgress", "ReconcileReport", "progress", "reconcile", "reconcile_through"]

log = structlog.get_logger()


class ReconcileReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries were put on the list to be read again, and why. `missed`: of how many of them no event told
    (`examples` names some); `unseen`: how many could be read before and cannot now, though nothing says that they were
    deleted. `finished`: False where it goes on in the next step; `taken`: because another process is at it.
    """

    changed: int = 0
    related: int = 0
    deleted: int = 0
    missed: int = 0
    unseen: int = 0
    examples: tuple[str, ...] = ()
    finished: bool = True
    taken: bool = False


async def reconcile(
    ctx: Context, *, since: datetime | None = None, everything: bool = False, tell: Tell = lambda _: None
) -> ReconcileReport:
    """One step: put on the inbox whatever changed since the watermark (or `since`), or `everything` since the start.

    Raises the Salesforce client's errors, and `ServiceError` when much can suddenly not be seen; the next step goes on
    from the page this one came to.
    """
    if since is not None or everything:
        await _request(ctx, "" if everything else since)
    loaded = await ctx.loaded()
    if loaded is None:
        return ReconcileReport()
    report = await _in_turn(ctx, loaded, tell)
    if not report.finished:
        await ctx.store.schedule.again("reconcile")
    if not report.finished and not report.taken:
        await ctx.store.bell.ring("reconcile")
    return report


async def _in_turn(ctx: Context, loaded: Loaded, tell: Tell) -> ReconcileReport:
    try:
        async with turn(ctx, loaded, tell) as mine:
            return await _step(mine) if mine else ReconcileReport(finished=False, taken=True)
    except TurnLostError:
        log.info("reconcile_taken_over")
        return ReconcileReport(finished=False, taken=True)


async def reconcile_through(
    ctx: Context,
    *,
    since: datetime | None = None,
    everything: bool = False,
    whole: bool = False,
    tell: Tell = lambda _: None,
) -> ReconcileReport:
    """The same to its end, here or in the workers that share it; `tell` hears how it goes.

    `whole`: compare every entry since the start with the ledger, and have each read again. What was asked for stays
    asked for when this process ends before. Raises as `reconcile`.
    """
    cursor = await ctx.store.cursors.get(CURSOR)
    asked = await _request(ctx, "" if everything or whole else since or cursor.since, WALK if whole else "asked")
    while asked in await ctx.store.inbox.resyncs():
        if await ctx.loaded() is None:
            return ReconcileReport()
        if (await reconcile(ctx, tell=tell)).taken:
            for each in await progress(ctx.store):
                tell(each)
            await asyncio.sleep(ctx.limits.doorbell)
    return _report((await ctx.store.passes.finished(WALK if whole else PASS)).state)


async def progress(store: Store) -> list[ReconcileProgress]:
    """What is under way now, whoever works on it."""
    states = [await store.passes.get(name) for name in (PASS, WALK)]
    return [shown(state) for state in states if state is not None and state.todo]


async def _request(ctx: Context, since: datetime | str | None, kind: str = "asked") -> str:
    """Ask for a reading as a gap in the stream does; gives the request's name."""
    name = f"{kind}:{ULID()}"
    moment = since.astimezone(UTC).isoformat() if isinstance(since, datetime) else since or ""
    await ctx.store.inbox.request_resync(name, moment)
    return name


async def _step(turn: Turn) -> ReconcileReport:
    """The pass first, which repairs gaps; then the walk, if there is one or it is time for it."""
    asked = await turn.ctx.store.inbox.resyncs()
    walks = {kind: since for kind, since in asked.items() if kind.startswith(f"{WALK}:")}
    walk = await turn.ctx.store.passes.get(WALK)
    requests = {kind: since for kind, since in asked.items() if kind not in walks}
    wanted = bool(requests) or walk is None
    done = None
    if await turn.under_way(PASS) or (wanted and not await too_soon(turn.ctx, requests)):
        done = await _pass(turn, requests)
        if done is not None and done.todo:
            return _report(done, finished=False)
    walk = await _walk(turn, walks, stale=walk is not None)
    return _report(walk, finished=not walk.todo) if walk else _report(done)


async def _pass(turn: Turn, requests: Mapping[str, str]) -> Pass | None:
    state = await turn.under_way(PASS) or await begin_pass(turn.ctx, turn.loaded, requests)
    if state is None:
        return None
    state = await turn.go_on(PASS, state)
    if not state.todo:
        await end_pass(turn.ctx, turn.token, state)
    return state


async def _walk(turn: Turn, requests: Mapping[str, str], *, stale: bool) -> Pass | None:
    """`stale`: there was one; where it read by another setup it is begun anew."""
    state = await turn.under_way(WALK) or await begin_walk(turn.ctx, turn.loaded, requests, wanted=stale)
    if state is None:
        return None
    state = await turn.go_on(WALK, state)
    if not state.todo:
        await end_walk(turn.ctx, turn.token, state)
    return state


def _report(state: Pass | None, *, finished: bool = True) -> ReconcileReport:
    if state is None:
        return ReconcileReport(finished=finished)
    return ReconcileReport(
        changed=state.changed,
        related=state.related,
        deleted=state.deleted,
        missed=state.missed,
        unseen=state.unseen,
        examples=state.examples,
        finished=finished,
    )
