"""closing: a period takes no more time once it is over, and everything that was logged in time has arrived.

Closed is a stored fact: an open draft keeps the time it has, and new time of that period goes to the next one. Before
that the entries of the period are read once more: what differs from what is known is collected first.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import structlog

from worker.billing import periods
from worker.billing.closing import due_to_close
from worker.billing.model import Placed
from worker.billing.rules import Rules
from worker.context import Context, Loaded
from worker.setup.conditions import day_type
from worker.setup.sections import Fields
from worker.store.ledger import Unit

log = structlog.get_logger()

RECONCILED = "reconcile"  # the cursor that says from when on Salesforce was read


async def close_periods(ctx: Context, loaded: Loaded, epoch: str) -> list[str]:
    """Close what may be closed now; gives the periods. Raises the Salesforce client's errors."""
    now = datetime.fromisoformat(await ctx.store.clock())
    over = set(past_closing(loaded.rules, now)) - await ctx.store.ledger.closed()
    if not over or not await _arrived(ctx, loaded, over):
        return []
    stale = await _stale(ctx, loaded, over)
    if stale:
        log.info("periods_not_closed_yet", periods=sorted(over), entries=len(stale))
        await ctx.store.inbox.add(stale)
        await ctx.store.bell.ring("collect")
        return []
    closed = []
    for period in sorted(over):
        if await _close(ctx, loaded, epoch, period):
            closed.append(period)
    return closed


def past_closing(rules: Rules, now: datetime) -> Iterator[str]:
    """Every period from the start of billing on that is due to be closed, oldest first."""
    period = periods.period_of(rules.start, rules.period, rules.start)
    while period != periods.UNTIL_APPROVED and due_to_close(period, rules, now):
        yield period
        period = periods.next_period(period)


async def _arrived(ctx: Context, loaded: Loaded, over: set[str]) -> bool:
    """Whether nothing that was logged in time can still be on its way: read since, and nothing left to collect."""
    counts = await ctx.store.collect.counts()
    if counts.due or counts.leased or counts.retrying:
        return False
    cursor = await ctx.store.cursors.get(RECONCILED)
    if not cursor.since:
        return False
    # The read must have begun after the period's end. (A rebuild sets the watermark alone, its margin before the read.)
    margin = timedelta(seconds=ctx.limits.watermark_margin)
    began = datetime.fromisoformat(cursor.began) if cursor.began else datetime.fromisoformat(cursor.since) + margin
    return all(due_to_close(period, loaded.rules, began) for period in over)


async def _close(ctx: Context, loaded: Loaded, epoch: str, period: str) -> bool:
    """Close one period, unless one of its drafts is about to be written."""
    keys, units = await _concerned(ctx, period)
    if not await ctx.store.ledger.close(epoch, period, sorted(keys), sorted(units)):
        return False
    log.info("period_closed", period=period, invoices=len(keys))
    await ctx.store.audit.write(ctx.who, "period.closed", period, {"invoices": len(keys), "units": len(units)})
    await ctx.store.bell.ring("collect")
    await ctx.store.bell.ring("invoices")
    return True


async def _stale(ctx: Context, loaded: Loaded, over: set[str]) -> list[str]:
    """Entries worked on until the end of these periods that Salesforce has otherwise than the ledger."""
    source, last = loaded.setup.source, max(day for name in over if (day := periods.last_day(name)))
    where = [*loaded.setup.soql_conditions, _until(source.fields, last)]
    query = f"SELECT Id, SystemModstamp FROM {source.sobject} WHERE {' AND '.join(where)} ORDER BY Id"  # noqa: S608 - names come from the checked setup, days are dates
    found: list[str] = []
    async for rows in ctx.salesforce.query(query):
        modified = {f"{source.sobject}:{row['Id']}#0": str(row["SystemModstamp"]) for row in rows}
        units = await ctx.store.ledger.units(modified)
        found += [id_ for id_, stamp in modified.items() if not _same(units.get(id_), stamp)]
    return found


def _until(fields: Fields, last: date) -> str:
    """Entries worked on until this day; times until a day later, for the day they fall on is the time zone's to say."""
    if day_type(fields) == "date":
        return f"{fields.worked_on} <= {last.isoformat()}"
    return f"{fields.worked_on} < {(last + timedelta(days=2)).isoformat()}T00:00:00Z"


def _same(unit: Unit | None, stamp: str) -> bool:
    return unit is not None and unit.entry is not None and unit.entry.modified == stamp


async def _concerned(ctx: Context, period: str) -> tuple[set[str], set[str]]:
    """The keys with an open document of the period, or about to have one, and the units that were to come onto one and
    are on none."""
    records = await ctx.store.ledger.invoices(await ctx.store.ledger.all_keys())
    keys = {
        record.key
        for record in records.values()
        if record.invoice
        for document in record.invoice.documents
        if document.period == period and document.status == "open" and not document.fixed
    }
    units: set[str] = set()
    async for batch in ctx.store.ledger.scan_units():
        coming = [
            unit
            for unit in batch
            if isinstance(unit.verdict, Placed) and unit.verdict.period == period and not unit.posted
        ]
        keys |= {unit.at for unit in coming if unit.at}  # a create of it is under way
        units |= {unit.id for unit in coming if not unit.at}
    return keys, units
