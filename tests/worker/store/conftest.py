"""What the tests of the store share."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.worker.store.ledger_support import House
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys


@pytest.fixture
async def house(redis: Redis, keys: Keys) -> House:
    """A ledger with its work lists, under a current epoch."""
    return await House.opened(redis, keys)


@pytest.fixture
async def own_server() -> AsyncIterator[EmbeddedServer]:
    """A server that a test may kill, freeze and start again."""
    folder = Path(tempfile.mkdtemp(prefix="hourstream-test-"))
    async with EmbeddedServer(folder) as server:
        yield server
        if server.owned:
            os.kill(server.pid, signal.SIGCONT)
    shutil.rmtree(folder)


async def until(condition: Callable[[], bool], within: float = 20.0) -> None:
    """Return once `condition()` holds; fail after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)
