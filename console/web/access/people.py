"""The Access page: who may use the console, as what; for administrators."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from console import access
from console.web import forms
from console.web.forms import Form
from console.web.rendering import PERSON, render
from console.web.session import say, see_other
from console.web.site import SITE, STORE
from worker.errors import ServiceError
from worker.store.people import NAME, ROLES, WAYS

PATH = "/access"
ROLE_HINTS = {
    "viewer": "sees everything",
    "operator": "and decides what waits, corrects, retries",
    "administrator": "and changes setup, rates, connections and access",
}
WAY_HINTS = {
    "salesforce": "Salesforce username",
    "xero": "E-mail address of the Xero login",
    "link": "One-time links, for a person you name",
}


async def show(request: web.Request) -> web.Response:
    """Everybody with a role, and the form that gives one."""
    return await _page(request, Form())


async def grant(request: web.Request) -> web.Response:
    """Give somebody a role; somebody who comes by link gets the first one at once."""
    form = await forms.read(request)
    way, role = form.one_of("way", WAYS), form.one_of("role", ROLES)
    name = form.needed("name", "Say who.", NAME)
    if way is None or role is None or not form.good:
        return await _page(request, form, status=forms.UNPROCESSABLE)
    try:
        member = await access.grant(request.app[STORE], request[PERSON].who, way, name, role)
    except ServiceError as error:
        form.problem("name", str(error))
        return await _page(request, form, status=forms.UNPROCESSABLE)
    if way == "link":
        return await _linked(request, member.id)
    say(request, f"{member.name} is {member.role} now, and signs in with {way.title()}.")
    return see_other(PATH)


async def change(request: web.Request) -> web.Response:
    """Give somebody another role."""
    form = await forms.read(request)
    role = form.one_of("role", ROLES)
    if role is None:
        say(request, "Nothing was changed: choose a role.", "attention")
        return see_other(PATH)

    async def changed() -> str:
        before = await access.one(request.app[STORE], form["id"])
        member = await access.grant(request.app[STORE], request[PERSON].who, before.way, before.name, role)
        return f"{member.name} is {member.role} now."

    return await _done(request, changed)


async def revoke(request: web.Request) -> web.Response:
    """Take somebody's role, after asking."""
    form = await forms.read(request)
    if not form["sure"]:
        return await _ask(request, form)

    async def revoked() -> str:
        member = await access.revoke(request.app[STORE], request[PERSON].who, form["id"])
        return f"{member.name} has no role any more and is signed out everywhere."

    return await _done(request, revoked)


async def sign_out(request: web.Request) -> web.Response:
    """End every session of somebody."""
    form = await forms.read(request)

    async def signed_out() -> str:
        member = await access.sign_out(request.app[STORE], request[PERSON].who, form["id"])
        return f"{member.name} is signed out everywhere."

    return await _done(request, signed_out)


async def link(request: web.Request) -> web.Response:
    """Another one-time link for somebody who comes by links."""
    return await _linked(request, (await forms.read(request))["id"])


async def _linked(request: web.Request, id_: str) -> web.Response:
    """The page with a new link, shown this once."""
    store = request.app[STORE]
    try:
        member = await access.one(store, id_)
    except ServiceError as error:
        say(request, str(error), "attention")
        return see_other(PATH)
    if member.way != "link":
        say(request, f"{member.name} signs in with {member.way.title()}, without a link.", "attention")
        return see_other(PATH)
    by = request[PERSON].who
    address = await access.link(store, by, id_, request.app[SITE].address)
    return render(request, "access_link.html", member=member, address=address)


async def _ask(request: web.Request, form: Form) -> web.Response:
    try:
        member = await access.one(request.app[STORE], form["id"])
    except ServiceError as error:
        say(request, str(error), "attention")
        return see_other(PATH)
    effects = [f"{member.name} is signed out everywhere at once and cannot sign in again."]
    if member.person == request[PERSON].id:
        effects.append("That is you: your next click asks you to sign in.")
    title = f"Take the role from {member.name}?"
    return forms.confirm(request, title, effects=effects, button="Take the role", back=PATH, form=form, danger=True)


async def _done(request: web.Request, work: Callable[[], Awaitable[str]]) -> web.Response:
    """Do it and say so on the page one comes back to; a refusal is said there, too."""
    try:
        say(request, await work())
    except ServiceError as error:
        say(request, str(error), "attention")
    return see_other(PATH)


async def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    members = await access.members(request.app[STORE])
    return render(
        request,
        "access.html",
        status=status,
        members=members,
        form=form,
        roles=[(role, f"{role.title()}: {ROLE_HINTS[role]}") for role in ROLES],
        ways=[(way, WAY_HINTS[way]) for way in ("link", "salesforce", "xero")],
        only_roles=[(role, role.title()) for role in ROLES],
    )
