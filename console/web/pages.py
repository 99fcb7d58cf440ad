"""The pages."""

from collections.abc import Mapping
from dataclasses import replace

import aiohttp_jinja2
from aiohttp import web

from console.web.frame import SETUPS
from console.web.home import Home, HomeReader
from console.web.invoice import read_invoice
from console.web.live import Live, digest, stream
from console.web.paging import Paging
from console.web.rendering import render
from console.web.session import still_signed_in
from console.web.site import SETTINGS, SITE, STORE
from console.why import why_some
from worker.store.store import Store

HOME: web.AppKey[HomeReader] = web.AppKey("home", HomeReader)
LIVE: web.AppKey[Live] = web.AppKey("live", Live)

REGIONS = ("standing", "steps", "needs", "connections", "counts", "period", "lines", "drafts")


async def healthz(_: web.Request) -> web.Response:
    """This process lives."""
    return web.Response(text="ok\n")


async def home(request: web.Request) -> web.Response:
    """Home."""
    found = await request.app[HOME].read()
    return render(request, "home.html", home=found, regions=_regions(request.app, found), digest=digest)


async def live(request: web.Request) -> web.StreamResponse:
    """Home's regions as they change."""
    return await stream(request, request.app[LIVE], still_signed_in(request))


def install(app: web.Application) -> None:
    """For an application with Home: what reads it, once for all who watch."""
    app[HOME] = HomeReader(app[STORE], app[SETTINGS], app[SETUPS])

    async def read() -> Mapping[str, str]:
        return _regions(app, await app[HOME].read())

    app[LIVE] = Live(read)


def _regions(app: web.Application, found: Home) -> dict[str, str]:
    environment = aiohttp_jinja2.get_env(app)
    return {name: environment.get_template(f"_{name}.html").render(home=found) for name in REGIONS}


async def invoice(request: web.Request) -> web.Response:
    """One document: what the address printed on it in Xero leads to."""
    key, sequence = request.match_info["key"].upper(), int(request.match_info["sequence"])
    page = await read_invoice(request.app[STORE], request.app[SITE], key, sequence)
    if page is None:
        what = "There is no such invoice here."
        why = "It may have been made by another deployment, or the address is not complete."
        return render(request, "message.html", status=404, what=what, why=why)
    return render(request, "invoice.html", page=page)


async def why(request: web.Request) -> web.Response:
    """Why an hour is, or is not, on an invoice."""
    asked = request.query.get("id", "").strip()
    store, paging = request.app[STORE], Paging.of(request, "id")
    part = slice(paging.start, paging.start + paging.size)
    answers, count = await why_some(store, asked, part) if asked else ([], 0)
    documents = await _documents(store, [each.id for each in answers])
    return render(request, "why.html", answers=answers, documents=documents, paging=replace(paging, total=count))


async def _documents(store: Store, ids: list[str]) -> dict[str, str]:
    """Addresses of the documents these units are on; an answer about a document has its own id."""
    units = await store.ledger.units(id_ for id_ in ids if ":" in id_)
    found = {id_: f"/i/{unit.postings[-1].document}" for id_, unit in units.items() if unit.postings}
    return found | {id_: f"/i/{id_}" for id_ in ids if ":" not in id_}
