"""Step 3, Xero contact: how an entry finds who pays for it, and where Xero contacts land in Salesforce."""

from typing import Final

from aiohttp import web

from console import fields
from console.drafting import Draft
from console.editing import Path, Value
from console.fields import Option
from console.web import forms
from console.web.acting import context_of
from console.web.forms import Form
from console.web.setup.beside import NO_ORG, beside, reached
from console.web.setup.frame import draft_of, go_on, keep, render_step
from console.web.setup.steps import step
from worker.context import Context
from worker.errors import HourstreamError
from worker.setup.values import LINK

STEP = step("contact")
KEY: Final[Path] = ("source", "fields", "xero_contact")
OTHER: Final = "path"  # the choice of a path that is typed


async def show(request: web.Request) -> web.Response:
    """The ways there are, each with where it leads for three entries once it is chosen."""
    return await _page(request, await draft_of(request), Form())


async def save(request: web.Request) -> web.Response:
    """Save the way to the contact, and where contacts are written."""
    form, draft = await forms.read(request), await draft_of(request)
    try:
        ctx = await context_of(request)
        await keep(request, form, _way(form) | await _landing(ctx, form, draft), ctx)
    except HourstreamError as error:
        form.problem("", f"Nothing was saved. {NO_ORG}: {error}")
    if not form.good:
        return await _page(request, draft, form)
    return go_on(request, STEP, form)


def _way(form: Form) -> dict[Path, Value | None]:
    said = form["path"] if form["way"] == OTHER else form["way"]
    if not said:
        form.problem("xero_contact", "Choose how an entry finds its Xero contact.")
    return {KEY: said}


async def _landing(ctx: Context, form: Form, draft: Draft) -> dict[Path, Value | None]:
    """The keys of `[contacts]`; an object other than the one before comes with the fields that fit by their name."""
    sobject, found = form["sobject"], dict[Path, Value | None]()
    if "sobject" not in form.values:
        return found
    if sobject and sobject == draft.value("contacts", "sobject"):
        return {("contacts", name): form[name] for name in ("external_id", "only") if form[name]}
    found["contacts",] = None
    if not sobject:
        return found
    shape = await ctx.salesforce.describe(sobject)
    ids = fields.external_ids(shape)
    if not ids:
        form.problem("sobject", f"{shape.name} has no field of text that is a unique External ID.")
        return {}
    found |= {("contacts", "sobject"): shape.name, ("contacts", "external_id"): ids[0], ("contacts", "only"): "all"}
    return found | {("contacts", "fields", name): value for name, value in fields.contact_fields(shape).items()}


async def _page(request: web.Request, draft: Draft, form: Form) -> web.Response:
    ctx, why = await reached(request)
    given = await beside(ctx, draft)
    now = str(draft.value(*KEY) or "")
    ways, objects = await _ways(ctx, draft), await _objects(ctx, draft)
    known = {way for way, _, _ in ways}
    return await render_step(
        request,
        STEP,
        form,
        draft=draft,
        why=why,
        now=now,
        ways=ways,
        typed=now not in known and bool(now),
        linked=LINK.fullmatch(now) is not None,
        objects=objects,
        landing=draft.value("contacts", default={}),
        **given,
    )


async def _ways(ctx: Context | None, draft: Draft) -> list[tuple[str, str, str]]:
    """What to write, in words, and what it means."""
    sobject = draft.value("source", "sobject")
    if ctx is None or not sobject:
        return []
    try:
        paths, links = await fields.contact_paths(ctx, sobject), await fields.lookups(ctx, sobject)
    except (HourstreamError, TimeoutError):
        return []
    return [*(_path(option) for option in paths), *(_link(option) for option in links)]


def _path(option: Option) -> tuple[str, str, str]:
    return option.path, option.label, "the field says the contact's id"


def _link(option: Option) -> tuple[str, str, str]:
    return f"link({option.path})", f"Linked here, by {option.label}", "people link each one on the Contacts page"


async def _objects(ctx: Context | None, draft: Draft) -> list[tuple[str, str]]:
    """Objects that contacts may be written to: those called after Xero, and the one of the draft."""
    found: dict[str, str] = {}
    if ctx is not None:
        try:
            found = {each.name: f"{each.label} ({each.name})" for each in await fields.contact_objects(ctx)}
        except (HourstreamError, TimeoutError):
            found = {}
    if now := draft.value("contacts", "sobject"):
        found.setdefault(now, now)
    return [("", "Nowhere: they stay in Xero"), *found.items()]
