"""After everything has run, Redis holds nothing but what the table of keys in docs/store.md names."""

import re
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.fixtures_store import TABLE
from tests.worker.jobs.jobs_world import World, deployed
from worker.store.embedded import EmbeddedServer

ROW = re.compile(r"^\| `([^`]+)` \| *([^|]+?) *\|[^|]*\| *([^|]+?) *\|", re.MULTILINE)


def rows() -> list[tuple[re.Pattern[str], set[str], bool]]:
    """Of each key of the table: what it looks like, its types, and whether it stays until it is removed."""
    found = []
    for name, types, expiry in ROW.findall(TABLE.read_text()):
        pattern = re.sub(r"\\\{.*?\\\}", ".+", re.escape(name))
        found.append((re.compile(f"hourstream:main:{pattern}"), set(types.split(" or ")), expiry == "none"))
    return found


async def strangers(redis: Redis) -> list[str]:
    """Keys that no row of the table describes, by name, type and expiry."""
    table, found = rows(), []
    async for key in redis.scan_iter(count=1000):
        kind, stays = await redis.type(key), await redis.ttl(key) == -1
        if not any(name.fullmatch(key) and kind in types and stays is forever for name, types, forever in table):
            found.append(f"{key}: {kind}, {'stays' if stays else 'expires'}")
    return sorted(found)


async def live(world: World) -> None:
    """What happens in a month: time logged, moved, edited, waiting; an answer lost; a person in Xero; a rebuild."""
    await world.work()
    first, moved, gone = (world.log("Harrow", hours) for hours in ("1.00", "2.00", "3.00"))
    waits = world.log("Harrow", Status__c="Draft")
    await world.tell(first, moved, gone, waits)
    await world.work()
    world.edit(moved, Project__c=world.projects["Northgate"])
    world.delete(gone)
    world.client("Unpriced", rate=None)
    await world.tell(moved, gone, world.log("Unpriced"))
    world.write_fault("drop-after")
    await world.work()
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    world.edit(first, Hours__c="1.50")
    await world.tell(first)
    for job in ("contacts", "statuses", "reconcile"):
        await world.run(job)
    await world.work()
    await world.ctx.store.epoch.discard(await world.ctx.store.epoch.current(), "test")
    await world.work()


@pytest.mark.usefixtures("redis")
async def test_whatever_ran_leaves_only_keys_of_the_table(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> None:
    async with deployed(redis, valkey.url, tmp_path) as world:
        await live(world)
        assert await redis.dbsize() > 30
        assert await strangers(redis) == []


async def test_a_key_of_another_name_type_or_expiry_is_a_stranger(redis: Redis) -> None:
    await redis.set("hourstream:main:ticket", "1")
    await redis.sadd("hourstream:main:members:X", "u")  # type: ignore[misc]  # sync and async typed as one
    assert await strangers(redis) == []
    await redis.set("hourstream:main:tickets", "1")
    await redis.set("hourstream:main:members:Y", "u")
    await redis.expire("hourstream:main:ticket", 100)
    assert await strangers(redis) == [
        "hourstream:main:members:Y: string, stays",
        "hourstream:main:ticket: string, expires",
        "hourstream:main:tickets: string, stays",
    ]
