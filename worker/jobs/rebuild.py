"""rebuild: make the ledger complete from what Salesforce and Xero say, and only then let anything else run.

The first installation takes this path too. It goes in short steps, each of which stores where it stands: wait for what
may still be on the wire, pull contacts, read every entry since the start with its manifest, read every document of
ours, check that each line equals its postings, and, as the last write, the epoch. What cannot be proven waits.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec
import structlog

from worker.billing.model import Entry, Posting
from worker.billing.postings import parse_decisions, parse_manifest
from worker.context import Context, Loaded
from worker.jobs.closing import past_closing
from worker.jobs.contacts import contacts
from worker.jobs.filed import make_due
from worker.jobs.judging import judge
from worker.jobs.proving import doubts, named
from worker.jobs.restoring import documents
from worker.setup import parse
from worker.setup.mapping import entry_from
from worker.store.cursors import Cursor
from worker.store.decisions import together
from worker.store.epoch import Progress
from worker.store.ledger import Unit
from worker.tasks import cancelled

log = structlog.get_logger()

UNITS_PAGE = 2000


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """The step that comes next, "" when the ledger is complete; the sentence for people while it waits."""

    step: str = ""
    text: str = ""


async def rebuild(ctx: Context) -> RebuildReport:
    """Do steps of the rebuild for as long as one job may work.

    Raises the clients' errors, `RebuildLostError`, and `ServiceError` for what only a person can clear up; the ledger
    then stays incomplete, and nothing but intake runs.
    """
    if await ctx.store.epoch.current():
        return RebuildReport()
    await _restore_setup(ctx)
    await ctx.store.contact_links.restore()
    loaded = await ctx.loaded()
    if loaded is None:
        return RebuildReport(step="setup", text="Waiting for a setup.")
    await ctx.org()
    await ctx.tenant()
    token = await ctx.store.epoch.take(ctx.limits.lease)
    if not token:
        return RebuildReport(step="taken", text="Another worker rebuilds the ledger.")
    try:
        if await ctx.store.epoch.current():  # another worker completed it between our look and the lease
            return RebuildReport()
        async with _kept(ctx, token):
            return await _steps(ctx, loaded, token)
    finally:
        await ctx.store.epoch.let_go(token)


@asynccontextmanager
async def _kept(ctx: Context, token: str) -> AsyncIterator[None]:
    """The lease is kept however long a step waits for an answer; a dead worker's lapses soon."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(ctx.limits.lease / 3)
            await ctx.store.epoch.keep(token, ctx.limits.lease)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        await cancelled([keeping])  # a lease that is lost is refused at the next write


async def _restore_setup(ctx: Context) -> None:
    """A store that was wiped or rolled back gets the last saved setup from disk, in preview where it says so."""
    current, saved = await ctx.store.setup.current(), await ctx.store.setup.on_disk()
    if saved is not None and (current is None or current.version < saved.version):
        await ctx.store.setup.save(saved.text, by="rebuild")
        await ctx.store.set_preview(not parse(saved.text).schedule.invoices.writes)


async def _steps(ctx: Context, loaded: Loaded, token: str) -> RebuildReport:
    until = time.monotonic() + ctx.limits.step
    progress = await ctx.store.epoch.progress()
    while time.monotonic() < until:
        following = await _step(ctx, loaded, token, progress)
        if following is None:
            return RebuildReport()
        await ctx.store.epoch.advance(token, following)
        if following.step == progress.step == "wait":
            return RebuildReport(step="wait", text="Waiting for what may still be on its way to Xero.")
        progress = following
    await ctx.store.bell.ring("rebuild")
    return RebuildReport(step=progress.step)


async def _step(ctx: Context, loaded: Loaded, token: str, progress: Progress) -> Progress | None:
    """Do one step; gives where the rebuild stands then, None when it is complete."""
    match progress.step:
        case "wait":
            return await _wait(ctx, progress)
        case "contacts":
            report = await contacts(ctx)
            step = "units" if report.finished else "contacts"
            return msgspec.structs.replace(progress, step=step)
        case "units":
            return await _units(ctx, loaded, token, progress)
        case "invoices" | "credit-notes":
            return await documents(ctx, loaded, token, progress)
        case "named":
            await named(ctx, loaded, token)
            await _close(ctx, loaded, token)
            await _judged_again(ctx, loaded, token)
            return msgspec.structs.replace(progress, step="finish")
    await _finish(ctx, loaded, token, progress)
    return None


async def _wait(ctx: Context, progress: Progress) -> Progress:
    """Whatever an earlier worker sent must have arrived, or its socket be closed, before Xero is read."""
    now = await ctx.store.clock()
    fresh = False
    if not progress.since:
        log.info("rebuilding_the_ledger", why=await ctx.store.epoch.why())
        progress = msgspec.structs.replace(progress, since=now)
        fresh = not await _anything_begun(ctx)
    waited = datetime.fromisoformat(now) - datetime.fromisoformat(progress.since)
    if not fresh and waited < timedelta(seconds=ctx.limits.rebuild_wait):
        return progress
    # Whatever changes while the reads go on is found again by the reconciler, from before the first of them.
    begin = datetime.fromisoformat(progress.since) - timedelta(seconds=ctx.limits.watermark_margin)
    await ctx.store.cursors.put("reconcile", Cursor(since=begin.isoformat()))
    return msgspec.structs.replace(progress, step="contacts")


async def _anything_begun(ctx: Context) -> bool:
    if ctx.store.highwater.highest() > 0 or await ctx.store.audit.any_on_disk("xero"):
        return True
    ours = await ctx.xero.invoices(page=1, created_by_my_app=True, patience=ctx.limits.step)
    return bool(ours.items)


# ---- units ---------------------------------------------------------------------------------------------------------


async def _units(ctx: Context, loaded: Loaded, token: str, progress: Progress) -> Progress:
    """One page of the entries since the start, deleted ones too, with the postings their manifests name."""
    ticket = await ctx.store.ledger.ticket()
    rows = await _page_of_entries(ctx, loaded, progress.cursor)
    entries: dict[str, Entry] = {}
    units: dict[str, Unit] = {}
    for row in rows:
        entry = entry_from(row, loaded.setup, timezone=loaded.rules.timezone)
        entries[entry.id] = entry
    known, decided = await ctx.store.ledger.units(entries), await ctx.store.decisions.on_disk()
    for id_, entry in entries.items():
        text, had = entry.written.get("billed", ""), known.get(id_) or Unit(id=id_)
        units[id_] = Unit(
            id=id_,
            entry=entry,
            postings=parse_manifest(text, id_) or had.postings,
            decisions=together(decided.get(id_, ()), had.decisions, parse_decisions(text, id_)),
        )
    await ctx.store.contact_links.hang(entries.values())
    await ctx.store.timekeepers.note(entries.values())
    facts = await judge(ctx, loaded, entries, units, {})
    await ctx.store.epoch.restore_units(token, ticket, facts, {id_: unit.postings for id_, unit in units.items()})
    await ctx.store.epoch.restore_decisions(token, {id_: unit.decisions for id_, unit in units.items()})
    if len(rows) < UNITS_PAGE:
        return msgspec.structs.replace(progress, step="invoices", cursor="1")
    return msgspec.structs.replace(progress, cursor=str(rows[-1]["Id"]))


async def _page_of_entries(ctx: Context, loaded: Loaded, after: str) -> list[dict[str, object]]:
    """Entries that may be billed, and those that say they are: their day may have been moved before the start."""
    told = loaded.setup.source.write_back
    marked = [f"{field} != null" for field in (told.invoice_id, told.invoice_number) if field]
    wanted = " AND ".join(loaded.setup.soql_conditions)
    conditions = [f"({' OR '.join([f'({wanted})', *marked])})", *([f"Id > '{after}'"] if after else [])]
    paths = ", ".join(dict.fromkeys([*loaded.setup.paths(), "IsDeleted"]))
    query = (
        f"SELECT {paths} FROM {loaded.setup.source.sobject} "  # noqa: S608 - names come from the checked setup, the id from Salesforce
        f"WHERE {' AND '.join(conditions)} ORDER BY Id LIMIT {UNITS_PAGE}"
    )
    return [row async for rows in ctx.salesforce.query_all(query) for row in rows]


# ---- the end of it -------------------------------------------------------------------------------------------------


async def _judged_again(ctx: Context, loaded: Loaded, token: str) -> None:
    """Judge again what follows from the documents: where an accepted correction belongs, and how time is measured on a
    draft that was opened under an earlier setup."""
    shapes = await ctx.store.creates.shapes()
    older = {name for name, version in shapes.items() if version != loaded.version}
    async for batch in ctx.store.ledger.scan_units():
        found = [unit for unit in batch if unit.decisions or any(_open_on(each, older) for each in unit.postings)]
        units = {unit.id: unit for unit in found if unit.entry is not None}
        if not units:
            continue
        ticket = await ctx.store.ledger.ticket()
        entries = {id_: unit.entry for id_, unit in units.items() if unit.entry is not None}
        facts = await judge(ctx, loaded, entries, units, {})
        await ctx.store.epoch.restore_units(token, ticket, facts, {id_: unit.postings for id_, unit in units.items()})


def _open_on(posting: Posting, documents: Container[str]) -> bool:
    return posting.state == "open" and posting.document in documents


async def _close(ctx: Context, loaded: Loaded, token: str) -> None:
    """Periods that are past closing and have no open document of ours take no more time."""
    records = await ctx.store.ledger.invoices(await ctx.store.ledger.all_keys())
    found = [document for record in records.values() if record.invoice for document in record.invoice.documents]
    open_ = {document.period for document in found if document.status == "open" and not document.fixed}
    now = datetime.fromisoformat(await ctx.store.clock())
    over = [period for period in past_closing(loaded.rules, now) if period not in open_]
    await ctx.store.epoch.restore_closed(token, over)


async def _finish(ctx: Context, loaded: Loaded, token: str, progress: Progress) -> None:
    """The last checks, then the epoch."""
    await doubts(ctx, token)
    counter = await ctx.store.intents.counter()
    await ctx.store.epoch.raise_counter(token, max(counter, ctx.store.highwater.highest()))
    await ctx.store.epoch.complete(token)
    await ctx.store.audit.write(ctx.who, "rebuilt", "ledger", {"since": progress.since})
    log.info("ledger_complete")
    await make_due(ctx, loaded)
    for stage in ("collect", "invoices", "write_back"):
        await ctx.store.bell.ring(stage)
