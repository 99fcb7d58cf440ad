"""doctor finds what is broken, says how to mend it, and lets no broken thing hide another."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from console.doctor import Finding, examine
from tests.worker.jobs.jobs_world import SETUP, World, deployed
from worker.applying import apply_setup
from worker.store.embedded import EmbeddedServer


@pytest.fixture
async def world(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    async with deployed(redis, valkey.url, tmp_path) as made:
        await made.work()
        yield made


async def examined(world: World) -> list[Finding]:
    return [finding async for finding in examine(world.ctx)]


async def ill(world: World) -> dict[str, Finding]:
    """What is not well, by area and name."""
    return {f"{each.area}, {each.name}": each for each in await examined(world) if each.state != "ok"}


async def live(world: World, **listener: str) -> None:
    """A worker and a listener that live."""
    await world.ctx.store.heartbeats.beat("worker", "worker 1")
    await world.ctx.store.heartbeats.beat(
        "listener", "listener 1", {"state": "listening", "transport": "pubsub"} | listener
    )


async def test_a_deployment_that_is_well_has_nothing_to_mend(world: World) -> None:
    await live(world)
    found = await examined(world)
    assert await ill(world) == {}
    assert {each.area for each in found} == {"Hourstream", "Redis", "Salesforce", "Xero", "Setup"}
    assert all(each.text.endswith(".") and not each.remedy for each in found)


async def test_processes_that_do_not_live_are_missed(world: World) -> None:
    found = await ill(world)
    assert set(found) == {"Hourstream, workers", "Salesforce, listener"}
    assert "hourstream listen" in found["Salesforce, listener"].remedy


async def test_a_listener_that_is_late_polls_or_parked_events_is_told_of(world: World) -> None:
    late = {"transport": "poll", "reason": "No change data capture.", "position_age_seconds": "180000", "parked": "2"}
    await live(world, **late)
    found = await ill(world)
    assert set(found) == {"Salesforce, listener", "Salesforce, replay position", "Salesforce, events"}
    assert "50 hours old" in found["Salesforce, replay position"].text


async def test_what_xero_and_the_setup_lack_is_named_with_its_remedy(world: World) -> None:
    await live(world)
    world.act("account", code="200", status="ARCHIVED")
    world.act("disconnect")
    found = await ill(world)
    assert "Xero, sign in to xero" in found
    world.act("connect", client_id=world.settings.xero_client_id)
    await apply_setup(world.ctx.store, SETUP.replace("Hours__c", "Hourz__c"), by="test")
    setup = {name for name in await ill(world) if name.startswith("Setup")}
    assert setup == {"Setup, source.fields.hours", "Setup, billing.revenue_account"}


async def test_a_paused_stage_and_a_ledger_that_is_rebuilt_are_said(world: World) -> None:
    await live(world)
    await world.ctx.store.invoices.pause("Ada", "month end")
    await world.redis.delete("hourstream:main:epoch")
    found = await ill(world)
    assert "Ada: month end" in found["Hourstream, stage invoices"].text
    assert found["Hourstream, ledger"].text.startswith("Being rebuilt")


async def test_without_a_setup_it_says_where_to_begin(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> None:
    async with deployed(redis, valkey.url, tmp_path, setup="") as world:
        assert (await ill(world))["Setup, setup"].remedy == "`hourstream setup presets` has files to begin with."
