"""effect: what another setup would do to the drafts, in money, before it is applied. Nothing is written anywhere."""

from msgspec.structs import replace

from worker.billing.model import Entry
from worker.context import Context, Loaded
from worker.jobs.judging import judge
from worker.jobs.planning import members_of, plan_with
from worker.jobs.sending import Plan
from worker.setup import Setup
from worker.store.ledger import Facts, Unit
from worker.store.worklist import Claimed

BATCH = 50


async def plans_under(ctx: Context, setup: Setup) -> list[Plan]:
    """What every invoice would hold under this setup. Documents that are locked stay as they are.

    Entries that were never read (worked on before the present start, say) are not among them. Raises the clients'
    errors.
    """
    loaded = await ctx.loaded_as(setup)
    units: dict[str, Unit] = {}
    async for batch in ctx.store.ledger.scan_units():
        units |= await _judged(ctx, loaded, {unit.id: unit for unit in batch})
    members = members_of(units.values())
    plans: list[Plan] = []
    names = sorted(members)
    for start in range(0, len(names), BATCH):
        items = [Claimed(key, "", 0) for key in names[start : start + BATCH]]
        held = await ctx.store.ledger.invoices(item.id for item in items)
        plans += await plan_with(ctx, loaded, items, held, members)
    return plans


async def _judged(ctx: Context, loaded: Loaded, units: dict[str, Unit]) -> dict[str, Unit]:
    """These units with the verdicts they would get."""
    entries: dict[str, Entry] = {id_: unit.entry for id_, unit in units.items() if unit.entry is not None}
    facts: list[Facts] = await judge(ctx, loaded, entries, units, {})
    return units | {fact.id: replace(units[fact.id], verdict=fact.verdict) for fact in facts}
