"""The console's web application, put together over one store. Nothing here knows how it is served."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp_session
from aiohttp import web

from console.web import links, pages, rendering
from console.web.errors import friendly
from console.web.home import Setups
from console.web.pages import LIVE, SETUPS
from console.web.security import HEALTH, add_headers, known_host, same_site
from console.web.session import gate, storage
from console.web.site import SITE, STORE, Site
from worker.settings import Settings
from worker.store.store import Store

FORM = 64 * 1024  # bytes: more than any form here has


def make_app(store: Store, settings: Settings, site: Site | None = None) -> web.Application:
    """The application. `site` when it is reached elsewhere than the settings say (a port that was free)."""
    site = site or Site.of(settings)
    sessions = aiohttp_session.session_middleware(storage(settings, site))
    # In this order a request meets them; each may end it.
    app = web.Application(middlewares=[known_host, friendly, same_site, sessions, gate], client_max_size=FORM)
    app[STORE], app[SITE], app[SETUPS] = store, site, Setups()
    rendering.setup(app)
    app[LIVE] = pages.home_regions(app, store)
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(_reading)
    app.on_shutdown.append(_end_streams)
    _routes(app.router)
    return app


def _routes(router: web.UrlDispatcher) -> None:
    router.add_get(HEALTH, pages.healthz)
    router.add_get("/", pages.home)
    router.add_get("/live", pages.live, allow_head=False)
    router.add_get("/why", pages.why)
    router.add_get("/i/{key:[0-9A-Za-z]{1,40}}/{sequence:[0-9]{1,9}}", pages.invoice)
    router.add_get("/link/{token}", links.show)
    router.add_post("/link/{token}", links.use)
    router.add_post("/signout", links.leave)
    router.add_static("/static", rendering.FILES)


async def _reading(app: web.Application) -> AsyncIterator[None]:
    """Live pages are read while the application runs."""
    reading = asyncio.create_task(app[LIVE].run())
    yield
    await app[LIVE].close()
    await reading


async def _end_streams(app: web.Application) -> None:
    await app[LIVE].close()
