"""Recurring tasks, cursors, the pinned pair, doorbells: what processes need to know of each other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from arq.connections import ArqRedis
from redis.asyncio import Redis

from worker.errors import ConnectionPaused
from worker.store.arq_client import open_arq
from worker.store.cursors import Cursor, Cursors
from worker.store.doorbell import JOBS, Doorbell, SilentDoorbell
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.pair import Pair
from worker.store.schedule import Schedule

HOUR = 3600.0
QUEUE = "arq:test"


@pytest.fixture
def schedule(redis: Redis, keys: Keys) -> Schedule:
    return Schedule(redis, keys)


# ---- recurring tasks -----------------------------------------------------------------------------------------------


async def test_a_task_that_never_ran_is_due_for_one_of_many_who_ask(schedule: Schedule) -> None:
    answers = await asyncio.gather(*(schedule.due("contacts", HOUR) for _ in range(20)))
    assert answers.count(True) == 1


async def test_a_task_is_due_again_when_its_time_has_passed(schedule: Schedule) -> None:
    assert await schedule.due("contacts", 0.005)
    async with asyncio.timeout(10):
        while not await schedule.due("contacts", 0.005):
            await asyncio.sleep(0.001)
    assert not await schedule.due("contacts", HOUR)


async def test_tasks_do_not_wait_for_each_other(schedule: Schedule) -> None:
    assert await schedule.due("contacts", HOUR)
    assert await schedule.due("statuses", HOUR)
    assert set(await schedule.last()) == {"contacts", "statuses"}


async def test_a_task_that_ran_for_another_reason_counts_from_there(schedule: Schedule) -> None:
    await schedule.mark("contacts")
    assert not await schedule.due("contacts", HOUR)


async def test_a_task_that_is_not_through_is_due_at_once(schedule: Schedule) -> None:
    await schedule.due("contacts", HOUR)
    await schedule.again("contacts")
    assert await schedule.due("contacts", HOUR)


async def test_a_clock_that_was_set_back_stops_no_task(schedule: Schedule, redis: Redis, keys: Keys) -> None:
    ahead = (int((await redis.time())[0]) + 86_400) * 1000
    await redis.hset(keys("schedule"), "contacts", str(ahead))  # type: ignore[misc]  # sync and async typed as one
    assert await schedule.due("contacts", HOUR)
    assert not await schedule.due("contacts", HOUR)


# ---- cursors, the pair ---------------------------------------------------------------------------------------------


async def test_a_walk_goes_on_where_another_process_left_it(redis: Redis, keys: Keys) -> None:
    cursor = Cursor(since="2026-11-05T10:00:00Z", place="3", until="2026-11-05T11:00:00Z")
    assert await Cursors(redis, keys).get("contacts") == Cursor()
    await Cursors(redis, keys).put("contacts", cursor)
    assert await Cursors(redis, keys).get("contacts") == cursor
    assert await Cursors(redis, keys).get("statuses") == Cursor()


async def test_rows_that_were_written_are_known_by_their_mark(redis: Redis, keys: Keys) -> None:
    cursors = Cursors(redis, keys)
    await cursors.put_rows("Xero_Contact__c", {"a": "1", "b": "2"})
    await cursors.put_rows("Xero_Contact__c", {"b": "3"})
    await cursors.put_rows("Xero_Contact__c", {})
    assert await cursors.rows("Xero_Contact__c", ["a", "b", "c"]) == {"a": "1", "b": "3"}
    assert await cursors.rows("Xero_Contact__c", []) == {}


async def test_the_first_org_and_company_are_pinned_and_others_refused(
    redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    pair = Pair(redis, keys, tmp_path)
    await pair.pin("org", "00D1")
    await pair.pin("org", "00D1")
    await pair.pin("company", "t1")
    with pytest.raises(ConnectionPaused, match="Salesforce org 00D1, but 00D2"):
        await pair.pin("org", "00D2")
    with pytest.raises(ConnectionPaused, match="Xero company"):
        await pair.pin("company", "t2")
    assert await pair.get() == {"org": "00D1", "company": "t1"}


async def test_the_pair_is_known_after_redis_was_lost(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    await Pair(redis, keys, tmp_path).pin("org", "00D1", "sandbox")
    await Pair(redis, keys, tmp_path).pin("company", "t1", "demo")
    await redis.flushall()
    pair = Pair(redis, keys, tmp_path)
    with pytest.raises(ConnectionPaused, match="Xero company t1, but t2"):
        await pair.pin("company", "t2")
    assert await pair.get() == {"org": "00D1", "org:kind": "sandbox", "company": "t1", "company:kind": "demo"}


async def test_the_company_is_not_forgotten_where_redis_is_lost_while_the_org_is_pinned(
    redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    pair = Pair(redis, keys, tmp_path)
    await pair.pin("org", "00D1")
    await pair.pin("company", "t1", "demo")
    await redis.delete(keys("pair"))
    await redis.hset(keys("pair"), "org", "00D1")  # who had looked at the pair before pins the org again
    await Pair(redis, keys, tmp_path).pin("org", "00D1")
    await redis.delete(keys("pair"))
    assert await Pair(redis, keys, tmp_path).get() == {"org": "00D1", "company": "t1", "company:kind": "demo"}


# ---- doorbells -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def arq(valkey: EmbeddedServer) -> AsyncIterator[ArqRedis]:
    """arq's client, on an empty server."""
    client = open_arq(valkey.url)
    await client.flushall()
    yield client
    await client.aclose()


async def test_a_burst_of_rings_is_one_job_or_two_without_arguments(arq: ArqRedis) -> None:
    bell = Doorbell(arq, QUEUE)
    for _ in range(10):
        await bell.ring("collect", 60)
    jobs = await arq.queued_jobs(queue_name=QUEUE)
    assert {(job.function, len(job.args), len(job.kwargs)) for job in jobs} == {("collect", 0, 0)}
    assert len(jobs) <= 2  # two where the rings fell on both sides of a moment


async def test_every_stage_rings_for_its_own_job(arq: ArqRedis) -> None:
    bell = Doorbell(arq, QUEUE)
    for stage in JOBS:
        await bell.ring(stage)
    assert {job.function for job in await arq.queued_jobs(queue_name=QUEUE)} == set(JOBS.values())


async def test_a_silent_doorbell_rings_nobody(redis: Redis) -> None:
    await SilentDoorbell().ring("collect", 1)
    assert await redis.dbsize() == 0
