"""Preview: the drafts that would be written to Xero now, each to be created by itself. Looking writes nothing."""

from functools import partial
from typing import Final

from aiohttp import web

from console import invoicing, readmodel
from console.readmodel import InvoiceView
from console.web.acting import context_of
from console.web.background import Background
from console.web.invoices import tabs, totals
from console.web.paging import Paging
from console.web.rendering import render
from console.web.site import STORE
from worker.context import Context
from worker.errors import HourstreamError
from worker.jobs.preview import preview

PATH: Final = "/invoices/preview"
PATIENCE: Final = 1.0  # seconds the page waits for it
FRESH: Final = 2.0  # seconds it is shown again
AGAIN: Final = 2  # seconds until the page looks again
SIZE: Final = 20  # drafts on a page, each with its lines

Proposals = Background[list[InvoiceView]]
PROPOSALS: web.AppKey[Proposals] = web.AppKey("proposals", Proposals)


def install(app: web.Application) -> None:
    """For an application with this page."""
    app[PROPOSALS] = Background()

    async def close(_: web.Application) -> None:
        await app[PROPOSALS].close()

    app.on_shutdown.append(close)


async def show(request: web.Request) -> web.Response:
    """What would be created or updated, by Xero contact; how far reading is where that is not known yet."""
    store = request.app[STORE]
    stored, complete = await store.setup.current(), bool(await store.epoch.current())
    found: list[InvoiceView] | None = []
    trouble = ""
    if stored and complete:
        try:
            found = await _proposed(request, stored.version)
        except (HourstreamError, TimeoutError) as error:
            trouble = str(error) or "Salesforce or Xero took too long. Look again in a moment."
    paging = Paging.of(request, total=len(found or ()), size=SIZE)
    response = render(
        request,
        "preview.html",
        tabs=tabs(await invoicing.counts(store)),
        tab="preview",
        setup=stored is not None,
        made=complete and found is not None,
        rows=(found or [])[paging.start : paging.start + paging.size],
        totals=totals(found or []),
        paging=paging,
        trouble=trouble,
    )
    if stored and (not complete or found is None):
        response.headers["Refresh"] = str(AGAIN)
    return response


async def _proposed(request: web.Request, version: int) -> list[InvoiceView] | None:
    work = partial(_read, await context_of(request))
    return await request.app[PROPOSALS].ask(str(version), work, patience=PATIENCE, fresh=FRESH)


async def _read(ctx: Context) -> list[InvoiceView]:
    views = [readmodel.preview_view(each.document, each.contact_name) for each in await preview(ctx)]
    return sorted(views, key=lambda view: (view.xero_contact.casefold(), view.period, view.key))
