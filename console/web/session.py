"""The session cookie: encrypted, out of reach of scripts. Who is behind it, and until when, the store knows.

The cookie is SameSite=Lax, not Strict: a Strict one would not come along when somebody follows an invoice's address
from Xero, or comes back from a sign-in, who would then meet the sign-in page. Requests that change something are
checked by `security.same_site`.
"""

import base64
import secrets
import warnings
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_session import Session, get_session, new_session
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from console.web.site import STORE, Site
from worker.settings import Settings
from worker.store import disk
from worker.store.connection import RedisError
from worker.store.people import Member
from worker.store.secrets import key_file
from worker.store.sessions import ABSOLUTE

Tone = Literal["good", "attention", "stopped"]

COOKIE: web.RequestKey[Session] = web.RequestKey("cookie", Session)
SAID = 5  # sentences kept for the next page
ASKED = 500  # characters of an address that is remembered


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
    """How cookies are kept; one older than `ABSOLUTE` is refused here, whatever the browser thinks."""
    return EncryptedCookieStorage(
        session_key(settings),
        cookie_name=site.cookie,
        max_age=ABSOLUTE,
        secure=site.secure,
        httponly=True,
        samesite="Lax",
    )


@web.middleware
async def cookies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hand the cookie's content to what follows."""
    request[COOKIE] = await get_session(request)
    return await handler(request)


async def person_of(request: web.Request, *, quiet: bool) -> Member | None:
    """Who is signed in, with their role of this moment."""
    token = request[COOKIE].get("id", "")
    return await request.app[STORE].sessions.visit(str(token), quiet=quiet) if token else None


def still_signed_in(request: web.Request) -> Callable[[], Awaitable[bool]]:
    """What tells, while an answer is still being given, whether its reader is still signed in."""
    token, sessions = str(request[COOKIE].get("id", "")), request.app[STORE].sessions

    async def look() -> bool:
        try:
            return await sessions.visit(token, quiet=True) is not None
        except (RedisError, OSError):
            return True  # nobody can tell now, and there is nothing new to show either

    return look


async def sign_in(request: web.Request, member: Member) -> str:
    """Begin a session; gives the path that was asked for before, else Home's."""
    asked, before = request[COOKIE].get("next", "/"), request[COOKIE].get("id", "")
    if before:
        await request.app[STORE].sessions.end(str(before))
    session = await new_session(request)
    session["id"] = await request.app[STORE].sessions.begin(member)
    request[COOKIE] = session
    return str(asked)


async def sign_out(request: web.Request) -> None:
    """End the session."""
    await request.app[STORE].sessions.end(str(request[COOKIE].get("id", "")))
    request[COOKIE].invalidate()


def browser_id(request: web.Request) -> str:
    """What tells this browser from others before anybody is signed in: a sign-in must come back to where it began."""
    cookie = request[COOKIE]
    if "browser" not in cookie:
        cookie["browser"] = secrets.token_urlsafe(16)
    return str(cookie["browser"])


def remember(request: web.Request) -> None:
    """Go on, after signing in, to the page that was asked for; Home needs no remembering."""
    asked = request.path_qs
    if request.method == "GET" and asked[1:2].isalnum() and len(asked) <= ASKED:
        request[COOKIE]["next"] = asked


def say(request: web.Request, text: str, tone: Tone = "good") -> None:
    """Show a sentence on the next page that this browser sees."""
    request[COOKIE]["said"] = [*request[COOKIE].get("said", []), [tone, text]][-SAID:]


def take_said(request: web.Request) -> list[tuple[str, str]]:
    """The sentences for this page, which are shown once."""
    cookie = request.get(COOKIE)
    if cookie is None or "said" not in cookie:
        return []
    return [(str(tone), str(text)) for tone, text in cookie.pop("said")]


def see_other(path: str) -> web.Response:
    """Go to a page of ours, after something was done."""
    return web.Response(status=303, headers={"Location": path})
