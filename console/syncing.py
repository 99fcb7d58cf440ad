"""The button "Get contacts and generate invoices": everything that is due, done now, in this process."""

import asyncio

import msgspec

from worker.context import Context
from worker.errors import ConfigurationError, ServiceError
from worker.jobs.collect import collect
from worker.jobs.contacts import contacts
from worker.jobs.invoice import invoice
from worker.jobs.rebuild import rebuild
from worker.jobs.reconcile import reconcile
from worker.jobs.statuses import statuses
from worker.jobs.upkeep import upkeep
from worker.jobs.write_back import write_back

ROUNDS = 200


class SyncView(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync did."""

    contacts: int
    entries: int
    invoices: int
    xero_calls: int


async def sync(ctx: Context) -> SyncView:
    """Pull contacts, check entries, push what is due; safe beside workers, and needs none.

    Raises `ConfigurationError` without a setup, and the clients' errors.
    """
    await need_setup(ctx)
    before = (await ctx.store.governor.state()).calls_total
    await complete_ledger(ctx)
    pulled = await _contacts(ctx)
    await reconcile(ctx)
    entries = (await collect(ctx)).read
    await statuses(ctx)
    await upkeep(ctx)
    entries += (await collect(ctx)).read
    invoices = await _invoices(ctx)
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
