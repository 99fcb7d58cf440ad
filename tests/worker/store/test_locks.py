"""Locks: one holder, tokens that only grow, nothing that an older holder can undo."""

import asyncio

import pytest
from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.locks import Locks

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def locks(redis: Redis, keys: Keys) -> Locks:
    return Locks(redis, keys)


async def test_one_of_many_who_ask_at_once_gets_the_lock(locks: Locks) -> None:
    tokens = await asyncio.gather(*(locks.acquire("rebuild", 60) for _ in range(20)))
    (token,) = [token for token in tokens if token is not None]
    assert await locks.holder("rebuild") == token


async def test_a_released_lock_goes_to_the_next_with_a_greater_token(locks: Locks) -> None:
    first = await locks.acquire("rebuild", 60)
    assert first is not None
    assert await locks.release("rebuild", first)
    second = await locks.acquire("rebuild", 60)
    assert second is not None
    assert int(second) > int(first)


async def test_tokens_grow_when_redis_was_emptied(locks: Locks, redis: Redis) -> None:
    first = await locks.acquire("rebuild", 60)
    await redis.flushall()
    second = await locks.acquire("rebuild", 60)
    assert first is not None
    assert second is not None
    assert int(second) > int(first)


async def test_a_lock_whose_time_is_over_goes_to_the_next_and_the_former_holder_can_do_nothing(locks: Locks) -> None:
    former = await locks.acquire("rebuild", 0.01)
    assert former is not None
    while (current := await locks.acquire("rebuild", 60)) is None:
        await asyncio.sleep(0)
    assert not await locks.renew("rebuild", former, 60)
    assert not await locks.release("rebuild", former)
    assert await locks.holder("rebuild") == current


async def test_a_renewed_lock_lasts(locks: Locks, redis: Redis) -> None:
    token = await locks.acquire("rebuild", 1)
    assert token is not None
    assert await locks.renew("rebuild", token, 500)
    assert await redis.ttl(locks.key("rebuild")) > 400


async def test_each_channel_has_one_listener(locks: Locks) -> None:
    assert await locks.listener("/data/TimeEntry__ChangeEvent", 10) is not None
    assert await locks.listener("/data/TimeEntry__ChangeEvent", 10) is None
    assert await locks.listener("/data/Project__ChangeEvent", 10) is not None
