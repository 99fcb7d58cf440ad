"""Changes: the phases of a pass that read what changed since its watermark.

Each function does a piece of work of a few calls, puts what it found on the inbox, and says where the pass stands then.
What is found is always read again by collect, whether or not the ledger seems to know it.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace

from worker.context import Context, Loaded
from worker.jobs.comparing import compare
from worker.salesforce import soql
from worker.salesforce.errors import Action, SalesforceError
from worker.salesforce.query import PAGE, Rows
from worker.store.passes import Pass, Place

log = structlog.get_logger()

DELETED_LOG = timedelta(days=14)  # Salesforce answers getDeleted for 15 days; its clock may be behind ours
GROUP = 200  # related records whose entries are asked for at once


async def changed(ctx: Context, loaded: Loaded, state: Pass, _: str) -> Pass:
    """A page of the entries changed since the watermark, those in the recycle bin too."""
    sobject, paths, place = loaded.setup.source.sobject, [*loaded.setup.paths(), "IsDeleted"], state.place
    since = place.stamp or datetime.fromisoformat(state.since)
    rows = await first(ctx.salesforce.changed_since(sobject, paths, since, place.id, all_rows=True))
    found = await compare(ctx, loaded, rows, datetime.fromisoformat(state.began))
    gone = unit_ids(sobject, [row for row in rows if row["IsDeleted"]])
    unknown = set(gone) - (await ctx.store.ledger.units(gone)).keys()  # never billed, and never to be
    again = [id_ for id_ in found.units if id_ not in unknown]
    await ctx.store.inbox.add(again)
    state = replace(state, read=state.read + len(rows), changed=state.changed + len(again)).found(found.missed)
    return next_phase(state) if len(rows) < PAGE else replace(state, place=_after(rows))


async def every(ctx: Context, loaded: Loaded, state: Pass, _: str) -> Pass:
    """A page of all entries since the setup's start: each is to be read again."""
    rows = await page(ctx, loaded, ["Id"], loaded.setup.soql_conditions, state.place.id)
    await ctx.store.inbox.add(unit_ids(loaded.setup.source.sobject, rows))
    state = replace(state, read=state.read + len(rows), changed=state.changed + len(rows))
    return next_phase(state) if len(rows) < PAGE else replace(state, place=Place(id=str(rows[-1]["Id"])))


async def related(ctx: Context, loaded: Loaded, state: Pass, sobject: str) -> Pass:
    """Entries whose project, contact link or person changed: the records that changed, then what looks up to them."""
    lookups = (await ctx.salesforce.objects_on(loaded.setup.source.sobject, loaded.setup.paths())).get(sobject, ())
    place = state.place
    if place.group and place.lookup < len(lookups):
        return await _followed(ctx, loaded, state, lookups[place.lookup])
    if place.group and len(place.group) < GROUP:  # the last of them
        return next_phase(state)
    since = place.stamp or datetime.fromisoformat(state.since) - timedelta(seconds=ctx.limits.watermark_margin)
    rows = await first(ctx.salesforce.changed_since(sobject, ["Id"], since, place.id, all_rows=True, size=GROUP))
    if not rows:
        return next_phase(state)
    return replace(state, place=replace(_after(rows), group=tuple(str(row["Id"]) for row in rows)))


async def _followed(ctx: Context, loaded: Loaded, state: Pass, lookup: str) -> Pass:
    """A page of the entries that reach a group of related records over one lookup."""
    place = state.place
    conditions = [*loaded.setup.soql_conditions, f"{lookup}.Id IN {soql.ids(place.group)}"]
    rows = await page(ctx, loaded, ["Id"], conditions, place.after)
    await ctx.store.inbox.add(unit_ids(loaded.setup.source.sobject, rows))
    state = replace(state, read=state.read + len(rows), related=state.related + len(rows))
    if len(rows) < PAGE:
        return replace(state, place=replace(place, lookup=place.lookup + 1, after=""))
    return replace(state, place=replace(place, after=str(rows[-1]["Id"])))


async def deleted(ctx: Context, loaded: Loaded, state: Pass, _: str) -> Pass:
    """Deletions that Salesforce's log tells, purged records included, of entries that the ledger knows.

    Where the log does not reach back to the watermark a walk looks for what is no longer there, as one does by night.
    """
    sobject, now = loaded.setup.source.sobject, salesforce_now(ctx)
    margin = timedelta(seconds=ctx.limits.watermark_margin)
    start = datetime.fromisoformat(state.since) - margin if state.since else now - DELETED_LOG
    try:
        answer = await ctx.salesforce.deleted(sobject, max(start, now - DELETED_LOG), now)
    except SalesforceError as error:
        if error.action not in (Action.PERMANENT, Action.SETUP):
            raise  # the pass stays where it is, and the span is read again
        log.warning("deletions_not_answered", error=str(error))
        return next_phase(state)
    known = await ctx.store.ledger.units(f"{sobject}:{row.id}#0" for row in answer.records)
    news = [id_ for id_, unit in known.items() if unit.entry is not None and not unit.entry.deleted]
    told = await ctx.store.inbox.pending(news)
    await ctx.store.inbox.add(known)
    watermark = min(datetime.fromisoformat(state.watermark), answer.covered).isoformat()
    unlogged = bool(state.since) and max(answer.earliest, now - DELETED_LOG) > start
    state = replace(state, deleted=state.deleted + len(known), watermark=watermark, unlogged=unlogged)
    return next_phase(state.found([id_ for id_ in news if id_ not in told]))


# ---- pages ---------------------------------------------------------------------------------------------------------


async def page(ctx: Context, loaded: Loaded, columns: Sequence[str], where: Sequence[str], after: str) -> Rows:
    """The next page of entries in the order of their ids, after this one ("" from the beginning)."""
    conditions = [*where, *([f"Id > {soql.ids([after])[1:-1]}"] if after else [])]
    text = soql.select(loaded.setup.source.sobject, columns, " AND ".join(conditions), order="Id", limit=PAGE)
    pages = [rows async for rows in ctx.salesforce.query(text)]
    return Rows((row for rows in pages for row in rows), pages[-1].server_date, pages[0].began)


async def first(pages: AsyncGenerator[Rows, None]) -> Rows:
    """The first of these pages; the others are not asked for."""
    try:
        return await anext(pages)
    finally:
        await pages.aclose()


def next_phase(state: Pass) -> Pass:
    """The pass at the beginning of its next phase."""
    return replace(state, todo=state.todo[1:], place=Place(), total=0)


def unit_ids(sobject: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The units of these records."""
    return [f"{sobject}:{row['Id']}#0" for row in rows]


def salesforce_now(ctx: Context) -> datetime:
    """Salesforce's time at its last answer; a span until then holds everything that was told."""
    return ctx.salesforce.server_date or datetime.now(UTC)


def _after(rows: Rows) -> Place:
    return Place(stamp=str(rows[-1]["SystemModstamp"]), id=str(rows[-1]["Id"]))
