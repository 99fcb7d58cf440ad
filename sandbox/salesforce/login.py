"""The org's own sign-in page, and the cookie of who is signed in.

Source: Salesforce's login page: its form posts `un` and `pw`, and goes on to `startURL`.
"""

from urllib.parse import urlencode

import jinja2
from aiohttp import web

from sandbox.logins import PASSWORD, Logins, own_path, right
from sandbox.salesforce.org import Org, Record
from sandbox.salesforce.site import TEMPLATES
from sandbox.salesforce.state import STATE

REFUSED = "Please check your username and password. If you still can't log in, contact your Salesforce administrator."
LOGINS: web.AppKey[Logins] = web.AppKey("logins", Logins)
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
routes = web.RouteTableDef()


@routes.get("/login")
async def ask(request: web.Request) -> web.Response:
    """The form."""
    return _form(request, request.query.get("startURL", ""))


@routes.post("/login")
async def answered(request: web.Request) -> web.Response:
    """Sign in and go on."""
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    user = request.app[STATE].org.find("User", "Username", form.get("un", "").strip())
    if user is None or not user["IsActive"] or not right(form.get("pw", "")):
        return _form(request, form.get("startURL", ""), form.get("un", ""), problem=REFUSED)
    response = web.Response(status=302, headers={"Location": own_path(form.get("startURL", ""))})
    request.app[LOGINS].sign_in(response, str(user["Id"]))
    return response


@routes.get("/secur/logout.jsp")
async def leave(request: web.Request) -> web.Response:
    """Sign out."""
    response = web.Response(status=302, headers={"Location": "/login"})
    request.app[LOGINS].sign_out(request, response)
    return response


def person(request: web.Request) -> Record | None:
    """Whom the browser is signed in as: an active user, or nobody."""
    org = request.app[STATE].org
    user = org.tables["User"].get(request.app[LOGINS].person(request))
    return user if user is not None and user["IsActive"] else None


def sign_in_first(request: web.Request) -> web.Response:
    """To the form, and back here after it."""
    query = urlencode({"startURL": request.path_qs})
    return web.Response(status=302, headers={"Location": f"/login?{query}"})


def _form(request: web.Request, start: str, username: str = "", *, problem: str = "") -> web.Response:
    org = request.app[STATE].org
    text = _PAGES.get_template("login.html").render(
        org_name=org.tables["Organization"][org.id]["Name"],
        menu=(),
        start=own_path(start),
        username=username,
        problem=problem,
        users=_usernames(org),
        password=PASSWORD,
    )
    return web.Response(text=text, content_type="text/html", headers=_SAFETY)


def _usernames(org: Org) -> list[str]:
    return [str(user["Username"]) for user in org.tables["User"].values() if user["IsActive"]]
