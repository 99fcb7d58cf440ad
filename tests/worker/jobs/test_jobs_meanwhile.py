"""What a person does in Xero while our own write is still on its way."""

import asyncio

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours
from worker.applying import apply_setup


async def test_an_edit_that_is_seen_before_our_create_is_answered_is_seen_again(world: World) -> None:
    world.write_fault("hold-after", id="answer")
    await world.tell(world.log("Harrow", "2.00"))
    await world.run("collect")
    writing = asyncio.create_task(world.run("invoice"))
    await world.stand.xero_faults.held["answer"].reached.wait()
    draft = world.draft("Harrow")
    lines = [{k: v for k, v in line.items() if k not in ("LineAmount", "TaxAmount")} for line in draft["LineItems"]]
    own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [*lines, own]})
    await world.run("statuses")
    world.stand.clock.advance(900.0)
    await world.run("statuses")
    world.stand.xero_faults.remove("answer")
    await writing
    await world.run("statuses")
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_a_setup_that_changes_while_a_create_is_unknown_leaves_the_draft_in_the_shape_it_was_opened_in(
    world: World,
) -> None:
    world.write_fault("drop-after", times=3)
    await world.tell(world.log("Harrow", "2.00"), world.log("Harrow", "1.00"))
    await world.run("collect")
    await world.run("invoice")
    text = SETUP.replace('revenue_account = "200"', 'revenue_account = "200"\nline_per = ["entry"]')
    await apply_setup(world.ctx.store, text, by="Pat")
    await world.tell(world.log("Harrow", "4.00"))
    await world.run("reconcile")
    await world.run("collect")
    await world.ctx.store.invoices.hasten()
    await world.work()
    assert [line["Quantity"] for line in world.draft("Harrow")["LineItems"]] == ["7.0"]
    await oracle(world)


async def test_after_a_draft_was_deleted_the_next_one_is_in_the_shape_of_the_setup_in_force(world: World) -> None:
    await world.tell(world.log("Harrow", "2.00"))
    await world.work()
    text = SETUP.replace('revenue_account = "200"', 'revenue_account = "200"\nline_per = ["entry"]')
    await apply_setup(world.ctx.store, text, by="Pat")
    await world.tell(world.log("Harrow", "1.00"), world.log("Harrow", "4.00"))
    await world.run("collect")
    world.act("delete", id=world.draft("Harrow")["InvoiceID"])
    await world.work()
    assert sorted(line["Quantity"] for line in world.draft("Harrow")["LineItems"]) == ["1.0", "4.0"]
    await oracle(world)
