"""Step 5, Invoices: what becomes an invoice and how it reads, with real entries billed beside it as one types."""

from datetime import UTC, datetime

from aiohttp import web
from msgspec import Struct

from console import drafting
from console.drafting import Draft
from console.editing import Path, Value
from console.previewing import Sample
from console.web import forms
from console.web.acting import context_of
from console.web.background import promptly
from console.web.forms import Form
from console.web.rendering import render
from console.web.setup import surcharges, values
from console.web.setup.frame import draft_of, go_on_or_save, keep, render_step
from console.web.setup.steps import owner, step
from console.web.setup.working import WORKING
from console.web.site import STORE
from worker.billing.model import Company
from worker.errors import HourstreamError
from worker.setup import Problem, parse
from worker.setup.check_xero import ACTIVE, REVENUE_TYPES
from worker.setup.crosscheck import NOT_GROUPED, NOT_PRINTED
from worker.setup.sections import Billing

STEP = step("invoices")

TEXTS = (
    "start", "period", "close_after", "invoice_date", "lock_date", "at_close", "description", "reference", "numbering",
    "number_prefix", "branding", "revenue_account", "tax_type", "amounts", "due_days", "correct", "correct_after",
    "decrease", "round_minutes", "round_mode", "round_per", "minimum_invoice", "show_non_billable", "attach_timesheet",
)  # fmt: skip
SETTINGS = values.settings(
    "billing", Billing, TEXTS, start="day", due_days="whole", round_minutes="whole", attach_timesheet="yes"
)
INVOICE_PER, LINE_PER = (values.settings("billing", Billing, [name])[name] for name in ("invoice_per", "line_per"))
ALWAYS = frozenset({"rates", "xero_contact", "currency"})  # no choices: these are apart whatever is chosen
FIRST = ("project", "person")
TRACKING: Path = ("billing", "tracking")
NO_ACCOUNT, NO_TAX = "None: each Xero contact needs one of its own", "The account's own, or the company's"
OF_TIME = "As the time it is on"
LABELS = {
    "currency": "Currency",
    "worked_on": "Day worked on",
    "entry": "Entry",
    "day": "Day",
    "project": "Project",
    "person": "Person",
    "description": "Description",
}


class Trial(Struct, frozen=True, kw_only=True):
    """What typed values come to; or what is in the way: `here` in this step, `elsewhere` in other steps, `trouble`
    with a service."""

    sample: Sample | None = None
    here: tuple[str, ...] = ()
    elsewhere: tuple[Problem, ...] = ()
    trouble: str = ""


async def show(request: web.Request) -> web.Response:
    """The form; the preview comes as soon as the page is there."""
    return await _page(request, await draft_of(request), Form())


async def save(request: web.Request) -> web.Response:
    """Save what was typed in the draft."""
    form, draft = await forms.read(request), await draft_of(request)
    kept = await keep(request, form, _changes(form, draft, await _company(request)), fields=surcharges.fields(form))
    if not form.good:
        return await _page(request, draft, form)
    return go_on_or_save(request, STEP, form, kept)


async def preview(request: web.Request) -> web.Response:
    """What would be invoiced by what was typed: the part of the page for our script, else the page with it."""
    form, draft = await forms.read(request), await draft_of(request)
    trial = await _tried(request, form, draft)
    if form["fragment"] == "yes":
        return render(request, "setup/_preview.html", trial=trial)
    return await _page(request, draft, form, trial)


async def _page(request: web.Request, draft: Draft, form: Form, trial: Trial | None = None) -> web.Response:
    company, now = await _company(request), values.shown(draft, SETTINGS)
    if not now["start"]:
        now |= _suggested(company)
    names = {name for name, path in draft.value("source", "fields", default={}).items() if path}
    usable = sorted(names - NOT_GROUPED - ALWAYS, key=lambda name: (name not in FIRST, name))
    return await render_step(
        request,
        STEP,
        form,
        draft=draft,
        now=now,
        invoice_per=_ticked(form, draft, INVOICE_PER),
        line_per=_ticked(form, draft, LINE_PER),
        usable=[(name, LABELS.get(name, name)) for name in usable],
        printable=sorted((names - NOT_PRINTED - ALWAYS) | {"period", "day"}),
        accounts=_accounts(company, now["revenue_account"]),
        taxes=_taxes(company, now["tax_type"]),
        themes=_themes(company, now["branding"]),
        tracking=_tracking(company, draft, usable),
        surcharges=[
            (row, _accounts(company, row["revenue_account"], OF_TIME), _taxes(company, row["tax_type"], OF_TIME))
            for row in surcharges.rows(form, draft)
        ],
        company=company,
        trial=trial,
    )


async def _company(request: web.Request) -> Company | None:
    """The company's lists; None where Xero is not connected, or does not answer."""
    try:
        return await request.app[STORE].company.get() or await promptly((await context_of(request)).company())
    except HourstreamError:
        return None


# ---- what was typed ------------------------------------------------------------------------------------------------


def _changes(form: Form, draft: Draft, company: Company | None) -> dict[Path, Value | None]:
    """The draft's keys by this form; what is wrong with a value by itself is noted in the form."""
    found = values.typed(form, draft, SETTINGS)
    if not form["start"]:
        form.problem("start", "Write the first day whose time is billed here.")
    found |= _list(form, draft, INVOICE_PER, ["xero_contact"])
    found |= _list(form, draft, LINE_PER, [])
    found |= surcharges.typed(form, draft)
    for place, (category, _) in enumerate(company.tracking if company else ()):
        found |= values.told(draft, (*TRACKING, category), form[f"tracking-{place}"] or None, None)
    return found


def _list(form: Form, draft: Draft, setting: values.Setting, always: list[str]) -> dict[Path, Value | None]:
    """Names that are ticked: those that were chosen before in their order, then the others."""
    ticked = [*always, *form.all(setting.name)]
    before = [name for name in draft.value(*setting.path, default=setting.default) if name in ticked]
    chosen = list(dict.fromkeys([*before, *ticked]))
    return values.told(draft, setting.path, chosen, setting.default)


def _ticked(form: Form, draft: Draft, setting: values.Setting) -> list[str]:
    return form.all(setting.name) if form.values else list(draft.value(*setting.path, default=setting.default))


# ---- what it comes to ----------------------------------------------------------------------------------------------


async def _tried(request: web.Request, form: Form, draft: Draft) -> Trial:
    changes = _changes(form, draft, await _company(request))
    if not form.good:
        return Trial(here=tuple(form.problems.values()))
    after = drafting.changed(draft, changes)
    if wrong := after.problems():
        here = tuple(f"{each.what}. {each.remedy}".strip() for each in wrong if owner(each.key) is STEP)
        return Trial(here=here, elsewhere=tuple(each for each in wrong if owner(each.key) is not STEP))
    try:
        return Trial(sample=await request.app[WORKING].samples.sample(await context_of(request), parse(after.text)))
    except HourstreamError as error:
        return Trial(trouble=str(error))


def _suggested(company: Company | None) -> dict[str, str]:
    """What a first setup probably wants: from this month on, to the first account for sales."""
    sales = [code for code, _ in _accounts(company, "") if code]
    return {"start": datetime.now(UTC).date().replace(day=1).isoformat(), "revenue_account": sales[0] if sales else ""}


# ---- Xero's lists --------------------------------------------------------------------------------------------------


def _accounts(company: Company | None, now: str, nothing: str = NO_ACCOUNT) -> list[tuple[str, str]]:
    usable = (
        [each for each in company.accounts if each.status == ACTIVE and each.type in REVENUE_TYPES] if company else []
    )
    choices = [("", nothing), *((a.code, f"{a.code} {a.name}") for a in usable)]
    return _with(choices, now)


def _taxes(company: Company | None, now: str, nothing: str = NO_TAX) -> list[tuple[str, str]]:
    usable = (
        [each for each in company.tax_rates if each.status == ACTIVE and each.can_apply_to_revenue] if company else []
    )
    choices = [("", nothing), *((t.type, f"{t.name} ({t.rate:f}%)") for t in usable)]
    return _with(choices, now)


def _themes(company: Company | None, now: str) -> list[tuple[str, str]]:
    names = [(name, name) for _, name in company.themes] if company else []
    return _with([("", "The contact's, or the company's first"), *names], now)


def _with(choices: list[tuple[str, str]], now: str) -> list[tuple[str, str]]:
    """What is chosen stays to be chosen, though Xero does not offer it."""
    known = any(code == now for code, _ in choices)
    return choices if known else [*choices, (now, f"{now} (not in the company's list)")]


def _tracking(company: Company | None, draft: Draft, usable: list[str]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Each tracking category: its name, what is chosen, and what can be."""
    found = []
    for category, options in company.tracking if company else ():
        now = str(draft.value(*TRACKING, category))
        names = [(name, f"By {LABELS.get(name, name).lower()}") for name in usable]
        found.append((category, now, _with([("", "Not used"), *names, *((each, each) for each in options)], now)))
    return found
