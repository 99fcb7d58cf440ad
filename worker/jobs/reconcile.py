"""reconcile: find what no event told.

Entries changed since a watermark, deleted ones, and the entries of records on the mapped paths (projects, contacts'
links, people) that changed.

The watermark is Salesforce's own clock when it first answered, less a margin; it is stored with the last page's work.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from worker.context import Context, Loaded
from worker.salesforce import soql
from worker.salesforce.errors import Action, SalesforceError
from worker.salesforce.query import Rows
from worker.store.cursors import Cursor

log = structlog.get_logger()

CURSOR = "reconcile"
DELETED_LOG = timedelta(days=14)
RELATED_AT_ONCE = 200


class ReconcileReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries were put on the list to be read again."""

    changed: int = 0
    related: int = 0
    deleted: int = 0
    finished: bool = True


async def reconcile(ctx: Context, *, since: datetime | None = None, everything: bool = False) -> ReconcileReport:
    """Put on the inbox whatever changed since the watermark (or `since`), or every entry from `billing.start` on.

    Raises the Salesforce client's errors; the watermark then stays where it was.
    """
    loaded = await ctx.loaded()
    if loaded is None:
        return ReconcileReport()
    requests = await ctx.store.inbox.resyncs()
    cursor = await ctx.store.cursors.get(CURSOR)
    begin = _begin(cursor, since, requests, everything)
    sobject = loaded.setup.source.sobject
    changed, began = await _fill(ctx, sobject, _entries(ctx, loaded, begin))
    related = 0 if begin is None else await _related(ctx, loaded, begin)
    deleted = await _deleted(ctx, sobject, begin)
    watermark = began - timedelta(seconds=ctx.limits.watermark_margin)
    await ctx.store.cursors.put(CURSOR, Cursor(since=watermark.isoformat()))
    for kind, moment in requests.items():
        await ctx.store.inbox.resynced(kind, moment)
    if changed or related or deleted:
        await ctx.store.bell.ring("collect")
    return ReconcileReport(changed=changed, related=related, deleted=deleted)


def _begin(cursor: Cursor, since: datetime | None, requests: dict[str, str], everything: bool) -> datetime | None:
    """The moment to read from; None: every entry since the setup's start."""
    if everything or "" in requests.values() or (not cursor.since and since is None):
        return None
    moments = [datetime.fromisoformat(moment) for moment in requests.values()]
    moments += [datetime.fromisoformat(cursor.since)] if cursor.since else []
    return min([*moments, since] if since else moments)


def _entries(ctx: Context, loaded: Loaded, begin: datetime | None) -> AsyncIterator[Rows]:
    sobject = loaded.setup.source.sobject
    if begin is not None:
        return ctx.salesforce.changed_since(sobject, ["Id"], begin)
    return ctx.salesforce.query(_select(loaded, []))


def _select(loaded: Loaded, conditions: Sequence[str]) -> str:
    """Ids of entries worked on or after the start; names come from the checked setup, ids are quoted."""
    where = " AND ".join([*loaded.setup.soql_conditions, *conditions])
    return f"SELECT Id FROM {loaded.setup.source.sobject} WHERE {where} ORDER BY Id"  # noqa: S608 - as the docstring says


async def _fill(ctx: Context, sobject: str, pages: AsyncIterator[Rows]) -> tuple[int, datetime]:
    """Put the rows' units on the inbox; gives how many, and Salesforce's time when it first answered."""
    count, began = 0, datetime.now(UTC)
    async for rows in pages:
        began = rows.began if count == 0 else began
        await ctx.store.inbox.add(f"{sobject}:{row['Id']}#0" for row in rows)
        count += len(rows)
    return count, began


async def _related(ctx: Context, loaded: Loaded, begin: datetime) -> int:
    """Entries whose project, contact link or person changed: found by what the lookups on the mapped paths point to."""
    sobject, count = loaded.setup.source.sobject, 0
    for related, lookups in (await ctx.salesforce.objects_on(sobject, loaded.setup.paths())).items():
        changed = [
            str(row["Id"]) async for rows in ctx.salesforce.changed_since(related, ["Id"], begin) for row in rows
        ]
        for start in range(0, len(changed), RELATED_AT_ONCE):
            ids = ", ".join(soql.quote(id_) for id_ in changed[start : start + RELATED_AT_ONCE])
            for lookup in lookups:
                query = _select(loaded, [f"{lookup}.Id IN ({ids})"])
                count += (await _fill(ctx, sobject, ctx.salesforce.query(query)))[0]
    return count


async def _deleted(ctx: Context, sobject: str, begin: datetime | None) -> int:
    now = datetime.now(UTC)
    start = max(begin or now - DELETED_LOG, now - DELETED_LOG)
    if now - start < timedelta(minutes=1):
        return 0
    try:
        answer = await ctx.salesforce.deleted(sobject, start, now)
    except SalesforceError as error:
        if error.action not in (Action.PERMANENT, Action.SETUP):
            raise  # the watermark stays, and the span is read again
        log.warning("deletions_not_answered", error=str(error))
        return 0
    known = await ctx.store.ledger.units(f"{sobject}:{row.id}#0" for row in answer.records)
    await ctx.store.inbox.add(known)
    return len(known)
