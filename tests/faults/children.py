"""The processes of one deployment: started, killed, frozen, told to stop, by their pid."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import skew

ANSWERS_WITHIN = 60.0  # seconds
ROOT = Path(__file__).parents[2]


@dataclass
class Nursery:
    """The forking process, as the harness speaks to it: one question at a time."""

    process: Process
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, **question: Any) -> Any:
        """Its answer. Raises `TimeoutError`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self.turn, asyncio.timeout(ANSWERS_WITHIN):
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            return json.loads(await self.process.stdout.readline())


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """A nursery with everything imported, for as many deployments as one likes."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.nursery", stdin=PIPE, stdout=PIPE, env=environment, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            assert json.loads(await process.stdout.readline()) == {"ready": True}
        yield Nursery(process)
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass
class Child:
    """One process of ours. `clock` is the file that its wall clock follows."""

    name: str
    pid: int
    clock: Path
    nursery: Nursery | None
    process: Process | None = None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended meanwhile needs none."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def ended(self) -> int:
        """Wait for its end; gives the exit code (a signal's is negative)."""
        if self.process is not None:
            return await self.process.wait()
        assert self.nursery is not None
        await _gone(self.pid)
        return int((await self.nursery.ask(reap=self.pid))["code"])


async def _gone(pid: int) -> None:
    """Wait until this process has ended, whosever child it is."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    handle = os.pidfd_open(pid)
    try:
        loop.add_reader(handle, over.set)
        await over.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def born(place: Nursery, part: str, name: str, environment: Mapping[str, str], folder: Path) -> Child:
    """Start `part` (worker, listeners) under this name."""
    clock = folder / f"clock-{name}"
    skew.write(clock, 0.0)
    log = str(folder / "processes.log")
    answer = await place.ask(part=part, environment=dict(environment), log=log, clock=str(clock))
    return Child(name, answer["pid"], clock, place)


async def started(part: str, name: str, environment: Mapping[str, str], folder: Path, code: Path) -> Child:
    """Start `part` of the code in another folder, as one would on the command line."""
    with (folder / "processes.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", part, env=environment, stdin=DEVNULL, stdout=log, stderr=log, cwd=code
        )
    return Child(name, process.pid, folder / f"clock-{name}", None, process)
