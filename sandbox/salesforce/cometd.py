"""The Streaming API: CometD long polling over the same event bus as the Pub/Sub API.

Salesforce: Streaming API, "Handling Streaming API Errors", "Message Durability"; Bayeux 1.0.
"""

import asyncio
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.clock import Clock
from sandbox.faults import hang_up
from sandbox.salesforce import bayeux
from sandbox.salesforce.bayeux import Message, event_message, refusal, reply
from sandbox.salesforce.cdc import ALL_CHANGES, InvalidReplayIdError
from sandbox.salesforce.cometd_clients import Client, Clients
from sandbox.salesforce.oauth import bearer
from sandbox.salesforce.state import STATE, State

MOST_BYTES = 32_768
OLDEST_VERSION = 37.0
TIMEOUT_SECONDS = 110.0
SHARED_INTERVAL_SECONDS = 2.0
COOKIE = "BAYEUX_BROWSER"
NEW_ONLY, ALL_RETAINED = -1, -2
routes = web.RouteTableDef()


class Broken(Exception):  # noqa: N818 - the connection, by script
    """The client's connection is to be closed without an answer."""


@routes.post(r"/cometd/{version:\d+\.\d}")
async def cometd(request: web.Request) -> web.Response:
    """One request: a list of messages in, a list of answers and events out."""
    if float(request.match_info["version"]) < OLDEST_VERSION:
        raise web.HTTPNotFound(text="400::API version in the URI is not supported")
    raw = await request.read()
    if len(raw) > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(raw), text="413::Maximum Request Size Exceeded")
    browser = request.cookies.get(COOKIE, "")
    call = Call(request.app[STATE], bearer(request), browser or secrets.token_urlsafe(12), new=not browser)
    try:
        answers = await call.answer(_messages(raw))
    except Broken:
        return hang_up(request)
    response = web.json_response(answers)
    if call.new:
        response.set_cookie(COOKIE, call.browser, path="/", httponly=True)
    return response


async def let_go(app: web.Application) -> None:
    """At the end nobody is kept waiting."""
    app[STATE].cometd.forget()


def _messages(raw: bytes) -> list[Message]:
    try:
        read = json.loads(raw)
    except ValueError:
        read = None
    messages = read if isinstance(read, list) else [read]
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise web.HTTPBadRequest(text="400::Messages are no Bayeux messages")
    return messages


class Call:
    """One request of one browser."""

    def __init__(self, state: State, token: str, browser: str, *, new: bool) -> None:
        self.state, self.token, self.browser, self.new = state, token, browser, new
        self.clients: Clients = state.cometd

    async def answer(self, messages: list[Message]) -> list[Message]:
        """The answers; events come before the answer to the connect that fetched them."""
        answers: list[Message] = []
        for message in messages:
            answers += await self._one(message)
        return answers

    async def _one(self, message: Message) -> list[Message]:
        refused = self.clients.refused(message)
        if refused is not None:
            return [refused]
        channel = message.get("channel")
        if channel == bayeux.HANDSHAKE:
            return [self._handshake(message)]
        client = self.clients.find(message.get("clientId"))
        if client is None:
            return [refusal(message, bayeux.UNKNOWN, reconnect=bayeux.ANEW)]
        if client.browser != self.browser:
            raise web.HTTPBadRequest(text=f"400::Client {client.id}: no cookie present")
        match channel:
            case bayeux.CONNECT:
                return await self._connect(message, client)
            case bayeux.SUBSCRIBE:
                return self._subscribe(message, client)
            case bayeux.UNSUBSCRIBE:
                self.clients.unsubscribe(client, str(message.get("subscription")))
                return [reply(message)]
            case bayeux.DISCONNECT:
                self.clients.drop(client)
                return [reply(message)]
        return [refusal(message, "403::Restricted channel")]

    def _handshake(self, message: Message) -> Message:
        if self.state.sessions.check(self.token) is None:
            return refusal(message, "403::Handshake denied", reason=bayeux.NO_SESSION, reconnect=bayeux.NEVER)
        client = self.clients.add(self.browser, self.token)
        return reply(
            message,
            clientId=client.id,
            version="1.0",
            minimumVersion="1.0",
            supportedConnectionTypes=["long-polling"],
            ext=bayeux.EXTENSIONS,
        )

    # Subscribing

    def _subscribe(self, message: Message, client: Client) -> list[Message]:
        asked = message.get("subscription")
        channels = [str(each) for each in asked] if isinstance(asked, list) else [str(asked)]
        for channel in channels:
            error = self._subscribe_one(message, client, channel)
            if error:
                return [refusal(message, error)]
        return [reply(message)]

    def _subscribe_one(self, message: Message, client: Client, channel: str) -> str:
        if self.state.bus.entities(channel) is None:
            return f"404::The channel you requested to subscribe to does not exist {{{channel}}}"
        if channel != ALL_CHANGES and not channel.endswith("__chn") and not self.state.org.now.view_all:
            return "403::User not allowed to subscribe CDC without View All Data permissions"
        replay = _replay(message, channel)
        try:
            index = self._index(replay)
        except (InvalidReplayIdError, OverflowError, TypeError, AttributeError):
            return (
                f"400::The replayId {{{replay}}} you provided was invalid.  Please provide a valid ID, "
                "-2 to replay all events, or -1 to replay only new events."
            )
        self.clients.subscribe(client, channel, index)
        return ""

    def _index(self, replay: Any) -> int:
        bus = self.state.bus
        if replay == NEW_ONLY:
            return bus.newest()
        return bus.oldest() if replay == ALL_RETAINED else bus.locate(bayeux.replay_bytes(replay))

    # Waiting for events

    async def _connect(self, message: Message, client: Client) -> list[Message]:
        # A session does not end while its client stays connected, but it can be ended.
        if self.state.sessions.check(client.token) is None:
            self.clients.drop(client)
            return [refusal(message, bayeux.NO_SESSION, reconnect=bayeux.NEVER)]
        client.connects += 1
        client.moved.set()  # whoever waits for the connect before this one goes
        advice = self._advice(client)
        events = self._take(client)
        if not events and advice["interval"] == 0 and client.connects > 1 and not _at_once(message):
            events = await self._wait(client)
        if not self.clients.knows(client):
            return [refusal(message, bayeux.UNKNOWN, reconnect=bayeux.ANEW)]
        bus = self.state.bus
        if events and bus.spent() + len(events) > self.state.org.now.daily_events:
            client.put_back(events)
            text = "403::Organization total events daily limit exceeded"
            return [refusal(message, text, reconnect=bayeux.NEVER)]
        bus.spend(len(events))
        told = [event_message(self.state.org, event, channel) for channel, event in events]
        shown: Message = {"advice": advice} if client.connects == 1 or advice["interval"] else {}
        return [*told, reply(message, **shown)]

    def _take(self, client: Client) -> list[Any]:
        if client.uncut():
            raise Broken
        return [] if self.state.org.now.silent else client.take(self.state.bus)

    async def _wait(self, client: Client) -> list[Any]:
        """Events as soon as there are some; none when the time is over or another connect takes its place."""
        clock, number = self.state.org.clock, client.connects
        until = clock.now() + timedelta(seconds=clock.seconds(TIMEOUT_SECONDS))
        client.held += 1
        try:
            while self.clients.knows(client) and client.connects == number:
                client.moved.clear()
                if events := self._take(client):
                    return events
                if clock.now() >= until and not self.state.org.now.silent:
                    break
                await self._moved(client, until)
            return []
        finally:
            client.held -= 1
            client.seen = clock.now()

    async def _moved(self, client: Client, until: datetime) -> None:
        clock = self.state.org.clock
        left = max(0.05, (until - clock.now()).total_seconds())
        waits = [asyncio.create_task(client.moved.wait()), asyncio.create_task(clock.sleep(left * clock.scale))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _advice(self, client: Client) -> Message:
        clock = self.state.org.clock
        advice: Message = {"reconnect": bayeux.AGAIN, "interval": 0, "timeout": _milliseconds(clock, TIMEOUT_SECONDS)}
        if self.clients.shares_browser(client):
            advice |= {"interval": _milliseconds(clock, SHARED_INTERVAL_SECONDS), "multiple-clients": True}
        return advice


def _replay(message: Message, channel: str) -> Any:
    extension = message.get("ext")
    replay = extension.get("replay") if isinstance(extension, dict) else None
    return replay.get(channel, NEW_ONLY) if isinstance(replay, dict) else NEW_ONLY


def _milliseconds(clock: Clock, seconds: float) -> int:
    return round(clock.seconds(seconds) * 1000)


def _at_once(message: Message) -> bool:
    """Whether the client asks not to be kept waiting (Bayeux: advice of a connect)."""
    advice = message.get("advice")
    return isinstance(advice, dict) and advice.get("timeout") == 0
