"""Where a listener process is put together: settings, store, Salesforce and the door the settings ask for."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import structlog

from listeners.channel import Target
from listeners.cometd import CometD
from listeners.faults import Backoff, Fault
from listeners.org import SalesforceOrg
from listeners.ports import ChangeSource, Sessions, Source
from listeners.pubsub import PubSub
from listeners.salesforce import Listener, Transport
from listeners.status import Status
from listeners.tasks import until_first
from worker.beginning import until_changed, until_ready
from worker.connections import final
from worker.errors import ConfigurationError
from worker.health import health
from worker.limits import Limits
from worker.main import first_setup, limits_of, open_store
from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import LoginRefused
from worker.settings import Settings
from worker.setup import parse
from worker.store.heartbeats import Heartbeats
from worker.store.setup_store import SetupStore
from worker.store.store import Store
from worker.tasks import cancelled

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

TRANSPORTS: dict[str, Transport] = {"auto": "auto", "pubsub": "stream", "cometd": "stream", "poll": "poll"}


def door_of(settings: Settings, sessions: Sessions, limits: Limits) -> ChangeSource:
    """The door for change events that the settings ask for."""
    if settings.salesforce_transport == "cometd":
        return CometD(sessions, limits, settings.salesforce_api_version)
    target = Target(settings.salesforce_pubsub_target, tls=settings.salesforce_pubsub_tls)
    return PubSub(target, sessions, limits)


async def serve(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT. Raises `ConfigurationError` where the settings are not enough for it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await until_first(_work(settings), stop.wait())
    log.info("listener stopped")


async def _work(settings: Settings) -> None:
    limits, name = limits_of(settings), f"listener {socket.gethostname()}:{os.getpid()}"
    async with AsyncExitStack() as stack:
        store = await _patiently(lambda: stack.enter_async_context(open_store(settings)), limits)
        await _patiently(lambda: first_setup(store, settings), limits)
        await stack.enter_async_context(health(settings, store))
        while True:
            await until_ready(store, settings, limits, ("salesforce",), ("listener", name))
            await _listen(store, settings, limits, name)


async def _listen(store: Store, settings: Settings, limits: Limits, name: str) -> None:
    """Listen until other credentials were typed into the console."""
    filled = await _patiently(lambda: store.credentials.filled(settings), limits)
    async with SalesforceClient.from_settings(filled, limits, store.tokens) as client:
        listener = make(filled, store, client, limits)
        log.info("listener started", name=name, transport=filled.salesforce_transport)
        async with _shown(store.heartbeats, name, listener.status, limits):
            await until_first(listener.run(), until_changed(store, settings, limits))


async def _patiently(attempt: Callable[[], Awaitable[Result]], limits: Limits) -> Result:
    """What needs Redis, as soon as Redis is there. Raises `ConfigurationError` at once."""
    backoff = Backoff(limits)
    while True:
        try:
            return await attempt()
        except ConfigurationError:
            raise
        except Exception as error:  # whatever Redis' client raises while the server is away or loading
            wait = backoff.failed(Fault.UNAVAILABLE)
            log.warning("waiting for Redis", error=repr(error), again_in=wait)
            await asyncio.sleep(wait)


def make(settings: Settings, store: Store, client: SalesforceClient, limits: Limits) -> Listener:
    """The listener of these settings, on this store and org."""

    async def pin(org_id: str) -> None:
        await store.pair.pin("org", org_id, await store.pair.kind("org", org_id) or await client.kind())

    async def lost(error: LoginRefused) -> None:
        fence = await store.tokens.fence("salesforce")
        await store.needs_reconnect("salesforce", error.what, error.remedy, "the listener", fence, final=final(error))

    org = SalesforceOrg(client, pin, lost)
    return Listener(
        inbox=store.inbox,
        locks=store.locks,
        org=org,
        setups=Setups(store.setup),
        door=door_of(settings, org, limits),
        ring=store.bell.ring,
        limits=limits,
        transport=TRANSPORTS[settings.salesforce_transport],
    )


class Setups:
    """What to listen to, from the setup in force; each version is parsed once."""

    def __init__(self, setups: SetupStore) -> None:
        self._setups, self._version = setups, 0
        self._source: Source | None = None

    async def __call__(self) -> Source | None:
        stored = await self._setups.current()
        if stored is None:
            return None
        if stored.version != self._version:
            setup = parse(stored.text)
            fields = frozenset(setup.source.write_back.fields.values())
            self._source = Source(setup.source.sobject, setup.channel, fields)
            self._version = stored.version
        return self._source


@asynccontextmanager
async def _shown(heartbeats: Heartbeats, name: str, status: Status, limits: Limits) -> AsyncIterator[None]:
    """Meanwhile the status is told as this process's heartbeat."""
    beating = asyncio.create_task(_beat(heartbeats, name, status, limits))
    try:
        yield
    finally:
        await cancelled([beating])
        try:
            async with asyncio.timeout(limits.heartbeat):
                await heartbeats.end("listener", name)
        except Exception as error:  # it is forgotten after three missed beats
            log.info("heartbeat not ended", error=repr(error))


async def _beat(heartbeats: Heartbeats, name: str, status: Status, limits: Limits) -> None:
    while True:
        try:
            await heartbeats.beat("listener", name, status.detail())
        except Exception as error:  # Redis is away: the listener itself waits for it
            log.info("heartbeat not told", error=repr(error))
        await asyncio.sleep(limits.heartbeat)
