"""contacts: Xero contacts, page by page, into the store (billing needs them) and into Salesforce (people need them).

The walk remembers the page it is on; what has been written to Salesforce is known by a mark per contact, so that a walk
that found nothing new writes nothing. Once a week it reads all of them, for what moves no time of change (Xero: contact
balances, groups and defaults set elsewhere). The company's own settings, accounts and tax rates are read along.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec.structs import replace

from worker.billing.model import Contact
from worker.billing.resolve import branding_cause
from worker.context import Context, Loaded
from worker.errors import ServiceError
from worker.jobs.answering import REFUSED
from worker.jobs.contact_rows import Row, signature, upsert, upsert_again
from worker.setup.sections import Contacts as ContactsSection
from worker.store.cursors import Cursor
from worker.xero.pages import ContactPage
from worker.xero.values import later

log = structlog.get_logger()

PAGE_SIZE = 500
CURSOR = "contacts"
EVERYTHING = "contacts-all"  # the recurring task
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
    await _org_name(ctx)
    await _refused_again(ctx)
    section = loaded.setup.contacts if loaded else None
    cursor = await _begin(ctx, signature(section), anew=full)
    until, done = time.monotonic() + ctx.limits.step, ContactsReport()
    if section is not None and not cursor.place:
        await ctx.org()
        again, _ = await upsert_again(ctx, section)
        done = ContactsReport(written=again)
    while True:
        number = int(cursor.place or 1)
        page = await ctx.xero.contacts(
            page=number,
            page_size=PAGE_SIZE,
            modified_since=_since(cursor, ctx.limits.overlap),
            include_archived=True,
            patience=ctx.limits.step,
        )
        ok, bad = await _take_in(ctx, loaded, page, anew=cursor.anew)
        done = _added(done, page, ok, bad)
        cursor = _moved_on(cursor, page)
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


async def _begin(ctx: Context, by: str, *, anew: bool) -> Cursor:
    """Where the walk goes on, or a new one begins: of everything, `anew`, once a week, and when rows are made `by`
    another setup than those before."""
    cursor = await ctx.store.cursors.get(CURSOR)
    if cursor.place and cursor.by == by and not anew:
        return cursor
    weekly = await ctx.store.schedule.due(EVERYTHING, ctx.limits.contacts_all)
    if anew or weekly or cursor.by != by:
        cursor = Cursor(by=by, anew=anew)
        await ctx.store.cursors.put(CURSOR, cursor)
    return cursor


def _moved_on(cursor: Cursor, page: ContactPage) -> Cursor:
    """Where the walk stands after a page. The next one begins where this one did by Xero's own clock.

    Contacts come by their time of change: one that changes meanwhile moves to the end, and a later page begins with
    what would have been the second contact on it. A walk of several pages that met one reads the same span again.
    """
    until = cursor.until or page.date
    if cursor.place and any(later(contact.updated, until) for contact in page.items):
        until = SAME_SPAN
    if page.more:
        return replace(cursor, place=str(page.page + 1), until=until)
    return Cursor(since=cursor.since if until == SAME_SPAN else until, by=cursor.by)


def _since(cursor: Cursor, overlap: float) -> datetime | None:
    return datetime.fromisoformat(cursor.since) - timedelta(seconds=overlap) if cursor.since else None


async def _refused_again(ctx: Context) -> None:
    """Invoices that Xero refused are sent once more: what was mended there between two looks leaves no trace."""
    refused = [each.id for each in await ctx.store.invoices.parked(0, 10_000) if each.reason == REFUSED]
    if refused:
        await ctx.store.invoices.release(refused)
        await ctx.store.bell.ring("invoices")


async def _org_name(ctx: Context) -> None:
    """What people call the org is read as often as the company is; nothing but pages depends on it."""
    pinned = (await ctx.store.pair.get()).get("org")
    try:
        async with asyncio.timeout(ctx.limits.step / 6):
            if pinned and (await ctx.salesforce.token()).org_id == pinned:
                await ctx.store.pair.call("org", await ctx.salesforce.name())
    except (ServiceError, TimeoutError) as error:
        log.info("org_name_not_read", error=repr(error))


async def _company(ctx: Context) -> None:
    """Read the company anew. Entries that wait for one of its accounts, tax types, currencies, tracking
    options or branding themes are looked at again, and all of them when one is no longer what it was."""
    company = await ctx.xero.company(patience=ctx.limits.step)
    before, changed = await ctx.store.company.get(), f"company:{company.read_at}"
    if before is None or msgspec.structs.replace(before, read_at=company.read_at) == company:
        await ctx.store.company.put(company)
        return
    await ctx.store.inbox.request_resync(changed, "")  # now too: who dies once it is stored must not hide it
    await ctx.store.company.put(company)
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
    await ctx.store.inbox.request_resync(changed, "")
    await ctx.store.bell.ring("reconcile")


async def _take_in(ctx: Context, loaded: Loaded | None, page: ContactPage, *, anew: bool) -> tuple[int, int]:
    """One page: into the store first, then into Salesforce. Gives how many rows Salesforce took and refused."""
    changed = await ctx.store.contacts.put_many(page.items)
    for contact in changed:
        await ctx.store.release(f"contact:{contact}")
    await _look_again(ctx, set(changed))
    await ctx.store.contacts.looked_at([contact for contact in page.items if contact.id in changed])
    section = loaded.setup.contacts if loaded else None
    if section is None:
        return 0, 0
    await ctx.org()
    return await _upsert(ctx, section, page.items, page.fields, anew=anew)


async def _look_again(ctx: Context, changed: set[str]) -> None:
    """Entries of these contacts are judged again: a default account or tax type may have changed.

    They are those on the contacts' invoices, and those that are about to go on a first one, or wait to.
    """
    if not changed:
        return
    units: set[str] = set()
    due = {row["id"] for row in await ctx.store.invoices.page(0, 10_000)}
    waiting = {item.id for item in await ctx.store.invoices.parked(0, 10_000)}
    keys = due | waiting | set(await ctx.store.ledger.all_keys())
    for record in (await ctx.store.ledger.invoices(keys)).values():
        if record.invoice is None or changed & {record.invoice.contact, *(d.contact for d in record.invoice.documents)}:
            units |= await ctx.store.ledger.members(record.key)
    if units:
        await ctx.store.inbox.add(units)
        await ctx.store.bell.ring("collect")


def _row(section: ContactsSection, contact: Contact, flat: Mapping[str, str]) -> Row:
    """The Salesforce record of a contact; a field that Xero left out is emptied."""
    row: Row = {name: flat.get(source) or None for name, source in section.fields.items()}
    return row | {section.external_id: contact.id}


async def _upsert(
    ctx: Context,
    section: ContactsSection,
    items: Sequence[Contact],
    fields: Sequence[Mapping[str, str]],
    *,
    anew: bool,
) -> tuple[int, int]:
    """Write the rows of these contacts, so far as the setup wants them in Salesforce."""
    rows = {
        contact.id: _row(section, contact, flat)
        for contact, flat in zip(items, fields, strict=True)
        if section.only == "all" or flat.get("IsCustomer") == "true"
    }
    return await upsert(ctx, section, rows, anew=anew)
