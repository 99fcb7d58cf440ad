"""Signing in by a one-time link, and signing out."""

from aiohttp import web

from console.web.rendering import PERSON, render
from console.web.session import sign_in, sign_out
from console.web.site import STORE
from worker.store.links import Invited, Role
from worker.store.store import Store

OVER = 410  # Gone


async def one_time_link(
    store: Store, console_url: str, *, who: str = "administrator", role: Role = "administrator"
) -> str:
    """The address that signs one browser in, once, within 15 minutes."""
    token = await store.links.make(Invited(who=who, role=role))
    return f"{console_url.rstrip('/')}/link/{token}"


async def show(request: web.Request) -> web.Response:
    """A page with one button: programs that look at links ahead of people must not use them up."""
    valid = await request.app[STORE].links.valid(request.match_info["token"])
    return render(request, "link.html", status=200 if valid else OVER, valid=valid)


async def use(request: web.Request) -> web.Response:
    """Sign in, and go to what was asked for before."""
    invited = await request.app[STORE].links.take(request.match_info["token"])
    if invited is None:
        return render(request, "link.html", status=OVER, valid=False)
    asked = await sign_in(request, invited)
    await request.app[STORE].audit.write(invited.who, "console.signed-in", "console", {"role": invited.role})
    return _see(asked)


async def leave(request: web.Request) -> web.Response:
    """Sign out."""
    await request.app[STORE].audit.write(request[PERSON].who, "console.signed-out", "console", {})
    await sign_out(request)
    return _see("/")


def _see(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
