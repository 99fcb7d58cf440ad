"""Killed at any moment, the deployment ends in the same invoices."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.deployment import SCALE, Deployment, deployed


@pytest.fixture
async def deployment(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deployment]:
    monkeypatch.setenv("HOURSTREAM_TIME_SCALE", str(SCALE))
    folder = Path(tempfile.mkdtemp(prefix="hourstream-faults-"))
    async with deployed(folder) as made:
        yield made
    shutil.rmtree(folder)


async def test_workers_and_listeners_killed_and_doorbells_deleted_while_time_is_logged(deployment: Deployment) -> None:
    for number in range(10):
        await deployment.log_time()
        await deployment.moment()
        if number in (2, 6):
            await deployment.kill("worker")
        elif number in (4, 7):
            await deployment.kill("listeners")
        else:
            await deployment.forget_doorbells()
        await deployment.moment()
    await deployment.right()


async def test_redis_killed_and_frozen_while_time_is_logged(deployment: Deployment) -> None:
    for number in range(6):
        await deployment.log_time()
        await deployment.moment()
        if number == 1:
            os.kill(deployment.server.pid, signal.SIGKILL)
            await deployment.server.stop()
            await deployment.server.start()
        if number == 3:
            os.kill(deployment.server.pid, signal.SIGSTOP)
            await asyncio.sleep(3)
            os.kill(deployment.server.pid, signal.SIGCONT)
    await deployment.right()
