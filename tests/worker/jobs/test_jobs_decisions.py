"""What people decide about time that waits; records that turn around; what waits is tried again."""

from decimal import Decimal

import pytest

from console import deciding
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World, hours, unit
from worker.billing.model import DecisionKind
from worker.errors import ServiceError


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def decide(world: World, kind: DecisionKind, *names: str) -> None:
    """A person decides, and everything is at rest."""
    await deciding.decide_waiting(world.ctx, list(names), kind, reason="so")
    await world.work()


async def taken_off(world: World) -> str:
    """An entry whose line a person took out of a draft that keeps another one."""
    gone, stays = world.log("Harrow", "1.00", Rate__c="90"), world.log("Harrow", "2.00", Rate__c="110")
    await billed(world, gone, stays)
    draft = world.draft("Harrow")
    kept = [line for line in draft["LineItems"] if Decimal(line["UnitAmount"]) == 110]
    world.act("write", id=draft["InvoiceID"], body={"LineItems": kept})
    await world.run("statuses")
    await world.work()
    assert (await world.waiting())[unit(gone)] == "suspended"
    return gone


async def test_time_that_a_person_took_off_is_billed_again_where_a_person_says_so(world: World) -> None:
    gone = await taken_off(world)
    await decide(world, "bill", gone)
    assert sorted(Decimal(line["UnitAmount"]) for line in world.draft("Harrow")["LineItems"]) == [90, 110]
    assert await world.waiting() == {}
    await oracle(world)


@pytest.mark.parametrize("kind", ["elsewhere", "dont-bill"])
async def test_time_that_a_person_took_off_stays_off_and_waits_no_more(world: World, kind: DecisionKind) -> None:
    gone = await taken_off(world)
    await decide(world, kind, gone)
    assert hours(world.draft("Harrow")) == 2
    assert await world.waiting() == {}
    assert world.record(gone)["Xero_Problem__c"] is None
    await oracle(world)


async def test_taken_off_again_it_waits_again(world: World) -> None:
    gone = await taken_off(world)
    await decide(world, "bill", gone)
    draft = world.draft("Harrow")
    kept = [line for line in draft["LineItems"] if Decimal(line["UnitAmount"]) == 110]
    world.act("write", id=draft["InvoiceID"], body={"LineItems": kept})
    await world.run("statuses")
    await world.work()
    assert (await world.waiting())[unit(gone)] == "suspended"


@pytest.mark.parametrize(("kind", "left"), [("bill", 1), ("dont-bill", 0)])
async def test_a_draft_that_a_person_deleted_is_decided_about_by_its_time(
    world: World, kind: DecisionKind, left: int
) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    world.act("delete", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    await decide(world, kind, entry)
    assert [hours(one) for one in world.documents("Harrow")] == [1] * left
    await oracle(world)


async def test_time_on_a_draft_leaves_it_where_a_person_says_dont_bill_and_returns_with_bill(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry, world.log("Harrow", "2.00"))
    await decide(world, "dont-bill", entry)
    assert hours(world.draft("Harrow")) == 2
    await decide(world, "bill", entry)
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_more_than_a_day_waits_until_somebody_says_it_is_right(world: World) -> None:
    entry = world.log("Harrow", "25.00")
    await billed(world, entry)
    assert (await world.waiting())[unit(entry)] == "too-many-hours"
    await decide(world, "bill", entry)
    assert hours(world.draft("Harrow")) == 25
    await oracle(world)


async def test_to_bill_what_waits_for_something_else_is_refused_with_what_it_waits_for(world: World) -> None:
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Hourly_Rate__c": None}])
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    with pytest.raises(ServiceError, match="No hourly rate"):
        await decide(world, "bill", entry)
    with pytest.raises(ServiceError, match="waiting list"):
        await decide(world, "bill", "nothing")
    await decide(world, "elsewhere", entry)
    assert await world.waiting() == {}


async def test_an_invoice_that_xero_refused_is_tried_again(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await world.tell(entry)
    await world.run("collect")
    world.act("contact", id=world.clients["Harrow"], body={"ContactStatus": "ARCHIVED"})
    await world.work()
    [key] = await world.waiting()
    with pytest.raises(ServiceError, match="its entries"):
        await decide(world, "dont-bill", key)
    await decide(world, "bill", key)
    assert list(await world.waiting()) == [key]


async def test_a_record_that_turns_around_again_and_again_waits_and_its_draft_stays(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    for status in ("Rejected", "Approved", "Rejected"):
        world.edit(entry, Status__c=status)
        await world.tell(entry)
        for name in ("collect", "invoice"):
            await world.run(name)
    before = world.documents("Harrow")
    world.edit(entry, Status__c="Approved")
    await world.tell(entry)
    for name in ("collect", "invoice"):
        await world.run(name)
    assert (await world.waiting())[unit(entry)] == "flipping"
    assert world.documents("Harrow") == before
    await deciding.decide_waiting(world.ctx, [entry], "bill")
    assert hours(world.draft("Harrow")) == 1
    assert await world.waiting() == {}


async def test_what_waits_is_tried_again_once_a_day(world: World) -> None:
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Hourly_Rate__c": None}])
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Hourly_Rate__c": "80"}])
    await world.run("upkeep")  # nobody told us of the project
    await world.work()
    assert hours(world.draft("Harrow")) == 1
    assert await world.waiting() == {}
