"""Xero's own sign-in page, and the cookie of who is signed in."""

from collections.abc import Mapping
from urllib.parse import urlencode

import jinja2
from aiohttp import web

from sandbox.logins import PASSWORD, Logins, own_path, right
from sandbox.xero.books import Books
from sandbox.xero.people import USERS, XeroUser, by_email, by_id

REFUSED = "Your email or password is incorrect"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Login:
    """The page at /identity/user/login."""

    def __init__(self, books: Books, templates: jinja2.Environment) -> None:
        self.books = books
        self.templates = templates
        self.logins = Logins("xero-stand-in")

    def routes(self) -> list[web.RouteDef]:
        """The form and the way out."""
        path = "/identity/user/login"
        return [web.get(path, self.ask), web.post(path, self.answered), web.get("/identity/user/logout", self.leave)]

    def person(self, request: web.Request) -> XeroUser | None:
        """Whom the browser is signed in as."""
        return by_id(self.logins.person(request))

    def first(self, request: web.Request) -> web.Response:
        """To the form, and back here after it."""
        query = urlencode({"ReturnUrl": request.path_qs})
        return web.Response(status=302, headers={"Location": f"/identity/user/login?{query}"})

    async def ask(self, request: web.Request) -> web.Response:
        """The form."""
        return self._form(request.query)

    async def answered(self, request: web.Request) -> web.Response:
        """Sign in and go on."""
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        user = by_email(form.get("Username", ""))
        if user is None or not right(form.get("Password", "")):
            return self._form(form, problem=REFUSED)
        response = web.Response(status=302, headers={"Location": own_path(form.get("ReturnUrl", ""))})
        self.logins.sign_in(response, user.id)
        return response

    async def leave(self, request: web.Request) -> web.Response:
        """Sign out."""
        response = web.Response(status=302, headers={"Location": "/identity/user/login"})
        self.logins.sign_out(request, response)
        return response

    def _form(self, given: Mapping[str, str], *, problem: str = "") -> web.Response:
        text = self.templates.get_template("login.html").render(
            organisation=self.books.organisation,
            start=own_path(given.get("ReturnUrl", "")),
            username=given.get("Username", ""),
            problem=problem,
            users=USERS,
            password=PASSWORD,
        )
        return web.Response(text=text, content_type="text/html", headers=HEADERS)
