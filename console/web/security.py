"""What protects every answer and every request, whoever asks: headers, host names, requests of other sites."""

from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from console.web.site import LOCAL, SITE

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEALTH = "/healthz"
STATIC = "/static/"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "hourstream",
}
HSTS = "max-age=31536000"  # a year


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer, streams and refusals included. Pages are never stored; files carry their digest."""
    response.headers.update(HEADERS)
    lasting = request.path.startswith(STATIC) and "v" in request.query and response.status == 200
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-store"
    if request.app[SITE].secure:
        response.headers["Strict-Transport-Security"] = HSTS


@web.middleware
async def known_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only to our own names, so that a foreign name that was pointed at this machine reads nothing."""
    name = _hostname(request.headers.get("Host", ""))
    if request.path == HEALTH or name in request.app[SITE].hosts:
        return await handler(request)
    return web.Response(
        text="This console does not answer to that host name: HOURSTREAM_CONSOLE_URL says which one it has.\n",
        status=421,
    )


@web.middleware
async def same_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Change nothing on the word of another site: browsers say where a request comes from."""
    if request.method in SAFE or _ours(request):
        return await handler(request)
    raise web.HTTPForbidden(text="This request came from another site, so nothing was done.")


def client(request: web.Request) -> str:
    """The address that asks. A proxy on this machine names it last in X-Forwarded-For; nobody else is believed."""
    peer = request.remote or ""
    named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return named[:45] if named and peer in LOCAL and request.app[SITE].secure else peer


def _ours(request: web.Request) -> bool:
    said = request.headers.get("Sec-Fetch-Site")
    if said is not None:
        return said in {"same-origin", "none"}
    origin = urlsplit(request.headers.get("Origin", ""))
    return bool(origin.netloc) and origin.netloc.lower() == request.headers.get("Host", "").lower()


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
