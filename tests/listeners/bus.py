"""A small event bus that speaks the Pub/Sub API over a real socket and does exactly what a test scripts."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro
import grpc

from eventbus import pubsub_api_pb2 as pb
from eventbus import pubsub_api_pb2_grpc as rpc

CHANNEL = "/data/TimeEntry__ChangeEvent"
PREFIX = "sfdc.platform.eventbus.grpc."
STRINGS = {"type": "array", "items": "string"}
HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": STRINGS},
        {"name": "changeType", "type": "string"},
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        {"name": "nulledFields", "type": STRINGS},
        {"name": "diffFields", "type": STRINGS},
        {"name": "changedFields", "type": STRINGS},
    ],
}


def schema(*names: str) -> str:
    """An event schema with these text fields after the header."""
    fields = [{"name": name, "type": ["null", "string"], "default": None} for name in names]
    header = {"name": "ChangeEventHeader", "type": HEADER}
    return json.dumps({"type": "record", "name": "TimeEntry__ChangeEvent", "fields": [header, *fields]})


FIELDS = ("Hours__c", "Billed__c", "LastModifiedDate")
SCHEMA = schema(*FIELDS)


def bitmap(*names: str) -> list[str]:
    """`names` as the bitmap of a header, over `SCHEMA`."""
    return [hex(sum(1 << (1 + FIELDS.index(name)) for name in names))]


def payload(text: str = SCHEMA, **header: Any) -> bytes:
    """An event as the wire has it."""
    usual = {
        "entityName": "TimeEntry__c",
        "recordIds": ["a00000000000001AAA"],
        "changeType": "CREATE",
        "changeOrigin": "com/salesforce/api/soap/67.0;client=SfdcInternalAPI/",
        "transactionKey": "tx",
        "sequenceNumber": 1,
        "commitTimestamp": int(datetime(2026, 11, 5, 10, tzinfo=UTC).timestamp() * 1000),
        "commitNumber": 1,
        "commitUser": "005000000000001AAA",
        "nulledFields": [],
        "diffFields": [],
        "changedFields": [],
    }
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(json.loads(text)), {"ChangeEventHeader": usual | header})
    return buffer.getvalue()


def record(number: int) -> str:
    """A record id, 18 characters, without capitals in its first 15."""
    return f"a00{number:012d}AAA"


def unit(number: int) -> str:
    return f"TimeEntry__c:{record(number)}#0"


def replay(number: int) -> bytes:
    """Ten opaque bytes, as they have been seen in the wild."""
    return number.to_bytes(8, "big") + b"\x00\x00"


@dataclass
class Refusal:
    """How a call is turned down."""

    status: grpc.StatusCode
    code: str = ""
    text: str = "scripted"


@dataclass
class Bus(rpc.PubSubServicer):
    """The bus of one channel. Everything public may be changed while streams are open; call `wake` afterwards."""

    events: list[pb.ConsumerEvent] = field(default_factory=list)
    schemas: dict[str, str] = field(default_factory=lambda: {"schema-1": SCHEMA})
    tokens: set[str] | None = None  # None: any is good
    refusals: deque[Refusal] = field(default_factory=deque)  # of the next subscriptions
    schema_refusals: deque[Refusal] = field(default_factory=deque)
    keepalive: float = 30.0  # seconds until a quiet stream gets an empty response
    most: int = 100  # events a response
    forgotten: bool = False  # no replay id is known any more
    silent: bool = False  # streams stay open and say nothing
    first: list[pb.FetchRequest] = field(default_factory=list)  # of each subscription
    asked: list[int] = field(default_factory=list)  # num_requested of every request
    schema_calls: list[str] = field(default_factory=list)
    outstanding: int = 0
    most_outstanding: int = 0
    open: int = 0
    address: str = ""
    on_schema: Callable[[], Awaitable[None]] | None = None  # before a schema is answered
    _next: int = 1000
    _break: Refusal | None = None

    def __post_init__(self) -> None:
        self._moved = asyncio.Condition()

    async def wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def publish(
        self, schema_id: str = "schema-1", raw: bytes | None = None, same: bool = False, **header: Any
    ) -> bytes:
        """Append an event; `same`: under the replay id of the one before. Gives its replay id."""
        self._next += 0 if same else 1
        body = payload(self.schemas.get(schema_id, SCHEMA), **header) if raw is None else raw
        event = pb.ProducerEvent(id=str(self._next), schema_id=schema_id, payload=body)
        self.events.append(pb.ConsumerEvent(event=event, replay_id=replay(self._next)))
        await self.wake()
        return replay(self._next)

    async def break_streams(self, status: grpc.StatusCode, code: str = "") -> None:
        """End every open stream."""
        self._break = Refusal(status, code)
        await self.wake()

    @property
    def latest(self) -> bytes:
        return replay(self._next)

    async def Subscribe(  # noqa: N802 - named by the service
        self, requests: AsyncIterator[pb.FetchRequest], context: Any
    ) -> AsyncIterator[pb.FetchResponse]:
        first = await anext(requests)  # before refusing: grpc.aio hides a status that comes while a request is sent
        await self._admit(context, self.refusals)
        self.first.append(first)
        at = await self._start(first, context)
        self.outstanding = 0
        self._ask(first)
        reader = asyncio.create_task(self._read(requests))
        self.open += 1
        try:
            while True:
                found = [] if self.silent else self.events[at : at + min(self.outstanding, self.most)]
                if self._break is not None:
                    broken, self._break = self._break, None
                    await _abort(context, broken)
                if found:
                    at += len(found)
                    self.outstanding -= len(found)
                    yield pb.FetchResponse(
                        events=found, latest_replay_id=b"not to be used", pending_num_requested=self.outstanding
                    )
                    continue
                if not await self._wait() and not self.silent:
                    yield pb.FetchResponse(latest_replay_id=self.latest, pending_num_requested=self.outstanding)
        finally:
            self.open -= 1
            reader.cancel()

    async def GetSchema(self, request: pb.SchemaRequest, context: Any) -> pb.SchemaInfo:  # noqa: N802
        self.schema_calls.append(request.schema_id)
        if self.on_schema is not None:
            await self.on_schema()
        await self._admit(context, self.schema_refusals)
        if request.schema_id not in self.schemas:
            await _abort(context, Refusal(grpc.StatusCode.INVALID_ARGUMENT, PREFIX + "schema.fetch.validation.failed"))
        return pb.SchemaInfo(schema_json=self.schemas[request.schema_id], schema_id=request.schema_id)

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(self.keepalive), self._moved:
                await self._moved.wait()
            return True
        except TimeoutError:
            return False

    async def _admit(self, context: Any, refusals: deque[Refusal]) -> None:
        if refusals:
            await _abort(context, refusals.popleft())
        said = {str(key): str(value) for key, value in context.invocation_metadata()}
        good = self.tokens is None or said.get("accesstoken") in self.tokens
        if not good or said.get("tenantid") != "00D000000000001EAA":
            await _abort(context, Refusal(grpc.StatusCode.UNAUTHENTICATED, PREFIX + "service.auth.error"))

    async def _start(self, first: pb.FetchRequest, context: Any) -> int:
        if first.topic_name != CHANNEL and not first.topic_name.endswith("__chn"):
            await _abort(context, Refusal(grpc.StatusCode.NOT_FOUND, PREFIX + "topic.not.found"))
        if first.replay_preset == pb.LATEST:
            return len(self.events)
        ids = [event.replay_id for event in self.events]
        if self.forgotten or first.replay_preset != pb.CUSTOM:
            code = PREFIX + "subscription.fetch.replayid.corrupted"
            await _abort(context, Refusal(grpc.StatusCode.INVALID_ARGUMENT, code))
        return sum(1 for known in ids if known <= first.replay_id)

    def _ask(self, request: pb.FetchRequest) -> None:
        self.asked.append(request.num_requested)
        self.outstanding += request.num_requested
        self.most_outstanding = max(self.most_outstanding, self.outstanding)

    async def _read(self, requests: AsyncIterator[pb.FetchRequest]) -> None:
        async for request in requests:
            self._ask(request)
            await self.wake()


async def _abort(context: Any, refusal: Refusal) -> None:
    if refusal.code:
        context.set_trailing_metadata((("error-code", refusal.code), ("rpc-id", "rpc")))
    await context.abort(refusal.status, refusal.text)


@asynccontextmanager
async def serving(bus: Bus, port: int = 0) -> AsyncIterator[Bus]:
    """The bus behind a socket of this machine."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    rpc.add_PubSubServicer_to_server(bus, server)
    bus.address = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    await server.start()
    try:
        yield bus
    finally:
        await server.stop(0)
