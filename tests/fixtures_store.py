"""A real server for tests: `valkey` (one for the session), `redis` (a client on it, emptied for each test), `keys`.

`no_leaks` fails a test that leaves a key without expiry which `docs/store.md` does not list as permanent.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys

TABLE = Path(__file__).parents[1] / "docs" / "store.md"


@pytest.fixture(scope="session")
def valkey() -> Iterator[EmbeddedServer]:
    """The embedded server, in a folder of its own with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="hourstream-test-"))
    server = EmbeddedServer(folder)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())
    shutil.rmtree(folder)


@pytest.fixture
async def redis(valkey: EmbeddedServer) -> AsyncIterator[Redis]:
    """A client that decodes, on an empty server."""
    client = open_redis(valkey.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
async def no_leaks(redis: Redis) -> AsyncIterator[None]:
    """Fail the test when it leaves a key without expiry that the table of keys does not allow."""
    yield
    assert await leaked(redis) == []


async def leaked(redis: Redis) -> list[str]:
    """The keys without expiry that `docs/store.md` does not list as permanent."""
    permanent = permanent_keys(TABLE.read_text())
    forever = [key async for key in redis.scan_iter(count=1000) if await redis.ttl(key) == -1]
    return sorted(key for key in forever if not any(pattern.fullmatch(key) for pattern in permanent))


def permanent_keys(table: str) -> list[re.Pattern[str]]:
    """Patterns of the rows `| `name:{id}` | type | size | none | …`: names are as after `{prefix}:{connection}:`."""
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\|[^|]*\| *none *\|", table, re.MULTILINE)
    return [re.compile(r"[^:]+:[^:]+:" + re.sub(r"\\\{.*?\\\}", ".+", re.escape(row))) for row in rows]
