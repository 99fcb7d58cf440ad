"""The health port: `/healthz` (this process lives), `/readyz` (it can work), `/metrics` (Prometheus)."""

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from console import readmodel
from worker.main import open_store
from worker.settings import Settings
from worker.store.store import Store

STORE: web.AppKey[Store] = web.AppKey("store", Store)


async def serve_health(settings: Settings, port: int) -> None:
    """Answer on the health port of all interfaces' loopback until cancelled."""
    async with open_store(settings, bells=False) as store:
        runner = web.AppRunner(health_app(store))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


def health_app(store: Store) -> web.Application:
    """The three pages, over one store."""
    app = web.Application()
    app[STORE] = store
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/metrics", _metrics)
    return app


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    """Ready: Redis answers, the ledger is complete, a worker and a listener live."""
    view = await readmodel.queue(request.app[STORE])
    missing = [
        text
        for text, there in (
            ("the ledger is being rebuilt", view.ledger == "complete"),
            ("no worker lives", bool(view.workers)),
            ("no listener lives", view.listener is not None),
        )
        if not there
    ]
    return web.Response(text="; ".join(missing) or "ready\n", status=503 if missing else 200)


async def _metrics(request: web.Request) -> web.Response:
    view = await readmodel.queue(request.app[STORE])
    registry = CollectorRegistry()
    due = Gauge("hourstream_due", "Items due on a work list", ["stage"], registry=registry)
    waiting = Gauge("hourstream_waiting", "Items that wait for a person", ["stage"], registry=registry)
    oldest = Gauge("hourstream_oldest_seconds", "Age of the oldest due item", ["stage"], registry=registry)
    for name, stage in view.stages.items():
        due.labels(name).set(stage.due)
        waiting.labels(name).set(stage.waiting)
        oldest.labels(name).set(stage.oldest_seconds)
    Gauge("hourstream_workers", "Workers that live", registry=registry).set(len(view.workers))
    Gauge("hourstream_ledger_complete", "1 when the ledger is complete", registry=registry).set(
        view.ledger == "complete"
    )
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
