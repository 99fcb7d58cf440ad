"""Save: what the draft changes, in money first, and then it is the setup in force. And the switch Preview | Live."""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Final

from aiohttp import web

from console import editing, effects, versions, weighing
from console.drafting import Draft
from console.versions import Change
from console.web import forms, proposals
from console.web.acting import context_of
from console.web.forms import Form
from console.web.making import MAKINGS, Workshop, wait
from console.web.rendering import PERSON, amount, render
from console.web.session import say, see_other
from console.web.setup.frame import draft_of, shared
from console.web.setup.steps import PATH, owner
from console.web.setup.working import WORKING, Weighing
from console.web.site import STORE
from console.weighing import Weighed
from worker.applying import apply_setup
from worker.context import Context
from worker.errors import HourstreamError
from worker.setup import Setup, parse
from worker.setup.check import errors
from worker.setup.forecast import sentence
from worker.store.setup_store import StoredSetup

SAVE, MODE = f"{PATH}/save", f"{PATH}/mode"
PATIENCE: Final = 1.0  # seconds a page waits for what a setup would do
PATIENT: Final = 60.0  # seconds an act does
FRESH: Final = 60.0  # seconds what was found is used again
WHEN = ("schedule", "invoices")
MODES: Final = {"live": "Go live", "preview": "Back to preview"}
STOPS: Final = (
    "Nothing is written to Xero from now on, nor back to Salesforce.",
    "Drafts that are in Xero stay there as they are; time goes on being read.",
)


async def show(request: web.Request) -> web.Response:
    """What saving the draft would change: keys, what the services say, drafts in money, calls."""
    draft = await draft_of(request)
    changes, wrong, found, trouble = await _changes(request, draft), draft.problems(), None, ""
    if changes and not wrong:
        try:
            found = await _weighed(request, draft, PATIENCE)
        except HourstreamError as error:
            trouble = str(error)
    response = render(
        request,
        "setup/save.html",
        **await shared(request, draft),
        seen=_seen(draft),
        changes=changes,
        mend=[(problem, owner(problem.key)) for problem in wrong or (found.problems if found else ())],
        stops=bool(wrong or trouble or not found or errors(found.problems)),
        found=found,
        sentence=effects.sentence(found.weighed.effect) if found else "",
        trouble=trouble,
        first=not draft.version,
        writes=_writes(draft) if not wrong else False,
    )
    if changes and not wrong and not trouble and found is None:
        response.headers["Refresh"] = "2"
    return response


async def save(request: web.Request) -> web.Response:
    """Make the draft the setup in force, once it was looked at as it is."""
    form, draft = await forms.read(request), await draft_of(request)
    if not await _changes(request, draft):
        say(request, f"Nothing was left to save: setup version {draft.version} is in force.", "attention")
        return see_other(PATH)
    if form["seen"] != _seen(draft):
        say(request, "The draft or the setup in force changed since this page was shown. Look again.", "attention")
        return see_other(SAVE)
    try:
        found = None if draft.problems() else await _weighed(request, draft, PATIENT)
        if found is None or errors(found.problems):
            say(request, "It cannot be saved as it is: see below.", "attention")
            return see_other(SAVE)
        by = request[PERSON].who
        version = await apply_setup(request.app[STORE], draft.text, by, expected=draft.version)
        await request.app[STORE].drafts.drop()
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(SAVE)
    more = "" if _writes(draft) else " It is a preview: nothing is written to Xero."
    say(request, f"Saved: setup version {version} is in force.{more}")
    return see_other(PATH if _writes(draft) else proposals.PATH)


async def switch(request: web.Request) -> web.Response:
    """Preview | Live: asks first with what it does. Back to preview needs neither service."""
    form, store = await forms.read(request), request.app[STORE]
    mode, stored, text = await _switched(request, form.one_of("mode", list(MODES)))
    if text is None:
        return see_other(PATH)
    if form["sure"] != "yes" or form["seen"] != str(stored.version):
        return see_other(f"{MODE}?mode={mode}")
    try:
        version = await apply_setup(store, text, request[PERSON].who, expected=stored.version)
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(PATH)
    what = "Live: drafts are written to Xero." if mode == "live" else "In preview: nothing is written to Xero."
    say(request, f"{what} Setup version {version} is in force.")
    return see_other(PATH)


async def ask(request: web.Request) -> web.Response:
    """The question before the switch, with an address of its own: it can be looked at again."""
    mode, stored, text = await _switched(request, request.query.get("mode"))
    if text is None:
        return see_other(PATH)
    asked = Form({"mode": [mode], "seen": [str(stored.version)]})
    meant: Sequence[str] | None = STOPS
    if mode == "live":
        ctx, made = await context_of(request), request.app[MAKINGS].workshop
        work, name = partial(_would_be, ctx, text, made), f"live {stored.version}"
        found = await request.app[WORKING].switching.ask(name, work, patience=PATIENCE, fresh=FRESH)
        meant = _going_live(found.weighed, parse(text)) if found else None
    if meant is None:
        return wait(request, f"{MODES[mode]}?", "What it does to drafts is being counted, over every entry.")
    return forms.confirm(request, f"{MODES[mode]}?", effects=meant, button=MODES[mode], back=PATH, form=asked)


async def _switched(request: web.Request, mode: str | None) -> tuple[str, StoredSetup, str | None]:
    """The mode, the setup in force, and its text in that mode; None where it is in that mode already, which is said."""
    store = request.app[STORE]
    stored = await store.setup.current()
    if mode not in MODES or stored is None:
        raise web.HTTPBadRequest(text="There is no setup yet: save one first." if mode in MODES else "Live or preview?")
    writes = parse(stored.text).schedule.invoices.writes
    if writes == (mode == "live"):
        say(request, "It is live already." if writes else "It is in preview already.", "attention")
        return mode, stored, None
    said = await versions.schedule_before(store) if mode == "live" else "preview"
    return mode, stored, editing.edited(stored.text, {WHEN: said})


def _going_live(found: Weighed, setup: Setup) -> list[str]:
    said = setup.schedule.invoices
    return [
        effects.sentence(found.effect),
        *(f"New drafts come to {amount(total)} {currency}." for currency, total in found.created.items()),
        f'Invoices are sent by the schedule "{said}", as drafts: nothing here approves or sends them to clients.',
    ]


async def _weighed(request: web.Request, draft: Draft, patience: float) -> Weighing | None:
    work = partial(_weigh, await context_of(request), draft.text, request.app[MAKINGS].workshop)
    return await request.app[WORKING].weighing.ask(_seen(draft), work, patience=patience, fresh=FRESH)


async def _weigh(ctx: Context, text: str, made: Workshop) -> Weighing:
    setup = parse(text)
    found = await weighing.problems(ctx, setup)
    calls = sentence(await weighing.calls(ctx.store, setup))
    if errors(found):
        return Weighing(problems=tuple(found), calls=calls)
    would_be = await _would_be(ctx, text, made)
    return Weighing(problems=tuple(found), weighed=would_be.weighed, calls=calls)


async def _would_be(ctx: Context, text: str, made: Workshop) -> Weighing:
    return Weighing(weighed=await made.make(ctx, "weighed", text, Weighed))


async def _changes(request: web.Request, draft: Draft) -> list[Change]:
    stored = await request.app[STORE].setup.current()
    return versions.changes(stored.text if stored else "", draft.text)


def _seen(draft: Draft) -> str:
    """What a person looked at: this text, on this version."""
    return f"{draft.version}-{hashlib.sha256(draft.text.encode()).hexdigest()[:16]}"


def _writes(draft: Draft) -> bool:
    return str(draft.value(*WHEN, default="preview")) not in ("preview", "off")
