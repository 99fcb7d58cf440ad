"""Xero's day, and the app's minute: what is left is known, kept back and told."""

import pytest
from redis.asyncio import Redis

from worker.limits import Limits
from worker.store.governor import Admitted, Governor, Priority, Quota, Refused
from worker.store.keys import Keys

pytestmark = pytest.mark.usefixtures("no_leaks")


async def admitted(governor: Governor, priority: Priority = "write") -> str:
    said = await governor.admit(priority)
    assert isinstance(said, Admitted), said
    return said.permit


async def call(governor: Governor, **said: int) -> None:
    await governor.answered(await admitted(governor), min_remaining=58, **said)


async def test_before_xero_said_anything_no_more_than_the_tiers_calls_are_made(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys, Limits(), Quota(day=3))
    for _ in range(3):
        await governor.answered(await admitted(governor))
    said = await governor.admit()
    assert isinstance(said, Refused)
    assert said.why == "day"


async def test_what_xero_says_of_the_day_counts_more_than_the_tier(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys, Limits(), Quota(day=1))
    await call(governor, day_remaining=700)
    await call(governor)
    assert (await governor.state()).day_left == 699


@pytest.mark.parametrize(("left", "limit"), [(900, 1_000), (1_001, 5_000), (4_999, 5_000), (7_500, 7_500)])
async def test_the_tier_is_learnt_from_what_is_left(redis: Redis, keys: Keys, left: int, limit: int) -> None:
    governor = Governor(redis, keys)
    assert (await governor.state()).day_limit is None
    await call(governor, day_remaining=left)
    await call(governor, day_remaining=100)
    assert (await governor.state()).day_limit == limit


async def test_a_tier_that_is_set_is_not_learnt(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys, Limits(), Quota(day=1_000))
    await call(governor, day_remaining=4_999)
    assert (await governor.state()).day_limit == 1_000


async def test_a_day_that_is_used_up_says_when_xero_is_asked_again(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys)
    await call(governor, day_remaining=0)
    state = await governor.state()
    assert (state.why, state.day_left, bool(state.stopped_until)) == ("day", 0, True)
    await governor.answered("of another process", min_remaining=58, day_remaining=4_000)
    assert (await governor.state()).stopped_until == ""


async def test_xeros_day_ends_a_day_after_it_was_seen_to_begin(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys, Limits(minute=0.5))  # a day takes 720 s
    await call(governor, day_remaining=300)
    await call(governor, day_remaining=304)  # an answer that was overtaken is no new day
    assert (await governor.state()).day_ends_in == 720
    await call(governor, day_remaining=5_000)
    await redis.hincrby(keys("governor", "state"), "day_began", -300_000)  # type: ignore[misc]  # it began 300 s ago
    assert 419 < (await governor.state()).day_ends_in <= 420


async def test_an_app_whose_minute_is_used_up_by_other_companies_stops_for_a_minute(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys)
    await call(governor, app_remaining=5)
    await call(governor, app_remaining=4)
    said = await governor.admit()
    assert isinstance(said, Refused)
    assert (said.why, 59 < said.wait <= 60) == ("appminute", True)
