"""A whole deployment as processes, between stand-ins that the harness holds: what a history breaks, and mends again."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from redis.asyncio import Redis

from sandbox.clock import Clock
from sandbox.serve import Ports, Running, running
from tests.faults import connecting
from tests.faults.children import Child, Nursery, born, started
from tests.worker.jobs.jobs_world import World
from worker.main import wire
from worker.settings import Settings
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

SCALE = 30.0
SETUP = Path(__file__).with_name("setup.toml").read_text("utf-8")
CLIENTS = ("Harrow", "Northgate", "Castle")
PARTS = {"listener": "listeners", "worker-1": "worker", "worker-2": "worker"}
AGAIN = 0.1  # seconds until what ended is started again
STOPS_WITHIN = 30.0


@dataclass
class Deployment:
    """What the harness holds of it. `world` is the same deployment as the oracle sees it."""

    place: Nursery
    stand: Running
    data: Path
    server: EmbeddedServer
    environment: Mapping[str, str]
    world: World
    children: dict[str, Child] = field(default_factory=dict)
    keeping: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    ends: list[str] = field(default_factory=list)
    failed: bool = False
    relinked: bool = False

    # ---- processes -------------------------------------------------------------------------------------------------

    async def start(self, name: str, part: str, code: Path | None = None) -> None:
        """Start a process; whenever it ends it is started again, as a supervisor does."""
        self.children[name] = await self._born(name, part, code)
        self.keeping[name] = asyncio.create_task(self._keep(name, part, code))

    async def _born(self, name: str, part: str, code: Path | None) -> Child:
        if code is not None:
            return await started(part, name, self.environment, self.data, code)
        return await born(self.place, part, name, self.environment, self.data)

    async def _keep(self, name: str, part: str, code: Path | None) -> None:
        while True:
            ended = await self.children[name].ended()
            self.ends.append(f"{name} ended: {ended}")
            await asyncio.sleep(AGAIN)
            if name in self.leaving:
                return
            self.children[name] = await self._born(name, part, code)
            if name in self.leaving:  # it was told so while it was being born
                self.children[name].send(signal.SIGTERM)

    def kill(self, *names: str) -> None:
        """SIGKILL; each is started again at once."""
        for name in names or tuple(self.children):
            self.children[name].send(signal.SIGKILL)

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of the workers that run."""
        return tuple(name for name in self.children if name.startswith("worker"))

    async def leave(self, *names: str) -> None:
        """SIGTERM to these; they are not started again."""
        self.leaving |= set(names)
        for name in names:
            self.children[name].send(signal.SIGCONT)
            self.children[name].send(signal.SIGTERM)
        async with asyncio.timeout(STOPS_WITHIN):
            await asyncio.gather(*(self.keeping.pop(name) for name in names))
        for name in names:
            del self.children[name]

    async def stop(self) -> None:
        """SIGTERM to all, at rest: each exits 0."""
        names = tuple(self.children)
        await self.leave(*names)
        last = {text.partition(" ")[0]: text for text in self.ends}
        assert all(last[name].endswith(" 0") for name in names), f"told to stop: {[last[name] for name in names]}"

    async def ask_what_they_wait_for(self) -> None:
        """Let every process that still runs write its tasks' stacks into the log."""
        for child in self.children.values():
            if child.process is None:  # the older version does not know the signal
                child.send(signal.SIGUSR2)
        await asyncio.sleep(0.5)

    async def end(self) -> None:
        """Kill what still runs."""
        self.leaving |= set(self.children)
        for child in self.children.values():
            child.send(signal.SIGCONT)
            child.send(signal.SIGKILL)
        await asyncio.gather(*self.keeping.values(), return_exceptions=True)

    # ---- the store -------------------------------------------------------------------------------------------------

    @property
    def redis(self) -> Redis:
        """The harness's own client."""
        return self.world.redis

    @property
    def store_folder(self) -> Path:
        """Where the server keeps its data."""
        return self.data / "redis"

    async def server_down(self) -> None:
        """SIGKILL the server."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.server.pid, signal.SIGCONT)
            os.kill(self.server.pid, signal.SIGKILL)
        await self.server.stop()

    def freeze_server(self, *, on: bool) -> None:
        """SIGSTOP, SIGCONT."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.server.pid, signal.SIGSTOP if on else signal.SIGCONT)

    # ---- the services ----------------------------------------------------------------------------------------------

    def switch(self, name: str, value: Any) -> None:
        """How the Salesforce stand-in behaves."""
        self.stand.salesforce.org.switches[name] = value

    async def until(self, condition: Any, within: float, pause: float = 0.02) -> bool:
        """Wait for a condition (plain or asynchronous); False when it did not come to hold in time."""
        deadline = time.monotonic() + within
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(pause)

    async def ready(self) -> bool:
        """Is the ledger complete, and does a listener listen?"""
        store = self.world.ctx.store
        listening = [beat.detail.get("state") == "listening" for beat in await store.heartbeats.alive("listener")]
        return bool(await store.epoch.current()) and any(listening)


def environment_of(stand: Running, url: str, data: Path) -> dict[str, str]:
    """What every process of the deployment is told."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ours = {
        "REDIS_URL": url,
        "HOURSTREAM_DATA": str(data),
        "HOURSTREAM_SETUP": str(data / "first.toml"),
        "HOURSTREAM_TIME_SCALE": str(SCALE),
        "HOURSTREAM_LOG_FORMAT": "json",
    }
    return kept | stand.environment | ours


@asynccontextmanager
async def deployed(place: Nursery, *, consent: bool = False) -> AsyncIterator[Deployment]:
    """Everything started, the ledger complete, three clients with a project each. Where it failed its folder stays.

    `consent`: a person connected Xero in the browser, in place of a custom connection.
    """
    data = Path(tempfile.mkdtemp(prefix="hourstream-faults-"))
    ensure_secret_key(data)
    (data / "first.toml").write_text(SETUP, "utf-8")
    server = EmbeddedServer(data)
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        stand = await stack.enter_async_context(running(Ports(), clock=Clock(scale=SCALE)))
        environment = environment_of(stand, server.url, data) | (connecting.ENVIRONMENT if consent else {})
        with mock.patch.dict("os.environ", environment | {"HOURSTREAM_LOG_LEVEL": "error"}, clear=True):
            settings = Settings(_env_file=None)  # type: ignore[call-arg]
        ctx = await stack.enter_async_context(wire(settings, "harness"))
        redis = open_redis(server.url)
        stack.push_async_callback(redis.aclose)
        if consent:
            await connecting.connect(ctx)
        world = World(stand, settings, redis, stack, ctx)
        for name in CLIENTS:
            world.client(name)
        made = Deployment(place, stand, data, server, environment, world)
        stack.push_async_callback(made.end)
        for name, part in PARTS.items():
            await made.start(name, part)
        assert await made.until(made.ready, 30), made.ends
        yield made
    if not made.failed:
        shutil.rmtree(data)
