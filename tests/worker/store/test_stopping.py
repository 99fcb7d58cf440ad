"""SIGTERM ends a worker, whatever Redis does."""

import asyncio
import os
import signal
from pathlib import Path
from unittest import mock

from worker.main import run_worker
from worker.settings import Settings
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.secrets import ensure_secret_key


async def test_a_worker_that_waits_for_its_connections_ends_while_redis_is_frozen(
    own_server: EmbeddedServer, tmp_path: Path
) -> None:
    ensure_secret_key(tmp_path)
    environment = {"REDIS_URL": own_server.url, "HOURSTREAM_DATA": str(tmp_path)}
    with mock.patch.dict("os.environ", environment, clear=True):
        settings = Settings(_env_file=None)  # type: ignore[call-arg]
    working = asyncio.create_task(run_worker(settings))
    redis = open_redis(own_server.url)
    async with asyncio.timeout(20):
        while not await redis.exists(Keys()("alive", "worker")):
            await asyncio.sleep(0.02)
    await redis.aclose()
    os.kill(own_server.pid, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(20):
        assert await working is False
