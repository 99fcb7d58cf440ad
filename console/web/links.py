"""Signing in by a one-time link, and signing out."""

from aiohttp import web

from console.web.access.signin import check_tries, let_in
from console.web.rendering import PERSON, render
from console.web.session import see_other, sign_out
from console.web.site import STORE
from worker.store.people import id_of

OVER = 410  # Gone


async def show(request: web.Request) -> web.Response:
    """A page with one button: programs that look at links ahead of people must not use them up."""
    valid = await request.app[STORE].links.valid(request.match_info["token"])
    return render(request, "link.html", status=200 if valid else OVER, valid=valid)


async def use(request: web.Request) -> web.Response:
    """Sign in, and go to what was asked for before."""
    await check_tries(request)
    store = request.app[STORE]
    invited = await store.links.take(request.match_info["token"])
    member = await store.people.get(id_of("link", invited.who)) if invited else None
    if member is None:  # or the role was taken since the link was made
        return render(request, "link.html", status=OVER, valid=False)
    return await let_in(request, member)


async def leave(request: web.Request) -> web.Response:
    """Sign out."""
    await request.app[STORE].audit.write(request[PERSON].who, "console.signed-out", "console", {})
    await sign_out(request)
    return see_other("/")
