"""Real listener processes between the Salesforce stand-in and a real server: killed, frozen, stopped, restarted."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from listeners.poll import poll_channel
from sandbox.clock import Clock
from sandbox.serve import Ports, running
from tests.listeners.processes import SCALE, Deployment, environment_of, store_parts
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

DOORS = ["pubsub", "cometd"]


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedServer]:
    """A server of its own for each test, which may stop and freeze it."""
    folder = Path(tempfile.mkdtemp(prefix="hourstream-listen-"))
    server = EmbeddedServer(folder)
    await server.start()
    yield server
    await server.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def deployment(server: EmbeddedServer, tmp_path: Path) -> AsyncIterator[Deployment]:
    ensure_secret_key(tmp_path)
    redis = open_redis(server.url)
    async with running(Ports(), clock=Clock(scale=SCALE)) as org:
        org.salesforce.org.switches["keepalive_seconds"] = 2.0
        made = Deployment(org, *store_parts(redis), environment_of(org, server.url, tmp_path))
        yield made
        await made.end()
    await redis.aclose()


def _lease_lapses() -> None:
    """Longer than a lease lasts: nothing can be asked of a frozen server, so this waits for the clock."""
    time.sleep(1.5 * 10.0 / SCALE)


@pytest.mark.parametrize("door", DOORS)
async def test_time_logged_is_on_the_list_and_the_start_is_read_until_sigterm(
    deployment: Deployment, door: str
) -> None:
    process = await deployment.listen(SALESFORCE_TRANSPORT=door)
    await deployment.listening()
    units = {deployment.log_time() for _ in range(3)}
    await deployment.told(*units)
    kinds = {name.partition(":")[0] for name in await deployment.inbox.resyncs()}
    assert kinds >= {"initial", "anchored"}
    [beat] = await deployment.heartbeats.alive("listener")
    assert (beat.detail["transport"], beat.detail["state"]) == (door, "listening")
    process.terminate()
    _, said = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0, said.decode()
    assert await deployment.heartbeats.alive("listener") == ()
    assert await deployment.lease() is None


@pytest.mark.parametrize("door", DOORS)
async def test_a_killed_listener_misses_nothing_that_happened_meanwhile(deployment: Deployment, door: str) -> None:
    first = await deployment.listen(SALESFORCE_TRANSPORT=door)
    await deployment.listening()
    known = deployment.log_time()
    await deployment.told(known)
    first.kill()
    await first.wait()
    meanwhile = [deployment.log_time() for _ in range(120)]
    await deployment.listen(SALESFORCE_TRANSPORT=door)
    await deployment.told(*meanwhile)


@pytest.mark.parametrize("door", DOORS)
async def test_a_frozen_listener_is_replaced_in_time_and_cannot_move_the_position_afterwards(
    deployment: Deployment, door: str
) -> None:
    leader = await deployment.listen(SALESFORCE_TRANSPORT=door)
    await deployment.listening()
    standby = await deployment.listen(SALESFORCE_TRANSPORT=door)
    await deployment.listening(2)
    await deployment.told(deployment.log_time())  # CometD has no position before the first event
    leader.send_signal(signal.SIGSTOP)
    unit = deployment.log_time()
    frozen_at = asyncio.get_running_loop().time()
    await deployment.told(unit)
    assert asyncio.get_running_loop().time() - frozen_at < 10.0
    leader.send_signal(signal.SIGCONT)
    more = [deployment.log_time() for _ in range(10)]
    await deployment.told(*more)
    await deployment.listening(2)
    assert (leader.returncode, standby.returncode) == (None, None)


async def test_a_frozen_and_a_restarted_redis_are_survived(deployment: Deployment, server: EmbeddedServer) -> None:
    process = await deployment.listen()
    await deployment.listening()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    units = [deployment.log_time() for _ in range(5)]
    await asyncio.to_thread(_lease_lapses)
    os.kill(server.pid, signal.SIGCONT)
    await deployment.told(*units)
    await server.stop()
    units = [deployment.log_time() for _ in range(5)]
    deployment.act("stream", action="break")
    await server.start()
    await deployment.told(*units)
    assert process.returncode is None


async def test_it_waits_for_redis_and_salesforce_to_be_there(deployment: Deployment, server: EmbeddedServer) -> None:
    await server.stop()
    deployment.org.salesforce.org.switches["login_error"] = "user is inactive"
    process = await deployment.listen()
    await server.start()

    async def says_why() -> bool:
        beats = await deployment.heartbeats.alive("listener")
        return bool(beats) and "inactive" in beats[0].detail["reason"]

    await deployment.holds(says_why)
    deployment.org.salesforce.org.switches["login_error"] = ""
    await deployment.listening()
    await deployment.told(deployment.log_time())
    assert process.returncode is None


async def test_ended_sessions_and_a_forgotten_stream_are_survived(deployment: Deployment) -> None:
    process = await deployment.listen()
    await deployment.listening()
    deployment.act("stream", action="reset")
    deployment.act("sessions")
    deployment.act("stream", action="break")

    async def lost() -> bool:
        return any(name.startswith("position-lost") for name in await deployment.inbox.resyncs())

    await deployment.holds(lost)
    await deployment.listening()
    await deployment.told(deployment.log_time())
    assert process.returncode is None


async def test_without_change_data_capture_it_polls_and_says_why(deployment: Deployment) -> None:
    deployment.org.salesforce.org.switches["cdc_objects"] = []
    await deployment.listen(HOURSTREAM_TIME_SCALE="60")

    async def polls() -> bool:
        beats = await deployment.heartbeats.alive("listener")
        return any("Change Data Capture" in b.detail["reason"] for b in beats if b.detail["transport"] == "poll")

    await deployment.holds(polls)
    await deployment.holds(lambda: deployment.position(poll_channel("TimeEntry__c")))
    unit = deployment.log_time()
    await deployment.told(unit)
    gone = unit.removeprefix("TimeEntry__c:").removesuffix("#0")
    told = await deployment.times_told(unit)
    deployment.act("records", action="delete", sobject="TimeEntry__c", ids=[gone])
    deployment.act("records", action="purge", sobject="TimeEntry__c", ids=[gone], logged=True)

    async def told_again() -> bool:
        return await deployment.times_told(unit) > told

    await deployment.holds(told_again)


async def test_tls_with_a_certificate_authority_of_one_s_own(deployment: Deployment) -> None:
    await deployment.listen(
        SALESFORCE_TRANSPORT="pubsub",
        SALESFORCE_PUBSUB_TLS="true",
        SALESFORCE_PUBSUB_TARGET=deployment.org.environment["SANDBOX_PUBSUB_TLS_TARGET"],
        SSL_CERT_FILE=deployment.org.environment["SANDBOX_PUBSUB_CA_FILE"],
    )
    await deployment.listening()
    await deployment.told(deployment.log_time())


async def test_wrong_settings_end_it_with_2_and_the_reason(deployment: Deployment) -> None:
    process = await deployment.listen(SALESFORCE_TRANSPORT="pigeon")
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, "SALESFORCE_TRANSPORT has an unknown value" in said.decode()) == (2, True)
