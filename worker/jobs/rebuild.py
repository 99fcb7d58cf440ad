"""rebuild: make the ledger complete from what Salesforce and Xero say, and only then let anything else run.

The first installation takes this path too. It goes in short steps, each of which stores where it stands: wait for what
may still be on the wire, pull contacts, read every entry since the start with its manifest, read every document of
ours, check that each line equals its postings, and, as the last write, the epoch. What cannot be proven waits.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import msgspec
import structlog

from worker.billing import words
from worker.billing.canonical import canonical
from worker.billing.compose import compose
from worker.billing.keys import document_id, key_of, parse_url, sequence_of
from worker.billing.merge import accept
from worker.billing.model import Document, DocumentType, Entry, Found, Invoice, Placed, Posting
from worker.billing.periods import CREDIT, period_of
from worker.billing.postings import parse_decisions, parse_manifest, postings_of
from worker.billing.restore import restored
from worker.context import Context, Loaded
from worker.errors import ServiceError
from worker.jobs.answering import with_document
from worker.jobs.closing import past_closing
from worker.jobs.contacts import contacts
from worker.jobs.filing import FILES, NOTE
from worker.jobs.judging import judge
from worker.setup import parse
from worker.setup.mapping import entry_from
from worker.store.cursors import Cursor
from worker.store.decisions import together
from worker.store.epoch import Progress
from worker.store.ledger import Unit

log = structlog.get_logger()

UNITS_PAGE = 2000
PROVE = (
    "Nothing is billed until this is cleared up: connect the company that holds it, or empty the fields on the entry."
)


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
    loaded = await ctx.loaded()
    if loaded is None:
        return RebuildReport(step="setup", text="Waiting for a setup.")
    await ctx.org()
    await ctx.tenant()
    token = await ctx.store.epoch.take(ctx.limits.lease)
    if not token:
        return RebuildReport(step="taken", text="Another worker rebuilds the ledger.")
    try:
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
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)  # a lease that is lost is refused at the next write


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
            return await _documents(ctx, loaded, token, progress)
        case "named":
            await _named(ctx, loaded, token)
            await _close(ctx, loaded, token)
            await _decided(ctx, loaded, token)
            return msgspec.structs.replace(progress, step="finish")
    await _finish(ctx, token, progress)
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


# ---- documents -----------------------------------------------------------------------------------------------------


async def _documents(ctx: Context, loaded: Loaded, token: str, progress: Progress) -> Progress:
    """One page of our invoices or credit notes, in all statuses."""
    number = int(progress.cursor or 1)
    kind: DocumentType = "ACCREC" if progress.step == "invoices" else "ACCRECCREDIT"
    page = await ctx.xero.invoices(page=number, created_by_my_app=True, kind=kind, patience=ctx.limits.step)
    if page.odd and kind == "ACCREC":  # of credit notes everybody's are listed, and none of ours can be among the odd
        odd = page.odd[0]
        raise ServiceError(f"Xero's answer about {odd.number or odd.id} cannot be read: {odd.reason}.", PROVE)
    for (key, sequence), found in (await _ours(ctx, kind, page.items)).items():
        await _restore(ctx, loaded, token, found, key, sequence)
    if page.more:
        return msgspec.structs.replace(progress, cursor=str(number + 1))
    following = "credit-notes" if progress.step == "invoices" else "named"
    return msgspec.structs.replace(progress, step=following, cursor="1")


async def _ours(ctx: Context, kind: DocumentType, found: Sequence[Found]) -> dict[tuple[str, int], Found]:
    """Which of these are ours: invoices by their address; credit notes by their number as it is on disk, else by the
    lines that entries say they are on."""
    if kind == "ACCREC":
        return {identity: each for each in found if (identity := parse_url(each.url)) is not None}
    by_number, by_line = await ctx.store.credit_numbers.all(), dict[str, str]()
    if any(each.number not in by_number for each in found):
        async for units in ctx.store.ledger.scan_units():
            by_line |= {p.line: p.document for unit in units for p in unit.postings if p.line}
    ours: dict[tuple[str, int], Found] = {}
    for each in found:
        names = (by_line[line.id] for line in each.lines if line.id in by_line)
        name = by_number.get(each.number) or next(names, "")
        if name:
            ours[key_of(name), sequence_of(name)] = each
    return ours


async def _restore(ctx: Context, loaded: Loaded, token: str, found: Found, key: str, sequence: int) -> None:
    """Put one document of ours back into the ledger, with the postings that can be proven."""
    units = await ctx.store.ledger.units(await ctx.store.ledger.members(key))
    here = document_id(key, sequence)
    named = [posting for unit in units.values() for posting in unit.postings if posting.document == here]
    placed = [u.verdict for u in units.values() if isinstance(u.verdict, Placed) and u.verdict.key == key]
    period = _period(loaded, found, placed)
    groups = {each.unit: each.line for each in placed}
    document = restored(found, key, sequence, named, period=period, groups=groups)
    if document.problem or not named:
        free = [each for each in placed if not _settled_elsewhere(units[each.unit], here)]
        document = await _recognised(ctx, loaded, found, document, free) or document
    if document.status in words.LOCKED:  # what was added to it cannot be told from here; never twice
        document = msgspec.structs.replace(document, filed=(*FILES, NOTE))
    held = (await ctx.store.ledger.invoices([key]))[key]
    record = with_document(held.invoice or _invoice(key, found, period, placed), document, found.contact_name)
    await ctx.store.epoch.restore_invoice(token, record)
    await ctx.store.epoch.restore_number(token, key, sequence, found.number, found.type)
    await _restore_postings(ctx, token, units, document)


def _settled_elsewhere(unit: Unit, here: str) -> bool:
    """Whether this unit's time is fixed on another document, or was taken off one by a person."""
    return any(posting.document != here and posting.state != "open" for posting in unit.postings)


def _invoice(key: str, found: Found, period: str, placed: Sequence[Placed]) -> Invoice:
    group = placed[0].group if placed else ()
    return Invoice(key=key, contact=found.contact, currency=found.currency, period=period, group=group)


def _period(loaded: Loaded, found: Found, placed: Sequence[Placed]) -> str:
    if found.type == "ACCRECCREDIT":
        return CREDIT
    if placed:
        return placed[0].period
    day = date.fromisoformat(found.date) if found.date else datetime.now(UTC).date()
    return period_of(day, loaded.rules.period, loaded.rules.start)


async def _recognised(
    ctx: Context, loaded: Loaded, found: Found, document: Document, placed: Sequence[Placed]
) -> Document | None:
    """A draft without manifests whose content is just what its entries make now stands for those entries."""
    free = list(placed)
    if document.status != "open" or not free:
        return None
    contact = (await ctx.contacts({free[0].contact})).get(free[0].contact)
    wanted = compose(None, free, {}, loaded.rules, await ctx.company(), contact).document
    if wanted is None or canonical(wanted) != canonical(found):
        return None
    same = msgspec.structs.replace(wanted, sequence=document.sequence, number=found.number, xero_id=found.id)
    return accept(same, found)


async def _restore_postings(ctx: Context, token: str, units: Mapping[str, Unit], document: Document) -> None:
    here = document_id(document.key, document.sequence)
    fresh = postings_of(document)
    changed: dict[str, list[Posting]] = {}
    for id_, unit in units.items():
        mine = [posting for posting in fresh if posting.unit == id_]
        others = [posting for posting in unit.postings if posting.document != here]
        if mine or len(others) != len(unit.postings):
            changed[id_] = others + mine
    await ctx.store.epoch.restore_postings(token, changed)


# ---- proof ---------------------------------------------------------------------------------------------------------


async def _named(ctx: Context, loaded: Loaded, token: str) -> None:
    """Documents that entries name and that were not among ours: read by the ids and numbers beside the manifests.

    Raises `ServiceError` where Xero does not know one: another company answers, or a demo company was reset.
    """
    missing = await _missing(ctx)
    if not missing:
        return
    ids = sorted({entry.written.get("invoice_id", "") for entry in missing.values()} - {""})
    numbers = sorted({entry.written.get("invoice_number", "") for entry in missing.values()} - {""})
    pages = [
        await ctx.xero.invoices(ids=ids, patience=ctx.limits.step),
        await ctx.xero.invoices(numbers=numbers, patience=ctx.limits.step),
    ]
    for found in {found.id: found for page in pages for found in page.items}.values():
        identity = parse_url(found.url)
        if identity is not None and document_id(*identity) in missing:
            await _restore(ctx, loaded, token, found, *identity)
    unknown = await _missing(ctx)
    for name, entry in unknown.items():
        number = entry.written.get("invoice_number", "") or name
        more = f" (and entries name {len(unknown) - 1} more such)" if len(unknown) > 1 else ""
        raise ServiceError(f"{entry.record} says that it is billed on {number}, which Xero does not know{more}.", PROVE)


async def _decided(ctx: Context, loaded: Loaded, token: str) -> None:
    """Judge again what people decided about: where an accepted correction belongs follows from the documents."""
    async for batch in ctx.store.ledger.scan_units():
        units = {unit.id: unit for unit in batch if unit.decisions and unit.entry is not None}
        if not units:
            continue
        ticket = await ctx.store.ledger.ticket()
        entries = {id_: unit.entry for id_, unit in units.items() if unit.entry is not None}
        facts = await judge(ctx, loaded, entries, units, {})
        await ctx.store.epoch.restore_units(token, ticket, facts, {id_: unit.postings for id_, unit in units.items()})


async def _close(ctx: Context, loaded: Loaded, token: str) -> None:
    """Periods that are past closing and have no open document of ours take no more time."""
    records = await ctx.store.ledger.invoices(await ctx.store.ledger.all_keys())
    documents = [document for record in records.values() if record.invoice for document in record.invoice.documents]
    open_ = {document.period for document in documents if document.status == "open" and not document.fixed}
    now = datetime.fromisoformat(await ctx.store.clock())
    over = [period for period in past_closing(loaded.rules, now) if period not in open_]
    await ctx.store.epoch.restore_closed(token, over)


async def _missing(ctx: Context) -> dict[str, Entry]:
    """Documents that postings name and the ledger lacks, each with one of the entries that name it."""
    missing: dict[str, Entry] = {}
    async for units in ctx.store.ledger.scan_units():
        named = {p.document: unit.entry for unit in units for p in unit.postings if unit.entry is not None}
        held = await ctx.store.ledger.invoices({key_of(name) for name in named})
        there = {
            document_id(record.key, document.sequence)
            for record in held.values()
            if record.invoice
            for document in record.invoice.documents
        }
        missing |= {name: entry for name, entry in named.items() if name not in there}
    return missing


async def _doubts(ctx: Context, token: str) -> None:
    """Time of a client with a document that is not proven may already be on it: it waits for a person."""
    records = await ctx.store.ledger.invoices(await ctx.store.ledger.all_keys())
    documents = [d for record in records.values() if record.invoice for d in record.invoice.documents if d.problem]
    unproven = {(document.contact, document.currency): document for document in documents}
    for document in documents:
        log.warning("document_not_proven", number=document.number, problem=document.problem)
    if not unproven:
        return
    async for units in ctx.store.ledger.scan_units():
        for unit in units:
            verdict = unit.verdict
            where = (verdict.contact, verdict.currency) if isinstance(verdict, Placed) else ("", "")
            if where in unproven and not unit.postings:
                document = unproven[where]
                text = f"It may already be on {document.number}. {document.problem}"
                await ctx.store.epoch.doubt(token, [unit.id], text)


async def _finish(ctx: Context, token: str, progress: Progress) -> None:
    """The last checks, then the epoch."""
    await _doubts(ctx, token)
    counter = await ctx.store.intents.counter()
    await ctx.store.epoch.raise_counter(token, max(counter, ctx.store.highwater.highest()))
    await ctx.store.epoch.complete(token)
    await ctx.store.audit.write(ctx.who, "rebuilt", "ledger", {"since": progress.since})
    log.info("ledger_complete")
    for stage in ("collect", "invoices", "write_back"):
        await ctx.store.bell.ring(stage)
