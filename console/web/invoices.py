"""Invoices by status, and what a person does with one of them."""

from aiohttp import web

from console import invoicing, readmodel, words
from console.web import forms
from console.web.acting import context_of
from console.web.frame import SETUPS
from console.web.paging import Paging
from console.web.rendering import render
from console.web.session import say, see_other
from console.web.site import STORE
from worker.billing.rules import Rules
from worker.errors import HourstreamError
from worker.jobs import drafts
from worker.jobs.invoice import invoice as send
from worker.store.store import Store

TABS = {
    "open": "Open",
    "awaiting-approval": "Awaiting approval",
    "approved": "Approved",
    "paid": "Paid",
    "voided": "Voided",
    "deleted": "Deleted",
}
SIZE = 30  # invoices of a page, each with what of its client's time waits
OTHERS = ("voided", "deleted")  # tabs that are shown only where there is something on them
EMPTY = {
    "open": "No open draft. Time logged in Salesforce makes one as soon as it can be billed.",
    "awaiting-approval": "Nothing waits for approval in Xero.",
    "approved": "Nothing is approved and unpaid.",
    "paid": "Nothing is paid yet.",
    "voided": "Nothing was voided.",
    "deleted": "Nothing was deleted.",
}


async def show(request: web.Request) -> web.Response:
    """The documents of one status."""
    store, status = request.app[STORE], request.query.get("status", "open")
    if status not in TABS:
        raise web.HTTPNotFound
    counts = await invoicing.counts(store)
    paging = Paging.of(request, "status", total=counts[status], size=SIZE)
    rows = await invoicing.documents(store, status, paging.start, paging.size, await _rules(request))
    return render(
        request,
        "invoices.html",
        tabs=await tabs(request, counts),
        tab=status,
        rows=rows,
        totals=readmodel.totals(row.view for row in rows),
        paging=paging,
        empty=EMPTY[status],
    )


async def tabs(request: web.Request, counts: dict[str, int] | None = None) -> list[tuple[str, str, str, int | None]]:
    """Name, title, address and count of every tab. Live, what would be written is written within seconds: how much that
    is was true before anybody read it, so it is not said."""
    store = request.app[STORE]
    setup, _ = request.app[SETUPS].read(await store.setup.current())
    live = setup is not None and setup.schedule.invoices.kind == "live"
    counts = await invoicing.counts(store) if counts is None else counts
    found: list[tuple[str, str, str, int | None]] = [
        (name, title, f"/invoices?status={name}" if name != "open" else "/invoices", counts[name])
        for name, title in TABS.items()
        if name not in OTHERS or counts[name]
    ]
    found.insert(0, ("preview", "Preview", "/invoices/preview", None if live else counts["preview"]))
    found.append(("waiting", "Waiting", "/invoices/waiting", counts["waiting"]))
    found.append(("corrections", "Corrections", "/invoices/corrections", counts["corrections"]))
    return found


async def _rules(request: web.Request) -> Rules | None:
    store = request.app[STORE]
    setup, _ = request.app[SETUPS].read(await store.setup.current())
    return setup.rules("", 0) if setup else None


# ---- acts ----------------------------------------------------------------------------------------------------------


async def rerate(request: web.Request) -> web.Response:
    """Apply the rates of now to the time on an open draft."""
    key, back = _key(request)
    ctx = await context_of(request)
    try:
        done = await drafts.rerate(ctx, key)
        await send(ctx)
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(back)
    if done:
        say(request, f"{words.count(len(done), 'entry has', 'entries have')} another rate now.")
    else:
        say(request, "Every entry on it has the rate of now already.")
    return see_other(back)


async def create(request: web.Request) -> web.Response:
    """Create (or update) this one draft in Xero, also while the setup says preview."""
    key, _ = _key(request)
    try:
        document = await drafts.create(await context_of(request), key)
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other("/invoices/preview")
    say(request, f"{document.number} is a draft in Xero.")
    return see_other(f"/i/{document.key}/{document.sequence}")


async def withdraw(request: web.Request) -> web.Response:
    """Delete a draft of ours in Xero that nobody touched; asks first."""
    key, back = _key(request)
    form = await forms.read(request)
    if form["sure"] != "yes":
        number = await _number(request.app[STORE], key)
        effects = [f"{number} is deleted in Xero, unless somebody has changed it there.", "Its time is free again."]
        if await _live(request):
            effects.append("The setup is live: what is due makes a new draft. Switch to preview first to prevent that.")
        return forms.confirm(
            request, f"Withdraw {number}?", effects=effects, button="Withdraw it", back=back, form=form, danger=True
        )
    try:
        [done] = await drafts.withdraw(await context_of(request), [key])
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(back)
    say(request, f"{done.number or done.key}: {done.why or 'withdrawn.'}", "attention" if done.why else "good")
    return see_other(back)


async def _live(request: web.Request) -> bool:
    setup, _ = request.app[SETUPS].read(await request.app[STORE].setup.current())
    return setup is not None and setup.schedule.invoices.writes


async def _number(store: Store, key: str) -> str:
    views = await readmodel.invoice(store, key)
    return next((view.number for view in reversed(views) if view.number), key)


def _key(request: web.Request) -> tuple[str, str]:
    """The invoice an act is about, and the page it was asked for from."""
    key, sequence = request.match_info["key"].upper(), request.match_info["sequence"]
    return key, f"/i/{key}/{sequence}"
