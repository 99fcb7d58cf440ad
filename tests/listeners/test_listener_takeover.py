"""A frozen leader at the product's own pace, nothing divided: a file of its own, so that others run beside it."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sandbox.clock import Clock
from sandbox.serve import Ports, running
from tests.listeners.processes import SCALE, Deployment, environment_of, store_parts
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

TAKEN_OVER_WITHIN = 10.0  # seconds


@pytest.fixture
async def deployment(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Only Salesforce hurries, with its keep-alives."""
    ensure_secret_key(tmp_path)
    async with running(Ports(), clock=Clock(scale=SCALE)) as org:
        environment = environment_of(org, valkey.url, tmp_path) | {"HOURSTREAM_TIME_SCALE": "1"}
        made = Deployment(org, *store_parts(redis), environment)
        yield made
        await made.end()


async def pair(deployment: Deployment) -> Process:
    """Two listeners, of which one listens and the other stands by; gives the one that listens."""
    leader = await deployment.listen()
    await deployment.holds(deployment.subscribed)
    await deployment.listen()
    await deployment.holds(lambda: beats(deployment, 2))
    await deployment.told(deployment.log_time())
    return leader


async def replayed(deployment: Deployment) -> str:
    position = await deployment.position()
    return position.replay if position else ""


async def beats(deployment: Deployment, count: int) -> bool:
    return len(await deployment.heartbeats.alive("listener")) == count


async def test_a_frozen_leader_is_replaced_within_ten_seconds_and_moves_nothing_when_it_wakes(
    deployment: Deployment,
) -> None:
    leader, clock = await pair(deployment), asyncio.get_running_loop()
    held = await deployment.lease()
    leader.send_signal(signal.SIGSTOP)
    frozen_at, unit = clock.time(), deployment.log_time()
    await deployment.told(unit)
    assert clock.time() - frozen_at < TAKEN_OVER_WITHIN
    assert await deployment.lease() not in (None, held)
    taken, replay = await deployment.times_told(unit), await replayed(deployment)

    leader.send_signal(signal.SIGCONT)  # what was sent to it meanwhile lies in its socket

    async def stands_by() -> bool:
        found = await deployment.heartbeats.alive("listener")
        return any(each.name.endswith(f":{leader.pid}") and each.detail["state"] == "standing by" for each in found)

    await deployment.holds(stands_by)
    assert await deployment.times_told(unit) == taken
    assert await replayed(deployment) == replay
    await deployment.told(deployment.log_time())
    assert leader.returncode is None
