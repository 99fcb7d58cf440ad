"""Signing in: with Salesforce, with Xero, or by a one-time link; everything else happens after it."""

from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from console.web.access.openid import Provider
from console.web.access.providers import SignedIn, named, offered
from console.web.rendering import render
from console.web.security import client
from console.web.session import COOKIE, browser_id, see_other, sign_in
from console.web.site import SETTINGS, SITE, STORE
from worker.errors import ServiceError
from worker.store.people import Member

CALLBACK = "/signin/callback"
PER_ADDRESS, IN_ALL = 20, 200  # tries a minute


async def signin_page(request: web.Request, *, status: int = 200, problem: str = "") -> web.Response:
    """How one signs in here, and what went wrong with the last try."""
    ways = await offered(request.app[STORE], request.app[SETTINGS])
    return render(request, "signin.html", status=status, ways=ways, problem=problem)


async def show(request: web.Request) -> web.Response:
    """The sign-in page."""
    return await signin_page(request)


async def begin(request: web.Request) -> web.Response:
    """Send the browser to the service."""
    if (elsewhere := _elsewhere(request)) is not None:
        return elsewhere
    await check_tries(request)
    provider = await _provider(request, request.match_info["way"])
    if provider is None:
        raise web.HTTPNotFound(text="Nobody signs in that way here.")
    store, uri = request.app[STORE], request.app[SITE].address + CALLBACK
    state, consent = await store.consents.begin(_what(provider), browser_id(request), uri)
    request[COOKIE]["way"] = provider.way
    return web.Response(status=303, headers={"Location": provider.address(state, consent)})


async def callback(request: web.Request) -> web.Response:
    """The browser is back: with a code, or with what the service or the person refused."""
    await check_tries(request)
    provider = await _provider(request, str(request[COOKIE].pop("way", "")))
    if provider is None:
        return await signin_page(request, status=400, problem="This sign-in was not begun in this browser.")
    try:
        signed_in = await _signed_in(request, provider)
    except (ServiceError, TimeoutError) as error:
        await audit(request, "console.sign-in-failed", provider.way, {"why": _said(error, provider)})
        return await signin_page(request, status=403, problem=_said(error, provider))
    member = await request.app[STORE].people.recognise(signed_in.way, signed_in.name, signed_in.subject)
    if member is None:
        await audit(request, "console.refused", f"{signed_in.way}:{signed_in.name}", {"subject": signed_in.subject})
        return await signin_page(request, status=403, problem=_no_role(provider, signed_in))
    return await let_in(request, member)


async def let_in(request: web.Request, member: Member) -> web.Response:
    """Begin the session and go to what was asked for before."""
    asked = await sign_in(request, member)
    detail = {"role": member.role, "way": member.way, "address": client(request)}
    await request.app[STORE].audit.write(member.name, "console.signed-in", "console", detail)
    return see_other(asked)


async def check_tries(request: web.Request) -> None:
    """Raises `HTTPTooManyRequests` for an address, or a world, that tries to sign in too often."""
    seconds = await request.app[STORE].throttle.wait("signin", client(request), per_one=PER_ADDRESS, per_all=IN_ALL)
    if seconds:
        why = f"Wait {seconds} seconds, then try again."
        raise web.HTTPTooManyRequests(text=why, headers={"Retry-After": str(seconds)})


async def audit(request: web.Request, what: str, subject: str, detail: dict[str, Any]) -> None:
    """Record what somebody did who is not signed in."""
    who = f"somebody at {client(request)}"
    await request.app[STORE].audit.write(who, what, subject, detail)


async def _signed_in(request: web.Request, provider: Provider) -> SignedIn:
    """Whom the service names. Raises `ServiceError`, and `TimeoutError` when it takes too long."""
    store, query = request.app[STORE], request.query
    consent = await store.consents.take(_what(provider), browser_id(request), query.get("state", ""))
    if "error" in query or not query.get("code"):
        raise ServiceError(f"{provider.title} did not let you in ({query.get('error', 'no code')[:80]}).")
    claims = await provider.claims(query["code"], consent)
    return named(provider, claims, (await store.pair.get()).get("org", ""))


async def _provider(request: web.Request, way: str) -> Provider | None:
    ways = await offered(request.app[STORE], request.app[SETTINGS])
    return next((provider for provider in ways if provider.way == way), None)


def _elsewhere(request: web.Request) -> web.Response | None:
    """To the console's own address first: the service sends the browser back there, and cookies do not follow."""
    own = request.app[SITE].address
    if urlsplit(f"//{request.host}").hostname == urlsplit(own).hostname:
        return None
    return web.Response(status=303, headers={"Location": f"{own}/signin"})


def _what(provider: Provider) -> str:
    return f"signin:{provider.way}"


def _said(error: BaseException, provider: Provider) -> str:
    return str(error) if isinstance(error, ServiceError) else f"{provider.title} took too long. Sign in again."


def _no_role(provider: Provider, who: SignedIn) -> str:
    return f"{provider.title} knows you as {who.name}, but you have no role here. Ask an administrator of this console."
