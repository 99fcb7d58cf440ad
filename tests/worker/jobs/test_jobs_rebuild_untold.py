"""A wipe before the entries were told what was billed of them: in doubt wait, never bill a second time."""

from console import monthly
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World, hours, total, unit
from worker.billing.model import Decision
from worker.jobs.upkeep import accepted


async def billed(world: World, *records: str) -> None:
    await world.tell(*records)
    await world.work()


async def untold(world: World) -> None:
    """Workers write to Xero, a person adds a line, and Redis is lost before Salesforce hears of any of it."""
    await world.run("collect")
    await world.run("invoice")
    [draft] = [one for one in world.documents() if one["Status"] == "DRAFT"]
    own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [*draft["LineItems"], own]})
    await world.redis.flushall()
    await world.work()


async def test_an_accepted_correction_on_a_draft_is_not_billed_again_after_a_wipe(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    world.edit(entry, Hours__c="3.00")
    await billed(world, entry)
    notes = (await world.ctx.store.ledger.notes()).values()
    await world.ctx.store.decisions.add([accepted(each, by="Pat") for note in notes for each in note.corrections])
    await untold(world)
    assert (sum(hours(one) for one in world.documents("Harrow")), total(world.documents("Harrow"))) == (4, 345)
    assert "in-doubt" in (await world.waiting()).values()
    found, _ = await monthly.made(world.ctx, "2026-11")
    assert (found.difference, found.difference_seconds) == (0, 0)


async def test_time_that_a_person_had_billed_again_is_not_billed_a_third_time_after_a_wipe(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    world.act("delete", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    name = (await world.ctx.store.ledger.units([unit(entry)]))[unit(entry)].postings[0].document
    made = Decision(unit=unit(entry), kind="bill", document=name, seconds=7200, by="Pat")  # type: ignore[arg-type]
    await world.ctx.store.decisions.add([made])
    await untold(world)
    assert (sum(hours(one) for one in world.documents("Harrow")), total(world.documents("Harrow"))) == (3, 245)
    assert "in-doubt" in (await world.waiting()).values()
    found, _ = await monthly.made(world.ctx, "2026-11")
    assert (found.difference, found.difference_seconds) == (0, 0)


async def test_unproven_time_waits_though_its_contact_was_merged_into_another(world: World) -> None:
    first = world.log("Harrow", "1.00")
    await billed(world, first)
    await world.tell(world.log("Harrow", "2.00"))
    world.act("merge", loser=world.clients["Harrow"], winner=world.clients["Northgate"])
    await untold(world)
    assert total(world.documents()) == 345
    assert "in-doubt" in (await world.waiting()).values()
    found, _ = await monthly.made(world.ctx, "2026-11")
    assert (found.difference, found.difference_seconds) == (0, 0)
    await oracle(world)


async def test_unproven_time_that_may_not_be_billed_at_the_moment_is_in_doubt_once_it_may(world: World) -> None:
    await billed(world, world.log("Harrow", "1.00"))
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    await world.run("collect")
    await world.run("invoice")
    draft = world.draft("Harrow")
    own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [*draft["LineItems"], own]})
    world.edit(entry, Status__c="Submitted")
    await world.redis.flushall()
    await world.work()
    assert total(world.documents()) == 345
    world.edit(entry, Status__c="Approved")
    await billed(world, entry)
    assert total(world.documents()) == 345
    assert "in-doubt" in (await world.waiting()).values()
    found, _ = await monthly.made(world.ctx, "2026-11")
    assert (found.difference, found.difference_seconds) == (0, 0)
