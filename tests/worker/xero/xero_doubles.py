"""A server that speaks raw bytes, a governor and a token store in memory: what the Xero client is tried against."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from worker.billing.model import Document, Line
from worker.limits import Limits
from worker.store.governor import Admitted, Priority, Problem, Refused
from worker.store.vault import Held
from worker.xero.client import XeroClient
from worker.xero.config import XeroConfig

TENANT = "2b3c4d5e-0000-4000-8000-00000000000a"
DROP = b""  # read the request, then close the connection without an answer
SILENT = None  # read the request and never answer


def answer(status: int, body: Any = b"", **headers: str) -> bytes:
    """An HTTP answer; header names take `_` for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Date": "Wed, 25 Nov 2026 03:04:05 GMT", "Content-Length": str(len(raw))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} x\r\n{head}\r\n".encode() + raw


@dataclass(frozen=True)
class Request:
    """A request that arrived whole."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    connection: int


@dataclass
class RawServer:
    """Answers API calls from `script`, one after the other; tokens and connections from the two functions."""

    url: str = ""
    script: list[bytes | None] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    token_requests: list[Request] = field(default_factory=list)
    give_token: Callable[[Request], bytes | None] = lambda _: answer(200, {"access_token": "first", "expires_in": 1800})
    give_connections: Callable[[Request], bytes | None] = lambda _: answer(200, [{"tenantId": TENANT}])
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    listening: asyncio.Server | None = None

    async def close(self) -> None:
        """Listen no more."""
        if self.listening is not None:
            self.listening.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while (request := await _request(reader, number)) is not None:
                reply = self._reply(request)
                if reply is SILENT:
                    await reader.read()
                    self.hung_up.set()
                    return
                if reply == DROP:
                    return
                writer.write(reply)
                await writer.drain()
                if b"Connection: close" in reply:
                    return
        except ConnectionError:
            self.hung_up.set()
        finally:
            writer.close()

    def _reply(self, request: Request) -> bytes | None:
        if request.target == "/connect/token":
            self.token_requests.append(request)
            return self.give_token(request)
        if request.target == "/connections":
            return self.give_connections(request)
        self.requests.append(request)
        return self.script.pop(0) if self.script else answer(500)


async def _request(reader: asyncio.StreamReader, connection: int) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except asyncio.IncompleteReadError:
        return None
    method, target, _ = first.split(" ")
    return Request(method, target, headers, body, connection)


@asynccontextmanager
async def raw_server() -> AsyncIterator[RawServer]:
    """The server on a free port."""
    raw = RawServer()
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    raw.listening = server
    async with server:
        yield raw


@dataclass
class OpenGovernor:
    """Admits everything but what `refusals` holds, and remembers what it was told."""

    refusals: list[Refused] = field(default_factory=list)
    admitted: list[tuple[str, str]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    given_back: list[str] = field(default_factory=list)

    async def admit(self, priority: Priority = "write", caller: str = "") -> Admitted | Refused:
        if self.refusals:
            return self.refusals.pop(0)
        self.admitted.append((priority, caller))
        return Admitted(f"permit-{len(self.admitted)}")

    async def answered(
        self,
        permit: str,
        *,
        min_remaining: int | None = None,
        day_remaining: int | None = None,
        app_remaining: int | None = None,
        problem: Problem = "",
        retry_after: float | None = None,
    ) -> None:
        told = {"permit": permit, "min": min_remaining, "day": day_remaining, "problem": problem, "after": retry_after}
        told |= {} if app_remaining is None else {"app": app_remaining}
        self.ended.append(told)

    async def unused(self, permit: str) -> None:
        self.given_back.append(permit)


@dataclass
class TokensInMemory:
    """A token store of one process. `stored` is every token put, in order."""

    stored: list[dict[str, Any]] = field(default_factory=list)
    refuse: bool = False
    waited: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, service: str) -> dict[str, Any] | None:
        assert service == "xero"
        return self.stored[-1] if self.stored else None

    async def previous(self, service: str) -> dict[str, Any] | None:
        return self.stored[-2] if len(self.stored) > 1 else None

    async def put(self, service: str, token: Mapping[str, Any], held: Held | None = None) -> bool:
        assert held is not None, "stored without the lock"
        if not self.refuse:
            self.stored.append(dict(token))
        return not self.refuse

    @asynccontextmanager
    async def lock(self, service: str) -> AsyncIterator[Held]:
        self.waited += self._lock.locked()
        async with self._lock:
            yield Held(service, len(self.stored))


def config(url: str, **given: Any) -> XeroConfig:
    """A configuration for a server at `url`."""
    named = {"client_id": "app", "client_secret": "s3cret", "console_url": "https://time.example"} | given
    return XeroConfig(identity_url=url, api_url=url, **named)


@asynccontextmanager
async def connected(
    url: str,
    *,
    governor: OpenGovernor | None = None,
    tokens: TokensInMemory | None = None,
    limits: Limits | None = None,
    **given: Any,
) -> AsyncIterator[XeroClient]:
    """A client that knows its company."""
    client = XeroClient(
        config(url, **given), tokens or TokensInMemory(), governor or OpenGovernor(), limits or Limits()
    )
    async with client:
        await client.connect()
        yield client


async def permit(client: XeroClient) -> Admitted:
    """A permit for one write."""
    admitted = await client.admit()
    assert isinstance(admitted, Admitted)
    return admitted


def document(*lines: Line, **given: Any) -> Document:
    """A document to write."""
    named: dict[str, Any] = {
        "key": "K7Q2M4X9A1B",
        "sequence": 1,
        "number": "TT-00001",
        "contact": "430fa14a-f945-44d3-9f97-5df5e28441b8",
        "currency": "GBP",
        "date": "2026-11-30",
        "due_date": "2026-12-14",
        "reference": "2026-11",
    }
    return Document(lines=lines, **(named | given))
