"""Signs of life."""

import asyncio

import pytest
from redis.asyncio import Redis

from worker.limits import Limits
from worker.store.heartbeats import Heartbeats
from worker.store.keys import Keys

pytestmark = pytest.mark.usefixtures("no_leaks")


async def test_who_beats_is_alive_with_what_it_said_last(redis: Redis, keys: Keys) -> None:
    hearts = Heartbeats(redis, keys)
    await hearts.beat("worker", "host:1", {"job": "collect"})
    await hearts.beat("worker", "host:1", {"job": 'in"voice'})
    await hearts.beat("worker", "host:2")
    await hearts.beat("listener", "host:3")
    assert [(beat.name, beat.detail) for beat in await hearts.alive("worker")] == [
        ("host:1", {"job": 'in"voice'}),
        ("host:2", {}),
    ]
    assert [beat.name for beat in await hearts.alive("listener")] == ["host:3"]


async def test_who_ends_says_so(redis: Redis, keys: Keys) -> None:
    hearts = Heartbeats(redis, keys)
    await hearts.beat("worker", "host:1")
    await hearts.end("worker", "host:1")
    assert await hearts.alive("worker") == ()


async def test_who_stops_beating_is_gone_even_while_others_beat(redis: Redis, keys: Keys) -> None:
    hearts = Heartbeats(redis, keys, Limits(heartbeat=0.02))
    await hearts.beat("worker", "killed")
    async with asyncio.timeout(10):
        while [beat.name for beat in await hearts.alive("worker")] != ["alive"]:
            await hearts.beat("worker", "alive")
    assert await redis.hkeys(keys("alive", "worker")) == ["alive"]


async def test_the_last_trace_expires(redis: Redis, keys: Keys) -> None:
    await Heartbeats(redis, keys).beat("worker", "host:1")
    assert 0 < await redis.ttl(keys("alive", "worker")) <= 15


async def test_signs_of_life_and_what_fails_are_told_without_memory(redis: Redis, keys: Keys) -> None:
    hearts = Heartbeats(redis, keys)
    await redis.config_set("maxmemory", "1")
    try:
        await hearts.beat("worker", "host:1")
        await hearts.beat("problem", "invoice", {"text": "Redis is full"})
    finally:
        await redis.config_set("maxmemory", "0")
    assert [beat.name for beat in await hearts.alive("problem")] == ["invoice"]
