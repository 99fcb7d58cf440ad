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
from listeners.faults import Backoff, Fault
from listeners.org import SalesforceOrg
from listeners.ports import Source
from listeners.pubsub import PubSub
from listeners.salesforce import Listener, Transport
from listeners.status import Status
from listeners.tasks import until_first
from worker.errors import ConfigurationError
from worker.health import health
from worker.limits import Limits
from worker.main import first_setup, limits_of, open_store
from worker.salesforce.client import SalesforceClient
from worker.settings import Settings
from worker.setup import parse
from worker.store.heartbeats import Heartbeats
from worker.store.setup_store import SetupStore
from worker.store.store import Store

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

TRANSPORTS: dict[str, Transport] = {"auto": "auto", "pubsub": "stream", "poll": "poll"}


def transport_of(settings: Settings) -> Transport:
    """The doors to use. Raises `ConfigurationError` for one that is not there."""
    try:
        return TRANSPORTS[settings.salesforce_transport]
    except KeyError:
        raise ConfigurationError(
            f"SALESFORCE_TRANSPORT={settings.salesforce_transport} is not supported yet.",
            "Write auto, pubsub or poll.",
        ) from None


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
    transport_of(settings)
    async with AsyncExitStack() as stack:
        store = await _patiently(lambda: stack.enter_async_context(open_store(settings)), limits)
        await _patiently(lambda: first_setup(store, settings), limits)
        client = SalesforceClient.from_settings(settings, limits, store.tokens)
        listener = make(settings, store, await stack.enter_async_context(client), limits)
        log.info("listener started", name=name, transport=settings.salesforce_transport)
        async with health(settings, store), _shown(store.heartbeats, name, listener.status, limits):
            await listener.run()


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
        await store.pair.pin("org", org_id)

    org = SalesforceOrg(client, pin)
    target = Target(settings.salesforce_pubsub_target, tls=settings.salesforce_pubsub_tls)
    return Listener(
        inbox=store.inbox,
        locks=store.locks,
        org=org,
        setups=Setups(store.setup),
        door=PubSub(target, org, limits),
        ring=store.bell.ring,
        limits=limits,
        transport=transport_of(settings),
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
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
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
