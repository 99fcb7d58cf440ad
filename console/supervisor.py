"""One machine, all parts: starts the processes of a deployment, restarts what ends, stops them together.

Children are tied to this process: when it dies, they are told to stop. Whatever is killed loses nothing; it is started
again, after a longer wait each time it ends quickly.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

import worker.store.launch

log = structlog.get_logger()

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0  # seconds before a child that ended is started again
SETTLED = 30.0  # a child that lived this long starts with the first wait again
DRAIN = 55.0  # seconds a child may take to finish what it is doing


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. `output`: the file its output is appended to; None: this process' own."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None


def python(*arguments: str) -> list[str]:
    """A command line for this very Python."""
    return [sys.executable, *arguments]


async def start(child: Child, *, pipe: bool = False, told: bool = False) -> asyncio.subprocess.Process:
    """Start a child once, tied to this process. `pipe`: its standard output is read by the caller; `told`: its standard
    input is written by it."""
    how = "tie" if sys.platform.startswith("linux") else "watch"
    command = python(worker.store.launch.__file__, how, str(os.getpid()), *child.command)
    if child.output is None:
        return await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **child.environment},
            stdin=asyncio.subprocess.PIPE if told else None,
            stdout=asyncio.subprocess.PIPE if pipe else None,
        )
    with child.output.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **child.environment},
            stdout=asyncio.subprocess.PIPE if pipe else output,
            stderr=output,
        )


async def stop(process: asyncio.subprocess.Process, within: float = DRAIN) -> None:
    """SIGTERM, and SIGKILL when it takes longer than `within` seconds."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def keep(child: Child) -> None:
    """Keep a child running until cancelled; then stop it."""
    wait = FIRST_WAIT
    while True:
        began = time.monotonic()
        process = await start(child)
        log.info("process_started", process=child.name, pid=process.pid)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await stop(process)
            raise
        wait = FIRST_WAIT if time.monotonic() - began > SETTLED else min(wait * 2, LONGEST_WAIT)
        log.warning("process_ended", process=child.name, exit_code=code, again_in_seconds=wait)
        await asyncio.sleep(wait)


async def until_told() -> None:
    """Return when SIGTERM or SIGINT arrives."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()
