"""Writes whose outcome is not known, and what else must not be lost while it is found out."""

from dataclasses import replace

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, Json, World, hours, total
from worker.applying import apply_setup
from worker.context import Context

OCTOBER = "2026-10-20"
CLOSING = SETUP.replace("start = 2026-11-01", 'start = 2026-10-01\nclose_after = "{}"\nat_close = "awaiting-approval"')


def patient(world: World) -> Context:
    """A worker that tries nothing again before somebody asks."""
    return replace(world.ctx, limits=replace(world.ctx.limits, backoff_base=60.0, backoff_cap=60.0))


async def closes(world: World, after: str) -> None:
    """October closes so long after its end."""
    await apply_setup(world.ctx.store, CLOSING.format(after), by="test")
    await world.redis.srem(str(world.ctx.store.ledger._keys("closed")), "2026-10")  # type: ignore[misc]


def editable(draft: Json) -> Json:
    """The draft's one line as it may be sent back."""
    [line] = draft["LineItems"]
    return {name: value for name, value in line.items() if name not in ("LineAmount", "TaxAmount")}


@pytest.mark.parametrize("what", ["error-500-cached", "error-500-cached-after"])
async def test_a_submission_that_xero_failed_is_not_taken_for_made(world: World, what: str) -> None:
    await closes(world, "60d")
    await world.work()
    await world.tell(world.log("Harrow", "2.00", Work_Date__c=OCTOBER))
    await world.work()
    await closes(world, "5d")
    await world.work()
    await world.run("reconcile")
    await world.work()
    world.write_fault(what)  # the content is what Xero has already: only the status tells whether it was taken
    await world.run("upkeep")
    await world.work()
    assert await world.ctx.store.ledger.closed() == {"2026-10"}
    assert world.draft("Harrow")["Status"] == "SUBMITTED"
    await oracle(world)


@pytest.mark.parametrize("what", ["error-500-cached", "error-500-cached-after"])
async def test_a_description_edited_while_an_update_is_unknown_takes_no_time_off(world: World, what: str) -> None:
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    await world.work()
    world.edit(entry, Hours__c="3.00")
    world.write_fault(what)
    await world.tell(entry)
    await world.run("collect")
    await world.run("invoice", patient(world))
    draft = world.draft("Harrow")
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [editable(draft) | {"Description": "As agreed"}]})
    await world.ctx.store.invoices.hasten()
    await world.work()
    draft = world.draft("Harrow")
    assert (hours(draft), total([draft]), draft["LineItems"][0]["Description"]) == (3, 300, "As agreed")
    await oracle(world)


async def test_a_period_does_not_close_over_a_create_that_is_under_way(world: World) -> None:
    await closes(world, "60d")
    await world.work()
    await world.tell(world.log("Harrow", "2.00", Work_Date__c=OCTOBER))
    await world.run("collect")
    world.write_fault("drop-after")
    await world.run("invoice", patient(world))
    assert await world.ctx.store.intents.unresolved()
    await closes(world, "5d")
    for name in ("reconcile", "collect") * 4:
        await world.run(name)
    assert (await world.ctx.store.collect.counts()).due == 0
    await world.run("upkeep")
    assert await world.ctx.store.ledger.closed() == set()
    await world.ctx.store.invoices.hasten()
    await world.work()
    await world.run("reconcile")
    await world.work()
    await world.run("upkeep")
    await world.work()
    assert await world.ctx.store.ledger.closed() == {"2026-10"}
    assert world.draft("Harrow")["Status"] == "SUBMITTED"
    await oracle(world)


async def test_a_create_under_another_number_is_found_by_a_worker_whose_clock_is_ahead(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    world.stand.xero.clock.advance(-600)
    world.stand.xero.books._last_moment = world.stand.xero.clock.now()
    world.write_fault("drop-after")
    await world.tell(entry)
    await world.run("collect")
    await world.run("invoice", patient(world))
    world.act("write", id=world.draft("Harrow")["InvoiceID"], body={"InvoiceNumber": "HARROW-7"})
    [unknown] = await world.ctx.store.intents.unresolved()
    await world.ctx.store.intents.exhaust(unknown)
    await world.ctx.store.invoices.hasten()
    await world.work()
    assert [one["InvoiceNumber"] for one in world.documents("Harrow", every=True)] == ["HARROW-7"]
    await oracle(world)


async def test_a_deletion_of_an_emptied_draft_that_xero_failed_is_not_taken_for_made(world: World) -> None:
    await closes(world, "60d")
    await world.work()
    entry = world.log("Harrow", "2.00", Work_Date__c=OCTOBER)
    await world.tell(entry)
    await world.work()
    world.delete(entry)
    await world.tell(entry)
    await world.work()
    await closes(world, "5d")
    await world.work()
    await world.run("reconcile")
    await world.work()
    world.write_fault("error-500-cached")
    await world.run("upkeep")
    await world.work()
    assert world.documents("Harrow") == []
    await oracle(world)


async def test_a_date_that_moves_with_the_last_entry_is_not_lost_with_the_write_that_xero_failed(world: World) -> None:
    dated = SETUP.replace("[billing]\n", '[billing]\ninvoice_date = "last-entry"\n')
    await apply_setup(world.ctx.store, dated, by="test")
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    await world.work()
    world.edit(entry, Work_Date__c="2026-11-12")
    world.write_fault("error-500-cached")
    await world.tell(entry)
    await world.work()
    assert "2026-11-12" in world.draft("Harrow")["DateString"]
    await oracle(world)
