"""History of setups with undo, the setup as a file, and the Salesforce package that is made from it."""

from datetime import date

import tomlkit.exceptions
from aiohttp import web
from tomlkit import parse as toml

from console import drafting, versions
from console.sfdx import package
from console.web import forms
from console.web.forms import UNPROCESSABLE, Form
from console.web.paging import Paging
from console.web.rendering import PERSON, render
from console.web.session import say, see_other
from console.web.setup.frame import draft_of, shared
from console.web.setup.saving import SAVE
from console.web.setup.steps import PATH
from console.web.site import STORE
from worker.errors import ConfigurationError
from worker.setup import Setup, SetupError, parse

HISTORY = f"{PATH}/history"
PAGE = 20
PACKED = ("source", "contacts")  # what the package is made from
NO_SUCH = "There is no such version."


async def show(request: web.Request) -> web.Response:
    """Every version, newest first, with what it changed."""
    return await _page(request, Form())


async def _page(request: web.Request, form: Form) -> web.Response:
    paging = Paging.of(request, size=PAGE)
    found, total = await versions.versions(request.app[STORE], paging.start, PAGE)
    return render(
        request,
        "setup/history.html",
        status=200 if form.good else UNPROCESSABLE,
        **await shared(request, await draft_of(request)),
        versions=found,
        paging=Paging.of(request, size=PAGE, total=total),
        form=form,
    )


async def one(request: web.Request) -> web.Response:
    """One version as it was saved, and what going back to it would change."""
    number = int(request.match_info["number"])
    text = await _text(request, number)
    draft = await draft_of(request)
    stored = await request.app[STORE].setup.current()
    changes = versions.changes(stored.text if stored else "", text)
    return render(
        request,
        "setup/version.html",
        **await shared(request, draft),
        number=number,
        text=text,
        changes=changes,
        now=stored.version if stored else 0,
    )


async def undo(request: web.Request) -> web.Response:
    """Make an older version the draft; Save then shows what it does."""
    form = await forms.read(request)
    number = int(form["number"]) if form["number"].isdecimal() and len(form["number"]) < 9 else 0
    text = await _text(request, number)
    draft = await draft_of(request)
    if draft.changed and draft.text != text and form["sure"] != "yes":
        effects = [f"The draft, in which {len(draft.changed)} settings differ from those in force, is replaced."]
        title = f"Go back to version {number}?"
        return forms.confirm(request, title, effects=effects, button="Replace the draft", back=HISTORY, form=form)
    await drafting.replaced(request.app[STORE], text, request[PERSON].who)
    say(request, f"Version {number} is the draft now. Nothing is in force before you save it here.")
    return see_other(SAVE)


async def download(request: web.Request) -> web.Response:
    """The setup in force as a file, exactly as it was saved; with `of=draft` the draft."""
    draft = await draft_of(request)
    stored = await request.app[STORE].setup.current()
    text = draft.text if request.query.get("of") == "draft" else stored.text if stored else ""
    if not text:
        raise web.HTTPNotFound(text="There is no setup yet.")
    headers = {"Content-Disposition": 'attachment; filename="setup.toml"'}
    return web.Response(text=text, content_type="application/toml", charset="utf-8", headers=headers)


async def upload(request: web.Request) -> web.Response:
    """Make a file the draft; what is wrong in it is named step by step."""
    form = await forms.read(request)
    text = form["file"]
    if not text:
        form.problem("file", "Choose a setup file.")
    elif trouble := _no_file(text):
        form.problem("file", trouble)
    if not form.good:
        return await _page(request, form)
    await drafting.replaced(request.app[STORE], f"{text}\n", request[PERSON].who)
    say(request, "The file is the draft now. Nothing is in force before you save it here.")
    return see_other(SAVE)


async def download_package(request: web.Request) -> web.Response:
    """The Salesforce package of the draft, or of the setup in force where nobody drafts."""
    draft = await draft_of(request)
    try:
        setup = _for_package(draft.text)
    except SetupError as error:
        first = error.problems[0]
        text = f"The package is made from the time object and its fields: {first.key} {first.what}. {first.remedy}"
        raise web.HTTPNotFound(text=text) from None
    headers = {"Content-Disposition": 'attachment; filename="hourstream-salesforce.zip"'}
    return web.Response(body=package(setup), content_type="application/zip", headers=headers)


def _for_package(text: str) -> Setup:
    """The setup, as far as the package needs it: fields must be there before the rest can be decided."""
    try:
        return parse(text)
    except SetupError as error:
        needed = [each for each in error.problems if not each.key or drafting.is_below(each.key, PACKED)]
        if needed:
            raise SetupError(needed) from None
        parts = {name: table for name, table in drafting.tables(text).items() if name in PACKED}
        return Setup.model_validate({**parts, "billing": {"start": date(2000, 1, 1)}})


async def _text(request: web.Request, number: int) -> str:
    try:
        return await versions.text_of(request.app[STORE], number)
    except ConfigurationError:
        raise web.HTTPNotFound(text=NO_SUCH) from None


def _no_file(text: str) -> str:
    try:
        toml(text)
    except (tomlkit.exceptions.ParseError, RecursionError, ValueError) as error:
        return f"This is not TOML: {error}."
    return ""
