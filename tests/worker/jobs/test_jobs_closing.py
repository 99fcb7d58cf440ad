"""Periods that close: when, what happens to their drafts, and where late time goes."""

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours
from worker.applying import apply_setup

LATE = SETUP.replace("start = 2026-11-01", 'start = 2026-10-01\nclose_after = "60d"')
OCTOBER = "2026-10-20"


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def october(world: World, *more: str) -> str:
    """An entry on October's draft, which closes late."""
    await set_up(world, '"60d"', *more)
    entry = world.log("Harrow", "2.00", Work_Date__c=OCTOBER)
    await billed(world, entry)
    assert (world.draft("Harrow")["Date"], await world.ctx.store.ledger.closed()) != ("", {"2026-10"})
    return entry


async def set_up(world: World, after: str, *more: str) -> None:
    """October closes so long after its end."""
    lines = "\n".join([f"close_after = {after}", *more])
    await apply_setup(world.ctx.store, LATE.replace('close_after = "60d"', lines), by="test")
    await world.ctx.store.ledger._redis.srem(world.ctx.store.ledger._keys("closed"), "2026-10")  # type: ignore[misc]
    await world.work()


async def upkeep(world: World) -> None:
    """The passing of time is looked at after Salesforce was read."""
    await world.run("reconcile")
    await world.work()
    await world.run("upkeep")
    await world.work()


async def test_after_its_period_closed_a_draft_keeps_its_time_and_late_time_goes_on_the_next(world: World) -> None:
    entry = await october(world)
    await upkeep(world)
    assert await world.ctx.store.ledger.closed() == set()
    await apply_setup(world.ctx.store, LATE.replace('"60d"', '"5d"'), by="test")
    await world.work()
    await upkeep(world)
    assert await world.ctx.store.ledger.closed() == {"2026-10"}
    late = world.log("Harrow", "1.00", Work_Date__c=OCTOBER)
    world.edit(entry, Hours__c="3.00")
    await billed(world, late, entry)
    first, second = world.documents("Harrow")
    assert (hours(first), hours(second)) == (3, 1)
    assert "2026-10" in second["LineItems"][0]["Description"]
    await oracle(world)


async def test_time_that_arrives_before_the_close_is_collected_first(world: World) -> None:
    await october(world)
    await apply_setup(world.ctx.store, LATE.replace('"60d"', '"5d"'), by="test")
    await world.work()
    await world.run("reconcile")
    await world.work()
    world.log("Harrow", "1.00", Work_Date__c=OCTOBER)  # nobody told us
    await world.run("upkeep")
    assert await world.ctx.store.ledger.closed() == set()
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    await upkeep(world)
    assert await world.ctx.store.ledger.closed() == {"2026-10"}
    await oracle(world)


async def test_nothing_closes_before_salesforce_was_read_since_the_periods_end(world: World) -> None:
    await october(world)
    await apply_setup(world.ctx.store, LATE.replace('"60d"', '"5d"'), by="test")
    await world.work()
    from worker.store.cursors import Cursor

    await world.ctx.store.cursors.put("reconcile", Cursor(since="2026-11-01T00:00:00+00:00"))
    await world.run("upkeep")
    assert await world.ctx.store.ledger.closed() == set()


@pytest.mark.parametrize(("at_close", "status"), [("draft", "DRAFT"), ("awaiting-approval", "SUBMITTED")])
async def test_at_the_close_a_draft_is_submitted_where_the_setup_says_so(
    world: World, at_close: str, status: str
) -> None:
    line = f'at_close = "{at_close}"'
    await october(world, line)
    closing = LATE.replace('"60d"', f'"5d"\n{line}')
    await apply_setup(world.ctx.store, closing, by="test")
    await world.work()
    await upkeep(world)
    assert world.draft("Harrow")["Status"] == status
    await oracle(world)


async def test_a_draft_that_was_emptied_keeps_its_number_until_the_close_and_is_deleted_then(world: World) -> None:
    entry = await october(world)
    world.delete(entry)
    await billed(world, entry)
    assert world.draft("Harrow")["Status"] == "DRAFT"
    await apply_setup(world.ctx.store, LATE.replace('"60d"', '"5d"'), by="test")
    await world.work()
    await upkeep(world)
    assert world.documents("Harrow") == []
    await oracle(world)


async def test_time_of_a_period_that_was_over_before_we_came_goes_on_the_earliest_open_one(world: World) -> None:
    await apply_setup(world.ctx.store, LATE.replace('"60d"', '"5d"'), by="test")
    await world.redis.delete(str(world.ctx.store.ledger._keys("epoch")))
    await world.work()
    assert await world.ctx.store.ledger.closed() == {"2026-10"}
    await billed(world, world.log("Harrow", "2.00", Work_Date__c=OCTOBER), world.log("Harrow", "1.00"))
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_a_wipe_closes_again_what_was_closed_and_leaves_open_what_has_a_draft(world: World) -> None:
    await october(world)
    await apply_setup(world.ctx.store, LATE.replace('"60d"', '"5d"'), by="test")
    await world.redis.flushall()
    await world.work()
    assert (await world.ctx.store.ledger.closed(), hours(world.draft("Harrow"))) == (set(), 2)
    await oracle(world)


async def test_what_a_draft_below_the_minimum_held_at_the_close_goes_on_the_next_at_once(world: World) -> None:
    minimum = 'minimum_invoice = "150"'
    entry = await october(world, minimum)
    await upkeep(world)  # what waits is tried again once a day: that was just now
    world.edit(entry, Hours__c="1.00")
    await billed(world, entry, world.log("Harrow", "2.00"))
    await apply_setup(world.ctx.store, LATE.replace('"60d"', f'"5d"\n{minimum}'), by="test")
    await world.work()
    await upkeep(world)
    assert await world.ctx.store.ledger.closed() == {"2026-10"}
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)
