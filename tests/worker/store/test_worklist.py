"""Work lists: what is added is done once at least, by one process at a time, and never forgotten on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from tests.worker.store.ledger_support import LONG, House
from tests.worker.store.worklist_support import LAPSED, SETTLE, due_in, milliseconds, one, parked
from worker.store.worklist import EpochMovedError, Settle, WorkList

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def work(house: House) -> WorkList:
    return house.invoices


# ---- adding, claiming, done ----------------------------------------------------------------------------------------


async def test_what_was_added_is_claimed_once_and_gone_when_done(house: House, work: WorkList) -> None:
    await work.add(["a", "b", "a"])
    claimed = await work.claim(house.epoch, 100, LONG)
    assert sorted(item.id for item in claimed) == ["a", "b"]
    assert await work.claim(house.epoch, 100, LONG) == []
    await work.done(house.epoch, claimed)
    assert await work.page() == []


async def test_twenty_processes_that_claim_at_once_share_the_items(house: House, work: WorkList) -> None:
    await work.add(str(number) for number in range(100))
    shares = await asyncio.gather(*(work.claim(house.epoch, 5, LONG) for _ in range(20)))
    assert sorted(int(item.id) for share in shares for item in share) == list(range(100))


async def test_no_more_is_claimed_than_was_asked_for(house: House, work: WorkList) -> None:
    await work.add(str(number) for number in range(10))
    assert len(await work.claim(house.epoch, 3, LONG)) == 3
    assert len(await work.claim(house.epoch, 100, LONG)) == 7


async def test_a_thousand_ids_are_added_claimed_and_done(house: House, work: WorkList) -> None:
    await work.add(f"id {number}" for number in range(1000))
    claimed = await work.claim(house.epoch, 1000, LONG)
    assert len(claimed) == 1000
    await work.done(house.epoch, claimed)
    assert await work.next_due() is None


async def test_what_was_added_again_meanwhile_stays_and_is_due_at_once(house: House, work: WorkList) -> None:
    await work.add(["a"])
    first = await one(house, work)
    await work.add(["a"])
    assert await work.claim(house.epoch, 100, LONG) == []  # not under the lease of the first
    await work.done(house.epoch, [first])
    second = await one(house, work)
    assert second.generation != first.generation
    assert second.attempts == 1
    await work.done(house.epoch, [second])
    assert await work.page() == []


async def test_a_done_that_arrives_late_does_not_match_an_item_added_since(house: House, work: WorkList) -> None:
    await work.add(["a"])
    slow = await one(house, work, LAPSED)
    await work.done(house.epoch, [await one(house, work)])
    await work.add(["a"])
    await work.done(house.epoch, [slow])
    assert (await one(house, work)).generation != slow.generation


async def test_generations_grow_also_in_a_store_that_was_wiped_or_rolled_back(house: House, work: WorkList) -> None:
    given = []
    for _ in range(3):
        await work.add(["a"])
        given.append(int((await one(house, work, LAPSED)).generation))
        await house.redis.set(house.keys("generation"), "7")  # as a backup had it
    await house.redis.flushall()
    await house.rebuilt()
    await work.add(["a"])
    given.append(int((await one(house, work)).generation))
    assert given == sorted(set(given))


async def test_generations_grow_also_when_the_clock_is_set_back(house: House, work: WorkList) -> None:
    ahead = 2 * await milliseconds(house.redis) * 1000
    await house.redis.set(house.keys("generation"), str(ahead))
    await work.add(["a", "b"])
    given = sorted(int(item.generation) for item in await work.claim(house.epoch, 2, LONG))
    assert given == [ahead + 1, ahead + 2]


# ---- leases --------------------------------------------------------------------------------------------------------


async def test_an_item_whose_process_died_is_claimed_again_when_its_lease_is_over(house: House, work: WorkList) -> None:
    await work.add(["a"])
    assert (await one(house, work, 0.01)).attempts == 1
    async with asyncio.timeout(10):
        while not (again := await work.claim(house.epoch, 1, LONG)):
            await asyncio.sleep(0.001)
    assert again[0].attempts == 2


async def test_the_score_is_the_later_of_due_time_and_lease_end(house: House, work: WorkList) -> None:
    await work.add(["a"])
    item = await one(house, work, 50)
    assert (await work.page())[0]["score"] == item.lease
    await work.add(["a"], Settle(quiet=100, most=100))
    [row] = await work.page()
    assert row["score"] == row["due"] > item.lease
    await work.add(["a"])
    [row] = await work.page()
    assert row["score"] == item.lease > row["due"]


async def test_a_claim_handed_back_unused_takes_its_attempt_back(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.hand_back([await one(house, work)])
    assert (await one(house, work)).attempts == 1


async def test_who_lost_the_lease_hands_back_postpones_and_parks_nothing(house: House, work: WorkList) -> None:
    await work.add(["a"])
    slow = await one(house, work, LAPSED)
    fast = await one(house, work)
    await work.hand_back([slow])
    await work.retry(house.epoch, slow, 0, "it took too long")
    await work.wait(house.epoch, slow, parked("a"))
    assert await work.claim(house.epoch, 1, LONG) == []
    assert await work.parked() == []
    [row] = await work.page()
    assert (row["attempts"], row["error"], row["lease"]) == ("2", "", fast.lease)


async def test_hand_back_twice_takes_one_attempt_back(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await one(house, work, LAPSED)
    item = await one(house, work)
    await work.hand_back([item])
    await work.hand_back([item])
    assert (await one(house, work)).attempts == 2


# ---- trying again, waiting -----------------------------------------------------------------------------------------


async def test_a_failed_item_is_tried_again_later_with_its_error_shown(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.retry(house.epoch, await one(house, work), 100, "Xero did not answer")
    [row] = await work.page()
    assert (row["error"], row["attempts"]) == ("Xero did not answer", "1")
    assert 99 < await due_in(house, work, "a") <= 100
    assert (await work.counts()).retrying == 1


async def test_a_failed_item_that_is_added_again_is_tried_at_once(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.retry(house.epoch, await one(house, work), 100, "no")
    await work.add(["a"])
    assert (await one(house, work)).attempts == 2


async def test_an_item_that_was_added_meanwhile_is_not_postponed_and_its_attempts_count_on(
    house: House, work: WorkList
) -> None:
    await work.add(["a"])
    item = await one(house, work)
    await work.add(["a"])
    await work.retry(house.epoch, item, 100, "no")
    assert (await one(house, work)).attempts == 2


async def test_success_forgets_attempts_and_error(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.retry(house.epoch, await one(house, work), 0, "no")
    item = await one(house, work)
    await work.add(["a"])
    await work.done(house.epoch, [item])
    assert (await work.counts()).retrying == 0
    assert (await one(house, work)).attempts == 1


async def test_a_parked_item_is_off_the_list_and_shown_with_its_reason(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.wait(house.epoch, await one(house, work), parked("a", "account:200"))
    assert await work.page() == []
    assert await work.parked() == [parked("a", "account:200")]
    assert (await work.counts()).waiting == 1


async def test_an_item_that_was_added_meanwhile_is_not_parked(house: House, work: WorkList) -> None:
    await work.add(["a"])
    item = await one(house, work)
    await work.add(["a"])
    await work.wait(house.epoch, item, parked("a"))
    assert await work.parked() == []
    assert (await one(house, work)).id == "a"


async def test_a_parked_item_is_due_when_it_is_added_or_released(house: House, work: WorkList) -> None:
    for again in (work.add, work.release):
        await work.add(["a"])
        await work.wait(house.epoch, await one(house, work), parked("a", "account:200"))
        await again(["a"])
        item = await one(house, work)
        assert item.attempts == 1
        assert await work.parked() == []
        assert not await house.redis.exists(house.keys("cause", "account:200"))
        await work.done(house.epoch, [item])


async def test_what_is_parked_is_released_without_memory(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.wait(house.epoch, await one(house, work), parked("a"))
    await house.redis.config_set("maxmemory", "1")
    try:
        await work.release(["a"])
    finally:
        await house.redis.config_set("maxmemory", "0")
    assert (await one(house, work)).id == "a"


async def test_what_is_released_for_later_is_due_then(house: House, work: WorkList) -> None:
    await work.release(["a"], 60.0)
    assert await work.claim(house.epoch, 5, 60.0) == []
    await work.release(["a"])
    assert (await one(house, work)).id == "a"


async def test_a_mended_cause_releases_all_that_waited_for_it_and_nothing_else(house: House, work: WorkList) -> None:
    from worker.store.worklist import release_cause

    await work.add(["a", "b", "c"])
    for item in await work.claim(house.epoch, 3, LONG):
        await work.wait(house.epoch, item, parked(item.id, "account:400" if item.id == "c" else "account:200"))
    assert await release_cause(house.redis, house.keys, "account:200") == 2
    assert {item.id for item in await work.claim(house.epoch, 9, LONG)} == {"a", "b"}
    assert [item.id for item in await work.parked()] == ["c"]
    assert await release_cause(house.redis, house.keys, "account:200") == 0


# ---- stages --------------------------------------------------------------------------------------------------------


async def test_nothing_is_claimed_while_the_stage_is_paused(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.pause("anna", "month end")
    assert await work.claim(house.epoch, 1, LONG) == []
    assert (await work.counts()).paused == "anna: month end"
    await work.resume()
    assert (await one(house, work)).id == "a"


async def test_a_stage_on_hold_claims_nothing_until_then(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.hold_until(0.02)
    assert await work.claim(house.epoch, 1, LONG) == []
    async with asyncio.timeout(10):
        while not await work.claim(house.epoch, 1, LONG):
            await asyncio.sleep(0.001)


async def test_a_short_hold_does_not_end_a_long_one(house: House, work: WorkList) -> None:
    await work.add(["a"])
    await work.hold_until(LONG)
    await work.hold_until(0)
    assert await work.claim(house.epoch, 1, LONG) == []


async def test_a_pause_holds_one_stage_only(house: House) -> None:
    await house.collect.add(["a"])
    await house.invoices.pause("anna", "month end")
    assert (await one(house, house.collect)).id == "a"


async def test_hasten_makes_all_due_but_what_is_leased(house: House, work: WorkList) -> None:
    await work.add(["held"])
    await one(house, work)
    await work.add(["early"])
    await asyncio.sleep(0.002)
    await work.add(["late"], SETTLE)
    await work.hasten()
    assert [item.id for item in await work.claim(house.epoch, 9, LONG)] == ["early", "late"]


async def test_the_figures_of_a_stage(house: House, work: WorkList) -> None:
    await work.add(["failed"])
    await work.retry(house.epoch, await one(house, work), 100, "no")
    await work.add(["waiting"])
    await work.wait(house.epoch, await one(house, work), parked("waiting"))
    await work.add(["held"])
    await one(house, work)
    await work.add(["due"])
    counts = await work.counts()
    assert (counts.due, counts.leased, counts.retrying, counts.waiting, counts.scheduled) == (1, 1, 1, 1, 1)


async def test_the_oldest_due_item_tells_the_age_of_the_list(house: House, work: WorkList) -> None:
    await work.add(["a"])
    long_ago = await milliseconds(house.redis) - 90_500
    await house.redis.zadd(house.keys("work", "invoices"), {"a": long_ago})
    assert (await work.counts()).oldest_seconds == 90


async def test_how_long_until_something_may_be_claimed(house: House, work: WorkList) -> None:
    assert await work.next_due() is None
    await work.add(["a"], SETTLE)
    assert 99 < (await work.next_due() or 0) <= 100
    await work.add(["b"])
    assert (await work.next_due() or 0) <= 0


# ---- the epoch, memory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", ["", "another"])
async def test_nothing_is_claimed_done_retried_or_parked_under_another_epoch(
    house: House, work: WorkList, epoch: str
) -> None:
    await work.add(["a"])
    with pytest.raises(EpochMovedError):
        await work.claim(epoch, 1, LONG)
    item = await one(house, work)
    with pytest.raises(EpochMovedError):
        await work.done(epoch, [item])
    with pytest.raises(EpochMovedError):
        await work.retry(epoch, item, 0, "no")
    with pytest.raises(EpochMovedError):
        await work.wait(epoch, item, parked("a"))
    assert (await work.counts()).leased == 1


async def test_without_an_epoch_nothing_runs_but_intake_and_letting_go(house: House, work: WorkList) -> None:
    await work.add(["a"])
    item = await one(house, work)
    await house.epochs.discard(house.epoch, "test")
    with pytest.raises(EpochMovedError):
        await work.claim("", 1, LONG)
    with pytest.raises(EpochMovedError):
        await work.claim(house.epoch, 1, LONG)
    await work.hand_back([item])
    await work.add(["b"])
    assert (await work.counts()).due == 2


@pytest.fixture
async def memory(redis: Redis) -> AsyncIterator[None]:
    """Gives the server its memory back."""
    yield
    await redis.config_set("maxmemory", "0")


@pytest.mark.usefixtures("memory")
async def test_without_memory_nothing_is_taken_in_and_everything_begun_is_ended(house: House, work: WorkList) -> None:
    await work.add(["a", "b", "c", "d"])
    a, b, c, d = await work.claim(house.epoch, 4, LONG)
    await house.redis.config_set("maxmemory", "1")
    with pytest.raises(OutOfMemoryError):
        await work.add(["e"])
    with pytest.raises(OutOfMemoryError):
        await work.claim(house.epoch, 1, LONG)
    await work.done(house.epoch, [a])
    await work.retry(house.epoch, b, 100, "no")
    await work.wait(house.epoch, c, parked(c.id, "account:200"))
    await work.hand_back([d])
    await work.hold_until(0)
    counts = await work.counts()
    assert (counts.due, counts.leased, counts.retrying, counts.waiting) == (1, 0, 1, 1)
    assert (await work.next_due() or 0) <= 0


async def test_an_id_that_is_no_text_is_refused_with_nothing_written(house: House, work: WorkList) -> None:
    with pytest.raises(TypeError):
        await work.add(["a", None])  # type: ignore[list-item]  # on purpose
    assert await work.page() == []
