"""Who is signed in: an encrypted cookie, good for 12 hours without a click and for 7 days in all.

The cookie is SameSite=Lax, not Strict: a Strict one would not come along when somebody follows an invoice's address
from Xero, who would then meet the sign-in page. Requests that change something are checked by `security.same_site`.
"""

import base64
import time
import warnings
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_session import Session, get_session, new_session
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from console.web.rendering import PERSON, Person, render
from console.web.security import HEALTH, STATIC
from console.web.site import Site
from worker.settings import Settings
from worker.store import disk
from worker.store.links import Invited, Role
from worker.store.secrets import key_file

IDLE = 12 * 3600  # seconds
ABSOLUTE = 7 * 24 * 3600
RENEW = 300  # a session's idle time counts from its last request, give or take this
OPEN = ("/link/", STATIC)  # what is reached without a session, besides health


def forgive_text_keys() -> None:
    """aiohttp-session 2.12 keeps its things under text keys, which aiohttp warns of: nothing anybody could mend."""
    warnings.filterwarnings("ignore", category=web.NotAppKeyWarning, module="aiohttp_session")


def session_key(settings: Settings) -> bytes:
    """32 bytes derived from the newest secret key; a new secret key ends every session.

    The key is there: `open_store` refuses to start without one.
    """
    given = settings.hourstream_secret_key
    text = given.get_secret_value() if given else (disk.read_bytes(key_file(settings.hourstream_data)) or b"").decode()
    newest = text.replace(",", " ").split()[0]
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hourstream console session")
    return derive.derive(base64.urlsafe_b64decode(newest))


def storage(settings: Settings, site: Site) -> EncryptedCookieStorage:
    """How sessions are kept; a cookie older than `IDLE` is refused here, whatever the browser thinks."""
    return EncryptedCookieStorage(
        session_key(settings),
        cookie_name=site.cookie,
        max_age=IDLE,
        secure=site.secure,
        httponly=True,
        samesite="Lax",
    )


async def sign_in(request: web.Request, invited: Invited) -> str:
    """Begin a session; gives the path that was asked for before, else Home's."""
    asked = (await get_session(request)).get("next", "/")
    session = await new_session(request)
    session["who"], session["role"], session["since"] = invited.who, invited.role, int(time.time())
    return str(asked)


async def sign_out(request: web.Request) -> None:
    """End the session."""
    (await get_session(request)).invalidate()


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody passes without a session but to sign in; who does not is shown how."""
    if request.path == HEALTH or request.path.startswith(OPEN):
        return await handler(request)
    session = await get_session(request)
    person = _person(session)
    if person is None:
        _remember(request, session)
        return render(request, "signin.html", status=401)
    request[PERSON] = person
    if time.time() - session.created > RENEW:
        session["since"] = session["since"]  # any change stores the cookie anew
    return await handler(request)


def _person(session: Session) -> Person | None:
    if "who" not in session:
        return None
    if time.time() - int(session["since"]) > ABSOLUTE:
        session.invalidate()
        return None
    return Person(who=str(session["who"]), role=cast("Role", session["role"]))


def _remember(request: web.Request, session: Session) -> None:
    """Go on, after signing in, to the invoice that was asked for; Home needs no remembering."""
    if request.method == "GET" and request.path.startswith("/i/") and request.match_info.http_exception is None:
        session["next"] = request.path
