"""Preview: the drafts that would be written to Xero now, each to be created by itself. Looking writes nothing."""

from typing import Final

from aiohttp import web

from console.readmodel import InvoiceView
from console.web.acting import context_of
from console.web.background import Seen
from console.web.invoices import tabs
from console.web.making import AGAIN, MAKINGS
from console.web.paging import Paging
from console.web.rendering import render
from console.web.site import STORE
from console.web.whole import DRAFTS, Leaf, Proposals
from worker.errors import HourstreamError

PATH: Final = "/invoices/preview"
NOTHING: Final = Proposals(drafts=Leaf.of([]), totals={})


async def show(request: web.Request) -> web.Response:
    """What would be created or updated, by Xero contact; how far reading is where that is not known yet."""
    store = request.app[STORE]
    stored, complete = await store.setup.current(), bool(await store.epoch.current())
    seen: Seen[Proposals] = Seen(None, "", running=False)
    trouble = ""
    if stored and complete:
        try:
            making, ctx = request.app[MAKINGS].proposals, await context_of(request)
            seen = await making.look(ctx, str(stored.version))
        except (HourstreamError, TimeoutError) as error:
            trouble = str(error) or "Salesforce or Xero took too long. Look again in a moment."
    found = seen.last or NOTHING
    paging = Paging.of(request, total=found.drafts.count, size=DRAFTS)
    response = render(
        request,
        "preview.html",
        tabs=await tabs(request),
        tab="preview",
        setup=stored is not None,
        seen=seen,
        progress=request.app[MAKINGS].proposals.progress,
        rows=found.drafts.page(paging.number, InvoiceView),
        totals=found.totals,
        paging=paging,
        trouble=trouble,
    )
    if stored and not trouble and (seen.last is None or seen.running):
        response.headers["Refresh"] = AGAIN
    return response
