"""The brake: a pass that would do too much waits for a person, who goes on, keeps, or undoes; what a setup would do."""

from decimal import Decimal

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours
from worker.applying import apply_setup
from worker.errors import ServiceError
from worker.jobs import braking
from worker.jobs.effect import plans_under
from worker.setup import parse

TIGHT = SETUP + "\n[brake]\nremoved_entries = 2\nnew_invoices = 3\n"
GATED = TIGHT.replace('values = ["Approved"]', 'values = ["Submitted"]')


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def everything_due(world: World) -> None:
    """What there is to read is read, and one pass is tried."""
    for name in ("reconcile", "collect", "invoice"):
        await world.run(name)


async def stopped(world: World) -> tuple[str, ...]:
    """Three entries on a draft, and a setup by which none of them is approved any more."""
    await apply_setup(world.ctx.store, TIGHT, by="test")
    await world.work()
    await billed(world, *world.log_many([world.entry("Harrow", "1.00") for _ in range(3)]))
    await apply_setup(world.ctx.store, GATED, by="test")
    await everything_due(world)
    braked = await world.ctx.store.brake.get()
    assert braked is not None
    assert hours(world.draft("Harrow")) == 3
    return braked.sentences


async def test_a_pass_that_takes_too_many_entries_off_is_stopped_before_anything_is_sent(world: World) -> None:
    [sentence] = await stopped(world)
    assert "3 entries would be taken off the drafts they are on, more than the 2" in sentence
    assert sentence in await world.ctx.store.invoices.paused()
    later = world.log("Northgate", "1.00", Status__c="Submitted")
    await world.tell(later)
    await everything_due(world)
    assert world.documents("Northgate") == []


async def test_go_on_sends_it_and_the_next_pass_is_measured_again(world: World) -> None:
    await stopped(world)
    await braking.go_on(world.ctx)
    await world.work()
    assert hours(world.draft("Harrow")) == 0
    assert (await world.ctx.store.brake.cleared(), await world.ctx.store.brake.get()) == (set(), None)
    with pytest.raises(ServiceError, match="No pass is stopped"):
        await braking.go_on(world.ctx)


async def test_keep_leaves_the_entries_as_they_are_until_somebody_decides_to_bill_them(world: World) -> None:
    await stopped(world)
    assert await braking.keep(world.ctx) == 3
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    assert set((await world.waiting()).values()) <= {"kept"}
    await oracle(world)


async def test_undo_takes_the_setup_back_and_nothing_changes_on_the_draft(world: World) -> None:
    await stopped(world)
    version = await braking.undo(world.ctx)
    await world.work()
    stored = await world.ctx.store.setup.current()
    assert stored is not None
    assert (stored.version, stored.text) == (version, TIGHT)
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_too_many_new_drafts_wait_however_many_calls_they_take(world: World) -> None:
    await apply_setup(world.ctx.store, TIGHT, by="test")
    await world.work()
    for number in range(60):
        world.client(f"Client {number:02}")
    await world.run("contacts")
    records = world.log_many([world.entry(f"Client {number:02}") for number in range(60)])
    await world.tell(*records)
    await everything_due(world)
    assert world.documents() == []
    assert "60 new drafts would be created" in await world.ctx.store.invoices.paused()
    await braking.go_on(world.ctx)
    await world.work()
    assert len(world.documents()) == 60
    assert await world.ctx.store.brake.cleared() == set()


async def test_much_of_the_drafts_priced_anew_waits_and_a_few_entries_of_ones_own_do_not(world: World) -> None:
    records = world.log_many([world.entry("Harrow", "1.00", Rate__c="100") for _ in range(12)])
    await billed(world, *records)
    for record in records[:5]:
        world.edit(record, Rate__c="10")
    await billed(world, *records)
    assert sum(Decimal(line["LineAmount"]) for line in world.draft("Harrow")["LineItems"]) == 750
    for record in records:
        world.edit(record, Rate__c="200")
    await world.tell(*records)
    await everything_due(world)
    braked = await world.ctx.store.brake.get()
    assert braked is not None
    assert braked.figures["open_total"] == "750.00"
    await braking.go_on(world.ctx)
    await world.work()
    await oracle(world)


async def test_new_time_never_counts(world: World) -> None:
    await billed(world, world.log("Harrow", "0.10"))
    await billed(world, *world.log_many([world.entry("Harrow", "1.00") for _ in range(20)]))
    assert hours(world.draft("Harrow")) == Decimal("20.1")


async def test_what_a_setup_would_do_is_known_in_money_before_it_is_applied(world: World) -> None:
    waiting = world.log("Northgate", "1.00", Status__c="Submitted")
    await billed(world, world.log("Harrow", "2.00"), waiting)
    effect = await braking.effect_of(world.ctx, await plans_under(world.ctx, parse(GATED)))
    assert (effect.new_invoices, effect.removed_entries, effect.changed_value) == (1, 1, 200)
    same = await braking.effect_of(world.ctx, await plans_under(world.ctx, parse(SETUP)))
    assert (same.new_invoices, same.removed_entries, same.changed_value) == (0, 0, 0)
    assert (hours(world.draft("Harrow")), world.documents("Northgate")) == (2, [])


async def test_an_open_draft_keeps_the_grouping_it_was_opened_under(world: World) -> None:
    first = world.log("Harrow", "1.00")
    await billed(world, first)
    await apply_setup(
        world.ctx.store,
        SETUP.replace('revenue_account = "200"', 'revenue_account = "200"\nline_per = ["entry"]'),
        by="t",
    )
    await world.work()
    await billed(world, world.log("Harrow", "2.00"))
    assert [Decimal(line["Quantity"]) for line in world.draft("Harrow")["LineItems"]] == [3]
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await billed(world, *world.log_many([world.entry("Harrow", "1.00") for _ in range(2)]))
    [_, second] = world.documents("Harrow")
    assert [Decimal(line["Quantity"]) for line in second["LineItems"]] == [1, 1]
    await oracle(world)
