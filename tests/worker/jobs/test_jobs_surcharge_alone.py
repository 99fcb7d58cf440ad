"""A surcharge that was approved without its time: the time is not billed at the surcharge's rate, nor charged twice."""

from decimal import Decimal

import pytest

from console import deciding, monthly
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours, total, unit
from worker.applying import apply_setup
from worker.billing.model import Decision

SURCHARGED = SETUP.replace("[billing]\n", '[billing]\nsurcharge = [{name = "Travel", percent = "5%"}]\n')


async def billed(world: World, *records: str) -> None:
    await world.tell(*records)
    await world.work()


async def alone(world: World) -> tuple[str, str]:
    """An entry whose surcharge is approved, and whose time a person took off before; and that document."""
    await apply_setup(world.ctx.store, SURCHARGED, by="test")
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    draft = world.draft("Harrow")
    assert total([draft]) == 210
    [surcharge] = [line for line in draft["LineItems"] if line["Description"].startswith("Travel")]
    left = {name: value for name, value in surcharge.items() if name not in ("LineAmount", "TaxAmount")}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [left]})
    world.act("approve", id=draft["InvoiceID"])
    await world.run("statuses")
    await world.work()
    found = await world.ctx.store.ledger.unit(unit(entry))
    assert found is not None
    assert [(p.state, p.seconds, p.amount) for p in found.postings] == [("fixed", 0, 10), ("suspended", 7200, 200)]
    return entry, found.postings[0].document


async def decided(world: World, entry: str, document: str, kind: str) -> None:
    made = Decision(unit=unit(entry), kind=kind, document=document, seconds=Decimal(7200), by="Pat")  # type: ignore[arg-type]
    await world.ctx.store.decisions.add([made])
    await world.work()


async def test_time_that_is_billed_again_beside_its_approved_surcharge_goes_on_a_line_at_its_own_rate(
    world: World,
) -> None:
    entry, document = await alone(world)
    assert (await world.waiting())[unit(entry)] == "suspended"
    await decided(world, entry, document, "bill")
    assert await deciding.corrections(world.ctx.store) == []
    _, draft = world.documents("Harrow")
    assert (hours(draft), total([draft])) == (2, 200)
    await oracle(world)
    world.act("approve", id=draft["InvoiceID"])
    await world.run("statuses")
    world.edit(entry, Hours__c="3.00")
    await billed(world, entry)
    assert [(view.hours, view.amount) for view in await deciding.corrections(world.ctx.store)] == [("1", "105.00")]
    await oracle(world)


@pytest.mark.parametrize("kind", ["dont-bill", "elsewhere"])
async def test_time_that_is_not_billed_again_leaves_its_approved_surcharge_as_it_is(world: World, kind: str) -> None:
    entry, document = await alone(world)
    await decided(world, entry, document, kind)
    assert await deciding.corrections(world.ctx.store) == []
    assert total(world.documents("Harrow")) == 10
    await oracle(world)


async def test_more_time_beside_an_approved_surcharge_goes_on_a_line_with_its_part_of_the_surcharge(
    world: World,
) -> None:
    entry, _ = await alone(world)
    world.edit(entry, Hours__c="3.00")
    await billed(world, entry)
    assert await deciding.corrections(world.ctx.store) == []
    _, draft = world.documents("Harrow")
    assert (total([draft]), (await world.waiting())[unit(entry)]) == (105, "suspended")
    await oracle(world)


async def test_an_entry_that_is_deleted_takes_off_the_surcharge_that_is_left_of_it(world: World) -> None:
    entry, _ = await alone(world)
    world.delete(entry)
    await billed(world, entry)
    assert [view.amount for view in await deciding.corrections(world.ctx.store)] == ["-10.00"]
    found, _ = await monthly.made(world.ctx, "2026-11")
    assert found.difference == 0
