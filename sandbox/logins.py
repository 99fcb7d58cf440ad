"""Who is signed in to a stand-in's own site, by the cookie of a browser. Everybody has the same password."""

import hmac
import secrets
from urllib.parse import urlsplit

from aiohttp import web

PASSWORD = "sandbox-password"


class Logins:
    """The browsers that are signed in to one site. `cookie` is its name: cookies do not tell ports apart."""

    def __init__(self, cookie: str) -> None:
        self._cookie = cookie
        self._people: dict[str, str] = {}

    def person(self, request: web.Request) -> str:
        """The id of who is signed in, "" for nobody."""
        return self._people.get(request.cookies.get(self._cookie, ""), "")

    def sign_in(self, response: web.Response, person: str) -> None:
        """Remember somebody by a new cookie."""
        token = secrets.token_urlsafe(24)
        self._people[token] = person
        response.set_cookie(self._cookie, token, httponly=True, samesite="Lax", path="/")

    def sign_out(self, request: web.Request, response: web.Response) -> None:
        """Forget this browser."""
        self._people.pop(request.cookies.get(self._cookie, ""), None)
        response.del_cookie(self._cookie, path="/")


def right(password: str) -> bool:
    """Whether it is the password."""
    return hmac.compare_digest(password.encode("utf-8", "replace"), PASSWORD.encode())


def own_path(start: str) -> str:
    """Where to go after signing in: a path of this site, "/" for anything else."""
    parts = urlsplit(start)
    ours = not (parts.scheme or parts.netloc) and start[:1] == "/" and start[1:2] not in {"/", "\\"}
    return start if ours else "/"
