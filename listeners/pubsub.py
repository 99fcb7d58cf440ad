"""The Salesforce Pub/Sub API: change events over gRPC, written in Avro.

At most `PAGE` events are outstanding; what has been stored is asked for anew, so memory is bounded and a slow Redis
slows the stream. HTTP/2 pings notice a dead link, a watchdog on the responses notices a stream that has gone silent on
a live one. (Salesforce: Pub/Sub API, Subscribe RPC, flow control, handling errors.)
"""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
import structlog

from eventbus.pubsub_api_pb2 import FetchRequest, FetchResponse, ReplayPreset, SchemaRequest
from eventbus.pubsub_api_pb2_grpc import PubSubStub
from listeners.avro import EventSchema, SchemaUnreadable
from listeners.channel import Target, open_channel
from listeners.events import ChangeEvent, avro_event
from listeners.faults import Fault, StreamFault, classify
from listeners.ports import RawEvent, Response, Sessions
from worker.limits import Limits
from worker.salesforce.auth import Session
from worker.tasks import raise_if_cancelled

log = structlog.get_logger(__name__)

PAGE = 100  # Salesforce clamps what is outstanding to this
SCHEMAS = 32  # versions of schemas kept


class PubSub:
    """The door. One subscription at a time; `decode` works while it is open."""

    name = "pubsub"

    def __init__(self, target: Target, sessions: Sessions, limits: Limits) -> None:
        self.target, self._sessions, self._limits = target, sessions, limits
        self._schemas: OrderedDict[str, EventSchema] = OrderedDict()
        self._session: Session | None = None
        self._stale: Session | None = None  # what Salesforce refused last
        self._stub: Any = None
        self._call: Any = None

    @asynccontextmanager
    async def subscribe(self, channel: str, replay: str | None) -> AsyncIterator["PubSubSubscription"]:
        """Open the stream after `replay`, or (None) from now on; entered once the first request is sent.

        Raises `StreamFault`, from within as well.
        """
        session = await self._live_session()
        async with open_channel(self.target, self._limits) as wire:
            self._stub = PubSubStub(wire)  # type: ignore[no-untyped-call]  # generated
            self._call = call = self._stub.Subscribe(metadata=_metadata(session))
            try:
                with self.faults(channel):
                    subscription = PubSubSubscription(call, channel, self._limits, self.faults)
                    await subscription.begin(replay)
                    yield subscription
            finally:
                self._stub = self._call = None
                call.cancel()

    async def decode(self, raw: RawEvent, *, fresh: bool = False) -> ChangeEvent:
        """The event, read with the schema it was written with; `fresh`: fetched anew, with a new token if need be.

        Raises `Undecodable`, also when the schema cannot be had.
        """
        if fresh and self._schemas.pop(raw.schema, None) is None:
            self._stale = self._session  # the schema could not be fetched at all: perhaps for want of a good token
            await self._live_session()
        return avro_event(raw.payload, await self._schema(raw.schema), raw.replay)

    async def _schema(self, schema_id: str) -> EventSchema:
        if schema_id not in self._schemas:
            self._schemas[schema_id] = EventSchema(schema_id, await self._fetch(schema_id))
        self._schemas.move_to_end(schema_id)
        while len(self._schemas) > SCHEMAS:
            self._schemas.popitem(last=False)
        return self._schemas[schema_id]

    async def _fetch(self, schema_id: str) -> str:
        try:
            return await self._get_schema(schema_id)
        except StreamFault as error:
            if self._call is None or self._call.done():
                raise  # it is the link that broke: the event will be told again
            if error.fault is not Fault.AUTH:
                raise SchemaUnreadable(f"The schema {schema_id} of an event could not be read: {error.what}") from error
        await self._live_session()  # a stream outlives its token, this call does not
        try:
            return await self._get_schema(schema_id)
        except StreamFault as error:
            raise SchemaUnreadable(f"The schema {schema_id} of an event could not be read: {error.what}") from error

    async def _get_schema(self, schema_id: str) -> str:
        assert self._session is not None, "events are decoded while their stream is open"
        with self.faults(f"schema {schema_id}"):
            answer = await self._stub.GetSchema(
                SchemaRequest(schema_id=schema_id),
                metadata=_metadata(self._session),
                timeout=self._limits.read_request,
            )
        return str(answer.schema_json)

    async def _live_session(self) -> Session:
        self._session = await self._sessions.session(self._stale)
        return self._session

    @contextmanager
    def faults(self, about: str) -> Iterator[None]:
        """Turn what gRPC raises into `StreamFault`, and remember a token that was refused."""
        try:
            yield
            raise_if_cancelled()
        except grpc.RpcError as error:
            raise_if_cancelled()
            fault = _fault(error, about)
            if fault.fault is Fault.AUTH and self._session is not None:
                self._stale = self._session
            if fault.fault is Fault.PINGS:
                self.target = self.target.with_rarer_pings()
            raise fault from error


class PubSubSubscription:
    """One open stream."""

    def __init__(self, call: Any, channel: str, limits: Limits, faults: Any) -> None:
        self._call, self._channel, self._limits, self._faults = call, channel, limits, faults

    async def begin(self, replay: str | None) -> None:
        """Send the first request, the only one whose replay id counts."""
        first = FetchRequest(topic_name=self._channel, num_requested=PAGE, replay_preset=ReplayPreset.LATEST)
        if replay is not None:
            first.replay_preset = ReplayPreset.CUSTOM
            first.replay_id = _replay_id(replay, self._channel)
        await self._write(first)

    def __aiter__(self) -> "PubSubSubscription":
        return self

    async def __anext__(self) -> Response:
        """The next response. Raises `StreamFault` when the stream ended or was silent for too long."""
        with self._faults(self._channel):
            try:
                async with asyncio.timeout(self._limits.stream_silence):
                    message = await self._call.read()
            except TimeoutError as error:
                what = (
                    f"{self._channel} said nothing for {self._limits.stream_silence:g} seconds, not even a keep-alive."
                )
                raise StreamFault(Fault.SILENT, what) from error
        if message is grpc.aio.EOF:
            raise self._closed()
        return _response(message)

    async def stored(self, events: int) -> None:
        """Ask for as many events as have been stored."""
        if events:
            await self._write(FetchRequest(topic_name=self._channel, num_requested=events))

    async def _write(self, request: FetchRequest) -> None:
        with self._faults(self._channel):
            try:
                async with asyncio.timeout(self._limits.read_request):
                    await self._call.write(request)
            except TimeoutError as error:
                what = f"The request for {self._channel} could not be sent in {self._limits.read_request:g} seconds."
                raise StreamFault(Fault.UNAVAILABLE, what) from error
            except asyncio.InvalidStateError as error:  # the stream had ended already
                await self._call.wait_for_connection()  # raises the status it ended with
                raise self._closed() from error

    def _closed(self) -> StreamFault:
        return StreamFault(Fault.UNAVAILABLE, f"Salesforce closed the stream of {self._channel}.", "OK")


def _metadata(session: Session) -> tuple[tuple[str, str], ...]:
    return (
        ("accesstoken", session.access_token),
        ("instanceurl", session.instance_url),
        ("tenantid", session.org_id),
    )


def _response(message: FetchResponse) -> Response:
    events = tuple(RawEvent(_text(each.replay_id), each.event.schema_id, each.event.payload) for each in message.events)
    return Response(events, "" if events else _text(message.latest_replay_id))


def _replay_id(text: str, channel: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise StreamFault(Fault.POSITION, f"The stored position of {channel} is not one.") from error


def _text(replay_id: bytes) -> str:
    return base64.b64encode(replay_id).decode()


def _fault(error: grpc.RpcError, about: str) -> StreamFault:
    """What the call ended with. Of a call that ends while a request is being sent grpc.aio says INTERNAL, whatever it
    was (seen with 1.85): that counts as unavailable, and the next attempt is told the reason.
    """
    status = error.code().name
    trailers = error.trailing_metadata() or ()
    code = next((str(value) for key, value in trailers if key == "error-code"), "")
    details = error.details() or ""
    return StreamFault(
        classify(status, code, details), f"{about}: {code or status}: {details}".rstrip(": "), code or status
    )
