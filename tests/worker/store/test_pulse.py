"""What was done in each of the last sixty minutes is counted as it happens, and takes no more room than that."""

import pytest
from redis.asyncio import Redis

from tests.worker.store.ledger_support import LONG, House
from worker.store.keys import Keys
from worker.store.pulse import SLOTS, Pulse

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def pulse(redis: Redis, keys: Keys) -> Pulse:
    return Pulse(redis, keys)


async def done(pulse: Pulse, stage: str = "invoices") -> tuple[int, int]:
    """Done and failed in the last hour; a test may last over the end of a minute."""
    minutes = await pulse.hour(stage)
    return sum(each.done for each in minutes), sum(each.failed for each in minutes)


async def test_what_is_done_and_what_fails_is_counted_in_its_minute(house: House, pulse: Pulse) -> None:
    work = house.invoices
    await work.add(["a", "b", "c"])
    first, second, third = await work.claim(house.epoch, 3, LONG)
    await work.done(house.epoch, [first, second])
    await work.retry(house.epoch, third, LONG, "no")
    assert await done(pulse) == (2, 1)
    assert await done(pulse, "collect") == (0, 0)
    minutes = await pulse.hour("invoices")
    assert len(minutes) == SLOTS
    assert [each.at for each in minutes] == sorted({each.at for each in minutes})
    assert sum(each.done for each in minutes[-2:]) == 2


async def test_the_longest_wait_from_due_until_done_is_kept(house: House, pulse: Pulse, redis: Redis) -> None:
    work = house.invoices
    await work.add(["late", "early"])
    due = await redis.hget("hourstream:main:work:invoices:due", "late")  # type: ignore[misc]  # sync and async typed as one
    await redis.hset("hourstream:main:work:invoices:due", "late", str(int(due or 0) - 90_000))  # type: ignore[misc]  # as above
    await work.done(house.epoch, await work.claim(house.epoch, 2, LONG))
    assert 90 <= max(each.late for each in await pulse.hour("invoices")) < 150


async def test_a_slot_is_begun_anew_when_its_minute_comes_round(house: House, pulse: Pulse, redis: Redis) -> None:
    key = "hourstream:main:pulse:invoices"
    old = {f"{part}{slot}": "7" for slot in range(SLOTS) for part in ("minute", "done", "failed", "late")}
    await redis.hset(key, mapping=old)  # type: ignore[misc]  # sync and async typed as one
    assert await done(pulse) == (0, 0)
    await house.invoices.add(["a"])
    await house.invoices.done(house.epoch, await house.invoices.claim(house.epoch, 1, LONG))
    assert await done(pulse) == (1, 0)
    assert await redis.hlen(key) == 4 * SLOTS  # type: ignore[misc]  # as above
