"""arq's client: no pickle, and no end of a worker when Redis restarts or freezes."""

import asyncio
import os
import pickle
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import Redis

from tests.worker.store.conftest import until
from worker.store.arq_client import dumps, loads, open_arq
from worker.store.connection import client_options, open_redis
from worker.store.embedded import EmbeddedServer


@pytest.fixture
async def arq(valkey: EmbeddedServer, redis: Redis) -> AsyncIterator[ArqRedis]:
    client = open_arq(valkey.url)
    yield client
    await client.aclose()


async def test_a_job_is_json_of_names_and_outlives_a_month_without_workers(arq: ArqRedis) -> None:
    await arq.enqueue_job("collect", "main", _job_id="bell")
    stored = await arq.get("arq:job:bell")
    assert msgspec.json.decode(stored)["f"] == "collect"
    assert await arq.ttl("arq:job:bell") > 29 * 86_400


async def test_a_forged_pickle_in_the_queue_is_not_executed(arq: ArqRedis) -> None:
    ran: list[str] = []

    class Forged:
        def __reduce__(self) -> tuple[object, ...]:
            return ran.append, ("executed",)

    await arq.set("arq:job:forged", pickle.dumps(Forged()))
    await arq.zadd("arq:queue", {"forged": 1})
    with pytest.raises(Exception, match="unable to deserialize"):
        await arq.queued_jobs()
    assert ran == []


def test_an_exception_keeps_its_class_and_text() -> None:
    result = loads(dumps({"r": ValueError("TT-00042 is taken")}))
    assert result == {"r": {"error_class": "builtins.ValueError", "error_text": "TT-00042 is taken"}}


def test_amounts_and_times_travel_as_text_and_other_things_not_at_all() -> None:
    said = loads(dumps({"a": Decimal("1.10"), "t": datetime(2026, 11, 5, tzinfo=UTC)}))
    assert said == {"a": "1.10", "t": "2026-11-05T00:00:00Z"}
    with pytest.raises(TypeError, match="object cannot be part of a job"):
        dumps({"a": object()})


@pytest.mark.parametrize(
    "url", ["redis://localhost/1", "rediss://localhost/1", "redis+sentinel://127.0.0.1:1,127.0.0.1:2/main/3"]
)
def test_every_kind_of_client_has_deadlines_and_retries(url: str) -> None:
    for client in (open_arq(url), open_redis(url)):
        options = client.connection_pool.connection_kwargs
        assert options["socket_timeout"] == 5
        assert options["socket_connect_timeout"] == 5
        assert options["socket_keepalive"] is True
        assert OSError in options["retry_on_error"]
    assert open_arq(url).job_deserializer is loads


def test_tls_checks_the_host_name() -> None:
    assert client_options("rediss://redis.example:6380/0")["ssl_check_hostname"] is True


async def test_a_client_in_use_survives_sigkill_and_a_new_start_of_the_server(own_server: EmbeddedServer) -> None:
    redis = open_redis(own_server.url)
    arq = open_arq(own_server.url)
    acknowledged = 0

    async def count() -> None:
        nonlocal acknowledged
        while acknowledged < 2_000_000:
            await redis.incr("counter")
            acknowledged += 1
            await arq.enqueue_job("collect", str(acknowledged))

    counting = asyncio.create_task(count())
    for _ in range(3):
        before = acknowledged
        await until(lambda before=before: acknowledged > before + 20)  # type: ignore[misc]  # mypy infers no default
        os.kill(own_server.pid, signal.SIGKILL)
        await own_server.start()
    before = acknowledged
    await until(lambda: acknowledged > before + 20)
    assert not counting.done()
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    assert int(await redis.get("counter")) >= acknowledged
    await redis.aclose()
    await arq.aclose()


async def test_a_client_outlasts_a_frozen_server(own_server: EmbeddedServer) -> None:
    redis = open_redis(own_server.url, socket_timeout=0.5)
    await redis.set("kept", "yes")
    os.kill(own_server.pid, signal.SIGSTOP)
    asyncio.get_running_loop().call_later(3, os.kill, own_server.pid, signal.SIGCONT)
    async with asyncio.timeout(20):
        assert await redis.get("kept") == "yes"
    await redis.aclose()


async def test_a_worker_outlasts_both_and_goes_on_working(own_server: EmbeddedServer) -> None:
    seen: list[str] = []

    async def collect(_ctx: dict[str, object], name: str) -> None:
        seen.append(name)

    pool = open_arq(own_server.url)
    worker = Worker(
        functions=[func(collect, name="collect")],  # type: ignore[arg-type]  # arq's protocol names its first argument
        redis_pool=pool,
        job_serializer=dumps,
        job_deserializer=loads,
        keep_result=0,
        poll_delay=0.05,
        handle_signals=False,
    )
    running = asyncio.create_task(worker.async_run())
    bells = open_arq(own_server.url)
    await bells.enqueue_job("collect", "before")
    await until(lambda: "before" in seen)
    os.kill(own_server.pid, signal.SIGKILL)
    await own_server.start()
    await bells.enqueue_job("collect", "after restart")
    await until(lambda: "after restart" in seen)
    os.kill(own_server.pid, signal.SIGSTOP)
    asyncio.get_running_loop().call_later(1, os.kill, own_server.pid, signal.SIGCONT)
    await bells.enqueue_job("collect", "after freeze")
    await until(lambda: "after freeze" in seen and all(task.done() for task in worker.tasks.values()))
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await worker.close()
    await bells.aclose()


async def test_a_worker_outlasts_a_server_that_is_full(own_server: EmbeddedServer) -> None:
    seen: list[str] = []

    async def collect(_ctx: dict[str, object], name: str) -> None:
        seen.append(name)

    pool, redis = open_arq(own_server.url), open_redis(own_server.url)
    worker = Worker(
        functions=[func(collect, name="collect")],  # type: ignore[arg-type]  # arq's protocol names its first argument
        redis_pool=pool,
        job_serializer=dumps,
        job_deserializer=loads,
        keep_result=0,
        poll_delay=0.01,
        health_check_interval=0.01,
        handle_signals=False,
    )
    await redis.config_set("maxmemory", "1")
    refused = int((await redis.info("stats"))["total_error_replies"])
    running = asyncio.create_task(worker.async_run())
    async with asyncio.timeout(20):  # arq says every so often that it lives, and is refused
        while int((await redis.info("stats"))["total_error_replies"]) < refused + 5 and not running.done():
            await asyncio.sleep(0.01)
    assert not running.done()
    await redis.config_set("maxmemory", "0")
    await pool.enqueue_job("collect", "after it was given memory")
    await until(lambda: bool(seen) and all(task.done() for task in worker.tasks.values()))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await worker.close()
    await redis.aclose()
