"""A deployment for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.worker.jobs.jobs_world import World, deployed
from worker.store.embedded import EmbeddedServer


@pytest.fixture
async def world(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """Two clients, Harrow and Northgate, with a project each; the ledger is complete, contacts are pulled."""
    async with deployed(redis, valkey.url, tmp_path) as made:
        await made.work()
        made.forget_calls()
        yield made
