"""Contacts: what is to be linked to a Xero contact, and what will be used of each."""

from functools import partial
from typing import Final, cast

from aiohttp import web

from console import clients, linking, words
from console.clients import Directory, Tab
from console.web import forms
from console.web.acting import context_of
from console.web.background import Background
from console.web.forms import Form
from console.web.making import wait
from console.web.paging import Paging
from console.web.rendering import render
from console.web.session import say, see_other
from worker.context import Context
from worker.errors import HourstreamError
from worker.jobs.contacts import ContactsReport
from worker.jobs.contacts import contacts as pull_contacts

PATH = "/contacts"
FEW: Final = 1_000  # contacts and entries without one that are read while a page is made; more of them meanwhile
FRESH: Final = 5.0  # seconds that what was read is shown, where there are more
NAMES: Final = 2_000  # contacts that are offered as somebody types
TABS = {"link": "To link", "used": "Used", "unused": "Not used"}


class Pulling:
    """One pull at a time for the whole console; what it came to is told to the first who asks."""

    def __init__(self) -> None:
        self._work = Background[ContactsReport]()
        self._told = True
        self.read = 0

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._work.running

    def start(self, ctx: Context, *, full: bool) -> bool:
        """Begin one; False where one is under way already."""
        if not self._work.start("pull", partial(self._pull, ctx, full=full)):
            return False
        self.read, self._told = 0, False
        return True

    async def end(self, patience: float) -> ContactsReport | None:
        """What it came to; None while it goes on, or where that was told. Raises the clients' errors."""
        if self._told or not await self._work.settled(patience):
            return None
        self._told = True
        return await self._work.result(0)

    async def close(self) -> None:
        """The next run goes on from the page that this one came to."""
        await self._work.close()

    async def _pull(self, ctx: Context, *, full: bool) -> ContactsReport:
        found = await pull_contacts(ctx, full=full)
        read, written, failed = found.read, found.written, found.failed
        while not found.finished:
            self.read = read
            found = await pull_contacts(ctx)
            read, written, failed = read + found.read, written + found.written, failed + found.failed
        return ContactsReport(read=read, written=written, failed=failed, odd=found.odd)


PULLING: web.AppKey[Pulling] = web.AppKey("pulling", Pulling)
DIRECTORY: web.AppKey[Background[Directory]] = web.AppKey("directory", Background)


def install(app: web.Application) -> None:
    """For an application with this page."""
    app[PULLING], app[DIRECTORY] = Pulling(), Background()

    async def close(_: web.Application) -> None:
        await app[PULLING].close()
        await app[DIRECTORY].close()

    app.on_shutdown.append(close)


async def show(request: web.Request) -> web.Response:
    """One tab: what is to be linked, the contacts that are used, or the others."""
    pulling = request.app[PULLING]
    await _tell(request, 0)
    ctx = await context_of(request)
    found = await _directory(request, ctx)
    if found is None:
        return wait(request, "Contacts", "All contacts are being read, with the time that waits for one.")
    tab = cast("Tab", request.query.get("tab", "link" if found.missing else "used"))
    if tab not in TABS:
        raise web.HTTPNotFound
    text = request.query.get("q", "").strip()
    records = found.records(text) if tab == "link" else ()
    contacts = found.contacts(tab, text) if tab != "link" else ()
    paging = Paging.of(request, "tab", "q", total=len(records) or len(contacts))
    shown = [each.id for each in contacts[paging.start :][: paging.size]]
    known = await ctx.store.contacts.get_many(shown)
    at = Paging.of(request, "tab", "q", total=found.links, name="links", anchor="#h-linked")
    part = slice(at.start, at.start + at.size)
    links = await linking.linked(ctx, part) if found.linking and tab == "used" else []
    return render(
        request,
        "contacts.html",
        tab=tab,
        tabs=[("link", TABS["link"], len(found.missing)), ("used", TABS["used"], len(found.used)),
              ("unused", TABS["unused"], len(found.unused))],
        records=records[paging.start :][: paging.size],
        rows=await clients.rows(ctx, [known[id_] for id_ in shown if id_ in known]),
        links=links,
        links_paging=at,
        here=found.linking,
        paging=paging,
        form=Form(),
        pulling=pulling.running,
        pulled=pulling.read,
        names=found.names(NAMES) if found.linking and tab == "link" else [],
    )  # fmt: skip


async def _directory(request: web.Request, ctx: Context) -> Directory | None:
    """At once where there are few; else as it was read last, and None before it was read once."""
    if await clients.size(ctx.store) <= FEW:
        return await clients.directory(ctx)
    work = partial(clients.directory, ctx)
    return (await request.app[DIRECTORY].look("contacts", work, patience=0, fresh=FRESH)).last


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
    await request.app[DIRECTORY].forget()
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
        await request.app[DIRECTORY].forget()
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
        report = await request.app[PULLING].end(seconds)
    except HourstreamError as error:
        say(request, str(error), "attention")
        return True
    if report is None:
        return False
    await request.app[DIRECTORY].forget()
    refused = f", {report.failed} refused" if report.failed else ""
    say(
        request,
        f"{words.count(report.read, 'contact', 'contacts')} read, {report.written} written to Salesforce{refused}.",
    )
    return True
