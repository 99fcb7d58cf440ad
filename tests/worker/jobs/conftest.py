"""A deployment for each test, at whose end none of Xero's rules may have been broken."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.faults.rules import broken_rules
from tests.worker.jobs.jobs_world import World, deployed
from worker.store.embedded import EmbeddedServer


@pytest.fixture
async def world(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """Two clients, Harrow and Northgate, with a project each; the ledger is complete, contacts are pulled."""
    async with deployed(redis, valkey.url, tmp_path) as made:
        await made.work()
        made.forget_calls()
        yield made
        assert broken_rules(made.stand) == []


@pytest.fixture
async def hasty(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """The same, with every wait divided by sixty: a minute's limit and a request's end come within a second."""
    async with deployed(redis, valkey.url, tmp_path, scale=60.0) as made:
        await made.work()
        made.forget_calls()
        yield made
        assert broken_rules(made.stand) == []


@pytest.fixture
async def unlimited(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """The same, for histories with thousands of calls: Xero's limits are far away, and permits of the dead lapse."""
    async with deployed(redis, valkey.url, tmp_path, minute=0.05, call_lease=0.05) as made:
        made.act("limits", minute=100_000, day=1_000_000, concurrent=100)
        await made.work()
        made.forget_calls()
        yield made
        assert broken_rules(made.stand, unlimited=True) == []
