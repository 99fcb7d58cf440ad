"""The page on which a person lets the app into the org: the first half of the web-server flow.

Source: Salesforce Help, "OAuth 2.0 Web Server Flow for Web App Integration".
"""

from collections.abc import Mapping
from urllib.parse import urlencode

import jinja2
from aiohttp import web

from sandbox.salesforce.auth import CLIENT_ID
from sandbox.salesforce.consents import GRANTABLE, may_redirect_to
from sandbox.salesforce.errors import OAuthError
from sandbox.salesforce.login import person, sign_in_first
from sandbox.salesforce.site import TEMPLATES
from sandbox.salesforce.state import STATE

APP_NAME = "Hourstream"
# What a scope means, in the words of the real page.
SCOPES = {
    "api": "Manage user data via APIs",
    "refresh_token": "Perform requests at any time",
    "offline_access": "Perform requests at any time",
    "openid": "Access unique user identifiers",
    "profile": "View the name of the user",
    "email": "View the e-mail address of the user",
    "id": "Access the identity URL service",
    "web": "Manage user data via Web browsers",
    "full": "Full access",
}
# A form's redirect counts as its action: the callback is on another host.
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self' https: http://localhost:*; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
routes = web.RouteTableDef()


@routes.get("/services/oauth2/authorize")
async def ask(request: web.Request) -> web.Response:
    """The page that names the org and what the app asks for."""
    try:
        _check(request.query)
    except OAuthError as error:
        return _refused(request, request.query, error)
    user = person(request)
    if user is None:
        return sign_in_first(request)
    return page(request, "consent.html", user=user, asked=dict(request.query), words=_words(request.query))


@routes.post("/services/oauth2/authorize")
async def answered(request: web.Request) -> web.Response:
    """The person said yes or no: back to the app, with a code or with `access_denied`."""
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    try:
        _check(form)
    except OAuthError as error:
        return _refused(request, form, error)
    user = person(request)
    if user is None:
        return page(request, "refused.html", 403, error=OAuthError("login_required", "the session has expired"))
    if form.get("answer") != "allow":
        refused = {"error": "access_denied", "error_description": "end-user denied authorization"}
        return _back(form, refused)
    return _back(form, {"code": request.app[STATE].sessions.consents.allow(str(user["Id"]), form)})


def page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """A page of the sign-in: no menu, as the person is not in the org yet."""
    org = request.app[STATE].org
    text = _PAGES.get_template(template).render(
        org_name=org.tables["Organization"][org.id]["Name"], app_name=APP_NAME, menu=(), **values
    )
    return web.Response(status=status, text=text, content_type="text/html", headers=_SAFETY)


def _check(asked: Mapping[str, str]) -> None:
    if asked.get("client_id") != CLIENT_ID:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not may_redirect_to(asked.get("redirect_uri", "")):
        raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
    if asked.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response type not supported")
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code challenge method must be S256")
    if not set(asked.get("scope", "").split()) <= GRANTABLE:
        raise OAuthError("invalid_scope", "the requested scope is not allowed")


def _refused(request: web.Request, asked: Mapping[str, str], error: OAuthError) -> web.Response:
    """Back to the app where it may be trusted with the answer, else a page."""
    if asked.get("client_id") == CLIENT_ID and may_redirect_to(asked.get("redirect_uri", "")):
        return _back(asked, {"error": error.error, "error_description": error.description})
    return page(request, "refused.html", 400, error=error)


def _words(asked: Mapping[str, str]) -> list[str]:
    """What the scopes mean, each once."""
    return list(dict.fromkeys(SCOPES[scope] for scope in (asked.get("scope") or "api refresh_token").split()))


def _back(asked: Mapping[str, str], query: dict[str, str]) -> web.Response:
    """To the callback; `state` comes back just as it was sent."""
    told = query | ({"state": asked["state"]} if "state" in asked else {})
    separator = "&" if "?" in asked["redirect_uri"] else "?"
    return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}{separator}{urlencode(told)}"})
