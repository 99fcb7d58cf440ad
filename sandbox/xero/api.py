"""The door of the Accounting API: token, scope, limits and idempotency, in Xero's order, before any handler."""

import re
from collections.abc import Callable
from uuid import uuid4

import jwt
from aiohttp import web

from sandbox.faults import FAULT, Fault
from sandbox.xero import wire
from sandbox.xero.call import Call
from sandbox.xero.company import XeroCompany
from sandbox.xero.documents import Author
from sandbox.xero.errors import CallError, MissingError, forbidden, internal_error, unauthorised
from sandbox.xero.idempotency import WRITES, Kept, KeyReusedError, fingerprint
from sandbox.xero.limits import DAY, MINUTE, Excess
from sandbox.xero.routes import ROUTES, Route
from sandbox.xero.tokens import Session
from sandbox.xero.traffic import Entry
from sandbox.xero.wire import Json

PREFIX = "/api.xro/2.0/"
MAX_BODY = 3_500_000
MAX_FILE = 26_000_000
OWN_FAULTS = frozenset(
    {
        "error-500-cached",
        "error-500-cached-after",
        "mid-batch-500",
        "429-minute",
        "429-day",
        "429-concurrent",
        "429-appminute",
        "503-html",
        "slow",
    }
)
HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
XML = {"Content-Type": "text/xml; charset=utf-8"}
_RETRY_AFTER: dict[str, int | None] = {"minute": MINUTE, "day": DAY, "concurrent": None, "appminute": MINUTE}


class Api:
    """Serves every call below /api.xro/2.0/."""

    def __init__(self, company: XeroCompany) -> None:
        self.company = company

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call and write it down."""
        traffic = self.company.requests
        entry = traffic.begin(request.method, request.path, request.query_string)
        status = 0
        try:
            kept = await self._answer(request, entry)
            status = kept.status
        finally:
            traffic.end(entry, status)
        headers = kept.headers | self.company.limits.headers() | {"xero-correlation-id": str(uuid4())}
        return web.Response(status=kept.status, body=kept.body, headers=headers)

    async def _answer(self, request: web.Request, entry: Entry) -> Kept:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return Kept(413, b"", HTML)
        if len(body) > MAX_BODY and "/Attachments/" not in request.path:
            return Kept(413, b"", HTML)
        key = request.headers.get("Idempotency-Key")
        self.company.requests.read_body(entry, body, key, is_write=request.method in WRITES)
        try:
            route, match = _find_route(request)
            session = self._session(request, entry)
            _check_scope(session, route.area, request.method)
        except MissingError:
            return Kept(404, b"", HTML)
        except CallError as refused:
            return _refusal(refused, as_json=True)
        call = self._call(request, entry, session, body, match.groupdict())
        return await self._limited(request, call, route, key or "")

    def _call(self, request: web.Request, entry: Entry, session: Session, body: bytes, named: dict[str, str]) -> Call:
        app = self.company.tokens.apps[session.client_id]
        return Call(
            company=self.company,
            method=request.method,
            key=named.get("key", ""),
            part=named.get("part", ""),
            query={name.lower(): value for name, value in request.query.items()},
            body=body,
            content_type=request.headers.get("Content-Type", ""),
            modified_since=request.headers.get("If-Modified-Since", ""),
            author=Author(app.name, app.client_id),
            entry=entry,
            fault=request.get(FAULT),
        )

    async def _limited(self, request: web.Request, call: Call, route: Route, key: str) -> Kept:
        """Limits come before idempotency: what is answered 429 has written nothing, under any key."""
        scripted = _scripted_limit(call.fault)
        if scripted is not None:
            return self._too_many(call.entry, scripted)
        limits = self.company.limits
        excess = limits.admit(refused_counts=self.company.switches["refused_calls"] == "counted")
        if excess is not None:
            return self._too_many(call.entry, excess)
        try:
            if call.fault is not None and call.fault.kind == "503-html":
                return Kept(503, b"<html><body><h1>Service Unavailable</h1></body></html>", HTML)
            return await self._idempotent(request, call, route, key)
        finally:
            limits.release()

    async def _idempotent(self, request: web.Request, call: Call, route: Route, key: str) -> Kept:
        as_json = "application/json" in request.headers.get("Accept", "")
        handler = route.handlers.get(call.method)
        if handler is None:
            return Kept(405, b"", HTML)

        async def run() -> Kept:
            if call.fault is not None and call.fault.kind == "slow":
                await self.company.clock.sleep(call.fault.delay)
            return _run(handler, call, as_json)

        if not key or call.method not in WRITES:
            return await run()
        same = fingerprint(call.method, request.path_qs, call.body)
        try:
            return await self.company.keys.answer(call.author.client_id, key, same, run)
        except KeyReusedError as refused:
            self.company.requests.counts.keys_reused_with_another_body += 1
            return _refusal(refused, as_json)
        except CallError as refused:
            return _refusal(refused, as_json)

    def _too_many(self, entry: Entry, excess: Excess) -> Kept:
        self.company.requests.limited(entry, excess.problem, excess.retry_after)
        name = self.company.switches["app_minute_name"] if excess.problem == "appminute" else excess.problem
        headers = {"Content-Type": "", "X-Rate-Limit-Problem": name}
        if excess.retry_after is not None:
            headers["Retry-After"] = str(excess.retry_after)
        return Kept(429, b"", headers)

    def _session(self, request: web.Request, entry: Entry) -> Session:
        """Who calls. Raises CallError: 401 without a valid token, 403 for another or a disconnected company."""
        instance = str(uuid4())
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        try:
            session, ends = self.company.tokens.session(bearer if kind.lower() == "bearer" else "")
        except (jwt.InvalidTokenError, KeyError) as error:
            raise unauthorised("AuthenticationUnsuccessful", instance) from error
        entry.client_id = session.client_id
        if ends <= self.company.clock.now():
            raise unauthorised(f"TokenExpired: token expired at {ends:%m/%d/%Y %H:%M:%S}", instance)
        connected = self.company.tokens.connection_of(session) is not None
        tenant = request.headers.get("xero-tenant-id", "")
        # A custom connection belongs to one company: it may leave the tenant out, not name another.
        named = tenant == self.company.tenant_id or (session.grant == "client_credentials" and not tenant)
        if not connected and self.company.switches["disconnected"] == "401":
            raise unauthorised("AuthenticationUnsuccessful", instance)
        if not connected or not named:
            raise forbidden(instance)
        return session


def _find_route(request: web.Request) -> tuple[Route, re.Match[str]]:
    tail = request.path.removeprefix(PREFIX)
    for route in ROUTES:
        if match := route.pattern.fullmatch(tail):
            return route, match
    raise MissingError(request.path)


def _check_scope(session: Session, area: str, method: str) -> None:
    """Xero answers a missing scope with 401, not 403, and spells it its own way."""
    enough = {f"accounting.{area}"} | ({f"accounting.{area}.read"} if method == "GET" else set())
    if not enough & session.scopes:
        raise unauthorised("AuthorizationUnsuccessful", str(uuid4()), 'Bearer error="insufficent_scope"')


def _scripted_limit(fault: Fault | None) -> Excess | None:
    if fault is None or not fault.kind.startswith("429-"):
        return None
    problem = fault.kind.removeprefix("429-")
    default = _RETRY_AFTER[problem]
    return Excess(problem, None if default is None else int(fault.delay) or default)


def _run(handler: Callable[[Call], Json | Kept], call: Call, as_json: bool) -> Kept:
    kind = call.fault.kind if call.fault else ""
    if kind == "error-500-cached":
        return _refusal(internal_error(), as_json)
    try:
        answer = handler(call)
    except CallError as refused:
        return _refusal(refused, as_json)
    except MissingError:
        return Kept(404, b"", HTML)
    if kind == "error-500-cached-after":
        return _refusal(internal_error(), as_json)
    if isinstance(answer, Kept):
        return answer
    return Kept(200, wire.encode(answer), JSON) if as_json else Kept(200, wire.to_xml("Response", answer), XML)


def _refusal(refused: CallError, as_json: bool) -> Kept:
    if as_json:
        return Kept(refused.status, wire.encode(refused.body), JSON | refused.headers)
    return Kept(refused.status, wire.to_xml("ApiException", refused.body), XML | refused.headers)
