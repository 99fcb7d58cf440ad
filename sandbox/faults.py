"""Scripted faults: what a test suite asks a stand-in to do wrong, and the middleware that does it."""

import asyncio
import itertools
import re
from dataclasses import dataclass, field, replace

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.clock import Clock

GENERIC_KINDS = frozenset(
    {"drop-before", "drop-after", "delay", "delay-after", "status", "status-after", "garbage", "drip"}
    | {"hold", "hold-after"}
)
ALWAYS = -1
_UNDECODABLE = b"\x1f\x8b\x00<html>{not json"
_DRIP_PIECES = 64


@dataclass(frozen=True)
class Fault:
    """One thing to do wrong, for requests whose method and path match the two patterns (whole match).

    `skip` requests pass first, then `times` are hit (-1: all). `delay` is in seconds, divided by the clock's scale.
    `hold` and `hold-after` stop a request before and after it is carried out, until the fault is removed.
    """

    kind: str
    id: str = ""
    service: str = ""
    method: str = ".*"
    path: str = ".*"
    times: int = 1
    skip: int = 0
    delay: float = 0.0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def matches(self, method: str, path: str) -> bool:
        """Whether this fault is meant for such a request."""
        return bool(re.fullmatch(self.method, method) and re.fullmatch(self.path, path))


@dataclass
class _Armed:
    fault: Fault
    skip: int
    times: int


class Held:
    """Requests that a fault stops: whether one has come yet, and whether they may go on."""

    def __init__(self) -> None:
        self.reached, self.released = asyncio.Event(), asyncio.Event()

    async def stop(self) -> None:
        """A request has come: it stays until it may go on."""
        self.reached.set()
        await self.released.wait()


class Faults:
    """The faults one service still has to commit; `kinds` are the ones it knows beyond the generic ones.

    `held` are those that hold requests, by id: a test waits there until one has come.
    """

    def __init__(self, service: str, kinds: frozenset[str] = frozenset()) -> None:
        self.service = service
        self.kinds = GENERIC_KINDS | kinds
        self.held: dict[str, Held] = {}
        self._armed: dict[str, _Armed] = {}
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> str:
        """Arm a fault and answer its id. Raises ValueError for a kind this service does not know."""
        if fault.kind not in self.kinds:
            raise ValueError(f"unknown kind {fault.kind!r}; known: {', '.join(sorted(self.kinds))}")
        fault_id = fault.id or f"{self.service}-{next(self._ids)}"
        self._armed[fault_id] = _Armed(replace(fault, id=fault_id), fault.skip, fault.times)
        if fault.kind.startswith("hold"):
            self.held[fault_id] = Held()
        return fault_id

    @property
    def armed(self) -> int:
        """How many faults still wait for their request."""
        return len(self._armed)

    def left(self, fault_id: str) -> int:
        """How many requests a fault still has to hit."""
        armed = self._armed.get(fault_id)
        return armed.times if armed is not None else 0

    def remove(self, fault_id: str | None = None) -> int:
        """Disarm one fault, or all, and let go what it holds; answers how many there were."""
        names = {*self._armed, *self.held} if fault_id is None else {fault_id}
        for name in names:
            if name in self.held:
                self.held.pop(name).released.set()
        return sum(self._armed.pop(name, None) is not None for name in names)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, if any; counts it. The first armed match wins."""
        for fault_id, armed in list(self._armed.items()):
            if not armed.fault.matches(method, path):
                continue
            if armed.skip > 0:
                armed.skip -= 1
                continue
            if armed.times != ALWAYS:
                armed.times -= 1
                if armed.times <= 0:
                    del self._armed[fault_id]
            return armed.fault
        return None


FAULT: web.RequestKey[Fault] = web.RequestKey("fault", Fault)


def hang_up(request: web.Request) -> web.Response:
    """Close the client's connection without an answer; return this from a handler."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


def fault_middleware(faults: Faults, clock: Clock) -> Middleware:
    """An aiohttp middleware applying the generic kinds.

    A request hit by a service's own kind is handled with that fault in `request[FAULT]`.
    """

    @web.middleware
    async def apply(request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = faults.take(request.method, request.path)
        if fault is None:
            return await handler(request)
        if fault.kind not in GENERIC_KINDS:
            request[FAULT] = fault
            return await handler(request)
        return await _commit(faults, fault, request, handler, clock)

    return apply


async def _commit(
    faults: Faults, fault: Fault, request: web.Request, handler: Handler, clock: Clock
) -> web.StreamResponse:
    if fault.kind == "drop-before":
        return hang_up(request)
    if fault.kind == "status":
        await request.read()
        return _scripted(fault)
    if fault.kind == "delay":
        await clock.sleep(fault.delay)
    held = faults.held.get(fault.id)
    if held is not None and fault.kind == "hold":
        await request.read()
        await held.stop()
    # Shielded: a client that gives up while we dawdle must still find its request carried out, as at a real server.
    answer = await asyncio.shield(_handled(request, handler))
    if held is not None and fault.kind == "hold-after":
        await held.stop()
    return await _spoil(fault, request, answer, clock)


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, text=error.text, content_type=error.content_type)


async def _spoil(fault: Fault, request: web.Request, answer: web.StreamResponse, clock: Clock) -> web.StreamResponse:
    if fault.kind == "drop-after":
        return hang_up(request)
    if fault.kind == "status-after":
        return _scripted(fault)
    if fault.kind == "garbage":
        return web.Response(body=_UNDECODABLE, content_type="application/json")
    if fault.kind == "delay-after":
        await clock.sleep(fault.delay)
    if fault.kind == "drip":
        return await _drip(fault, request, answer, clock)
    return answer


def _scripted(fault: Fault) -> web.Response:
    headers = {"Content-Type": "application/json"} | fault.headers
    return web.Response(status=fault.status, headers=headers, body=fault.body.encode())


async def _drip(fault: Fault, request: web.Request, answer: web.StreamResponse, clock: Clock) -> web.StreamResponse:
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    slow = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    slow.content_length = len(body)
    await slow.prepare(request)
    piece = max(1, len(body) // _DRIP_PIECES)
    pieces = range(0, len(body), piece)
    for start in pieces:
        await slow.write(body[start : start + piece])
        await clock.sleep(fault.delay / len(pieces))
    await slow.write_eof()
    return slow
