"""A locked invoice's timesheet and its client's next draft: neither holds the other back for good."""

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World, hours


async def _locked_with_more_time(world: World, **entry: str) -> str:
    """An approved invoice without its timesheet yet, and a later entry of the same client."""
    await world.tell(world.log("Harrow", "1.00"))
    await world.work()
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    later = world.log("Harrow", "2.00", **entry)
    await world.tell(later)
    return later


def _attached(world: World) -> int:
    return sum(len(files) for files in world.stand.xero.snapshot()["attachments"].values())


async def test_a_draft_that_cannot_be_written_keeps_no_timesheet_back_and_is_not_tried_for_ever(world: World) -> None:
    await _locked_with_more_time(world, Rate__c="12345678901234.5678")
    await world.work()
    assert _attached(world) == 2
    assert "cannot-be-written" in (await world.waiting()).values()
    assert world.writes() == 4  # the draft, two files and a note


async def test_a_timesheet_that_xero_does_not_take_now_holds_back_no_draft(world: World) -> None:
    await _locked_with_more_time(world)
    world.fault("status", id="down", status=503, method="PUT", path=".*/Attachments/.*", times=-1)
    await world.run("collect")
    for _ in range(6):
        await world.ctx.store.invoices.hasten()
        await world.run("invoice")
    assert [hours(one) for one in world.documents("Harrow")] == [1, 2]
    world.stand.xero_faults.remove("down")
    await world.work()
    await oracle(world, quiet=False)
