"""Settling: an item is due when its changes have calmed down, and never later than it may."""

import asyncio

import pytest

from tests.worker.store.ledger_support import LONG, House
from tests.worker.store.worklist_support import LAPSED, SETTLE, due_in, milliseconds, one
from worker.store.worklist import EpochMovedError, Settle, WorkList

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def work(house: House) -> WorkList:
    return house.invoices


async def test_an_item_is_due_when_nothing_was_added_for_the_quiet_time(house: House, work: WorkList) -> None:
    await work.add(["a"], SETTLE)
    assert 99 < await due_in(house, work, "a") <= 100
    assert await work.claim(house.epoch, 1, LONG) == []


async def test_an_item_is_due_the_longest_time_after_the_first_add_whatever_follows(
    house: House, work: WorkList
) -> None:
    await work.add(["a"], Settle(quiet=100, most=100))
    long_ago = await milliseconds(house.redis) - 950_000
    await house.redis.hset(house.keys("work", "invoices", "first"), "a", str(long_ago))  # type: ignore[misc]
    await work.add(["a"], SETTLE)
    assert 49 < await due_in(house, work, "a") <= 50


async def test_an_item_is_due_at_once_when_it_was_added_often_enough(house: House, work: WorkList) -> None:
    for _ in range(2):
        await work.add(["a"], Settle(100, 1000, size=3))
    assert await due_in(house, work, "a") > 99
    await work.add(["a"], Settle(100, 1000, size=3))
    assert await due_in(house, work, "a") <= 0


async def test_after_a_claim_settling_begins_anew(house: House, work: WorkList) -> None:
    settle = Settle(100, 1000, size=2)
    for _ in range(2):
        await work.add(["a"], settle)
    first = await one(house, work)
    await work.add(["a"], settle)
    await work.done(house.epoch, [first])
    assert await work.claim(house.epoch, 1, LONG) == []
    assert 99 < await due_in(house, work, "a") <= 100


async def test_after_done_settling_begins_anew(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.done(house.epoch, [await one(house, work)])
    await work.add(["a"], Settle(100, 1000, size=2))
    assert 99 < await due_in(house, work, "a") <= 100


async def test_what_is_due_stays_due_however_often_it_is_added(house: House, work: WorkList) -> None:
    await work.add(["a"])
    [before] = await work.page()
    await asyncio.sleep(0.002)
    await work.add(["a"], SETTLE)
    [after] = await work.page()
    assert after["score"] == before["score"]
    assert after["gen"] != before["gen"]


async def test_what_was_handed_back_is_not_postponed_by_the_next_add(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.hand_back([await one(house, work)])
    await work.add(["a"], SETTLE)
    assert (await one(house, work)).id == "a"


async def test_what_falls_due_in_a_moment_is_claimed_along_but_not_alone(house: House, work: WorkList) -> None:
    await work.add(["soon"], Settle(quiet=50, most=50))
    assert await work.claim(house.epoch, 10, LONG, gather=60) == []
    await work.add(["now"])
    assert {item.id for item in await work.claim(house.epoch, 10, LONG, gather=60)} == {"soon", "now"}


async def test_what_another_holds_for_a_moment_more_is_not_gathered(house: House, work: WorkList) -> None:
    await work.add(["held"])
    await one(house, work, 30)
    await work.add(["now"])
    assert {item.id for item in await work.claim(house.epoch, 10, LONG, gather=60)} == {"now"}


async def test_what_is_postponed_comes_later_without_an_attempt_or_an_error(house: House, work: WorkList) -> None:
    await work.add(["a"])
    item = await one(house, work)
    await work.postpone(house.epoch, item, 100)
    assert 99 < await due_in(house, work, "a") <= 100
    [row] = await work.page()
    assert (row["attempts"], row["error"], await work.claim(house.epoch, 100, LONG)) == ("0", "", [])
    await work.add(["a"])
    assert (await one(house, work)).attempts == 1


async def test_what_was_added_again_is_not_postponed(house: House, work: WorkList) -> None:
    await work.add(["a"])
    item = await one(house, work)
    await work.add(["a"])
    await work.postpone(house.epoch, item, 100)
    assert (await one(house, work)).id == "a"


async def test_only_who_holds_the_lease_and_knows_the_epoch_postpones(house: House, work: WorkList) -> None:
    await work.add(["a"])
    lapsed = await one(house, work, LAPSED)
    mine = await one(house, work)
    await work.postpone(house.epoch, lapsed, 0)
    assert await work.claim(house.epoch, 100, LONG) == []
    with pytest.raises(EpochMovedError):
        await work.postpone("another", mine, 0)
