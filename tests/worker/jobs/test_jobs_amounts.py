"""Rounding, surcharges, tracking, time shown at zero, the minimum and lock dates, as Xero's stand-in has them."""

from collections.abc import Sequence
from decimal import Decimal

from console import monthly
from tests.worker.jobs.jobs_world import SETUP, Json, World
from worker.applying import apply_setup


async def applied(world: World, billing: str) -> None:
    """The setup with more said in [billing]."""
    await apply_setup(world.ctx.store, SETUP.replace("[billing]\n", f"[billing]\n{billing}\n"), by="test")


async def billed(world: World, *records: str) -> None:
    """These were heard of, everything is at rest, and hearing of them again writes nothing."""
    await world.tell(*records)
    await world.work()
    assert await world.unrest() == []
    world.forget_calls()
    await world.tell(*records)
    await world.work()
    assert world.writes() == 0
    statement, _ = await monthly.made(world.ctx, "2026-11")
    assert (statement.difference, statement.difference_seconds, statement.unexplained) == (0, 0, ())


def lines(draft: Json) -> Sequence[tuple[str, Decimal, Decimal]]:
    return sorted(
        (each["Description"], Decimal(each["Quantity"]), Decimal(each["LineAmount"])) for each in draft["LineItems"]
    )


async def test_a_surcharge_is_a_line_in_xero_and_follows_its_time(world: World) -> None:
    await applied(world, 'surcharge = [{name = "Travel", percent = "7.5%"}]')
    entry = world.log("Harrow", "1.50")
    await billed(world, entry)
    assert lines(world.draft("Harrow"))[-1] == ("Travel (7.5%)", 1, Decimal("11.25"))
    world.edit(entry, Hours__c="3.00")
    await billed(world, entry)
    assert lines(world.draft("Harrow"))[-1] == ("Travel (7.5%)", 1, Decimal("22.50"))
    world.delete(entry)
    await billed(world, entry)
    [line] = world.draft("Harrow")["LineItems"]
    assert line["Description"] == "No time on this invoice at present."


async def test_rounded_time_is_what_xero_has(world: World) -> None:
    await applied(world, 'round_minutes = 15\nround_mode = "up"\nround_per = "line"')
    await billed(world, world.log("Harrow", "0.30"), world.log("Harrow", "0.30"))
    assert [hours for _, hours, _ in lines(world.draft("Harrow"))] == [Decimal("0.75")]


async def test_tracking_is_on_the_line_and_an_unknown_option_waits_until_it_is_there(world: World) -> None:
    await applied(world, 'tracking = {region = "north"}')
    await billed(world, world.log("Harrow", "1.00"))
    [line] = world.draft("Harrow")["LineItems"]
    assert [(each["Name"], each["Option"]) for each in line["Tracking"]] == [("Region", "North")]
    await applied(world, 'tracking = {Region = "Atlantis"}')
    entry = world.log("Northgate", "1.00")
    await world.tell(entry)
    await world.work()
    assert list((await world.waiting()).values()) == ["tracking-invalid"]


async def test_time_that_is_not_billable_is_shown_at_zero_beside_time_that_is(world: World) -> None:
    await applied(world, 'show_non_billable = "line"')
    free = world.log("Harrow", "2.00", Billable__c=False)
    await billed(world, free)
    assert world.documents() == []
    await billed(world, world.log("Harrow", "1.00"))
    assert [amount for _, _, amount in lines(world.draft("Harrow"))] == [100, 0]


async def test_below_the_minimum_no_draft_is_created(world: World) -> None:
    await applied(world, 'minimum_invoice = "150"')
    await billed(world, world.log("Harrow", "1.00"))
    assert world.documents() == []
    assert list((await world.waiting()).values()) == ["below-minimum"]
    await billed(world, world.log("Harrow", "0.50"))
    assert Decimal(world.draft("Harrow")["SubTotal"]) == 150
    assert await world.waiting() == {}


async def test_a_draft_in_locked_books_moves_to_the_next_open_day(world: World) -> None:
    await applied(world, 'lock_date = "next-open-day"')
    await billed(world, world.log("Harrow", "1.00"))
    assert world.draft("Harrow")["DateString"].startswith("2026-11-30")
    world.act("organisation", period_lock="2026-11-30")
    await world.run("contacts")
    await billed(world, world.log("Harrow", "1.00"))
    assert world.draft("Harrow")["DateString"].startswith("2026-12-01")
