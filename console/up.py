"""`hourstream up`: listener, workers and console together, with the embedded server where no other is given."""

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from console.supervisor import Child, keep, python, until_told
from worker.errors import ServiceError
from worker.health import health
from worker.main import open_store
from worker.settings import Settings
from worker.store import disk
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key


def children(workers: int, output: Path | None, link: bool = True) -> list[Child]:
    """The processes of one deployment; they read the same environment and data folder as this one."""
    quiet = {"HOURSTREAM_HEALTH_PORT": ""}  # the supervisor answers for all of them
    found = [Child("listener", python("-m", "listeners"), quiet, output)]
    found += [Child(f"worker {n}", python("-m", "worker"), quiet, output) for n in range(1, workers + 1)]
    silent = [] if link else ["--no-link"]
    return [*found, Child("console", python("-m", "console", "console", *silent), quiet, output)]


@asynccontextmanager
async def running(
    settings: Settings, workers: int = 1, *, output: Path | None = None, link: bool = True
) -> AsyncIterator[None]:
    """Everything of a deployment, until the block ends; the console prints a one-time link unless told not to.

    Raises `ServiceError` where another deployment runs on the same data folder, and what the embedded server raises
    when it cannot start.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(alone(settings.hourstream_data))
        group = await stack.enter_async_context(_Running())
        if settings.hourstream_secret_key is None:
            ensure_secret_key(settings.hourstream_data)
        if settings.redis_url is None:
            server = await stack.enter_async_context(EmbeddedServer(settings.hourstream_data))
            group.add(server.keep_running())
        if settings.hourstream_health_port is not None:
            store = await stack.enter_async_context(open_store(settings, bells=False))
            await stack.enter_async_context(health(settings, store))
        stack.push_async_callback(group.stop)
        for child in children(workers, output, link):
            group.add(keep(child))
        yield


async def up(settings: Settings, workers: int) -> None:
    """Run until told to stop. What is not connected yet is connected in the console: the processes wait for it."""
    async with running(settings, workers):
        await until_told()
    sys.stdout.write(f"Stopped. The data is in {settings.hourstream_data}.\n")


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the data folder for this process: the lock is free exactly when its holder is gone, however it went.

    Raises `ServiceError` when another process holds it.
    """
    disk.ensure_folder(data)
    handle = os.open(data / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, disk.PRIVATE_FILE)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(handle, 20).decode(errors="replace").strip()
            raise ServiceError(
                f"Hourstream already runs on {data}, pid {pid or 'not known'}.",
                "Stop that one first, or set HOURSTREAM_DATA to another folder.",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


class _Running:
    """Tasks that run beside a block and are stopped, together, before what they use is closed."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "_Running":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def stop(self) -> None:
        for task in self._tasks:  # once: each then waits for its process to drain
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
