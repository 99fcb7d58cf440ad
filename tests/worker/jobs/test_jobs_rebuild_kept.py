"""What people changed on a draft outlives a rebuild of the ledger, as it outlives everything else."""

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World, hours, total


async def billed(world: World, *records: str) -> None:
    await world.tell(*records)
    await world.work()


@pytest.mark.parametrize("how", ["a wipe", "a discarded epoch"])
@pytest.mark.parametrize("field", [{"Description": "As agreed"}, {"AccountCode": "260"}])
async def test_a_persons_wording_and_account_outlive_a_rebuild(world: World, how: str, field: dict[str, str]) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    draft = world.draft("Harrow")
    [line] = draft["LineItems"]
    line = {name: value for name, value in line.items() if name not in ("LineAmount", "TaxAmount")}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [line | field]})
    await world.run("statuses")
    await world.work()
    if how == "a wipe":
        await world.redis.flushall()
    else:
        await world.ctx.store.epoch.discard(await world.ctx.store.epoch.current(), "a test")
    await world.work()
    [line] = world.draft("Harrow")["LineItems"]
    assert {name: line[name] for name in field} == field
    world.edit(entry, Hours__c="3.00")
    await billed(world, entry)
    [line] = world.draft("Harrow")["LineItems"]
    assert ({name: line[name] for name in field}, hours(world.draft("Harrow"))) == (field, 3)
    await oracle(world)


async def test_a_draft_that_the_ledger_knows_as_xero_shows_it_is_not_in_doubt_after_a_discarded_epoch(
    world: World,
) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    draft = world.draft("Harrow")
    own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [draft["LineItems"][0], own]})
    world.edit(entry, Hours__c="3.00")
    await world.tell(entry)
    for name in ("collect", "invoice", "invoice"):  # what became of it is not told to Salesforce yet
        await world.run(name)
    assert total([world.draft("Harrow")]) == 345
    await world.ctx.store.epoch.discard(await world.ctx.store.epoch.current(), "a test")
    await world.work()
    await billed(world, world.log("Harrow", "1.00"))
    assert (total([world.draft("Harrow")]), await world.waiting()) == (445, {})
    held = (await world.ctx.store.ledger.invoices(await world.ctx.store.ledger.all_keys())).values()
    assert [d.problem for one in held if one.invoice for d in one.invoice.documents] == [""]
    await oracle(world)
