"""The health port: `/healthz` (this process lives), `/readyz` (the deployment can work), `/metrics` (Prometheus)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from worker.errors import ServiceError
from worker.settings import Settings
from worker.store.connection import RedisError
from worker.store.store import Store

ANSWER_WITHIN = 5.0  # seconds; a probe that waits longer has its answer

_STORE: web.AppKey[Store] = web.AppKey("store", Store)


@asynccontextmanager
async def health(settings: Settings, store: Store) -> AsyncIterator[None]:
    """Answer on the settings' health port, if there is one, until the block ends.

    Raises `ServiceError` when the port is taken.
    """
    port = settings.hourstream_health_port
    if port is None:
        yield
        return
    runner = web.AppRunner(health_app(store), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104 - probes come from other hosts
    except OSError as error:
        await runner.cleanup()
        raise ServiceError(
            f"The health port {port} cannot be used: {error.strerror}.", "Set HOURSTREAM_HEALTH_PORT to a free one."
        ) from None
    try:
        yield
    finally:
        await runner.cleanup()


def health_app(store: Store) -> web.Application:
    """The three pages, over one store."""
    app = web.Application()
    app[_STORE] = store
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/metrics", _metrics)
    return app


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    """Ready: Redis answers, the ledger is complete, a worker and a listener live."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            missing = await _missing(request.app[_STORE])
    except (TimeoutError, RedisError, OSError):
        missing = ["Redis does not answer"]
    return web.Response(text=f"{'; '.join(missing) or 'ready'}\n", status=503 if missing else 200)


async def _missing(store: Store) -> list[str]:
    facts = (
        ("the ledger is being rebuilt", bool(await store.epoch.current())),
        ("no worker lives", bool(await store.heartbeats.alive("worker"))),
        ("no listener lives", bool(await store.heartbeats.alive("listener"))),
    )
    return [text for text, there in facts if not there]


async def _metrics(request: web.Request) -> web.Response:
    store, registry = request.app[_STORE], CollectorRegistry()
    due = Gauge("hourstream_due", "Items due on a work list", ["stage"], registry=registry)
    waiting = Gauge("hourstream_waiting", "Items parked until a person or their cause", ["stage"], registry=registry)
    retrying = Gauge("hourstream_retrying", "Items whose last try failed", ["stage"], registry=registry)
    oldest = Gauge("hourstream_oldest_seconds", "Age of the oldest due item", ["stage"], registry=registry)
    for work in store.lists():
        counts = await work.counts()
        due.labels(work.stage).set(counts.due)
        waiting.labels(work.stage).set(counts.waiting)
        retrying.labels(work.stage).set(counts.retrying)
        oldest.labels(work.stage).set(counts.oldest_seconds)
    state = await store.governor.state()
    single = (
        ("hourstream_entries_waiting", "Time entries that wait", await store.ledger.count_waiting()),
        ("hourstream_workers", "Workers that live", len(await store.heartbeats.alive("worker"))),
        ("hourstream_listeners", "Listeners that live", len(await store.heartbeats.alive("listener"))),
        ("hourstream_ledger_complete", "1 when the ledger is complete", bool(await store.epoch.current())),
        ("hourstream_xero_calls_today", "Xero calls made today", state.calls_today),
        ("hourstream_xero_calls_left_this_minute", "Xero calls left this minute", state.minute_left),
    )
    for name, text, value in single:
        Gauge(name, text, registry=registry).set(value)
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
