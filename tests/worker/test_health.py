"""The health port: what a probe and a metrics collector read."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

import aiohttp
import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.health import ANSWER_WITHIN, health
from worker.limits import Limits
from worker.settings import Settings
from worker.store.connection import open_redis
from worker.store.doorbell import SilentDoorbell
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.passes import TURN, Finished, Pass
from worker.store.store import Store


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


@pytest.fixture
def store(redis: Redis, tmp_path: Path) -> Store:
    return Store(redis, Keys(), tmp_path, MultiFernet([Fernet(Fernet.generate_key())]), Limits(), SilentDoorbell())


async def get(port: int, page: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{page}") as answer:
        return answer.status, await answer.text()


async def test_a_probe_hears_what_is_missing_until_all_parts_live(store: Store, tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(hourstream_data=tmp_path, hourstream_health_port=port)
    async with health(settings, store):
        assert await get(port, "/healthz") == (200, "ok\n")
        status, text = await get(port, "/readyz")
        assert status == 503
        assert "the ledger is being rebuilt" in text
        assert "no worker lives" in text
        assert "no listener lives" in text
        waits = {"state": "waiting", "reason": "waiting for Connect to Xero"}
        await store.heartbeats.beat("worker", "one", waits)
        assert await get(port, "/readyz") == (503, "waiting for Connect to Xero\n")
        token = await store.epoch.take(30)
        await store.epoch.complete(token)
        await store.heartbeats.beat("worker", "one")
        await store.heartbeats.beat("listener", "one")
        assert await get(port, "/readyz") == (200, "ready\n")
        await store.collect.add(["TimeEntry__c:a00#0"])
        status, text = await get(port, "/metrics")
        assert status == 200
        assert 'hourstream_due{stage="collect"} 1.0' in text
        assert "hourstream_ledger_complete 1.0" in text


async def test_a_taken_port_is_said_and_no_port_serves_nothing(store: Store, tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(hourstream_data=tmp_path, hourstream_health_port=port)
    async with health(settings, store):
        with pytest.raises(ServiceError, match=f"health port {port}"):
            async with health(settings, store):
                raise AssertionError
    async with health(Settings(hourstream_data=tmp_path), store):
        with pytest.raises(aiohttp.ClientConnectionError):
            await get(port, "/healthz")


async def test_metrics_tell_of_stages_calls_the_listener_and_sign_ins(store: Store, tmp_path: Path) -> None:
    port = free_port()
    token = await store.epoch.take(30)
    await store.epoch.complete(token)
    epoch = await store.epoch.current()
    await store.write_back.add(["TimeEntry__c:a00#0"])
    [item] = await store.write_back.claim(epoch, 1, 60)
    await store.write_back.retry(epoch, item, 3600, "locked")
    await store.invoices.hold_until(60, "day")
    await store.governor.answered("a call", min_remaining=59, day_remaining=321)
    await store.tokens.put("xero", {"access_token": "secret-thing", "refreshed_at": time.time() - 90})
    detail = {"state": "listening", "lag_seconds": "0.250", "position_age_seconds": "3.000", "events": "12"}
    await store.heartbeats.beat("listener", "one", detail | {"reconnects": "silent=2"})
    async with health(Settings(hourstream_data=tmp_path, hourstream_health_port=port), store):
        status, text = await get(port, "/metrics")
    assert status == 200
    for line in (
        'hourstream_retrying{stage="write_back"} 1.0',
        'hourstream_attempts_most{stage="write_back"} 1.0',
        'hourstream_stopped{stage="invoices"} 1.0',
        'hourstream_stopped{stage="collect"} 0.0',
        "hourstream_xero_calls_left_today 321.0",
        "hourstream_listener_lag_seconds 0.25",
        "hourstream_position_age_seconds 3.0",
        'hourstream_listener_reconnects{reason="silent"} 2.0',
    ):
        assert line in text.splitlines()
    [age] = [line for line in text.splitlines() if line.startswith('hourstream_token_age_seconds{service="xero"}')]
    assert 89 < float(age.rpartition(" ")[2]) < 120
    assert "secret-thing" not in text


async def test_a_frozen_redis_is_said_within_the_probes_patience_and_liveness_goes_on(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hourstream-health-"))
    server = EmbeddedServer(folder)
    await server.start()
    client = open_redis(server.url)
    own = Store(client, Keys(), tmp_path, MultiFernet([Fernet(Fernet.generate_key())]), Limits(), SilentDoorbell())
    port = free_port()
    async with health(Settings(hourstream_data=tmp_path, hourstream_health_port=port), own):
        os.kill(server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(3 * ANSWER_WITHIN):
                answers = await asyncio.gather(*(get(port, page) for page in ("/healthz", "/readyz", "/metrics")))
        finally:
            os.kill(server.pid, signal.SIGCONT)
    assert answers == [(200, "ok\n"), (503, "Redis does not answer\n"), (503, "Redis does not answer\n")]
    await client.aclose()
    await server.stop()
    shutil.rmtree(folder)


async def test_metrics_tell_when_salesforce_was_reconciled_and_how_long_the_position_lasts(
    store: Store, tmp_path: Path
) -> None:
    port, channel = free_port(), "/data/TimeEntry__ChangeEvent"
    lease = await store.locks.listener(channel, 60)
    assert lease is not None
    assert await store.inbox.store(lease, channel, None, "AAA=", [], {}, "")
    detail = {"state": "listening", "transport": "pubsub", "channel": channel, "resyncs": "gap=2", "parked": "1"}
    await store.heartbeats.beat("listener", "one", detail | {"last_event_at": await store.clock()})
    token = await store.locks.acquire(TURN, 60)
    assert token is not None
    await store.passes.end(token, "walk", Finished(at=await store.clock(), state=Pass(version=1), missed_in_all=3))
    async with health(Settings(hourstream_data=tmp_path, hourstream_health_port=port), store):
        _, text = await get(port, "/metrics")
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert told['hourstream_listener_resyncs{kind="gap"}'] == "2.0"
    assert told["hourstream_listener_parked"] == "1.0"
    assert 0 <= float(told["hourstream_listener_last_event_age_seconds"]) < 60
    assert 71 * 3600 < float(told["hourstream_position_left_seconds"]) <= 72 * 3600
    assert told['hourstream_events_missed{reading="walk"}'] == "3.0"
    assert 0 <= float(told['hourstream_reconciled_age_seconds{reading="walk"}']) < 60
