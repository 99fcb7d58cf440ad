"""`node`: runs one of the scripts in node/ against fresh stand-ins and answers the JSON it prints."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.serve import Ports, Running, running

SCRIPTS = Path(__file__).parent / "node"
DEADLINE = 45.0
Run = Callable[[str], Awaitable[Any]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with running(Ports(), clock=Clock(scale=1)) as started:
        yield started


@pytest.fixture
def node(sandbox: Running) -> Run:
    program = shutil.which("node")
    assert program, "node is not on PATH: make conformance needs Node.js 20 or newer"
    assert (SCRIPTS / "node_modules").is_dir(), "run `npm ci` in tests/conformance/node, as make conformance does"

    async def run(script: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            program,
            script,
            cwd=SCRIPTS,
            env=os.environ | sandbox.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(DEADLINE):
                out, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"{script} failed: {complaints.decode()}{out.decode()}"
        return json.loads(out.decode().splitlines()[-1])

    return run
