"""The Pub/Sub API (gRPC) over the event bus: flow control, keep-alives and error trailers as Salesforce documents them.

Salesforce: Pub/Sub API, "Subscribe RPC Method", "Flow Control", "Handling Errors".
"""

# ruff: noqa: N802 - the methods are named by the service
import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn

import grpc

from eventbus import pubsub_api_pb2 as pb
from eventbus import pubsub_api_pb2_grpc as rpc
from sandbox.faults import Fault, Faults
from sandbox.salesforce.cdc import Cursor, Event, InvalidReplayIdError
from sandbox.salesforce.state import State

MAX_OUTSTANDING = 100
MAX_RESPONSE_BYTES = 3 * 1024 * 1024
_EVENT_OVERHEAD = 200
PREFIX = "sfdc.platform.eventbus.grpc."
Context = Any
_CODES = {code.value[0]: code for code in grpc.StatusCode}


async def abort(context: Context, code: grpc.StatusCode, error: str, message: str) -> NoReturn:
    """End the call with Salesforce's trailers; `error` is the error-code without its common beginning."""
    trailers = [("rpc-id", str(uuid.uuid4()))]
    if error:
        trailers.insert(0, ("error-code", error if error.startswith("sfdc.") else PREFIX + error))
    context.set_trailing_metadata(tuple(trailers))
    await context.abort(code, message)
    raise AssertionError("abort returned")


@dataclass
class _Stream:
    """One subscription: what its client asked for so far."""

    topic: str = ""
    cursor: Cursor | None = None
    pending: int = 0
    quiet_since: datetime = field(default_factory=lambda: datetime.now().astimezone())
    done_asking: bool = False
    inbox: deque[pb.FetchRequest] = field(default_factory=deque)
    problem: tuple[grpc.StatusCode, str, str] | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)


class PubSub(rpc.PubSubServicer):
    """The service."""

    def __init__(self, state: State, faults: Faults) -> None:
        self.state = state
        self.faults = faults

    async def GetTopic(self, request: pb.TopicRequest, context: Context) -> pb.TopicInfo:
        """What a channel is called and which schema its events have."""
        await self._enter(context, "GetTopic")
        entities = await self._entities(context, request.topic_name)
        sobject = self.state.org.schema(sorted(entities)[0]) if entities else None
        schema_id = self.state.bus.schema(sobject).id if sobject else ""
        return pb.TopicInfo(
            topic_name=request.topic_name,
            tenant_guid=self.state.org.id,
            can_publish=False,
            can_subscribe=True,
            schema_id=schema_id,
            rpc_id=str(uuid.uuid4()),
        )

    async def GetSchema(self, request: pb.SchemaRequest, context: Context) -> pb.SchemaInfo:
        """An event schema by id; every version stays known."""
        await self._enter(context, "GetSchema")
        schema = self.state.bus.schemas.get(request.schema_id)
        if schema is None:
            text = f"Schema ID {request.schema_id} does not exist"
            await abort(context, grpc.StatusCode.INVALID_ARGUMENT, "schema.fetch.validation.failed", text)
        return pb.SchemaInfo(schema_json=schema.json, schema_id=schema.id, rpc_id=str(uuid.uuid4()))

    async def Publish(self, request: pb.PublishRequest, context: Context) -> pb.PublishResponse:
        """Change events cannot be published; nothing else is on this bus."""
        await abort(context, grpc.StatusCode.UNIMPLEMENTED, "", "this stand-in publishes nothing for clients")

    async def PublishStream(self, request: AsyncIterator[pb.PublishRequest], context: Context) -> None:
        """As Publish."""
        await abort(context, grpc.StatusCode.UNIMPLEMENTED, "", "this stand-in publishes nothing for clients")

    async def ManagedSubscribe(self, request: AsyncIterator[pb.ManagedFetchRequest], context: Context) -> None:
        """Beta at Salesforce, and not here."""
        await abort(context, grpc.StatusCode.UNIMPLEMENTED, "", "this stand-in has no managed subscriptions")

    async def Subscribe(
        self, requests: AsyncIterator[pb.FetchRequest], context: Context
    ) -> AsyncIterator[pb.FetchResponse]:
        """Events of one channel, never more than were asked for."""
        stream = _Stream(quiet_since=self.state.org.clock.now())
        reader = asyncio.create_task(_read_requests(requests, stream))
        try:
            # A refusal that overtakes the client's first request reaches grpcio clients as INTERNAL without trailers.
            await self._wait(stream)
            await self._enter(context, "Subscribe")
            async for response in self._responses(stream, context):
                yield response
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            if stream.cursor is not None:
                self.state.bus.close(stream.cursor)

    async def _responses(self, stream: _Stream, context: Context) -> AsyncIterator[pb.FetchResponse]:
        clock = self.state.org.clock
        while True:
            stream.asked.clear()
            while stream.inbox and stream.problem is None:
                stream.problem = self._admit(stream.inbox.popleft(), stream)
            if stream.problem is not None:
                await abort(context, *stream.problem)
            if stream.cursor is not None:
                stream.cursor.moved.clear()
                events = [] if self.state.org.now.silent else self._take(stream)
                if events:
                    await self._spend(context, len(events))
                    stream.quiet_since = clock.now()
                    yield self._response(stream, events)
                    continue
                if stream.cursor.cut:
                    text = "The service is currently unavailable"
                    await abort(context, grpc.StatusCode.UNAVAILABLE, "service.unavailable", text)
            # A client that closed its side still gets what it asked for.
            if stream.done_asking and stream.pending == 0:
                return
            if self._due(stream) <= clock.now():
                if stream.pending == 0:
                    return
                stream.quiet_since = clock.now()
                if not self.state.org.now.silent:
                    yield self._response(stream, [])
                continue
            await self._wait(stream)

    def _take(self, stream: _Stream) -> list[Event]:
        assert stream.cursor is not None
        events = self.state.bus.read(stream.cursor, stream.pending)
        size = 0
        for number, event in enumerate(events):
            size += len(event.payload) + _EVENT_OVERHEAD
            if size > MAX_RESPONSE_BYTES and number > 0:
                stream.cursor.waiting.extendleft(reversed(events[number:]))
                return events[:number]
        return events

    def _response(self, stream: _Stream, events: list[Event]) -> pb.FetchResponse:
        stream.pending -= len(events)
        latest = events[-1].replay_id if events else self.state.bus.latest()
        return pb.FetchResponse(
            events=[_consumer_event(event) for event in events],
            latest_replay_id=latest,
            rpc_id=str(uuid.uuid4()),
            pending_num_requested=stream.pending,
        )

    async def _spend(self, context: Context, count: int) -> None:
        if self.state.bus.spent() + count > self.state.org.now.daily_events:
            text = "The organization exceeded its daily limit of delivered events"
            await abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "subscription.limit.exceeded", text)
        self.state.bus.spend(count)

    def _due(self, stream: _Stream) -> datetime:
        behaviour, clock = self.state.org.now, self.state.org.clock
        wait = behaviour.keepalive_seconds if stream.pending > 0 else behaviour.idle_close_seconds
        return stream.quiet_since + timedelta(seconds=clock.seconds(wait))

    async def _wait(self, stream: _Stream) -> None:
        clock = self.state.org.clock
        left = (self._due(stream) - clock.now()).total_seconds()
        waits = [asyncio.create_task(stream.asked.wait()), asyncio.create_task(clock.sleep(left * clock.scale))]
        if stream.cursor is not None:
            waits.append(asyncio.create_task(stream.cursor.moved.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _admit(self, request: pb.FetchRequest, stream: _Stream) -> tuple[grpc.StatusCode, str, str] | None:
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        if request.num_requested <= 0:
            text = "The number of requested events must be greater than zero"
            return invalid, "subscription.fetch.requested.events.invalid", text
        if stream.cursor is None:
            problem = self._start(request, stream)
            if problem is not None:
                return problem
        elif request.topic_name and request.topic_name != stream.topic:
            return invalid, "subscription.fetch.topic.changed", "The topic of a stream cannot change"
        if stream.pending == 0:
            stream.quiet_since = self.state.org.clock.now()
        stream.pending = min(MAX_OUTSTANDING, stream.pending + request.num_requested)
        return None

    def _start(self, request: pb.FetchRequest, stream: _Stream) -> tuple[grpc.StatusCode, str, str] | None:
        bus, invalid = self.state.bus, grpc.StatusCode.INVALID_ARGUMENT
        if bus.entities(request.topic_name) is None:
            return _no_topic(request.topic_name)
        if request.topic_name != "/data/ChangeEvents" and not self.state.org.now.view_all:
            text = "User not allowed to subscribe CDC without View All Data permissions"
            return grpc.StatusCode.PERMISSION_DENIED, "subscription.fetch.topic.permission.denied", text
        if request.replay_preset == pb.CUSTOM and not request.replay_id:
            text = "The replay ID must be set for the CUSTOM replay preset"
            return invalid, "subscription.fetch.replayid.validation.failed", text
        try:
            index = self._index(request)
        except InvalidReplayIdError:
            text = "The Replay ID validation failed. Ensure that the Replay ID is valid."
            return invalid, "subscription.fetch.replayid.corrupted", text
        stream.topic = request.topic_name
        stream.cursor = bus.open(request.topic_name, index)
        return None

    def _index(self, request: pb.FetchRequest) -> int:
        if request.replay_preset == pb.CUSTOM:
            return self.state.bus.locate(request.replay_id)
        return self.state.bus.oldest() if request.replay_preset == pb.EARLIEST else self.state.bus.newest()

    async def _entities(self, context: Context, topic: str) -> frozenset[str]:
        entities = self.state.bus.entities(topic)
        if entities is None:
            await abort(context, *_no_topic(topic))
        return entities

    async def _enter(self, context: Context, method: str) -> None:
        """Scripted faults, then who is calling."""
        fault = self.faults.take("GRPC", f"/eventbus.v1.PubSub/{method}")
        if fault is not None:
            await self._commit(fault, context)
        metadata = {str(name).lower(): str(value) for name, value in context.invocation_metadata()}
        session = self.state.sessions.peek(metadata.get("accesstoken", ""))
        org = self.state.org
        right = metadata.get("tenantid") == org.id and metadata.get("instanceurl", "").rstrip("/") == org.url
        if session is None or not right:
            text = "Authentication exception occurred, please verify your session, instance URL and tenant ID"
            await abort(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.error", text)

    async def _commit(self, fault: Fault, context: Context) -> None:
        """A fault of kind `status` ends the call with that gRPC status number and, as error-code, its body."""
        if fault.kind == "delay":
            await self.state.org.clock.sleep(fault.delay)
        elif fault.kind == "status":
            code = _CODES.get(fault.status, grpc.StatusCode.UNAVAILABLE)
            await abort(context, code, fault.body, "scripted fault")
        else:
            await abort(context, grpc.StatusCode.UNAVAILABLE, "", "Connection reset by peer")


async def _read_requests(requests: AsyncIterator[pb.FetchRequest], stream: _Stream) -> None:
    async for request in requests:
        stream.inbox.append(request)
        stream.asked.set()
    stream.done_asking = True
    stream.asked.set()


def _no_topic(topic: str) -> tuple[grpc.StatusCode, str, str]:
    text = f"The topic {topic} does not exist or you do not have access to it"
    return grpc.StatusCode.NOT_FOUND, "subscription.fetch.topic.not.found", text


def _consumer_event(event: Event) -> pb.ConsumerEvent:
    inner = pb.ProducerEvent(id=event.id, schema_id=event.schema.id, payload=event.payload)
    return pb.ConsumerEvent(event=inner, replay_id=event.replay_id)


def build_server(state: State, faults: Faults) -> grpc.aio.Server:
    """A server without ports yet; add them, start it, stop it."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    rpc.add_PubSubServicer_to_server(PubSub(state, faults), server)  # type: ignore[no-untyped-call]  # generated code
    return server
