"""contacts: Xero contacts, page by page, into the store (billing needs them) and into Salesforce (people need them).

The walk remembers the page it is on; what has been written to Salesforce is known by a mark per contact, so that a walk
that found nothing new writes nothing. The company's own settings, accounts and tax rates are read along.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from worker.billing.model import Contact
from worker.billing.resolve import branding_cause
from worker.context import Context, Loaded
from worker.setup.sections import Contacts as ContactsSection
from worker.store.cursors import Cursor
from worker.xero.pages import ContactPage

log = structlog.get_logger()

PAGE_SIZE = 500
CURSOR = "contacts"
SAME_SPAN = "same"  # in a cursor's `until`: the next walk reads from where this one did


class ContactsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did; `finished` is False where the walk goes on in the next step."""

    read: int = 0
    written: int = 0
    failed: int = 0
    odd: int = 0
    finished: bool = True


async def contacts(ctx: Context, *, full: bool = False) -> ContactsReport:
    """Pull what changed since the last walk, or everything; `full` also writes rows that were written before.

    Raises the clients' errors; the next run goes on from the page this one came to.
    """
    loaded = await ctx.loaded()
    await ctx.tenant()
    await _company(ctx)
    cursor = Cursor() if full else await ctx.store.cursors.get(CURSOR)
    until, done = time.monotonic() + ctx.limits.step, ContactsReport()
    while True:
        number = int(cursor.place or 1)
        page = await ctx.xero.contacts(
            page=number,
            page_size=PAGE_SIZE,
            modified_since=_since(cursor, ctx.limits.overlap),
            include_archived=True,
            patience=ctx.limits.step,
        )
        ok, bad = await _take_in(ctx, loaded, page, anew=full)
        done = _added(done, page, ok, bad)
        cursor = _moved_on(cursor, page, failed=bool(bad))
        await ctx.store.cursors.put(CURSOR, cursor)
        if not cursor.place:
            return done
        if time.monotonic() > until:
            await ctx.store.schedule.again("contacts")
            await ctx.store.bell.ring("contacts")
            return msgspec.structs.replace(done, finished=False)


def _added(done: ContactsReport, page: ContactPage, written: int, failed: int) -> ContactsReport:
    return ContactsReport(
        read=done.read + len(page.items),
        written=done.written + written,
        failed=done.failed + failed,
        odd=done.odd + len(page.odd),
    )


def _moved_on(cursor: Cursor, page: ContactPage, *, failed: bool) -> Cursor:
    """Where the walk stands after a page. Without a failure the next one begins where this one did by Xero's own
    clock; with one it reads the same span again."""
    until = SAME_SPAN if failed or cursor.until == SAME_SPAN else cursor.until or page.date
    if page.more:
        return Cursor(since=cursor.since, place=str(page.page + 1), until=until)
    return Cursor(since=cursor.since if until == SAME_SPAN else until)


def _since(cursor: Cursor, overlap: float) -> datetime | None:
    return datetime.fromisoformat(cursor.since) - timedelta(seconds=overlap) if cursor.since else None


async def _company(ctx: Context) -> None:
    """Read the company anew. Entries that wait for one of its accounts, tax types, currencies, tracking
    options or branding themes are looked at again, and all of them when one is no longer what it was."""
    company = await ctx.xero.company(patience=ctx.limits.step)
    before = await ctx.store.company.get()
    if not await ctx.store.company.put(company) or before is None:
        return
    for account in company.accounts:
        await ctx.store.release(f"account:{account.code}")
    for currency in company.currencies:
        await ctx.store.release(f"currency:{currency}")
    for rate in company.tax_rates:
        await ctx.store.release(f"tax:{rate.type}")
    for category, _ in company.tracking:
        await ctx.store.release(f"tracking:{category}")
    for name in {each for theme in company.themes for each in theme}:
        await ctx.store.release(branding_cause(name))
    log.info("company_changed", tenant=company.tenant)
    await ctx.store.inbox.request_resync(f"company:{company.read_at}", "")
    await ctx.store.bell.ring("reconcile")


async def _take_in(ctx: Context, loaded: Loaded | None, page: ContactPage, *, anew: bool) -> tuple[int, int]:
    """One page: into the store first, then into Salesforce. Gives how many rows Salesforce took and refused."""
    changed = await ctx.store.contacts.put_many(page.items)
    for contact in changed:
        await ctx.store.release(f"contact:{contact}")
    await _look_again(ctx, set(changed))
    section = loaded.setup.contacts if loaded else None
    if section is None:
        return 0, 0
    await ctx.org()
    return await _upsert(ctx, section, page.items, page.fields, anew=anew)


async def _look_again(ctx: Context, changed: set[str]) -> None:
    """Entries of these contacts are judged again: a default account or tax type may have changed.

    They are those on the contacts' invoices, and those that are about to go on a first one.
    """
    if not changed:
        return
    units: set[str] = set()
    due = {row["id"] for row in await ctx.store.invoices.page(0, 10_000)}
    keys = due | set(await ctx.store.ledger.all_keys())
    for record in (await ctx.store.ledger.invoices(keys)).values():
        if record.invoice is None or changed & {record.invoice.contact, *(d.contact for d in record.invoice.documents)}:
            units |= await ctx.store.ledger.members(record.key)
    if units:
        await ctx.store.inbox.add(units)
        await ctx.store.bell.ring("collect")


def _row(section: ContactsSection, contact: Contact, flat: Mapping[str, str]) -> dict[str, str | None]:
    """The Salesforce record of a contact; a field that Xero left out is emptied."""
    row: dict[str, str | None] = {name: flat.get(source) or None for name, source in section.fields.items()}
    return row | {section.external_id: contact.id}


async def _upsert(
    ctx: Context,
    section: ContactsSection,
    items: Sequence[Contact],
    fields: Sequence[Mapping[str, str]],
    *,
    anew: bool,
) -> tuple[int, int]:
    """Write the rows that differ from what was written before (or all, `anew`), by external id."""
    rows = {
        contact.id: _row(section, contact, flat)
        for contact, flat in zip(items, fields, strict=True)
        if section.only == "all" or flat.get("IsCustomer") == "true"
    }
    marks = {id_: hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest() for id_, row in rows.items()}
    known = {} if anew else await ctx.store.cursors.rows(section.sobject, list(rows))
    todo = [id_ for id_ in rows if known.get(id_) != marks[id_]]
    if not todo:
        return 0, 0
    results = await ctx.salesforce.upsert(section.sobject, section.external_id, [rows[id_] for id_ in todo])
    good = {id_: marks[id_] for id_, result in zip(todo, results, strict=True) if result.success}
    await ctx.store.cursors.put_rows(section.sobject, good)
    outcomes = {id_: "" if result.success else result.problem for id_, result in zip(todo, results, strict=True)}
    await ctx.store.contacts.set_outcomes(outcomes)
    for id_, problem in outcomes.items():
        if problem:
            log.warning("contact_refused_by_salesforce", contact=id_, error=problem)
    return len(good), len(todo) - len(good)
