"""Weighing a setup before it comes into force: does it fit both services, how many calls it takes, what it does to
drafts in money. Commands and pages say the same of it."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from console.readmodel import money
from worker.billing.brake import Effect
from worker.billing.model import Document
from worker.billing.scene import open_document
from worker.context import Context
from worker.jobs.braking import effect_of
from worker.jobs.effect import plans_under
from worker.jobs.sending import Plan
from worker.setup import Problem, Setup, parse
from worker.setup.check import check
from worker.setup.forecast import Forecast, Seen, entries_a_day, forecast
from worker.setup.sections import ScheduleSection
from worker.store.store import Store

ZERO = Decimal(0)


class Difference(Struct, frozen=True, kw_only=True):
    """A draft before and after; "" where it is not there. Amounts are sums of lines."""

    contact: str
    number: str
    period: str
    currency: str
    before: str
    after: str


class Weighed(Struct, frozen=True, kw_only=True):
    """What a setup would do to drafts. `created`: the sums of new drafts by currency."""

    effect: Effect = Effect()
    differences: tuple[Difference, ...] = ()
    created: dict[str, str] = {}


async def problems(ctx: Context, setup: Setup) -> list[Problem]:
    """What the live org and company say against it, and a warning where it takes nearly all of Xero's calls.

    Raises the clients' errors.
    """
    found = await check(setup, ctx.salesforce, ctx.xero, console_url=ctx.settings.hourstream_console_url)
    taken = await calls(ctx.store, setup)
    if taken.near:
        what = f"about {taken.total:,} Xero calls a day come near the {taken.seen.limit:,} that Xero allows"
        remedy = "Raise contacts, statuses or settle, or send invoices by a schedule."
        found.append(setup.problem(("schedule",), what, remedy, "warning"))
    return found


async def calls(store: Store, setup: Setup) -> Forecast:
    """Xero calls a day by this setup."""
    return await calls_by(store, setup.schedule, setup.billing.start)


async def calls_by(store: Store, schedule: ScheduleSection, start: date | None) -> Forecast:
    """Xero calls a day by this schedule, if as many entries come as came since `start`, the first day that is billed
    (None where that is not known yet)."""
    today = datetime.fromisoformat(await store.clock()).date()
    seen = Seen(
        entries=entries_a_day(await store.ledger.count_units(), start or today, today),
        credit_notes=bool(await store.ledger.series("ACCRECCREDIT")),
        limit=(await store.governor.state()).day_limit,
    )
    return forecast(schedule, seen)


async def effect(ctx: Context, setup: Setup) -> Effect:
    """What it would do to the drafts that there are, as figures; as `weigh`."""
    return await effect_of(ctx, await _plans(ctx, setup))


async def effect_of_text(ctx: Context, text: str) -> Effect:
    """The same of a setup's text. Raises `SetupError` for one that is none."""
    return await effect(ctx, parse(text))


async def weigh(ctx: Context, setup: Setup) -> Weighed:
    """What it would do to each draft: nothing while the ledger is not complete, or before the first setup.

    Raises the clients' errors.
    """
    plans = [plan for plan in await _plans(ctx, setup) if plan.document is not None]
    pairs = [(None if plan.create else open_document(plan.held.invoice), plan) for plan in plans]
    contacts = await ctx.contacts({plan.document.contact for plan in plans if plan.document})
    names = {id_: contact.name for id_, contact in contacts.items()}
    created: dict[str, Decimal] = {}
    for before, plan in pairs:
        if before is None and plan.document and not plan.delete:
            created[plan.document.currency] = created.get(plan.document.currency, ZERO) + _sum(plan.document)
    found = [_difference(before, plan, names) for before, plan in pairs]
    return Weighed(
        effect=await effect_of(ctx, plans),
        differences=tuple(sorted(found, key=lambda each: (each.contact.casefold(), each.period, each.number))),
        created={currency: money(total) for currency, total in sorted(created.items())},
    )


async def _plans(ctx: Context, setup: Setup) -> Sequence[Plan]:
    if await ctx.store.setup.current() is None or not await ctx.store.epoch.current():
        return ()
    return await plans_under(ctx, setup)


def _difference(before: Document | None, plan: Plan, names: dict[str, str]) -> Difference:
    document = plan.document
    assert document is not None, "plans that do nothing were left out"
    return Difference(
        contact=names.get(document.contact, document.contact),
        number=before.number if before else "",
        period=document.period,
        currency=document.currency,
        before=money(_sum(before)) if before else "",
        after="" if plan.delete else money(_sum(document)),
    )


def _sum(document: Document) -> Decimal:
    sign = -1 if document.type == "ACCRECCREDIT" else 1
    return sign * sum((line.amount for line in document.lines), ZERO)
