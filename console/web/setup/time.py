"""Step 2, Time object and fields: the object out of the org's own list, and which of its fields say what."""

from typing import Any, Final

from aiohttp import web

from console import drafting, fields, guessing
from console.drafting import Draft
from console.editing import Path, Value
from console.fields import QUANTITY
from console.web import forms
from console.web.acting import context_of
from console.web.forms import Form
from console.web.rendering import PERSON
from console.web.session import say, see_other
from console.web.setup.beside import NO_ORG, beside, reached
from console.web.setup.frame import draft_of, go_on, keep, render_step
from console.web.setup.steps import step
from console.web.site import STORE
from worker.context import Context
from worker.errors import HourstreamError
from worker.salesforce.describe import GlobalObject
from worker.setup.presets import PRESETS
from worker.setup.sections import Fields

STEP = step("time")
FIELDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("hours", "Hours", "number"),
    ("minutes", "or minutes", "number"),
    ("start", "or from …", "time"),
    ("end", "… to", "time"),
    ("worked_on", "Day worked on", "day"),
    ("person", "Who worked", "lookup"),
    ("person_name", "Their name", "text"),
    ("project", "Project", "lookup"),
    ("project_name", "Its name", "text"),
    ("description", "Description", "text"),
    ("billable", "Billable", "tick"),
    ("currency", "Currency", "text"),
    ("already_billed", "Billed elsewhere already", ""),
)
GATE: Final = ("source", "approved")


async def show(request: web.Request) -> web.Response:
    """The objects to choose from, and the chosen one's fields."""
    return await _page(request, await draft_of(request), Form())


async def choose(request: web.Request) -> web.Response:
    """Take an object: its fields are mapped as far as they can be guessed; the rest of the setup stays."""
    form = await forms.read(request)
    ctx = await context_of(request)
    draft = await draft_of(request)
    try:
        changes = await guessing.mapping(ctx, form["sobject"], contacts=not draft.value("contacts", default={}))
    except HourstreamError as error:
        form.problem("", str(error))
        return await _page(request, draft, form)
    after = await drafting.change(request.app[STORE], changes, request[PERSON].who)
    say(
        request, f"{after.value('source', 'sobject')} is chosen. Look at its fields: they are guessed from their names."
    )
    return see_other(f"{STEP.path}#h-fields")


async def save(request: web.Request) -> web.Response:
    """Save which fields say what."""
    form = await forms.read(request)
    draft = await draft_of(request)
    try:
        await keep(request, form, _changes(form, draft), await context_of(request))
    except HourstreamError as error:
        form.problem("", f"Nothing was saved. {NO_ORG}: {error}")
    if form["new_name"] in form.problems:
        form.problem("new_name", form.problems[form["new_name"]])
    if not form.good:
        return await _page(request, draft, form)
    return go_on(request, STEP, form)


async def _page(request: web.Request, draft: Draft, form: Form) -> web.Response:
    ctx, why = await reached(request)
    asked = request.query.get("q", "").strip()[:80]
    objects: list[GlobalObject] = []
    if ctx is not None and (asked or not draft.value("source", "sobject") or "objects" in request.query):
        objects = await _objects(ctx, asked)
    given, now = await beside(ctx, draft), _now(draft)
    return await render_step(
        request,
        STEP,
        form,
        draft=draft,
        why=why,
        objects=objects[: fields.OBJECTS],
        more=max(0, len(objects) - fields.OBJECTS),
        search=asked,
        rows=FIELDS,
        now=now,
        could_be=await _could_be(ctx, draft, now),
        extra=_extra(draft),
        gate=draft.value(*GATE, default={}),
        presets={preset.text.partition('sobject = "')[2].partition('"')[0]: preset.title for preset in PRESETS},
        **given,
    )


async def _could_be(ctx: Context | None, draft: Draft, now: dict[str, str]) -> dict[str, str]:
    """For names that are not mapped, the field that could be it; a quantity needs one way only."""
    if ctx is None or not draft.value("source", "sobject"):
        return {}
    try:
        likely = await fields.likely(ctx, draft.value("source", "sobject"))
    except (HourstreamError, TimeoutError):
        return {}
    counted = any(now[name] for name in QUANTITY)
    free = [name for name, said in now.items() if not said and not (counted and name in QUANTITY)]
    taken = {*now.values(), *map(str, draft.value("source", "write_back", default={}).values())}
    return {name: path for name in free for path in likely.get(name, [])[:1] if path not in taken}


async def _objects(ctx: Context, asked: str) -> list[GlobalObject]:
    try:
        return await fields.objects(ctx, asked)
    except (HourstreamError, TimeoutError):
        return []


# ---- between the form and the draft --------------------------------------------------------------------------------


def _now(draft: Draft) -> dict[str, str]:
    """What the draft says of each name."""
    said: dict[str, Any] = draft.value("source", "fields", default={})
    return {name: str(said.get(name) or "") for name, _, _ in FIELDS}


def _extra(draft: Draft) -> dict[str, str]:
    """The names beyond the known ones."""
    said: dict[str, Any] = draft.value("source", "fields", default={})
    return {name: str(path) for name, path in said.items() if name not in Fields.model_fields and path}


def _changes(form: Form, draft: Draft) -> dict[Path, Value | None]:
    """The keys by this form; an empty field takes its key out."""
    found: dict[Path, Value | None] = {}
    for name in (*(name for name, _, _ in FIELDS), *_extra(draft)):
        if name in form.values:
            found["source", "fields", name] = form[name] or None
    if form["new_name"] or form["new_path"]:
        if not form["new_name"] or not form["new_path"]:
            form.problem("new_name", "Write both, the name and its field.")
        found["source", "fields", form["new_name"]] = form["new_path"]
    return found | _gate(form)


def _gate(form: Form) -> dict[Path, Value | None]:
    if "field" not in form.values:
        return {}
    if not form["field"]:
        return {GATE: None}
    found: dict[Path, Value | None] = {(*GATE, "field"): form["field"], (*GATE, "values"): _listed(form["values"])}
    withdrawn = _listed(form["withdrawn"])
    return found | {(*GATE, "withdrawn"): withdrawn or None}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
