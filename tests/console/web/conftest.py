"""A console over the embedded server, for each test its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis

from tests.console.web.console_support import SECRET, Browser, served
from tests.console.web.office import Office
from tests.worker.jobs.jobs_world import SETUP, deployed
from worker.limits import Limits
from worker.settings import Settings
from worker.store.doorbell import SilentDoorbell
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.store import Store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What `serve` does in its own process: see `forgive_text_keys`."""
    forgiven = pytest.mark.filterwarnings("ignore::aiohttp.web.NotAppKeyWarning:aiohttp_session")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(forgiven)


@pytest.fixture
async def store(redis: Redis, keys: Keys, tmp_path: Path) -> Store:
    """An empty store."""
    return Store(redis, keys, tmp_path, MultiFernet([Fernet(SECRET)]), Limits(), SilentDoorbell())


@pytest.fixture
def console_url() -> str:
    """The console's address in the settings; tests override it by parametrizing."""
    return "http://localhost:8400"


@pytest.fixture
def settings(tmp_path: Path, console_url: str) -> Settings:
    """Settings of nothing but the console."""
    return Settings(
        _env_file=None, hourstream_data=tmp_path, hourstream_secret_key=SECRET, hourstream_console_url=console_url
    )


@pytest.fixture
async def browser(store: Store, settings: Settings) -> AsyncIterator[Browser]:
    """A browser that knows no console yet."""
    runner, port = await served(store, settings)
    jar = aiohttp.CookieJar(unsafe=True)  # "unsafe" because it keeps cookies of addresses without a name
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=30)) as http:
        yield Browser(http, port, store)
    await runner.cleanup()


@pytest.fixture
def office_setup() -> str:
    """The setup that is in force there; tests override it by parametrizing ("": none yet)."""
    return SETUP


@pytest.fixture
async def office(valkey: EmbeddedServer, redis: Redis, tmp_path: Path, office_setup: str) -> AsyncIterator[Office]:
    """A deployment with both services, and somebody at its console."""
    async with deployed(redis, valkey.url, tmp_path, setup=office_setup) as world:
        if office_setup:
            await world.work()
        runner, port = await served(world.ctx.store, world.settings)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=30)) as http:
            yield Office(world, await Browser(http, port, world.ctx.store).sign_in())
        await runner.cleanup()
