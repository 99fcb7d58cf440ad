"""The health port: `/healthz` (this process lives), `/readyz` (the deployment can work), `/metrics` (Prometheus)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from worker.beginning import WAITING
from worker.errors import ServiceError
from worker.metrics import metrics
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
    workers = await store.heartbeats.alive("worker")
    waiting = {beat.detail["reason"] for beat in workers if beat.detail.get("state") == WAITING}
    if waiting:
        return sorted(waiting)
    facts = (
        ("the ledger is being rebuilt", bool(await store.epoch.current())),
        ("no worker lives", bool(workers)),
        ("no listener lives", bool(await store.heartbeats.alive("listener"))),
    )
    return [text for text, there in facts if not there]


async def _metrics(request: web.Request) -> web.Response:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            text = await metrics(request.app[_STORE])
    except (TimeoutError, RedisError, OSError):
        return web.Response(text="Redis does not answer\n", status=503)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
