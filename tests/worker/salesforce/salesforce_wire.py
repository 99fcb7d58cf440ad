"""A server that answers what a test tells it to: for the wire's behaviour, where the stand-in is too well-behaved."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from hypothesis import HealthCheck, settings
from multidict import CIMultiDictProxy

from worker.limits import Limits

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
LIMITS = Limits(backoff_base=0.05)  # retries come at once, deadlines stay generous
ORG = "00D000000000001EAA"
USER = "005000000000001AAA"
LOGIN = "/services/oauth2/token"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    target: str  # path and query as sent, still encoded
    query: dict[str, str]
    headers: CIMultiDictProxy[str]
    body: bytes
    raw: web.Request

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


Responder = Callable[[Seen], web.StreamResponse]


@dataclass
class Org:
    """What was asked, and what is answered: `answer` for calls, `login` for the token endpoint."""

    url: str = ""
    instance_url: str = ""
    logins: list[dict[str, str]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    answer: Responder = field(default=lambda seen: page([]))
    login: Callable[["Org"], web.StreamResponse] = field(default=lambda org: org.token())

    def token(self) -> web.Response:
        """A token answer; only the newest token is valid, as after a session ended."""
        token = f"{ORG[:15]}!AR{len(self.logins)}"
        self.valid = {token}
        return web.json_response(
            {
                "access_token": token,
                "instance_url": self.instance_url or self.url,
                "id": f"https://login.salesforce.com/id/{ORG}/{USER}",
                "token_type": "Bearer",
                "issued_at": "1793000000000",
                "signature": "c2ln",
            }
        )

    def expire(self) -> None:
        """End every session."""
        self.valid = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path == LOGIN:
            form = await request.post()
            self.logins.append({key: str(value) for key, value in form.items()})
            return self.login(self)
        seen = Seen(request.method, request.path, request.path_qs, dict(request.query), request.headers, body, request)
        self.seen.append(seen)
        if seen.token not in self.valid:
            return refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return self.answer(seen)


@asynccontextmanager
async def serving(org: Org) -> AsyncIterator[Org]:
    """The org on a free port of this machine."""
    app = web.Application(client_max_size=50 * 1024**2)
    app.router.add_route("*", "/{path:.*}", org.handle)
    runner = web.AppRunner(app, max_line_size=65_536)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    org.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield org
    finally:
        await runner.cleanup()


def page(records: list[dict[str, Any]], after: str | None = None) -> web.Response:
    """A page of a query; `after` is the path of the next one."""
    body: dict[str, Any] = {"totalSize": len(records), "done": after is None, "records": records}
    return web.json_response(body | ({"nextRecordsUrl": after} if after else {}))


def refused(status: int, code: str, message: str, fields: list[str] | None = None) -> web.Response:
    """An error as the REST API words it."""
    error: dict[str, Any] = {"message": message, "errorCode": code}
    return web.json_response([error | ({"fields": fields} if fields else {})], status=status)


def html(status: int) -> web.Response:
    """A maintenance page."""
    return web.Response(status=status, text="<html><body>We are down for maintenance.</body></html>")


def dropped(seen: Seen) -> web.Response:
    """The connection breaks instead of an answer."""
    assert seen.raw.transport is not None
    seen.raw.transport.abort()
    return web.Response()


def in_turn(*responders: Responder | web.StreamResponse) -> Responder:
    """One answer after the other; the last one for ever."""
    rest = list(responders)

    def answer(seen: Seen) -> web.StreamResponse:
        found = rest.pop(0) if len(rest) > 1 else rest[0]
        return found if isinstance(found, web.StreamResponse) else found(seen)

    return answer
