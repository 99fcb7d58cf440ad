"""Processes start with nothing but Redis, say what they wait for, and begin by themselves once it is there."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis

from sandbox.clock import Clock
from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET
from sandbox.serve import Ports, Running, running
from sandbox.xero.company import WEB_CLIENT_ID, WEB_CLIENT_SECRET
from tests.signing_in import allow
from tests.worker.test_health import free_port
from worker.beginning import lacking, waiting_for
from worker.limits import Limits
from worker.salesforce.connecting import SalesforceConnecting
from worker.settings import Settings
from worker.store.doorbell import SilentDoorbell
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.store import Store
from worker.xero.connecting import XeroConnecting

SECRET = Fernet.generate_key().decode()
ADA = "Ada"
SALESFORCE = {"SALESFORCE_CLIENT_ID": CLIENT_ID, "SALESFORCE_CLIENT_SECRET": CLIENT_SECRET}
XERO = {"XERO_CLIENT_ID": WEB_CLIENT_ID, "XERO_CLIENT_SECRET": WEB_CLIENT_SECRET}
SCALE = "20"
NO_SETUP = "Nothing is set up yet: choose the time object on the Setup page, or hourstream setup apply FILE."


@pytest.fixture
async def stand() -> AsyncIterator[Running]:
    """Both stand-ins."""
    async with running(Ports(), clock=Clock(scale=1)) as found:
        yield found


@pytest.fixture
def store(redis: Redis, tmp_path: Path) -> Store:
    """The store that the processes share with the console."""
    return Store(redis, Keys(), tmp_path, MultiFernet([Fernet(SECRET)]), Limits(), SilentDoorbell())


def addresses(stand: Running) -> dict[str, str]:
    """The environment without any app."""
    return {name: value for name, value in stand.environment.items() if name.endswith(("_URL", "_TARGET", "_TLS"))}


@pytest.fixture
def settings(stand: Running) -> Settings:
    """Settings that say where the services are, and nothing else."""
    return Settings.model_validate({name.lower(): value for name, value in addresses(stand).items()})


async def connect(store: Store, settings: Settings, stand: Running, service: str) -> None:
    """What the console does when somebody presses the button and says yes."""
    kind = SalesforceConnecting if service == "salesforce" else XeroConnecting
    connecting = kind(store, settings, Limits())
    code, state = await allow(stand, await connecting.authorize_url(ADA))
    await connecting.exchange(code=code, state=state, by=ADA)


async def test_what_is_missing_is_told_in_the_order_a_person_gives_it(
    store: Store, settings: Settings, stand: Running
) -> None:
    async def said() -> str:
        return waiting_for(await lacking(store, settings))

    assert "client id and secret of the Salesforce app and the client id" in await said()
    await store.credentials.put("salesforce", SALESFORCE)
    await store.credentials.put("xero", XERO)
    assert await said() == "waiting for Connect to Salesforce and Connect to Xero"
    await connect(store, settings, stand, "salesforce")
    assert await said() == "waiting for Connect to Xero"
    await connect(store, settings, stand, "xero")
    assert await lacking(store, settings) == []


async def test_what_the_environment_signs_in_with_waits_for_nobody(store: Store, stand: Running) -> None:
    given = {name.lower(): value for name, value in stand.environment.items() if not name.startswith("SANDBOX")}
    assert await lacking(store, Settings.model_validate(given)) == []


@asynccontextmanager
async def up(environment: dict[str, str]) -> AsyncIterator[None]:
    """`hourstream up`; it ends well when it is told to."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", "up", env={**os.environ, **environment}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield
        started.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(started.wait(), 60) == 0
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def becomes(look: Callable[[], Awaitable[str]], wanted: str) -> None:
    """Wait until that is told."""
    async with asyncio.timeout(60):
        while await look() != wanted:
            await asyncio.sleep(0.05)


async def test_up_starts_with_nothing_begins_once_connected_and_again_with_other_credentials(
    store: Store, settings: Settings, stand: Running, valkey: EmbeddedServer, tmp_path: Path
) -> None:
    environment = addresses(stand) | {
        "REDIS_URL": valkey.url, "HOURSTREAM_DATA": str(tmp_path), "HOURSTREAM_SECRET_KEY": SECRET,
        "HOURSTREAM_TIME_SCALE": SCALE, "HOURSTREAM_CONSOLE_URL": f"http://localhost:{free_port()}",
    }  # fmt: skip

    def told(kind: str) -> Callable[[], Awaitable[str]]:
        async def look() -> str:
            beats = await store.heartbeats.alive(kind)
            return (beats[0].detail.get("reason") or beats[0].detail.get("state", "works")) if beats else ""

        return look

    async with up(environment):
        await becomes(told("listener"), "waiting for the client id and secret of the Salesforce app")
        await store.credentials.put("salesforce", SALESFORCE)
        await store.credentials.put("xero", XERO)
        await becomes(told("worker"), "waiting for Connect to Salesforce and Connect to Xero")
        await connect(store, settings, stand, "salesforce")
        await becomes(told("listener"), NO_SETUP)
        await connect(store, settings, stand, "xero")
        await becomes(told("worker"), "works")
        await store.credentials.forget("xero")
        await becomes(told("worker"), "waiting for the client id and secret of the Xero app")
