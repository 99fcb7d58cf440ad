"""What people, and limits, do to a work list: hold it, give up on an item, have it tried again, send whole calls."""

import pytest
from redis.asyncio import Redis

from tests.worker.store.ledger_support import LONG, House
from tests.worker.store.worklist_support import LAPSED, one, parked
from worker.store.worklist import PACE, WorkList

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def work(house: House) -> WorkList:
    return house.invoices


async def failed(house: House, work: WorkList, id_: str = "a") -> None:
    """An item whose last attempt failed; it is tried again in an hour."""
    await work.add([id_])
    await work.retry(house.epoch, await one(house, work), 3600, "HTTP status 400")


async def test_an_item_that_somebody_gives_up_on_waits_with_what_it_failed_with(house: House, work: WorkList) -> None:
    await failed(house, work)
    assert await work.give_up(parked("a")) == "parked"
    assert (await work.item("a"), await work.parked_item("a")) == ({}, parked("a"))
    assert (await work.counts()).waiting == 1


async def test_a_change_brings_back_what_was_given_up(house: House, work: WorkList) -> None:
    await failed(house, work)
    await work.give_up(parked("a"))
    await work.add(["a"])
    assert (await one(house, work)).id == "a"
    assert await work.parked_item("a") is None


async def test_only_what_failed_and_rests_can_be_given_up(house: House, work: WorkList) -> None:
    assert await work.give_up(parked("a")) == "absent"
    await work.add(["a"])
    assert await work.give_up(parked("a")) == "not-retried"
    await work.retry(house.epoch, await one(house, work), 0, "HTTP status 400")
    await one(house, work)
    assert await work.give_up(parked("a")) == "leased"
    assert (await work.item("a"))["error"] == "HTTP status 400"


async def test_an_invoice_whose_write_is_unknown_cannot_be_given_up(house: House, work: WorkList, redis: Redis) -> None:
    await failed(house, work)
    await redis.hset(house.keys("invoice", "a"), "slot", "an intent")  # type: ignore[misc]  # sync and async typed as one
    assert await work.give_up(parked("a")) == "unresolved"
    assert await work.item("a")


async def test_what_is_tried_again_by_hand_is_due_now_and_begins_to_count_anew(house: House, work: WorkList) -> None:
    await failed(house, work, "a")
    await failed(house, work, "b")
    await work.give_up(parked("b"))
    assert (await work.failing(), await work.most_attempts()) == (["a"], 1)
    await work.forgive(["a", "b"])
    assert await work.failing() == []
    claimed = await work.claim(house.epoch, 10, LONG)
    assert sorted((item.id, item.attempts) for item in claimed) == [("a", 1), ("b", 1)]


async def test_a_hold_says_until_when_and_why_and_the_longest_counts(work: WorkList) -> None:
    assert await work.held() == ("", "")
    await work.hold_until(60, "day")
    await work.hold_until(1, PACE)
    until, why = await work.held()
    assert (bool(until), why) == (True, "day")


async def test_somebody_who_wants_it_now_ends_the_sparing_of_calls_but_no_limit(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.hold_until(60, PACE)
    assert await work.claim(house.epoch, 10, LONG) == []
    await work.hasten()
    assert await work.held() == ("", "")
    await work.hold_until(60, "day")
    await work.hasten()
    assert await work.claim(house.epoch, 10, LONG) == []


async def test_while_others_are_worked_on_a_whole_call_goes_and_less_gathers(house: House, work: WorkList) -> None:
    await work.add(["a"])
    first = await work.claim(house.epoch, 3, LONG, whole=True)
    await work.add(["b", "c"])
    assert await work.claim(house.epoch, 3, LONG, whole=True) == []
    await work.add(["d"])
    assert len(await work.claim(house.epoch, 3, LONG, whole=True)) == 3
    await work.add(["e"])
    assert len(await work.claim(house.epoch, 3, LONG)) == 1, "who does not spare calls takes what there is"
    assert [item.id for item in first] == ["a"]


async def test_a_lease_that_lapsed_keeps_nobody_waiting(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.claim(house.epoch, 3, LAPSED, whole=True)
    await work.add(["b"])
    assert {item.id for item in await work.claim(house.epoch, 3, LONG, whole=True)} == {"a", "b"}
