"""What a stand-in was asked: the last 10,000 requests and how each was answered."""

from collections import Counter, deque

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.clock import Clock

KEPT = 10_000
HEADERS = (
    "Idempotency-Key",
    "If-Modified-Since",
    "Sforce-Call-Options",
    "Sforce-Query-Options",
    "Xero-Tenant-Id",
    "xero-tenant-id",
    "User-Agent",
)
NO_ANSWER = 0


class Journal:
    """Requests in the order they arrived."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.entries: deque[dict[str, object]] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()

    def note(self, request: web.Request, status: int) -> None:
        """Remember a request; status 0 stands for a connection closed without an answer."""
        kind = "read" if request.method in {"GET", "HEAD"} else "write"
        if "/oauth2/" in request.path or request.path.endswith("/token"):
            kind = "login"
        self.counts.update({"all": 1, kind: 1, f"{status // 100}xx" if status else "dropped": 1})
        self.entries.append(
            {
                "time": self.clock.now().isoformat(),
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "headers": {name: request.headers[name] for name in HEADERS if name in request.headers},
                "status": status,
            }
        )

    def middleware(self) -> Middleware:
        """An aiohttp middleware that notes every request; put it outermost."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            status = NO_ANSWER
            try:
                answer = await handler(request)
                closed = request.transport is None or request.transport.is_closing()
                status = NO_ANSWER if closed else answer.status
            except web.HTTPException as error:
                status = error.status
                raise
            else:
                return answer
            finally:
                self.note(request, status)

        return note
