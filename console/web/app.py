"""The console's web application, put together over one store. Nothing here knows how it is served.

To add a page: write `async def show(request) -> web.Response` in a module of its own, which reads through
`console/<topic>.py` (the commands use the same functions) and ends in `render(request, "topic.html", …)`; then one line
in `ROUTES` below says everything about its address:

    page("/queue", queue.show, "viewer", menu="Queue"),
    act("/queue/retry", queue.retry, "operator"),

The role is checked before the handler runs; nothing else has to. `request[PERSON]` is who asks; in a template
`person.may("operator")` says whether to offer a button. An act reads its form by `forms.read`, does its work, writes
`store.audit`, leaves a sentence with `session.say(request, "Done.")` and answers `session.see_other("/queue")`.
A form that will not do is shown again, status 422, with `form.problem("field", "why")` beside the field. What moves
money is asked first with `forms.confirm`. Templates extend base.html (blocks `title`, `main`, `head`) and use the
macros of `_forms.html` (fields, buttons) and `_tables.html` (paging, filters, an empty table); `paging.Paging` keeps
filters in the address. Files of your own go to static/ and in by `{{ file("topic.js") }}` in the block `head`.
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp_session
import structlog
from aiohttp import web

from console.web import braking, clientele, invoices, links, making, months, pages, proposals, rendering, team, waits
from console.web.access import routes as access
from console.web.acting import ACTING, Acting, let_go
from console.web.ending import pause
from console.web.errors import friendly
from console.web.frame import SETUPS
from console.web.gate import gate
from console.web.home import Setups
from console.web.needs import BRAKE
from console.web.ops import doorbells
from console.web.ops import overview as ops
from console.web.ops import routes as queue
from console.web.pages import LIVE
from console.web.routing import ROUTES as DECLARED
from console.web.routing import Route, Routes, act, page
from console.web.security import HEALTH, add_headers, known_host, same_site
from console.web.session import cookies, storage
from console.web.setup import routes as setup
from console.web.setup import working
from console.web.site import SETTINGS, SITE, STORE, Site
from worker.settings import Settings
from worker.store.store import Store

log = structlog.get_logger()

FORM = 1024 * 1024  # bytes: more than any form here has (a CSV of rates is the largest)
SETTLE = 60.0  # seconds between two looks whether Redis still has the latest roles

ONE = "/i/{key:[0-9A-Za-z]{1,40}}/{sequence:[0-9]{1,9}}"  # one invoice: what is printed on it in Xero
ROUTES: tuple[Route, ...] = (
    page(HEALTH, pages.healthz, "anyone"),
    page("/", pages.home, "viewer", menu="Home"),
    page("/live", pages.live, "viewer", quiet=True),
    act(BRAKE, braking.decide, "operator"),
    page("/why", pages.why, "viewer"),
    page(ONE, pages.invoice, "viewer"),
    page("/invoices", invoices.show, "viewer", menu="Invoices"),
    page(proposals.PATH, proposals.show, "viewer"),
    page("/invoices/waiting", waits.waiting, "viewer"),
    act("/invoices/waiting/decide", waits.decide, "operator"),
    page("/invoices/corrections", waits.corrections, "viewer"),
    act("/invoices/corrections/decide", waits.decide_correction, "operator"),
    act(f"{ONE}/rerate", invoices.rerate, "operator"),
    act(f"{ONE}/create", invoices.create, "operator"),
    act(f"{ONE}/withdraw", invoices.withdraw, "operator"),
    page("/month", months.show, "viewer", menu="Month end"),
    page("/month/print", months.printed, "viewer"),
    page("/month.csv", months.download, "viewer"),
    page("/contacts", clientele.show, "viewer", menu="Contacts"),
    act("/contacts/link", clientele.link, "operator"),
    act("/contacts/unlink", clientele.unlink, "operator"),
    act("/contacts/pull", clientele.pull, "operator"),
    page("/people", team.show, "viewer", menu="People"),
    page("/people.csv", team.download, "viewer"),
    act("/people", team.save, "administrator"),
    act("/people/csv", team.upload, "administrator"),
    act("/people/remove", team.remove, "administrator"),
    page("/link/{token}", links.show, "anyone"),
    act("/link/{token}", links.use, "anyone"),
    act("/signout", links.leave, "viewer"),
    *setup.ROUTES,
    *queue.ROUTES,
    *access.ROUTES,
)


def make_app(
    store: Store, settings: Settings, site: Site | None = None, routes: tuple[Route, ...] = ROUTES
) -> web.Application:
    """The application. `site` when it is reached elsewhere than the settings say (a port that was free)."""
    site = site or Site.of(settings)
    sessions = aiohttp_session.session_middleware(storage(settings, site))
    # In this order a request meets them; each may end it.
    app = web.Application(middlewares=[known_host, friendly, same_site, sessions, cookies, gate], client_max_size=FORM)
    app[STORE], app[SITE], app[SETTINGS], app[SETUPS] = store, site, settings, Setups()
    app[ACTING] = Acting(settings)
    rendering.setup(app)
    working.install(app)
    ops.install(app)
    clientele.install(app)
    making.install(app)
    doorbells.install(app)
    pages.install(app)
    app[DECLARED] = Routes()
    app[DECLARED].install(app.router, routes)
    app[DECLARED].files(app.router, "/static", rendering.FILES)
    app.on_startup.append(_check_routes)
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.extend((_reading, _settling, let_go))
    app.on_shutdown.append(_end_streams)
    return app


async def _check_routes(app: web.Application) -> None:
    app[DECLARED].check(app.router)


async def _reading(app: web.Application) -> AsyncIterator[None]:
    """Live pages are read while the application runs."""
    reading = asyncio.create_task(app[LIVE].run())
    yield
    await app[LIVE].close()
    await reading


async def _settling(app: web.Application) -> AsyncIterator[None]:
    """Roles on disk and in Redis agree at start, and soon after Redis was emptied or rolled back."""
    ended = asyncio.Event()
    settling = asyncio.create_task(_settle(app[STORE], ended))
    yield
    ended.set()
    await settling


async def _settle(store: Store, ended: asyncio.Event) -> None:
    while not ended.is_set():
        try:
            await store.people.settle()
        except Exception as error:  # Redis is away, or the copy cannot be read: pages say so, and this goes on
            log.warning("roles_not_settled", error=repr(error))
        await pause(ended, SETTLE)


async def _end_streams(app: web.Application) -> None:
    await app[LIVE].close()
