"""Walking: every entry of the open periods and the last 90 days is compared with the ledger, once a night.

It finds what moves no time of change (a formula, a currency's name), what was purged without a record of it, and what
the integration user may no longer see. Absence is not deletion: what is not there is only read again by collect, which
keeps it as it is until Salesforce says that it was deleted; and where much is not there at once, nothing is believed.
"""

from datetime import date, datetime, timedelta

from msgspec.structs import replace

from worker.billing import periods
from worker.context import Context, Loaded
from worker.errors import ServiceError
from worker.jobs.changes import DELETED_LOG, next_phase, page, salesforce_now, unit_ids
from worker.jobs.collect import UNREADABLE_LEAST, UNREADABLE_SHARE
from worker.jobs.comparing import compare
from worker.salesforce.query import PAGE
from worker.setup import conditions
from worker.store.ledger import Unit
from worker.store.passes import Pass, Place

LOOK_BACK = timedelta(days=90)
AT_ONCE = 400  # entries looked for by id at once


async def window(ctx: Context, loaded: Loaded, *, whole: bool) -> date:
    """The first day that a walk reads."""
    rules = loaded.rules
    if whole:
        return rules.start
    first = periods.period_of(rules.start, rules.period, rules.start)
    earliest = periods.first_day(periods.open_periods(first, await ctx.store.ledger.closed())[-1])
    recent = salesforce_now(ctx).date() - LOOK_BACK
    return max(rules.start, min(recent, earliest or recent))


async def expected(ctx: Context, loaded: Loaded, state: Pass, day: str) -> Pass:
    """Note some of what the walk ought to see: units that could be read so far, worked on from `day` on."""
    cursor, ids = await ctx.store.passes.units(state.place.id)
    units = await ctx.store.ledger.units(ids)
    prefix = f"{loaded.setup.source.sobject}:"
    await ctx.store.passes.expect(
        state, [id_ for id_, unit in units.items() if id_.startswith(prefix) and _seen(unit, date.fromisoformat(day))]
    )
    return replace(state, place=Place(id=cursor)) if cursor else next_phase(state)


def _seen(unit: Unit, day: date) -> bool:
    entry = unit.entry
    if entry is None or entry.deleted or entry.unreadable:
        return False
    return entry.worked_on is not None and entry.worked_on >= day


async def walk(ctx: Context, loaded: Loaded, state: Pass, day: str) -> Pass:
    """A page of the entries in the window; those that the ledger has otherwise, or all of them, are read again."""
    source, first = loaded.setup.source, date.fromisoformat(day)
    where = [conditions.worked_since(source.fields, first)]
    if not state.place.id:
        counted = f"SELECT COUNT() FROM {source.sobject} WHERE {where[0]}"  # noqa: S608 - names come from the checked setup
        state = replace(state, total=await ctx.salesforce.count(counted))
    rows = await page(ctx, loaded, [*loaded.setup.paths(), "IsDeleted"], where, state.place.id)
    found = await compare(ctx, loaded, rows, datetime.fromisoformat(state.began))
    state = replace(state, unseen=state.unseen + found.blind, read=state.read + len(rows))
    await _believe(ctx, loaded, state)
    await ctx.store.inbox.add(found.units if state.again else found.differing)
    await ctx.store.passes.seen(state, unit_ids(source.sobject, rows))
    state = replace(state, changed=state.changed + len(found.differing)).found(found.missed)
    return next_phase(state) if len(rows) < PAGE else replace(state, place=Place(id=str(rows[-1]["Id"])))


async def missing(ctx: Context, loaded: Loaded, state: Pass, _: str) -> Pass:
    """Some of what the walk did not see is looked for by id, in the recycle bin too, and read again by collect."""
    ids = await ctx.store.passes.not_seen(state, AT_ONCE)
    if not ids:
        return next_phase(state)
    sobject = loaded.setup.source.sobject
    records = [id_.removeprefix(f"{sobject}:").removesuffix("#0") for id_ in ids]
    rows = await ctx.salesforce.retrieve(sobject, ["IsDeleted"], records, all_rows=True)
    there = {str(row["Id"]): bool(row["IsDeleted"]) for row in rows}
    absent = set(records) - there.keys()
    gone = {id_ for id_, deleted in there.items() if deleted} | await _logged(ctx, sobject, absent)
    state = replace(state, unseen=state.unseen + len(absent - gone), deleted=state.deleted + len(gone))
    await _believe(ctx, loaded, state)
    told = await ctx.store.inbox.pending(ids)
    await ctx.store.inbox.add(ids)
    await ctx.store.passes.seen(state, ids)
    lost = gone | absent
    return state.found([id_ for id_, record in zip(ids, records, strict=True) if record in lost and id_ not in told])


async def _logged(ctx: Context, sobject: str, absent: set[str]) -> set[str]:
    """Which of the absent ones Salesforce's log says to be deleted."""
    if not absent:
        return set()
    now = salesforce_now(ctx)
    answer = await ctx.salesforce.deleted(sobject, now - DELETED_LOG, now)
    return absent & {row.id for row in answer.records}


async def _believe(ctx: Context, loaded: Loaded, state: Pass) -> None:
    """Raises `ServiceError` when so much cannot be seen any more that a permission was lost, not the records."""
    if state.unseen <= max(UNREADABLE_LEAST, UNREADABLE_SHARE * state.read):
        return
    sobject = loaded.setup.source.sobject
    findings = await ctx.salesforce.check_access(sobject, read=loaded.setup.paths())
    detail = {"unseen": state.unseen, "read": state.read, "findings": [finding.what for finding in findings]}
    await ctx.store.audit.write(ctx.who, "stopped", "reconcile", detail)
    why = " ".join(finding.what for finding in findings[:3])
    remedy = f"Give the integration user View All on {sobject}, or restore the records; then it goes on by itself."
    raise ServiceError(
        f"{state.unseen} entries that could be read before cannot be seen in Salesforce now, and it does not say that "
        f"they were deleted. Nothing was changed by that. {why}".strip(),
        findings[0].remedy if findings else remedy,
    )
