"""Step 7, Write back: the fields of an entry in Salesforce that tell what was billed where."""

from typing import Final

from aiohttp import web

from console import sfdx
from console.drafting import Draft
from console.editing import Path, Value
from console.web import forms
from console.web.acting import context_of
from console.web.background import promptly
from console.web.forms import Form
from console.web.setup import values
from console.web.setup.frame import draft_of, go_on, keep, render_step
from console.web.setup.steps import step
from worker.errors import HourstreamError
from worker.salesforce.describe import Field
from worker.setup.check_salesforce import WRITABLE_TEXTS
from worker.setup.sections import WriteBack

STEP = step("write-back")
TABLE: Path = ("source", "write_back")
ABOUT: Final = {
    "invoice_id": "Xero's id of the invoice: what links to it are made of.",
    "invoice_number": "The number printed on the invoice.",
    "invoice_status": "Draft, approved, paid, …",
    "billed": "What was billed where, in full: a rebuild after a loss is proven by it. Long text.",
    "problem": "Why the time waits, and what to do.",
}


async def show(request: web.Request) -> web.Response:
    """The fields, each to be chosen from those that the object has."""
    return await _page(request, await draft_of(request), Form())


async def save(request: web.Request) -> web.Response:
    """Save what was chosen in the draft."""
    form, draft = await forms.read(request), await draft_of(request)
    changes: dict[Path, Value | None] = {}
    for name in WriteBack.model_fields:
        changes |= values.told(draft, (*TABLE, name), form[name] or None, None)
    await keep(request, form, changes)
    return go_on(request, STEP, form) if form.good else await _page(request, draft, form)


async def _page(request: web.Request, draft: Draft, form: Form) -> web.Response:
    found, trouble = await _fields(request, str(draft.value("source", "sobject")))
    rows = [_row(draft, name, found) for name in WriteBack.model_fields]
    return await render_step(request, STEP, form, draft=draft, rows=rows, trouble=trouble)


async def _fields(request: web.Request, sobject: str) -> tuple[list[Field], str]:
    """Texts of the object that may be written; and why they cannot be told."""
    if not sobject:
        return [], "Choose the time object first: its fields are offered here then."
    try:
        shape = await promptly((await context_of(request)).salesforce.describe(sobject))
    except HourstreamError as error:
        return [], f"The org's fields cannot be offered now. {error}"
    return [field for field in shape.fields if field.type in WRITABLE_TEXTS and field.updateable], ""


def _row(draft: Draft, name: str, found: list[Field]) -> tuple[str, str, str, str, list[tuple[str, str]]]:
    """One thing that is written: its name, title, what it is for, the field now, and what can be chosen."""
    now = str(draft.value(*TABLE, name))
    known = {field.name for field in found}
    made = f"{sfdx.LABELS[name].replace(' ', '_')}__c"
    choices = [("", "Not written")]
    if made not in known:
        choices.append((made, f"{made} (comes with the package below)"))
    choices += [(field.name, f"{field.label or field.name} ({field.name})") for field in found]
    if now and now not in {code for code, _ in choices}:
        choices.append((now, f"{now} (not in the org)"))
    return name, sfdx.LABELS[name], ABOUT[name], now, choices
