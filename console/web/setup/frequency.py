"""Step 6, the scheduler sync frequency: when invoices are sent and states read back, and the calls that takes."""

import re
from datetime import UTC, date, datetime
from typing import Final

from aiohttp import web
from msgspec import Struct

from console import drafting, weighing
from console.drafting import Draft
from console.editing import Path, Value
from console.web import forms
from console.web.forms import Form
from console.web.rendering import render
from console.web.setup import values
from console.web.setup.frame import draft_of, go_on, keep, render_step
from console.web.setup.steps import step
from console.web.site import STORE
from worker.setup.forecast import sentence
from worker.setup.schedule import Schedule
from worker.setup.sections import ScheduleSection

STEP = step("frequency")
WHEN: Path = ("schedule", "invoices")
TEXTS = ("settle", "settle_max", "refresh", "statuses", "contacts", "reconcile")
SETTINGS = values.settings("schedule", ScheduleSection, TEXTS)
HOWS: Final = {
    "preview": "Preview: nothing is written to Xero",
    "live": "Live: as soon as time has been quiet for a moment",
    "every": "Every …",
    "1h": "Hourly",
    "1d": "Daily",
    "cron": "By a cron line (UTC)",
    "off": "Off: only when somebody asks",
}
UNITS: Final = (("m", "minutes"), ("h", "hours"), ("d", "days"))
RUNS = 3  # coming runs that are shown


class Outlook(Struct, frozen=True, kw_only=True):
    """What a schedule comes to; `here`: what is wrong with what was typed."""

    here: tuple[str, ...] = ()
    calls: str = ""
    near: bool = False
    runs: tuple[str, ...] = ()


async def show(request: web.Request) -> web.Response:
    """The form with the forecast of what it says now."""
    draft, form = await draft_of(request), Form()
    return await _page(request, draft, form, await _outlook(request, draft))


async def save(request: web.Request) -> web.Response:
    """Save what was typed in the draft."""
    form, draft = await forms.read(request), await draft_of(request)
    await keep(request, form, _changes(form, draft))
    if not form.good:
        return await _page(request, draft, form, Outlook(here=tuple(form.problems.values())))
    return go_on(request, STEP, form)


async def preview(request: web.Request) -> web.Response:
    """The forecast of what was typed: the part of the page for our script, else the page with it."""
    form, draft = await forms.read(request), await draft_of(request)
    changes = _changes(form, draft)
    after = drafting.changed(draft, changes) if form.good else draft
    outlook = await _outlook(request, after) if form.good else Outlook(here=tuple(form.problems.values()))
    if form["fragment"] == "yes":
        return render(request, "setup/_outlook.html", outlook=outlook)
    return await _page(request, draft, form, outlook)


async def _page(request: web.Request, draft: Draft, form: Form, outlook: Outlook) -> web.Response:
    return await render_step(
        request,
        STEP,
        form,
        draft=draft,
        now=values.shown(draft, SETTINGS) | _shown(draft),
        hows=list(HOWS.items()),
        units=UNITS,
        outlook=outlook,
    )


def _changes(form: Form, draft: Draft) -> dict[Path, Value | None]:
    return values.typed(form, draft, SETTINGS) | values.told(draft, WHEN, _when(form), "preview")


def _when(form: Form) -> str | None:
    """The schedule that was chosen, as the file has it; None with a problem noted."""
    how = form.one_of("invoices", list(HOWS))
    if how == "every":
        number = form["every"]
        if not re.fullmatch(r"[1-9][0-9]{0,3}", number):
            form.problem("every", "Write a whole number such as 15.")
            return None
        unit = form.one_of("unit", [code for code, _ in UNITS])
        return f"{number}{unit}" if unit else None
    if how == "cron":
        line = " ".join(form["cron"].split())
        if not Schedule.is_cron(line):
            form.problem("cron", "Write five fields such as 0 18 * * 5: minute, hour, day, month, weekday.")
            return None
        return line
    return how


def _shown(draft: Draft) -> dict[str, str]:
    """How the draft's schedule stands in the form."""
    said = str(draft.value(*WHEN, default="preview"))
    found = {"invoices": said, "every": "15", "unit": "m", "cron": ""}
    if said in HOWS:
        return found
    if said[:-1].isdecimal() and said[-1:] in dict(UNITS):
        return found | {"invoices": "every", "every": said[:-1], "unit": said[-1]}
    return found | {"invoices": "cron", "cron": said}


async def _outlook(request: web.Request, draft: Draft) -> Outlook:
    if wrong := draft.problems("schedule"):
        return Outlook(here=tuple(f"{each.what}. {each.remedy}".strip() for each in wrong))
    section = ScheduleSection.model_validate(drafting.tables(draft.text).get("schedule", {}))
    start = draft.value("billing", "start", default=None)
    first = start if isinstance(start, date) and not isinstance(start, datetime) else None
    calls = await weighing.calls_by(request.app[STORE], section, first)
    return Outlook(calls=sentence(calls), near=calls.near, runs=tuple(_runs(section.invoices)))


def _runs(when: Schedule) -> list[str]:
    """The next runs of a cron line."""
    found: list[str] = []
    moment: datetime | None = datetime.now(UTC)
    while when.cron and moment is not None and len(found) < RUNS:
        moment = when.next_after(moment)
        if moment is not None:
            found.append(moment.isoformat())
    return found
