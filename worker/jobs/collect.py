"""collect: re-read entries that may have changed, and say of each where it belongs.

Nothing is billed from an event: this job reads Salesforce, judges every entry by the setup, and stores facts and
verdict under a ticket drawn before the read, so that an older read never overwrites a newer one.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from worker.billing.keys import record_of
from worker.billing.model import Entry, Waiting
from worker.context import Context, Loaded
from worker.errors import ServiceError
from worker.jobs.changes import salesforce_now
from worker.jobs.judging import FLIPPING, judge
from worker.setup.mapping import entry_from
from worker.store.ledger import Facts, Unit
from worker.store.worklist import Claimed, Settle

log = structlog.get_logger()

CLAIM = 400  # entries a read
DELETED_LOG_DAYS = 14  # Salesforce answers getDeleted for 15 days; its clock may be behind ours
UNREADABLE_LEAST, UNREADABLE_SHARE = 10, 0.01


class CollectReport(msgspec.Struct, frozen=True):
    """How many entries were read, and how many could not be judged."""

    read: int = 0
    unreadable: int = 0


async def collect(ctx: Context) -> CollectReport:
    """Work on the inbox until nothing is due or the step is over.

    Raises the clients' errors, and `ServiceError` when many entries suddenly cannot be read; what was claimed is handed
    back then.
    """
    read = unreadable = 0
    until = time.monotonic() + ctx.limits.step
    while time.monotonic() < until:
        loaded, epoch = await ctx.loaded(), await ctx.store.epoch.current()
        if loaded is None or not epoch:
            break
        await ctx.org()
        claimed = await ctx.store.collect.claim(epoch, CLAIM, ctx.limits.lease)
        if not claimed:
            break
        try:
            facts = await _read(ctx, loaded, epoch, claimed)
        except Exception:
            await ctx.store.collect.hand_back(claimed)
            raise
        read += len(claimed)
        unreadable += sum(1 for fact in facts if fact.entry.unreadable)
        await ctx.store.bell.ring("invoices", (await ctx.settle(loaded)).quiet)
        await ctx.store.bell.ring("write_back")
    else:
        await ctx.store.bell.ring("collect")
    return CollectReport(read, unreadable)


async def _read(ctx: Context, loaded: Loaded, epoch: str, claimed: Sequence[Claimed]) -> list[Facts]:
    """One read of Salesforce for these units, stored with its verdicts."""
    source = loaded.setup.source.sobject
    mine = [item for item in claimed if item.id.startswith(f"{source}:")]
    others = [item for item in claimed if not item.id.startswith(f"{source}:")]
    if others:  # of an object that the setup no longer names: what is billed stays, nothing is read
        await ctx.store.collect.done(epoch, others)
    ticket = await ctx.store.ledger.ticket()
    records = await _records(ctx, loaded, [record_of(item.id) for item in mine])
    gone = await _proven_deleted(ctx, loaded, [id_ for i in mine if (id_ := record_of(i.id)) not in records])
    units = await ctx.store.ledger.units(item.id for item in mine)
    entries = {item.id: _entry(item.id, records, units.get(item.id), gone, loaded) for item in mine}
    known = {id_: entry for id_, entry in entries.items() if entry is not None}
    await _stop_where_blind(ctx, len(mine), known, units)
    await ctx.store.contact_links.hang(known.values())
    await ctx.store.timekeepers.note(known.values())
    facts = await judge(ctx, loaded, known, units, {item.id: item.generation for item in mine})
    window = ctx.limits.flip_window
    refused = await ctx.store.ledger.store_facts(epoch, ticket, facts, await ctx.settle(loaded), window)
    turning = [fact.id for fact in facts if isinstance(fact.verdict, Waiting) and fact.verdict.reason == FLIPPING]
    await ctx.store.collect.add(turning, Settle(window, window))  # once it has been quiet it is judged again
    unknown = [item for item in mine if entries[item.id] is None]
    if unknown:  # never seen, and not there: nothing to keep
        await ctx.store.collect.done(epoch, unknown)
    if refused:
        await ctx.store.bell.ring("collect")
    return facts


async def _records(ctx: Context, loaded: Loaded, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    paths = [*loaded.setup.paths(), "IsDeleted"]
    rows = await ctx.salesforce.retrieve(loaded.setup.source.sobject, paths, ids, all_rows=True) if ids else []
    return {row["Id"]: row for row in rows}


async def _proven_deleted(ctx: Context, loaded: Loaded, missing: Sequence[str]) -> set[str]:
    """Which of the missing records were deleted: Salesforce says so, and a read begun after that does not find them.

    Absence alone is not deletion, nor is a deletion that was undone since.
    """
    if not missing:
        return set()
    now, source = salesforce_now(ctx), loaded.setup.source.sobject  # the org's clock: ours may be behind it
    answer = await ctx.salesforce.deleted(source, now - timedelta(days=DELETED_LOG_DAYS), now)
    deleted = {row.id for row in answer.records} & set(missing)
    return deleted - (await _records(ctx, loaded, sorted(deleted))).keys()


def _entry(
    id_: str, records: Mapping[str, Mapping[str, Any]], unit: Unit | None, gone: set[str], loaded: Loaded
) -> Entry | None:
    """The entry as it is now; what is known stays where the record cannot be seen; None: neither seen nor known."""
    record, known = records.get(record_of(id_)), unit.entry if unit else None
    if record is not None:
        entry = entry_from(record, loaded.setup, timezone=loaded.rules.timezone)
        if entry.unreadable and known is not None and known.worked_on is not None:
            return msgspec.structs.replace(known, unreadable=entry.unreadable, written=entry.written)
        return entry
    if known is None:
        return None
    if record_of(id_) in gone:
        return msgspec.structs.replace(known, deleted=True, unreadable="")
    text = "the record cannot be seen any more and Salesforce does not say that it was deleted"
    return msgspec.structs.replace(known, unreadable=text)


async def _stop_where_blind(ctx: Context, read: int, entries: Mapping[str, Entry], units: Mapping[str, Unit]) -> None:
    """A pass that suddenly cannot see many records stops: a permission was lost, not the records."""
    blind = [id_ for id_, entry in entries.items() if entry.unreadable and not entry.deleted and _could(units.get(id_))]
    if len(blind) <= max(UNREADABLE_LEAST, UNREADABLE_SHARE * read):
        return
    detail = {"unreadable": len(blind), "of": read, "example": blind[0]}
    await ctx.store.audit.write(ctx.who, "stopped", "collect", detail)
    why = entries[blind[0]].unreadable
    raise ServiceError(
        f"{len(blind)} of {read} entries that could be read before cannot be read now, {blind[0]} for one: {why}.",
        "Check the integration user's permissions (hourstream doctor).",
    )


def _could(unit: Unit | None) -> bool:
    """Whether this unit could be read so far."""
    return unit is not None and unit.entry is not None and not unit.entry.unreadable
