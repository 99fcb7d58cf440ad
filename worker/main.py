"""Where things are wired: the store, the two services and the jobs, for one process; and the arq worker around them.

Nothing else in the house makes a client or reads the environment.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from arq import cron
from arq.worker import Worker, func

from worker.applying import apply_setup
from worker.context import Context
from worker.fresh import FreshTokens
from worker.health import health
from worker.jobs.collect import collect
from worker.jobs.contacts import contacts
from worker.jobs.rebuild import rebuild
from worker.jobs.reconcile import reconcile
from worker.jobs.statuses import statuses
from worker.jobs.upkeep import upkeep
from worker.jobs.write_back import write_back
from worker.limits import Limits
from worker.salesforce.client import SalesforceClient
from worker.settings import Settings
from worker.store.arq_client import dumps, loads, open_arq
from worker.store.connection import open_redis
from worker.store.doorbell import Doorbell, SilentDoorbell
from worker.store.durability import check_server
from worker.store.embedded import find_url
from worker.store.keys import Keys
from worker.store.secrets import load_cipher
from worker.store.store import Bell, Store
from worker.ticking import Failures, scheduled_invoice, tick
from worker.xero.client import XeroClient
from worker.xero.config import XeroConfig

__all__ = ["apply_setup", "limits_of", "name_of_process", "open_store", "run_worker", "wire"]

log = structlog.get_logger()

QUEUE = "arq:hourstream:main"
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
        yield Store(redis, Keys(), settings.hourstream_data, cipher, limits, bell)
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
        await first_setup(store, settings)
        pinned = (await store.pair.get()).get("company", "")
        config = XeroConfig.of(settings, tenant=pinned)
        own = FreshTokens()
        of_xero = own if fresh and config.grant == "client_credentials" else store.tokens
        async with (
            SalesforceClient.from_settings(settings, limits, own if fresh else store.tokens) as salesforce,
            XeroClient(config, of_xero, store.governor, limits) as xero,
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


async def run_worker(settings: Settings) -> None:
    """One arq worker until SIGTERM or SIGINT; running jobs are let finish, then it returns."""
    failures = Failures()
    if settings.hourstream_log_level != "debug":
        logging.getLogger("arq").setLevel(logging.WARNING)  # it tells of every doorbell, every second
    jobs: dict[str, Job] = {
        "collect": collect, "invoice": scheduled_invoice, "write_back": write_back, "contacts": contacts,
        "statuses": statuses, "reconcile": reconcile, "rebuild": rebuild, "upkeep": upkeep,
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
            beating = group.create_task(_beat(context))
            try:
                await worker.async_run()
            except asyncio.CancelledError:
                log.info("worker_stopped")
            finally:
                beating.cancel()
                await worker.close()


async def _beat(context: Context) -> None:
    while True:
        await context.store.heartbeats.beat("worker", context.who)
        await asyncio.sleep(context.limits.heartbeat)
