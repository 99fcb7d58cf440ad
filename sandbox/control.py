"""The control port: how a test suite looks into the stand-ins, breaks them, and moves their clock."""

import dataclasses
import json
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.clock import Clock
from sandbox.faults import Fault, Faults
from sandbox.journal import Journal

Action = Callable[[dict[str, Any]], object]


@dataclass
class Service:
    """One stand-in as the control port sees it. `actions` are further POST resources; they raise ValueError."""

    name: str
    faults: Faults
    journal: Journal
    state: Callable[[], dict[str, Any]]
    switches: MutableMapping[str, Any]
    actions: dict[str, Action] = field(default_factory=dict)


CLOCK: web.AppKey[Clock] = web.AppKey("clock", Clock)
SERVICES: web.AppKey[dict[str, Service]] = web.AppKey("services", dict[str, Service])
routes = web.RouteTableDef()


def create_control(clock: Clock, services: list[Service]) -> web.Application:
    """The control port's application."""
    app = web.Application()
    app[CLOCK] = clock
    app[SERVICES] = {service.name: service for service in services}
    app.add_routes(routes)
    return app


@routes.post("/clock")
async def set_clock(request: web.Request) -> web.Response:
    """{"advance": seconds} jumps ahead, {"scale": n} divides waits from now on."""
    clock = request.app[CLOCK]
    body = await _body(request)
    if "scale" in body:
        clock.scale = _number(body["scale"])
    if "advance" in body:
        clock.advance(_number(body["advance"]))
    return _answer({"now": clock.now().isoformat(), "scale": clock.scale})


@routes.get("/clock")
async def show_clock(request: web.Request) -> web.Response:
    """The stand-ins' time."""
    clock = request.app[CLOCK]
    return _answer({"now": clock.now().isoformat(), "scale": clock.scale})


@routes.get("/{service}/state")
async def state(request: web.Request) -> web.Response:
    """Everything the stand-in holds."""
    service = _service(request)
    return _answer(service.state() | {"requests": dict(service.journal.counts)})


@routes.get("/{service}/requests")
async def requests(request: web.Request) -> web.Response:
    """The journal, oldest first."""
    return _answer(list(_service(request).journal.entries))


@routes.post("/{service}/faults")
async def add_fault(request: web.Request) -> web.Response:
    """Arm a fault; answers its id."""
    service = _service(request)
    body = await _body(request)
    known = {item.name for item in dataclasses.fields(Fault)}
    if unknown := sorted(set(body) - known):
        raise _refused(f"unknown fault fields: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    try:
        fault_id = service.faults.add(Fault(**body | {"service": service.name}))
    except (TypeError, ValueError) as error:
        raise _refused(str(error)) from error
    return _answer({"id": fault_id})


@routes.delete("/{service}/faults")
@routes.delete("/{service}/faults/{id}")
async def remove_faults(request: web.Request) -> web.Response:
    """Disarm one fault or all."""
    return _answer({"removed": _service(request).faults.remove(request.match_info.get("id"))})


@routes.get("/{service}/switches")
async def show_switches(request: web.Request) -> web.Response:
    """The behaviour in force."""
    return _answer(dict(_service(request).switches))


@routes.post("/{service}/switches")
async def set_switches(request: web.Request) -> web.Response:
    """Change behaviour: {"name": value, …}; all or none."""
    switches = _service(request).switches
    body = await _body(request)
    before = dict(switches)
    try:
        for name, value in body.items():
            switches[name] = value
    except (KeyError, ValueError) as error:
        for name, value in before.items():
            switches[name] = value
        raise _refused(str(error.args[0]), known=sorted(before)) from error
    return _answer(dict(switches))


@routes.post("/{service}/{action}")
async def act(request: web.Request) -> web.Response:
    """What only this service can do, such as scripting Salesforce's event stream."""
    service = _service(request)
    action = service.actions.get(request.match_info["action"])
    if action is None:
        raise web.HTTPNotFound(text=f"{service.name} knows: {', '.join(sorted(service.actions))}")
    try:
        return _answer(action(await _body(request)))
    except (KeyError, ValueError) as error:
        raise _refused(str(error)) from error


def _service(request: web.Request) -> Service:
    services = request.app[SERVICES]
    name = request.match_info["service"]
    if name not in services:
        raise web.HTTPNotFound(text=f"no service {name!r}; known: {', '.join(sorted(services))}")
    return services[name]


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise _refused(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise _refused("the body must be a JSON object")
    return body


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise _refused(f"a number above zero is needed, not {value!r}")
    return float(value)


def _refused(message: str, **more: object) -> web.HTTPBadRequest:
    text = json.dumps({"error": message, **more})
    return web.HTTPBadRequest(text=text, content_type="application/json")


def _answer(body: object) -> web.Response:
    return web.json_response(body, dumps=lambda value: json.dumps(value, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
