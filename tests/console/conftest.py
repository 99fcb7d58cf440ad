"""The stand-ins and an installation, once for each file of tests."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.console.cli_support import REPOSITORY, Installation
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

SCALED = {"HOURSTREAM_TIME_SCALE": "10"}  # Xero's minute passes in 6 seconds: commands here make many calls


@pytest.fixture(scope="module")
def stand_ins() -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "console", "sandbox", "--seed"], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        env=os.environ | SCALED,
    )  # fmt: skip
    assert process.stdout is not None
    environment = {}
    for line in process.stdout:
        if line.strip() == "ready":
            break
        name, _, value = line.strip().partition("=")
        environment[name] = value
    yield environment
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.fixture(scope="module")
def installation(stand_ins: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("cli")
    data = folder / "data"
    data.mkdir()
    ensure_secret_key(data)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SALESFORCE_", "XERO_", "HOUR"))}
    fixed = SCALED | {"HOURSTREAM_DATA": str(data), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "160"}
    environment = kept | stand_ins | fixed
    server = EmbeddedServer(data)
    asyncio.run(server.start())
    yield Installation(environment, folder)
    asyncio.run(server.stop())
