"""The health port: what a probe and a metrics collector read."""

import socket
from pathlib import Path

import aiohttp
import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.health import health
from worker.limits import Limits
from worker.settings import Settings
from worker.store.doorbell import SilentDoorbell
from worker.store.keys import Keys
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
