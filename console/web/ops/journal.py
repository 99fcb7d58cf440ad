"""The audit trail: who did what to which thing, filtered; and as CSV."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from console import trail
from console.trail import Filter
from console.web.forms import UNPROCESSABLE, Form, clean
from console.web.ops.overview import PATH as QUEUE
from console.web.paging import Paging
from console.web.rendering import render
from console.web.site import STORE

PATH = f"{QUEUE}/audit"
FILTERS = ("who", "what", "subject", "since")
EXPORTED = 200_000  # entries of one file


async def show(request: web.Request) -> web.Response:
    """A page of it, newest first."""
    form = _form(request)
    wanted = _filter(form)
    paging = Paging.of(request, *FILTERS)
    found = await trail.trail(request.app[STORE], wanted, paging.size + 1, paging.start) if form.good else []
    query = urlencode(dict(paging.filters))
    return render(
        request,
        "queue/audit.html",
        status=200 if form.good else UNPROCESSABLE,
        tab="audit",
        form=form,
        rows=[(each, trail.said(each)) for each in found[: paging.size]],
        paging=Paging.of(request, *FILTERS, more=len(found) > paging.size),
        download=f"{PATH}.csv?{query}" if query else f"{PATH}.csv",
    )


async def download(request: web.Request) -> web.Response:
    """What matches, for a spreadsheet."""
    form = _form(request)
    wanted = _filter(form)
    if not form.good:
        raise web.HTTPBadRequest(text=form.problems["since"])
    found = await trail.trail(request.app[STORE], wanted, EXPORTED)
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return web.Response(text=trail.as_csv(found), content_type="text/csv", charset="utf-8", headers=headers)


def _form(request: web.Request) -> Form:
    return Form({name: [clean(request.query.get(name, ""))[:200]] for name in FILTERS})


def _filter(form: Form) -> Filter:
    """What is looked for; a day that is none is a problem of the form."""
    since = None
    if form["since"]:
        try:
            since = datetime.fromisoformat(form["since"])
            since = since.astimezone(UTC) if since.tzinfo else since.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            form.problem("since", "Write a day: 2026-11-05.")
    return Filter(since=since, who=form["who"], what=form["what"], subject=form["subject"])
