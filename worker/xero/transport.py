"""`xero-python` on aiohttp, so that nothing is ever sent twice, awaited without end, or sent late.

The SDK's own transport repeats a PUT up to four times and sleeps inside the call; aiohttp repeats a dropped one once.
Here neither can happen: a request leaves once, and when its time is over its socket is torn down, unsent bytes and all.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import socket
import struct
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp.connector import Connection
from xero_python.api_client import ApiClient, Configuration

from worker.proxies import Request
from worker.xero.answers import Answer
from worker.xero.errors import Dropped, NoAnswer, Unreachable

_NO_LINGER = struct.pack("ii", 1, 0)
NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,  # a proxy that lets nothing through
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """Seconds: `connect` until the bytes leave, `total` until the answer is read to its end."""

    total: float
    connect: float


@dataclass(frozen=True, slots=True)
class Call:
    """What one call is made with; the SDK's generated methods hand it through as their `_request_timeout`."""

    token: str
    deadline: Deadline
    content_type: str = ""  # of the body; "": as the method says


class _Request(Request):
    """A request that remembers its socket, so that it can be cut."""

    wire: asyncio.BaseTransport | None = None

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.wire = conn.transport
        return await super().send(conn)


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send once. aiohttp repeats a request after these two errors, so it gets to see another one."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Dropped(f"The connection to Xero dropped ({_name(error)}).", "It is tried again by itself.") from error
    except BaseException:
        _cut(request.wire if isinstance(request, _Request) else None)
        raise


async def _read(response: aiohttp.ClientResponse) -> bytes:
    connection = response.connection
    try:
        return await response.read()
    except BaseException:
        _cut(connection.transport if connection else None)
        raise


def _cut(wire: asyncio.BaseTransport | None) -> None:
    """Tear a connection down now; bytes still in a buffer, ours or the kernel's, do not leave any more."""
    if not isinstance(wire, asyncio.WriteTransport):
        return
    with contextlib.suppress(OSError):
        wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    wire.abort()


class Transport:
    """HTTP to Xero. An async context manager: it holds the connections."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Transport:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_Request,
            middlewares=(_once,),
            headers={"User-Agent": "hourstream"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str],
        params: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Answer:
        """Send one request, once; redirects are answers like any other.

        Raises:
            Unreachable: nothing was sent.
            NoAnswer: it was sent, at least in part, and no whole answer came in time.
        """
        if self._session is None:
            raise Unreachable("The Xero client is not open.", "Use it as an async context manager.")
        timeout = aiohttp.ClientTimeout(deadline.total, connect=deadline.connect, ceil_threshold=math.inf)
        data = None if body is None else io.BytesIO(body)  # in pieces: 3 MB at once would hold up the event loop
        try:
            async with self._session.request(
                method, url, params=params, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await _read(response))
        except NOT_SENT as error:
            raise Unreachable(
                f"Xero cannot be reached at {url.partition('?')[0]} ({_name(error)}).",
                "Check the network and the XERO_… addresses.",
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(f"Xero did not answer ({_name(error)}).", "It is tried again by itself.") from error


class AsyncApiClient(ApiClient):  # type: ignore[misc]  # xero-python has no types
    """The SDK's client with its generated methods made awaitable: each returns a coroutine that gives an `Answer`."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(configuration=Configuration())
        self._transport = transport

    def call_api(  # one argument for each that the generated methods name
        self,
        resource_path: str,
        method: str,
        path_params: Mapping[str, Any] | None = None,
        query_params: Sequence[tuple[str, Any]] | None = None,
        header_params: Mapping[str, Any] | None = None,
        body: Any = None,
        collection_formats: Mapping[str, str] | None = None,
        _request_timeout: Call | None = None,
        **_: Any,
    ) -> Coroutine[Any, Any, Answer]:
        """Send what a generated method asks for."""
        if _request_timeout is None:
            raise TypeError("a call needs its Call, given as _request_timeout")
        return self._transport.request(
            method,
            _address(resource_path, path_params or {}),
            deadline=_request_timeout.deadline,
            headers=_headers(header_params or {}, _request_timeout),
            params=self._query(query_params or (), collection_formats),
            body=_body(body),
        )

    def _query(
        self, params: Sequence[tuple[str, Any]], collection_formats: Mapping[str, str] | None
    ) -> list[tuple[str, str]]:
        flat = self.parameters_to_tuples(params, collection_formats)
        return [(name, _plain(value)) for name, value in flat]


def _address(template: str, params: Mapping[str, Any]) -> str:
    """The address with its parameters filled in, each as one part of the path whatever it holds."""
    for name, value in params.items():
        template = template.replace(f"{{{name}}}", quote(str(value), safe=""))
    return template


def _headers(given: Mapping[str, Any], call: Call) -> dict[str, str]:
    # A custom connection belongs to one company, and its calls name none: the SDK's methods demand one all the same.
    headers = {name: str(value) for name, value in given.items() if value != ""}
    typed = {"Content-Type": call.content_type} if call.content_type else {}
    return {**headers, **typed, "Authorization": f"Bearer {call.token}"}


def _plain(value: Any) -> str:
    """As Xero documents its parameters: `false`, where the SDK would send Python's `False`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    raise TypeError("bodies are serialised before, so that what is sent is what was stored: see encode.py")


def _name(error: BaseException) -> str:
    return str(error) or type(error).__name__
