"""One draft by a person's word: created from the preview, withdrawn, given new rates; timesheets on locked ones."""

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours, total, unit
from worker.applying import apply_setup
from worker.errors import ServiceError
from worker.jobs import drafts

PREVIEW = SETUP.replace('invoices = "live"', 'invoices = "preview"')


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def key_of(world: World, record: str) -> str:
    found = await world.ctx.store.ledger.unit(unit(record))
    assert found is not None
    return found.belongs


async def previewed(world: World) -> str:
    """An entry whose draft is only previewed; gives the invoice's key."""
    await apply_setup(world.ctx.store, PREVIEW, by="test")
    entry = world.log("Harrow", "2.00")
    await world.tell(entry, world.log("Northgate", "1.00"))
    for name in ("reconcile", "collect", "invoice"):
        await world.run(name)
    assert world.documents() == []
    return await key_of(world, entry)


async def test_one_draft_is_created_from_the_preview_and_no_other(world: World) -> None:
    key = await previewed(world)
    document = await drafts.create(world.ctx, key)
    assert (document.number, document.status) == ("TT-00001", "open")
    assert (hours(world.draft("Harrow")), world.documents("Northgate")) == (2, [])
    with pytest.raises(ServiceError, match="nothing to write"):
        await drafts.create(world.ctx, key)
    await apply_setup(world.ctx.store, SETUP, by="test")
    await world.work()
    assert (hours(world.draft("Harrow")), hours(world.draft("Northgate"))) == (2, 1)
    await oracle(world)


async def test_what_is_created_is_updated_with_what_a_person_did_to_it(world: World) -> None:
    key = await previewed(world)
    await drafts.create(world.ctx, key)
    draft = world.draft("Harrow")
    own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [draft["LineItems"][0], own]})
    later = world.log("Harrow", "1.00")
    await world.tell(later)
    await world.run("collect")
    await drafts.create(world.ctx, key)
    assert total([world.draft("Harrow")]) == 345


async def test_a_withdrawn_draft_is_gone_and_its_time_is_free(world: World) -> None:
    key = await previewed(world)
    await drafts.create(world.ctx, key)
    [done] = await drafts.withdraw(world.ctx, [key])
    assert (done.number, done.why, world.documents()) == ("TT-00001", "", [])
    await apply_setup(world.ctx.store, SETUP, by="test")
    await world.work()
    draft = world.draft("Harrow")
    assert draft["InvoiceNumber"] != "TT-00001"
    assert hours(draft) == 2
    await oracle(world)


async def test_a_draft_that_somebody_touched_is_not_withdrawn(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    key = await key_of(world, entry)
    line = world.draft("Harrow")["LineItems"][0] | {"Description": "Ours"}
    world.act("write", id=world.draft("Harrow")["InvoiceID"], body={"LineItems": [line]})
    [edited] = await drafts.withdraw(world.ctx, [key])
    assert "A person edited it" in edited.why
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    [locked] = await drafts.withdraw(world.ctx, [key])
    assert "no draft" in locked.why
    assert len(world.documents("Harrow")) == 1
    await oracle(world)


async def test_a_new_rate_reaches_an_open_draft_only_by_a_persons_word(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    project = {"Id": world.projects["Harrow"], "Hourly_Rate__c": "150"}
    world.org("update", "Project__c", records=[project])
    await billed(world, entry)
    assert total([world.draft("Harrow")]) == 200
    key = await key_of(world, entry)
    [done] = await drafts.rerate(world.ctx, key)
    await world.work()
    assert (done.before, done.after, total([world.draft("Harrow")])) == (100, 150, 300)
    await billed(world, entry)
    assert await drafts.rerate(world.ctx, key) == []
    await oracle(world)


async def test_what_is_approved_keeps_its_rates(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    with pytest.raises(ServiceError, match="no open draft"):
        await drafts.rerate(world.ctx, await key_of(world, entry))


# ---- timesheets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["", "drop-before", "drop-after"])
async def test_numbers_that_xero_gives_are_taken_as_they_come(hasty: World, fault: str) -> None:
    world = hasty
    setup = SETUP.replace('revenue_account = "200"', 'revenue_account = "200"\nnumbering = "xero"')
    await apply_setup(world.ctx.store, setup, by="test")
    await world.work()
    if fault:
        world.write_fault(fault, times=4)
    entry = world.log("Harrow", "2.00")
    await billed(world, entry, world.log("Northgate", "1.00"))
    numbers = {one["InvoiceNumber"] for one in world.documents()}
    assert len(numbers) == len(world.documents()) == 2
    assert world.record(entry)["Xero_Invoice_Number__c"] == world.draft("Harrow")["InvoiceNumber"] != ""
    await oracle(world)
