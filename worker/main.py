"""Where things are wired: the store, the two services and the jobs, for one process; and the arq worker around them.

Nothing else in the house makes a client or reads the environment.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
from arq import cron
from arq.worker import Worker, func

from worker.applying import apply_setup
from worker.beginning import until_changed, until_ready
from worker.context import Context
from worker.fresh import FreshTokens
from worker.health import health
from worker.jobs.collect import collect
from worker.jobs.contacts import contacts
from worker.jobs.rebuild import rebuild
from worker.jobs.reconcile import reconcile
from worker.jobs.related import related
from worker.jobs.statuses import statuses
from worker.jobs.upkeep import upkeep
from worker.jobs.write_back import write_back
from worker.limits import Limits
from worker.salesforce.client import SalesforceClient
from worker.salesforce.flows import flow, signs_in
from worker.settings import Settings
from worker.store.arq_client import dumps, loads, open_arq
from worker.store.connection import RedisError, open_redis
from worker.store.doorbell import QUEUE, Doorbell, SilentDoorbell
from worker.store.durability import check_server
from worker.store.embedded import find_url
from worker.store.governor import Quota
from worker.store.keys import Keys
from worker.store.schema import check_schema
from worker.store.secrets import load_cipher
from worker.store.store import Bell, Store
from worker.tasks import cancelled
from worker.ticking import Failures, scheduled_invoice, tick
from worker.watching import watch
from worker.xero.client import XeroClient
from worker.xero.config import XeroConfig

__all__ = ["apply_setup", "limits_of", "name_of_process", "open_store", "run_worker", "wire"]

log = structlog.get_logger()

CLOSE = 5.0  # seconds for its last words to Redis, which may not answer
STEP = 60  # seconds: arq ends a job that works longer; every job stops by itself after `Limits.step`
DRAIN = 50  # seconds a worker that was told to stop lets its jobs finish

Job = Callable[[Context], Awaitable[object]]


@asynccontextmanager
async def open_store(settings: Settings, *, bells: bool = True, limits: Limits | None = None) -> AsyncIterator[Store]:
    """The store of this deployment, checked first.

    Raises `ConfigurationError` for a server that cannot be used, `ServiceError` for one that does not answer.
    """
    url, limits = find_url(settings), limits or limits_of(settings)
    for warning in (await check_server(url)).warnings:
        log.warning("store_not_durable", text=warning)
    redis, arq = open_redis(url), open_arq(url) if bells else None
    bell: Bell = Doorbell(arq, QUEUE) if arq is not None else SilentDoorbell()
    given = settings.hourstream_secret_key
    cipher = load_cipher(given.get_secret_value() if given else None, settings.hourstream_data)
    try:
        await check_schema(redis, Keys(), settings.hourstream_data)
        yield Store(redis, Keys(), settings.hourstream_data, cipher, limits, bell, Quota(day=settings.xero_day_limit))
    finally:
        await redis.aclose()
        if arq is not None:
            await arq.aclose()


def limits_of(settings: Settings) -> Limits:
    """Every wait of this process, divided by its time scale."""
    return Limits().scaled(settings.hourstream_time_scale)


@asynccontextmanager
async def wire(
    settings: Settings, who: str, *, bells: bool = True, limits: Limits | None = None, fresh: bool = False
) -> AsyncIterator[Context]:
    """Everything a job needs; `limits` in place of those of the settings' time scale.

    `fresh`: sign in anew and store no session, so that credentials are proven. (A Xero consent that somebody gave in
    a browser cannot be asked for again: there the stored one is used.)

    Raises `ConfigurationError` where the settings are not enough for it.
    """
    limits = limits or limits_of(settings)
    async with open_store(settings, bells=bells, limits=limits) as store:
        settings = await store.credentials.filled(settings)
        await first_setup(store, settings)
        config = XeroConfig.of(settings)
        own = FreshTokens()
        of_xero = own if fresh and config.grant == "client_credentials" else store.tokens
        by_person = signs_in(flow(settings), await store.tokens.get("salesforce"))
        of_salesforce = own if fresh and not by_person else store.tokens
        async with (
            SalesforceClient.from_settings(settings, limits, of_salesforce) as salesforce,
            XeroClient(config, of_xero, store.governor, limits, pinned=store.pair.company) as xero,
        ):
            yield Context(settings, limits, store, salesforce, xero, who)


async def first_setup(store: Store, settings: Settings) -> None:
    """A setup file named in the environment is applied where none is stored yet."""
    if settings.hourstream_setup is None or await store.setup.current() is not None:
        return
    text = await asyncio.to_thread(settings.hourstream_setup.read_text, "utf-8")
    await apply_setup(store, text, by="HOURSTREAM_SETUP")


# ---- the arq worker ------------------------------------------------------------------------------------------------


def name_of_process() -> str:
    """How this worker is called in heartbeats and the audit trail."""
    return f"worker {socket.gethostname()}:{os.getpid()}"


def _job(name: str, work: Job, failures: Failures) -> Any:
    async def run(arq: dict[Any, Any]) -> None:
        await failures.guard(arq["context"], name, work)

    coroutine: Any = run  # arq's own type of it cannot be written by hand
    return func(coroutine, name=name)


async def run_worker(settings: Settings) -> bool:
    """One arq worker until SIGTERM or SIGINT; running jobs are let finish, then it returns.

    Until both services are connected it waits, visibly. True where it ended because other credentials were typed into
    the console: run it again.
    """
    async with open_store(settings) as store:
        async with health(settings, store):
            if not await _ready(store, settings):
                return False
        return await _working(store, settings)


async def _ready(store: Store, settings: Settings) -> bool:
    """Wait for the connections. False where the process was told to stop before."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    process = ("worker", name_of_process())
    waits = [
        asyncio.create_task(until_ready(store, settings, limits_of(settings), ("salesforce", "xero"), process)),
        asyncio.create_task(stopping.wait()),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await cancelled(waits)
    if stopping.is_set():
        await _take_leave(store.heartbeats.end(*process))
        return False
    waits[0].result()
    return True


async def _working(store: Store, settings: Settings) -> bool:
    """Work until told to stop, or until other credentials are there (True)."""
    failures = Failures()
    if settings.hourstream_log_level != "debug":
        logging.getLogger("arq").setLevel(logging.WARNING)  # it tells of every doorbell, every second
    jobs: dict[str, Job] = {
        "collect": collect, "invoice": scheduled_invoice, "write_back": write_back, "contacts": contacts,
        "statuses": statuses, "reconcile": reconcile, "rebuild": rebuild, "upkeep": upkeep, "related": related,
    }  # fmt: skip
    async with wire(settings, name_of_process()) as context, health(settings, context.store):

        async def ring(arq: dict[Any, Any]) -> None:
            await tick(arq["context"])
            await failures.show(arq["context"])

        doorbells: Any = ring  # as in `_job`
        pool = open_arq(find_url(settings))
        worker = Worker(
            functions=[_job(name, work, failures) for name, work in jobs.items()],
            cron_jobs=[cron(doorbells, name="doorbells", second=set(range(60)), run_at_startup=True, timeout=STEP)],
            redis_pool=pool,
            queue_name=QUEUE,
            ctx={"context": context},
            max_jobs=20,
            job_timeout=STEP,
            max_tries=1000,
            keep_result=0,
            poll_delay=0.1,
            job_completion_wait=DRAIN,
            health_check_interval=15,
            health_check_key=f"{QUEUE}:health:{name_of_process()}",
            log_results=False,
            job_serializer=dumps,
            job_deserializer=loads,
            handle_signals=True,
        )
        async with asyncio.TaskGroup() as group:
            again = group.create_task(_again(worker, store, settings, context.limits))
            beside = [group.create_task(_beat(context)), group.create_task(watch(context)), again]
            try:
                await worker.async_run()
            except asyncio.CancelledError:
                log.info("worker_stopped")
            finally:
                await cancelled(beside)
                await _closed(worker, context)
        return not again.cancelled()


async def _again(worker: Worker, store: Store, settings: Settings, limits: Limits) -> None:
    """Stop the worker, as SIGTERM would, once other credentials are there."""
    await until_changed(store, settings, limits)
    worker.handle_sig_wait_for_completion(signal.SIGTERM)


async def _closed(worker: Worker, context: Context) -> None:
    """Take leave, and give arq's own connections back."""

    async def leave() -> None:
        await context.store.heartbeats.end("worker", context.who)
        await worker.close()

    await _take_leave(leave())


async def _take_leave(words: Coroutine[Any, Any, None]) -> None:
    """Say this, if Redis listens: a process that was told to stop ends in any case."""
    try:
        async with asyncio.timeout(CLOSE):
            await words
    except (TimeoutError, RedisError, OSError) as error:
        log.info("worker_not_closed", error=repr(error))


async def _beat(context: Context) -> None:
    """Say that this worker lives. While Redis is away nobody hears it: it goes on when that is back."""
    while True:
        try:
            await context.store.heartbeats.beat("worker", context.who)
        except (RedisError, OSError) as error:
            log.info("heartbeat_not_told", error=repr(error))
        await asyncio.sleep(context.limits.heartbeat)
