"""The REST API over HTTP: sessions, limits, headers, and errors in Salesforce's shapes."""

import json
import re

from aiohttp import web

from sandbox.salesforce import composite, describe, rest_collections, rest_query, rest_records
from sandbox.salesforce.api import VERSIONS, Answer, Call, Routes, read_json
from sandbox.salesforce.errors import ApiError, invalid_session, not_found
from sandbox.salesforce.oauth import bearer
from sandbox.salesforce.state import STATE, State

MAX_URI = 16_384
_DATA = re.compile(r"/services/data/v(?P<version>[^/]+)(?P<path>.*)")
_CLIENT = re.compile(r"(?:^|,)\s*client=([^,]*)")


def _table() -> Routes:
    table = Routes()
    # Order matters: /sobjects/X/describe and /updated before /sobjects/X/{id}.
    for part in (describe.routes, rest_query.routes, rest_collections.routes, rest_records.routes):
        table.include(part)
    composite.add_composite(table)
    return table


ROUTES = _table()


async def versions(request: web.Request) -> web.Response:
    """The versions, for anybody."""
    return web.json_response(describe.versions())


async def data(request: web.Request) -> web.Response:
    """Any call below /services/data."""
    state = request.app[STATE]
    try:
        answer = await _answer(request, state)
    except ApiError as error:
        answer = Answer(error.status, error.body())
    used = f"api-usage={state.calls_used()}/{state.org.now.daily_api_requests}"
    headers = {**answer.headers, "Sforce-Limit-Info": used}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(status=answer.status, text=text, content_type="application/json", headers=headers)


async def _answer(request: web.Request, state: State) -> Answer:
    if len(request.raw_path) > MAX_URI:
        raise ApiError(414, "URI_TOO_LONG", f"The URI is longer than {MAX_URI} bytes")
    user_id = _authenticate(request, state)
    if state.count_call() > state.org.now.daily_api_requests:
        raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    match = _DATA.fullmatch(request.rel_url.raw_path)
    if match is None or match["version"] not in VERSIONS:
        raise not_found()
    client = _CLIENT.search(request.headers.get("Sforce-Call-Options", ""))
    call = Call(
        state,
        user_id,
        match["version"],
        request.method,
        match["path"],
        dict(request.query),
        await _body(request),
        client[1].strip() if client else "",
        request.headers,
    )
    return ROUTES.dispatch(call)


def _authenticate(request: web.Request, state: State) -> str:
    session = state.sessions.check(bearer(request))
    if session is None:
        raise invalid_session()
    if state.org.now.high_assurance:
        raise invalid_session("This session is not valid for use with the REST API")
    return session.user_id


async def _body(request: web.Request) -> object:
    if not request.can_read_body or request.method in {"GET", "HEAD"}:
        return None
    text = await request.text()
    if text and request.content_type != "application/json":
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content type {request.content_type} not supported.")
    return read_json(text)
