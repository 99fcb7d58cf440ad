"""Contacts: what is to be linked to a Xero contact, and what will be used of each."""

import asyncio
from typing import cast

from aiohttp import web

from console import clients, linking, words
from console.clients import Tab
from console.web import forms
from console.web.acting import context_of
from console.web.forms import Form
from console.web.paging import Paging
from console.web.rendering import render
from console.web.session import say, see_other
from worker.context import Context
from worker.errors import HourstreamError
from worker.jobs.contacts import ContactsReport
from worker.jobs.contacts import contacts as pull_contacts

PATH = "/contacts"
TABS = {"link": "To link", "used": "Used", "unused": "Not used"}


class Pulling:
    """One pull at a time for the whole console; what it came to is kept for whoever asks."""

    def __init__(self) -> None:
        self._task: asyncio.Task[ContactsReport] | None = None
        self.read = 0

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    def start(self, ctx: Context, *, full: bool) -> bool:
        """Begin one; False where one is under way already."""
        if self.running:
            return False
        self.read = 0
        self._task = asyncio.create_task(self._pull(ctx, full=full))
        return True

    async def wait(self, seconds: float) -> ContactsReport | None:
        """What it came to; None while it goes on. Raises the clients' errors."""
        if self._task is None:
            return None
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        if not done:
            return None
        task, self._task = self._task, None
        return task.result()

    async def close(self, _: web.Application) -> None:
        """The next run goes on from the page that this one came to."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _pull(self, ctx: Context, *, full: bool) -> ContactsReport:
        found = await pull_contacts(ctx, full=full)
        read, written, failed = found.read, found.written, found.failed
        while not found.finished:
            self.read = read
            found = await pull_contacts(ctx)
            read, written, failed = read + found.read, written + found.written, failed + found.failed
        return ContactsReport(read=read, written=written, failed=failed, odd=found.odd)


PULLING: web.AppKey[Pulling] = web.AppKey("pulling", Pulling)


async def show(request: web.Request) -> web.Response:
    """One tab: what is to be linked, the contacts that are used, or the others."""
    pulling = request.app[PULLING]
    await _tell(request, 0)
    ctx = await context_of(request)
    every, used = await ctx.store.contacts.all(), await clients.used_contacts(ctx.store)
    missing, here = await clients.without_contact(ctx)
    tab = cast("Tab", request.query.get("tab", "link" if missing else "used"))
    if tab not in TABS:
        raise web.HTTPNotFound
    text = request.query.get("q", "").strip()
    found = clients.filtered(every, used, tab, text) if tab != "link" else []
    records = [each for each in missing if text.casefold() in f"{each.name} {each.id}".casefold()]
    paging = Paging.of(request, "tab", "q", total=len(records) if tab == "link" else len(found))
    shown = slice(paging.start, paging.start + paging.size)
    links = await linking.linked(ctx) if here and tab == "used" else []
    return render(
        request,
        "contacts.html",
        tab=tab,
        tabs=[("link", TABS["link"], len(missing)), ("used", TABS["used"], sum(1 for c in every if c.id in used)),
              ("unused", TABS["unused"], sum(1 for c in every if c.id not in used))],
        records=records[shown] if tab == "link" else [],
        rows=await clients.rows(ctx, found[shown]),
        links=links,
        here=here,
        paging=paging,
        form=Form(),
        pulling=pulling.running,
        pulled=pulling.read,
        names=[each.name for each in every if each.status == "ACTIVE"][:2_000] if here and tab == "link" else [],
    )  # fmt: skip


async def link(request: web.Request) -> web.Response:
    """Link one record to a contact, or every suggestion that was ticked."""
    form = await forms.read(request)
    pairs = {id_: form[f"contact-{id_}"] for id_ in form.all("id")}
    pairs = {id_: name for id_, name in pairs.items() if name}
    if not pairs:
        say(request, "Nothing was linked: choose a record and write a Xero contact.", "attention")
        return see_other(PATH)
    try:
        done = await linking.link(await context_of(request), pairs)
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(PATH)
    entries = sum(each.entries for each in done)
    linked = words.count(len(done), "record is", "records are")
    say(request, f"{linked} linked. {words.count(entries, 'entry is', 'entries are')} looked at again.")
    return see_other(PATH)


async def unlink(request: web.Request) -> web.Response:
    """Take a link away; asks first."""
    form = await forms.read(request)
    if form["sure"] != "yes":
        effects = [
            "Its time that is on drafts leaves them and waits for another link.",
            "What is on approved invoices stays where it is.",
        ]
        return forms.confirm(
            request, "Take this link away?", effects=effects, button="Unlink", back=f"{PATH}?tab=used", form=form,
            danger=True,
        )  # fmt: skip
    try:
        await linking.unlink(await context_of(request), [form["id"]])
        say(request, "It is linked to no Xero contact any more.")
    except HourstreamError as error:
        say(request, str(error), "attention")
    return see_other(f"{PATH}?tab=used")


async def pull(request: web.Request) -> web.Response:
    """Pull contacts now: those that changed, or all of them."""
    form = await forms.read(request)
    ctx = await context_of(request)
    started = request.app[PULLING].start(ctx, full=form["full"] == "yes")
    if not started:
        say(request, "Contacts are being pulled already.", "attention")
    else:
        await ctx.store.audit.write(ctx.who, "contacts.pull", "contacts", {"full": form["full"] == "yes"})
    if started and not await _tell(request, 3.0):
        say(request, "Contacts are being pulled; this page shows how far it is.")
    return see_other(PATH)


async def _tell(request: web.Request, seconds: float) -> bool:
    """Say what a pull came to, once it did."""
    try:
        report = await request.app[PULLING].wait(seconds)
    except HourstreamError as error:
        say(request, str(error), "attention")
        return True
    if report is None:
        return False
    refused = f", {report.failed} refused" if report.failed else ""
    say(
        request,
        f"{words.count(report.read, 'contact', 'contacts')} read, {report.written} written to Salesforce{refused}.",
    )
    return True
