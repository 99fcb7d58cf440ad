"""People: whose time is sent to Xero, and at what rate."""

from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from console import effects, people, words
from console.editing import PersonRow
from console.people import Change, PersonView, Weigh
from console.web import forms
from console.web.acting import context_of
from console.web.forms import Form
from console.web.making import MAKINGS
from console.web.paging import Paging
from console.web.rendering import render
from console.web.session import say, see_other
from worker.billing.brake import Effect
from worker.context import Context
from worker.errors import HourstreamError
from worker.setup import SetupError

PATH = "/people"
TYPED = ("rate", "currency", "from", "bill")


async def show(request: web.Request) -> web.Response:
    """Everybody who logged time since the start, and everybody the setup names."""
    return await _page(request, Form())


async def _page(
    request: web.Request, form: Form, *, status: int = 200, csv: Sequence[people.CsvRow] = ()
) -> web.Response:
    ctx = await context_of(request)
    asked = request.query.get("q", "").strip()
    every = await people.people(ctx)
    found = [view for view in every if asked.casefold() in f"{view.name} {view.id}".casefold()]
    paging = Paging.of(request, "q", total=len(found))
    others = await _addable(ctx, request.query.get("add", ""), every)
    return render(
        request,
        "people.html",
        status=status,
        rows=found[paging.start : paging.start + paging.size],
        paging=paging,
        form=form,
        adding=request.query.get("add", ""),
        others=others,
        csv=csv,
        today=datetime.now(UTC).date().isoformat(),
    )


async def _addable(ctx: Context, text: str, every: Sequence[PersonView]) -> list[PersonView]:
    if not text.strip():
        return []
    known = {view.id for view in every}
    return [view for view in await people.found_users(ctx, text) if view.id not in known]


async def save(request: web.Request) -> web.Response:
    """Give the chosen people a rate from a day on, or send their time to Xero or not; asks with the effect first."""
    form = await forms.read(request)
    ctx = await context_of(request)
    given = {name: form[name] for name in TYPED if form[name]}
    chosen = form.all("id")
    if not chosen:
        form.problem("", "Nothing was saved: choose whom it is about.")
    elif not given:
        form.problem("", "Nothing was saved: write a rate, or say whether their time is sent to Xero.")
    try:
        rows = [await people.row_for(ctx, id_, given) for id_ in chosen] if form.good else []
        change = await people.changed(ctx, rows, weigh=_weigh(request)) if form.good else None
    except (HourstreamError, SetupError) as error:
        form.problem("", str(error))
        change = None
    if change is None:
        return await _page(request, form, status=forms.UNPROCESSABLE)
    return await _saved(request, ctx, form, change, words.count(len(rows), "person", "people"))


async def remove(request: web.Request) -> web.Response:
    """Take a person's rows out of the setup."""
    form = await forms.read(request)
    ctx = await context_of(request)
    try:
        change = await people.changed(ctx, [], removed=await people.rows_of(ctx, form["id"]), weigh=_weigh(request))
    except (HourstreamError, SetupError) as error:
        say(request, str(error), "attention")
        return see_other(PATH)
    return await _saved(request, ctx, form, change, "one person")


async def upload(request: web.Request) -> web.Response:
    """Rows from a CSV file: what is wrong is named by line, and what it would do is said, before anything is saved."""
    form = await forms.read(request)
    ctx = await context_of(request)
    try:
        lines = people.imported(form["csv"])
        wrong = [line for line in lines if line.problem]
        rows = [line.row for line in lines if line.row is not None and line.row != PersonRow(id=line.row.id)]
        if wrong:
            form.problem("csv", "Nothing was saved: mend the lines below.")
            return await _page(request, form, status=forms.UNPROCESSABLE, csv=wrong)
        change = await people.changed(ctx, rows, weigh=_weigh(request))
    except (HourstreamError, SetupError) as error:
        form.problem("csv", str(error))
        return await _page(request, form, status=forms.UNPROCESSABLE)
    return await _saved(request, ctx, form, change, words.count(len(rows), "row", "rows"))


async def download(request: web.Request) -> web.Response:
    """Everybody with their rates as CSV."""
    text = await people.exported(await context_of(request))
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)


def _weigh(request: web.Request) -> Weigh:
    """What a change does to drafts, found without keeping other pages waiting."""

    async def weigh(ctx: Context, text: str) -> Effect:
        return await request.app[MAKINGS].workshop.make(ctx, "effect", text, Effect)

    return weigh


async def _saved(request: web.Request, ctx: Context, form: Form, change: Change, whom: str) -> web.Response:
    """Save a change once it was asked about: `seen` is the version of the setup that the question was about."""
    if form["sure"] != "yes" or form["seen"] != str(change.version):
        asked = Form({**form.values, "seen": [str(change.version)]})
        meant = [f"It is about {whom}.", effects.sentence(change.effect)]
        return forms.confirm(request, "Save this?", effects=meant, button="Save", back=PATH, form=asked)
    try:
        version = await people.save(ctx, change)
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(PATH)
    say(request, f"Saved: setup version {version} is current.")
    return see_other(PATH)
