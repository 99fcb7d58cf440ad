"""The button "Get contacts and generate invoices": everything that is due, done now, in this process."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from worker.context import Context
from worker.errors import ConfigurationError, ServiceError
from worker.jobs.collect import collect
from worker.jobs.contacts import contacts
from worker.jobs.invoice import invoice
from worker.jobs.rebuild import rebuild
from worker.jobs.reconcile import ReconcileProgress, reconcile_through
from worker.jobs.statuses import statuses
from worker.jobs.upkeep import upkeep
from worker.jobs.write_back import write_back

ROUNDS = 200
STEPS: Final = {
    "ledger": "Make sure that everything known is complete",
    "contacts": "Get contacts from Xero",
    "entries": "Check entries against Salesforce",
    "states": "Read back states and edits from Xero",
    "invoices": "Generate invoices",
    "write-back": "Write back to Salesforce",
}


class SyncView(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync did."""

    contacts: int
    entries: int
    invoices: int
    xero_calls: int


async def sync(ctx: Context, tell: Callable[[str], None] = lambda _: None) -> SyncView:
    """Pull contacts, check entries, push what is due; safe beside workers, and needs none.

    `tell` hears which of `STEPS` begins. Raises `ConfigurationError` without a setup, and the clients' errors.
    """
    await need_setup(ctx)
    before = (await ctx.store.governor.state()).calls_total
    tell("ledger")
    await complete_ledger(ctx)
    tell("contacts")
    pulled = await _contacts(ctx)
    tell("entries")
    await reconcile_through(ctx)
    entries = (await collect(ctx)).read
    tell("states")
    await statuses(ctx)
    await upkeep(ctx)
    entries += (await collect(ctx)).read
    tell("invoices")
    invoices = await _invoices(ctx)
    tell("write-back")
    await write_back(ctx)
    after = (await ctx.store.governor.state()).calls_total
    return SyncView(contacts=pulled, entries=entries, invoices=invoices, xero_calls=after - before)


async def need_setup(ctx: Context) -> None:
    """Raises `ConfigurationError` before the first setup."""
    if await ctx.store.setup.current() is None and await ctx.store.setup.on_disk() is None:
        raise ConfigurationError("There is no setup yet.", "Apply one: hourstream setup apply FILE")


async def complete_ledger(ctx: Context) -> None:
    """Rebuild the ledger where it is not complete (on a first installation that takes a moment)."""
    for _ in range(ROUNDS):
        if await ctx.store.epoch.current():
            return
        report = await rebuild(ctx)
        if report.step in ("wait", "taken"):
            await asyncio.sleep(ctx.limits.heartbeat / 5)
    if not await ctx.store.epoch.current():
        raise ServiceError("The ledger is still being rebuilt.", "See `hourstream queue status`, and try again.")


async def _contacts(ctx: Context) -> int:
    read = 0
    for _ in range(ROUNDS):
        report = await contacts(ctx)
        read += report.read
        if report.finished:
            break
    return read


async def _invoices(ctx: Context) -> int:
    """Send what is due; a unit that moves between invoices takes two passes."""
    written = 0
    for _ in range(ROUNDS):
        await ctx.store.invoices.hasten(asked=True)
        report = await invoice(ctx)
        written += report.written
        if not report.looked_at:
            break
    return written


class ReconciledView(msgspec.Struct, frozen=True, kw_only=True):
    """What a reconciliation found and did: entries on the list again, by why, and drafts written."""

    changed: int
    related: int
    deleted: int
    missed: int
    examples: tuple[str, ...]
    entries: int
    invoices: int
    xero_calls: int


async def reconciled(
    ctx: Context,
    *,
    since: datetime | None = None,
    everything: bool = False,
    tell: Callable[[ReconcileProgress], object] = lambda _: None,
) -> ReconciledView:
    """Check entries against Salesforce and drafts against Xero, and repair what differs; as `sync`, without contacts.

    Args:
        since: what changed from then on, where that is before the watermark.
        everything: compare every entry from the setup's start on, and read each of them again.
        tell: hears how it goes.

    Raises `ConfigurationError` without a setup, and the clients' errors.
    """
    await need_setup(ctx)
    before = (await ctx.store.governor.state()).calls_total
    await complete_ledger(ctx)
    found = await reconcile_through(ctx, since=since, whole=everything, tell=tell)
    entries = (await collect(ctx)).read
    await statuses(ctx)
    entries += (await collect(ctx)).read
    invoices = await _invoices(ctx)
    await write_back(ctx)
    after = (await ctx.store.governor.state()).calls_total
    return ReconciledView(
        changed=found.changed,
        related=found.related,
        deleted=found.deleted,
        missed=found.missed,
        examples=found.examples,
        entries=entries,
        invoices=invoices,
        xero_calls=after - before,
    )
