"""`hourstream up`: listener, workers and console together, with the embedded server where no other is given."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from console.supervisor import Child, keep, python, until_told
from worker.health import health
from worker.main import open_store
from worker.settings import Settings
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

    Raises what the embedded server raises when it cannot start.
    """
    async with AsyncExitStack() as stack:
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
    """Run until told to stop."""
    async with running(settings, workers):
        await until_told()


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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
