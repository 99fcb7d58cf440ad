"""How many Xero calls work takes, and what happens when there are few, or none, left."""

import asyncio
import math
import os
from dataclasses import replace

import pytest

from console import queueview
from console.web.sentence import Standing, remarks
from console.why import why_in_store
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours
from worker.applying import apply_setup
from worker.jobs.invoice import invoice
from worker.ticking import scheduled_invoice

CHANGED = [1, 50, 51, *map(int, filter(None, os.environ.get("HOURSTREAM_CHANGED", "").split(",")))]  # by hand 500
MANY = f"{SETUP}\n[brake]\nnew_invoices = 1000\n"


async def _entries(world: World, count: int) -> list[str]:
    """An entry each of so many clients, on a draft each."""
    await apply_setup(world.ctx.store, MANY, by="test")
    names = [f"Client {number:03}" for number in range(count)]
    for name in names:
        world.client(name)
    await world.run("contacts")
    return world.log_many([world.entry(name, "1.00") for name in names])


@pytest.mark.parametrize("changed", CHANGED)
async def test_changed_drafts_take_a_read_and_a_write_for_each_fifty(unlimited: World, changed: int) -> None:
    world, calls = unlimited, math.ceil(changed / 50)
    entries = await _entries(world, changed)
    await world.tell(*entries)
    await world.run("collect")
    world.forget_calls()
    await world.work(within=60)
    made = world.counted()
    assert (made["writes"], made["reads"]) == (calls, 0)
    world.org("update", records=[{"Id": entry, "Hours__c": "2.00"} for entry in entries])
    await world.tell(*entries)
    await world.run("collect")
    world.forget_calls()
    await world.work(within=60)
    made = world.counted()
    assert (made["writes"], made["reads"]) == (calls, calls)
    assert {hours(document) for document in world.documents()} == {2}


async def test_what_changes_while_a_call_is_under_way_goes_together_after_it(world: World) -> None:
    first, *later = await _entries(world, 7)
    await world.tell(first)
    await world.run("collect")
    world.write_fault("delay", delay=30.0)  # a second and a half here
    patient = replace(world.ctx, limits=replace(world.ctx.limits, lease=20.0))
    other = await world.worker()
    sending = asyncio.create_task(invoice(patient, spares=True))
    async with asyncio.timeout(20):
        while not await world.ctx.store.intents.unresolved():
            await asyncio.sleep(0.01)
    for some in (later[:3], later[3:]):
        await world.tell(*some)
        await world.run("collect")
        assert (await invoice(other, spares=True)).looked_at == 0
    await sending
    await world.work()
    assert world.writes() == 2
    assert [hours(document) for document in world.documents()] == [1] * 7
    await oracle(world)


async def test_with_few_calls_left_today_drafts_are_updated_less_often_and_people_are_told(world: World) -> None:
    await apply_setup(world.ctx.store, SETUP.replace('settle_max = "0s"', 'settle_max = "5m"'), by="test")
    await world.ctx.store.governor.answered("of before", min_remaining=50, day_remaining=4_000)
    world.act("limits", day=300)
    await world.tell(world.log("Harrow", "1.00"))
    await world.run("collect")
    await scheduled_invoice(world.ctx)
    assert hours(world.draft("Harrow")) == 1
    await world.tell(second := world.log("Harrow", "2.00"))
    await world.run("collect")
    await scheduled_invoice(world.ctx)
    assert hours(world.draft("Harrow")) == 1, "it gathers"
    view = await queueview.queue(world.ctx.store)
    assert "Xero calls are left today: drafts are next updated at" in queueview.spared(view)
    assert "1 draft waits" in queueview.spared(view)
    [told] = await why_in_store(world.ctx.store, second)
    assert "few Xero calls are left today" in told.text
    await world.ctx.store.invoices.hasten()
    await invoice(world.ctx)
    assert hours(world.draft("Harrow")) == 3, "a person who asks does not wait"


async def test_a_day_that_is_used_up_leaves_workers_free_and_says_until_when_how_many_drafts_wait(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    await world.run("collect")
    world.write_fault("429-day")
    async with asyncio.timeout(2):
        await world.run("invoice")
        await world.run("invoice")
        await world.run("contacts")
    assert await world.problems() == []
    view = await queueview.queue(world.ctx.store)
    until = view.xero_calls["stopped_until"]
    assert queueview.spared(view) == (
        f"Xero's calls for today are used up: nothing is sent until {until}; 1 draft waits."
    )
    [told] = await why_in_store(world.ctx.store, entry)
    assert told.text.endswith(f"after {until}: Xero's calls for today are used up.")
    assert world.counted()["calls"] == 1, "nothing else was asked of Xero"


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("day", "Xero's calls for today are used up until {at}; 3 drafts wait until then."),
        ("pace", "Few Xero calls are left today, so drafts are next updated at {at}; 3 drafts wait."),
        ("minute", "Xero asked for no calls until {at}; 3 drafts wait until then."),
    ],
)
def test_home_says_until_when_and_how_many_drafts_wait(why: str, text: str) -> None:
    until = "2026-11-05T10:43:00Z"
    now = Standing(setup=True, workers=1, complete=True, to_send=3, stopped_until=until, stopped_why=why)
    assert (text, until) in [(remark.text, remark.at) for remark in remarks(now)]
