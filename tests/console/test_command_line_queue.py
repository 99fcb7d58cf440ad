"""The queue's items at the command line: shown, tried again, given up; exit codes and JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests.console.cli_support import SETUP, Installation
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.epoch import Epoch
from worker.store.keys import Keys
from worker.store.secrets import ensure_secret_key
from worker.store.setup_store import SetupStore
from worker.store.worklist import Parked, WorkList

R = TypeVar("R")
RECORD = "a00Hs0000000001IAA"
UNIT = f"TimeEntry__c:{RECORD}#0"


@dataclass(frozen=True)
class Queue:
    """A deployment with a setup and nothing running, whose lists the test fills."""

    run: Installation
    url: str

    def do(self, stage: str, work: Callable[[WorkList, str], Awaitable[R]]) -> R:
        """Something done with a stage's list, as a worker does it."""

        async def done() -> R:
            redis = open_redis(self.url)
            epoch = Epoch(redis, Keys())
            if not await epoch.current():
                await epoch.complete(await epoch.take(30))
            try:
                return await work(WorkList(redis, Keys(), stage), await epoch.current())
            finally:
                await redis.aclose()

        return asyncio.run(done())

    def fail(self, stage: str, id_: str, error: str) -> None:
        """An item whose last try failed."""

        async def failing(work: WorkList, epoch: str) -> None:
            await work.add([id_])
            [item] = await work.claim(epoch, 1, 60)
            await work.retry(epoch, item, 3600, error)

        self.do(stage, failing)

    def wait(self, stage: str, id_: str, text: str) -> None:
        """An item that waits."""

        async def waiting(work: WorkList, epoch: str) -> None:
            await work.add([id_])
            [item] = await work.claim(epoch, 1, 60)
            await work.wait(epoch, item, Parked(id_, "xero-refused", text, "", "2026-11-05T10:00:00.000Z"))

        self.do(stage, waiting)


@pytest.fixture
def queue(installation: Installation, tmp_path: Path) -> Iterator[Queue]:
    ensure_secret_key(tmp_path)
    server = EmbeddedServer(tmp_path)
    asyncio.run(server.start())
    mine = installation.environment | {"HOURSTREAM_DATA": str(tmp_path), "REDIS_URL": server.url}
    asyncio.run(_set_up(server.url, tmp_path))
    yield Queue(Installation(mine, tmp_path), server.url)
    asyncio.run(server.stop())


async def _set_up(url: str, data: Path) -> None:
    redis = open_redis(url)
    await SetupStore(redis, Keys(), data).save(SETUP.read_text("utf-8"), "test")
    await redis.aclose()


def test_an_item_is_shown_with_its_stage_tries_and_the_services_own_words(queue: Queue) -> None:
    queue.fail("write_back", UNIT, "Ask Sam first.")
    [row] = queue.run.json("queue", "show", RECORD)
    said = (row["id"], row["stage"], row["state"], row["attempts"], row["error"])
    assert said == (RECORD, "write_back", "retrying", 1, "Ask Sam first.")
    missing = queue.run.hourstream("queue", "show", "a00Hs0000000002IAA", expect=1)
    assert "hourstream why" in missing.stderr


def test_one_command_tries_again_one_thing_a_stage_or_all(queue: Queue) -> None:
    queue.fail("write_back", UNIT, "Ask Sam first.")
    queue.wait("invoices", "K1", "Xero says: no.")
    queue.wait("invoices", "K2", "Xero says: no.")
    assert queue.run.json("queue", "retry", "K1") == ["K1"]
    assert queue.run.json("queue", "retry", "--stage", "write_back") == [RECORD]
    assert queue.run.json("queue", "retry", "--all") == ["K2"]
    stages = queue.run.json("queue", "status")["stages"]
    assert [(s["due"], s["retrying"], s["waiting"]) for s in stages.values()] == [(0, 0, 0), (2, 0, 0), (1, 0, 0)]
    assert "queue show K1" in queue.run.hourstream("queue", "retry", "K1", expect=1).stderr
    queue.run.hourstream("queue", "retry", "K1", "--all", expect=2)


def test_what_is_given_up_waits_and_no_hour_is_thrown_away(queue: Queue) -> None:
    queue.fail("collect", UNIT, "HTTP status 503")
    [gone] = queue.run.json("queue", "discard", RECORD)
    assert (gone["id"], gone["stage"], gone["done"]) == (RECORD, "collect", True)
    [waits] = queue.run.json("queue", "list")
    assert (waits["id"], waits["reason"]) == (RECORD, "given-up")
    assert "HTTP status 503" in waits["text"]
    assert queue.run.json("queue", "retry", RECORD) == [RECORD]
    refused = queue.run.hourstream("queue", "discard", RECORD, expect=1)
    assert f"{RECORD} stays in collect: nothing of it has failed" in refused.stderr
    assert queue.do("collect", lambda work, _: work.item(UNIT))["id"] == UNIT


def test_doorbells_are_removed_without_a_trace_on_the_lists(queue: Queue) -> None:
    queue.fail("collect", UNIT, "HTTP status 503")
    queue.run.hourstream("queue", "retry", "--all")  # rings
    queue.run.hourstream("queue", "discard", "--doorbells")
    assert queue.do("collect", lambda work, _: work.item(UNIT))["id"] == UNIT

    async def keys(work: WorkList, _: str) -> list[str]:
        redis = open_redis(queue.url)
        found = [key async for key in redis.scan_iter(match="arq:*")]
        await redis.aclose()
        return found

    assert queue.do("collect", keys) == []


def test_the_setups_calls_of_xero_a_day_are_foretold(installation: Installation) -> None:
    said = installation.hourstream("setup", "check", str(SETUP)).stdout
    assert "Xero calls a day: 144 for contacts, 96 for the states of invoices" in said
    assert "Xero allows 5,000." in said or "Xero allows 1,000 or 5,000, by its tier." in said
