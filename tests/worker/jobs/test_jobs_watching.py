"""Alerts as they arrive: once for each, by one of many workers, and never in the way of the work."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from redis.asyncio import Redis

from tests.worker.jobs.jobs_world import World, deployed
from worker.billing.model import Waiting
from worker.store.brake import Braked
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.watching import alerts, look, tell, watch

BRAKED = Braked(at="2026-11-25T12:00:00.000Z", sentences=("51 new invoices would be made.",))
SCALE = 20.0


@dataclass
class Receiver:
    """Where alerts go: what arrived, and how it is answered."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    asked: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.open.wait()
        if self.status == 200:
            self.got.append(await request.json())
        return web.Response(status=self.status)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(each["code"], each["state"]) for each in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made, app = Receiver(), web.Application()
    made.open.set()
    app.router.add_post("/hook", made.post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=a-token-of-the-hook"
    yield made
    await runner.cleanup()


@pytest.fixture
async def world(valkey: EmbeddedServer, redis: Redis, tmp_path: Path, receiver: Receiver) -> AsyncIterator[World]:
    named = {"HOURSTREAM_ALERT_URL": receiver.url}
    async with deployed(redis, valkey.url, tmp_path, setup="", environment=named) as made:
        yield made


async def test_what_needs_a_person_is_told_once_and_that_it_is_over_once(world: World, receiver: Receiver) -> None:
    assert await tell(world.ctx) == 0
    await world.ctx.store.brake.trip(BRAKED)
    assert await tell(world.ctx) == 1
    assert await tell(world.ctx) == 0
    [got] = receiver.got
    assert got["code"] == "HS-004"
    assert "51 new invoices" in got["text"]
    assert (got["url"], got["state"]) == ("http://localhost:8400/", "needed")
    await world.ctx.store.brake.lift()
    assert await tell(world.ctx) == 1
    assert await tell(world.ctx) == 0
    assert receiver.said == [("HS-004", "needed"), ("HS-004", "over")]
    assert receiver.got[1]["text"].startswith("Over: ")


async def test_of_many_workers_one_tells(world: World, receiver: Receiver) -> None:
    workers = [world.ctx, *[await world.worker(f"worker {n}") for n in range(4)]]
    await world.ctx.store.brake.trip(BRAKED)
    await asyncio.gather(*(tell(each) for each in workers))
    assert receiver.said == [("HS-004", "needed")]


async def test_a_delivery_that_fails_is_tried_again_and_holds_nothing_up(world: World, receiver: Receiver) -> None:
    receiver.status = 503
    await world.ctx.store.brake.trip(BRAKED)
    assert await tell(world.ctx) == 0
    assert await tell(world.ctx) == 0
    assert receiver.asked == 1  # not before its time
    receiver.status, token = 200, await world.ctx.store.alerts.take_turn()
    [(key, told)] = (await world.ctx.store.alerts.told()).items()
    assert (told.tries, told.delivered) == (1, False)
    await world.ctx.store.alerts.put(token, {key: type(told)(code=told.code, text=told.text, since=0, next_at=0)})
    await world.ctx.store.alerts.end_turn(token)
    assert await tell(world.ctx) == 1


async def test_who_lost_its_turn_remembers_nothing(world: World) -> None:
    store = world.ctx.store.alerts
    first = await store.take_turn()
    assert await store.take_turn() == ""
    await store.end_turn("somebody else's")
    await store.end_turn(first)
    assert not await store.put(first, {"HS-004": None})


async def test_a_lost_connection_is_told_with_what_to_do(world: World, receiver: Receiver) -> None:
    await world.ctx.store.needs_reconnect("xero", "The consent is gone.", "Connect to Xero again.", "worker")
    await tell(world.ctx)
    [got] = receiver.got
    assert got["code"] == "HS-001"
    assert "Connect to Xero again." in got["text"]
    [shown] = await alerts(world.ctx.store, SCALE)
    assert (shown.code, shown.subject, bool(shown.since)) == ("HS-001", "xero", True)
    await look(world.ctx)  # these credentials need nobody: they are tried, and do
    assert await alerts(world.ctx.store, SCALE) == ()
    await tell(world.ctx)
    assert receiver.said == [("HS-001", "needed"), ("HS-001", "over")]


async def test_a_redis_that_is_full_is_told_although_it_takes_nothing_more(
    world: World, redis: Redis, receiver: Receiver
) -> None:
    try:
        await redis.config_set("maxmemory", 1)
        assert await tell(world.ctx) == 1
    finally:
        await redis.config_set("maxmemory", 0)
    assert await tell(world.ctx) == 1
    assert receiver.said == [("HS-007", "needed"), ("HS-007", "over")]


async def test_a_lost_position_is_told_even_when_all_was_read_before_anybody_looked(
    valkey: EmbeddedServer, redis: Redis, tmp_path: Path, receiver: Receiver
) -> None:
    named = {"HOURSTREAM_ALERT_URL": receiver.url}
    async with deployed(redis, valkey.url, tmp_path, scale=60.0, environment=named) as world:
        await world.work()
        await world.ctx.store.inbox.request_resync("position-lost:a-lease", "2026-11-22T09:00:00Z")
        [shown] = await alerts(world.ctx.store, 60.0)
        assert (shown.code, "since 2026-11-22 09:00 UTC" in shown.text) == ("HS-008", True)
        await world.work()
        assert await tell(world.ctx) == 1
        async with asyncio.timeout(10):
            while not await tell(world.ctx):
                await asyncio.sleep(0.05)
        assert receiver.said == [("HS-008", "needed"), ("HS-008", "over")]


async def test_silence_and_long_waiting_are_noticed(world: World, redis: Redis, keys: Keys) -> None:
    await world.ctx.store.setup.save('[source]\nsobject = "TimeEntry__c"\n', by="test")
    await redis.hset(world.ctx.store.setup.key, "saved_at", "2026-11-01T00:00:00.000Z")
    reasons = {"a": "no-rate", "b": "no-contact", "c": "not-approved"}  # approving takes the days it takes
    for number, (name, reason) in enumerate(reasons.items()):
        verdict = msgspec.json.encode(Waiting(reason, "It waits.", "entry"))
        await redis.hset(keys("unit", name), "verdict", verdict)
        await redis.zadd(keys("waiting"), {name: number})
    found = await alerts(world.ctx.store, SCALE)
    assert [each.code for each in found] == ["HS-002", "HS-005"]
    assert found[1].text.startswith("2 entries and invoices wait")


async def test_told_to_stop_while_redis_is_full_it_stops(world: World, receiver: Receiver) -> None:
    await world.ctx.store.brake.trip(BRAKED)
    receiver.open.clear()
    watching = asyncio.create_task(watch(world.ctx))
    async with asyncio.timeout(10):
        while not receiver.asked:
            await asyncio.sleep(0.01)
    await world.redis.config_set("maxmemory", "1")
    try:
        watching.cancel()
        await asyncio.wait([watching], timeout=5)
        assert watching.done()
    finally:
        await world.redis.config_set("maxmemory", "0")
        receiver.open.set()
        await asyncio.wait([watching], timeout=0)
