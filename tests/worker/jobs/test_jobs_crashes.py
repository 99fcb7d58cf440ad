"""A worker dies between any two of its steps, alone or with all of Redis; the next one ends in the same invoices."""

import asyncio
from datetime import date

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import JOBS, SETUP, Doom, Json, World, hours
from worker.applying import apply_setup
from worker.context import Context


def _month(number: int) -> str:
    """A day in the n-th month from December on: its time makes a new draft."""
    return date(2026 + (11 + number) // 12, (11 + number) % 12 + 1, 5).isoformat()


def _day(number: int) -> str:
    """A day of November; nobody works more than 24 hours on one."""
    return date(2026, 11, number % 28 + 1).isoformat()


async def _die(world: World, ctx: Context, doom: Doom) -> bool:
    """Collect, invoice and write back until death; False where it came through alive."""
    doomed = doom.on(ctx)
    try:
        for name in ("collect", "invoice", "write_back"):
            await JOBS[name](doomed)
    except asyncio.CancelledError:
        return True
    return False


async def test_a_worker_that_dies_between_any_two_steps_leaves_nothing_wrong(unlimited: World) -> None:
    world = unlimited
    await world.tell(world.log("Harrow", "1.00"))
    await world.work()
    worked, at, dying = 1, 0, True
    while dying:
        at += 1
        dies = world.log("Harrow", "1.00", Work_Date__c=_month(at))
        await world.tell(world.log("Harrow", "1.00", Work_Date__c=_day(at)), dies)
        dying = await _die(world, world.ctx, Doom(at))
        await world.work()
        worked += 2
        assert sum(hours(one) for one in world.documents("Harrow")) == worked, f"dead before call {at}"
    assert at > 25
    assert len(world.documents("Harrow", every=True)) == 1 + at
    await oracle(world)


async def test_who_dies_where_a_draft_is_found_approved_leaves_later_time_in_the_shape_of_today(
    unlimited: World,
) -> None:
    world, known = unlimited, set[bool]()
    for at in range(24, 34):  # around the moment in which it is taken into the ledger
        await world.tell(world.log("Harrow", "1.00", Work_Date__c=_month(at)))
        await world.work()
        [draft] = _open(world)
        shaped = SETUP.replace("[billing]\n", f'[billing]\ndescription = "{{project}}, {at}"\n')
        await apply_setup(world.ctx.store, shaped, by="Pat")
        await world.work()
        world.act("approve", id=draft["InvoiceID"])
        await world.tell(world.log("Harrow", "2.00", Work_Date__c=_month(at)))
        await world.run("collect")  # nobody knows yet that the draft was approved: it would come onto that one
        assert await _die(world, world.ctx, Doom(at))
        known.add(await _locked(world, draft["InvoiceID"]))
        await world.work()
        [later] = _open(world)
        assert [line["Description"] for line in later["LineItems"]] == [f"Harrow, {at}"], f"dead before call {at}"
        world.act("approve", id=later["InvoiceID"])
        await world.run("statuses")
        await world.work()
    assert known == {False, True}
    await oracle(world)


async def _locked(world: World, id_: str) -> bool:
    """Whether the ledger knows that this document is no draft any more."""
    held = await world.ctx.store.ledger.invoices(await world.ctx.store.ledger.all_keys())
    found = [d for one in held.values() if one.invoice for d in one.invoice.documents if d.xero_id == id_]
    return all(document.fixed for document in found)


def _open(world: World) -> list[Json]:
    return [one for one in world.documents("Harrow") if one["Status"] == "DRAFT"]


@pytest.mark.parametrize("first", [1, 2, 3])
async def test_redis_wiped_with_the_worker_leaves_nothing_wrong(unlimited: World, first: int) -> None:
    world = unlimited
    await world.tell(world.log("Harrow", "1.00"))
    await world.work()
    worked, at, dying = 1, first, True
    while dying:
        await world.tell(*(world.log("Harrow", "1.00", Work_Date__c=day) for day in (_day(at), _month(at))))
        dying = await _die(world, world.ctx, Doom(at))
        await world.redis.flushall()
        await world.work()
        worked += 2
        assert sum(hours(one) for one in world.documents("Harrow")) == worked, f"wiped before call {at}"
        at += 9
    assert all(one["Status"] == "DRAFT" for one in world.documents("Harrow", every=True))
    await oracle(world)


async def test_two_workers_side_by_side_make_each_draft_once(world: World) -> None:
    clients = [f"Client {number:02}" for number in range(40)]
    for name in clients:
        world.client(name)
    await world.run("contacts")
    other = await world.worker()
    await world.tell(*world.log_many([world.entry(name, "1.00") for name in clients]))
    await asyncio.gather(world.work(), world.work(other))
    await world.tell(*world.log_many([world.entry(name, "2.00") for name in clients]))
    await asyncio.gather(*(JOBS[name](ctx) for ctx in (world.ctx, other) for name in ("collect", "invoice")))
    await asyncio.gather(world.work(), world.work(other))
    assert [hours(world.draft(name)) for name in clients] == [3] * 40
    assert world.stand.xero.requests.stats()["refused"] == {}
    await oracle(world)
