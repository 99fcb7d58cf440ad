"""Step 4, Rates: where the hourly rate comes from, in order, with what that gives for three entries."""

from typing import Final

from aiohttp import web

from console.drafting import Draft
from console.editing import Path, Value
from console.web import forms
from console.web.acting import context_of
from console.web.forms import Form
from console.web.rendering import SOURCES
from console.web.setup.beside import NO_ORG, beside, reached
from console.web.setup.frame import draft_of, go_on, keep, render_step
from console.web.setup.steps import step
from worker.billing.rates import PEOPLE
from worker.errors import HourstreamError
from worker.setup.sections import Fields

STEP = step("rates")
KEY: Final[Path] = ("source", "fields", "rates")
DEFAULT: Final[Path] = ("billing", "default_rate")
BILL: Final[Path] = ("people", "bill")


async def show(request: web.Request) -> web.Response:
    """The places in order."""
    return await _page(request, await draft_of(request), Form())


async def save(request: web.Request) -> web.Response:
    """Save the order. A button beside a place moves it up or takes it out, and stays here."""
    form, draft = await forms.read(request), await draft_of(request)
    changes: dict[Path, Value | None] = {KEY: _ordered(form)}
    if "default_rate" in form.values:
        changes[DEFAULT] = form["default_rate"] or None
    if form["bill"]:
        changes[BILL] = form["bill"]
    try:
        await keep(request, form, changes, await context_of(request))
    except HourstreamError as error:
        form.problem("", f"Nothing was saved. {NO_ORG}: {error}")
    if not form.good:
        return await _page(request, draft, form)
    return go_on(request, STEP, Form({**form.values, "then": ["stay"]}) if form["move"] else form)


def _ordered(form: Form) -> list[str]:
    """The places as typed, moved as the pressed button says ("up 2", "out 1"), empty ones left out."""
    places = form.all("rate")
    act, _, at = form["move"].partition(" ")
    place = int(at) if at.isdecimal() and int(at) < len(places) else -1
    if act == "up" and place > 0:
        places[place - 1 : place + 1] = [places[place], places[place - 1]]
    elif act == "out" and place >= 0:
        del places[place]
    return list(dict.fromkeys(each for each in places if each))


async def _page(request: web.Request, draft: Draft, form: Form) -> web.Response:
    ctx, why = await reached(request)
    given = await beside(ctx, draft)
    default = list(Fields.model_fields["rates"].default)
    return await render_step(
        request,
        STEP,
        form,
        draft=draft,
        why=why,
        places=form.all("rate") if form.values else [*draft.value(*KEY, default=default), ""],
        default=str(draft.value(*DEFAULT, default="")),
        bill=draft.value(*BILL, default="all"),
        people=len(draft.value("people", "person", default=[])),
        name=lambda source: SOURCES.get(source, source),
        PEOPLE=PEOPLE,
        **given,
    )
