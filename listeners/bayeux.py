"""Bayeux messages, as the Streaming API speaks them over CometD. Pure: nothing here waits or remembers.

Salesforce: Streaming API, "Message Structure", "Message Durability"; the Bayeux protocol, version 1.0.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from listeners.avro import Undecodable
from listeners.events import ChangeEvent, change_event
from listeners.ports import RawEvent

Message = dict[str, Any]

HANDSHAKE, CONNECT = "/meta/handshake", "/meta/connect"
SUBSCRIBE, DISCONNECT = "/meta/subscribe", "/meta/disconnect"
NEW_ONLY = -1  # the replay id that stands for: from now on
MOST_BYTES = 32_768  # Salesforce turns down larger requests
MOST_MS = 3_600_000  # no advice means more than an hour
POSITION = "cometd:"  # so that no other door takes such a position for its own
NO_SCHEMA = "json"


class NotBayeux(Exception):  # noqa: N818 - what was read
    """A body that is no list of Bayeux messages; `read` is what it was, None where it was not even JSON."""

    def __init__(self, read: Any) -> None:
        super().__init__("no Bayeux messages")
        self.read = read


@dataclass(frozen=True, slots=True)
class Advice:
    """How the server wants to be asked. Milliseconds, None where it does not say."""

    interval: int | None = None  # pause before the next connect
    timeout: int | None = None  # how long it holds a connect


# ---- what we say ---------------------------------------------------------------------------------------------------


def handshake() -> Message:
    """The first message; the answer gives the client id."""
    return {
        "channel": HANDSHAKE,
        "version": "1.0",
        "minimumVersion": "1.0",
        "supportedConnectionTypes": ["long-polling"],
    }


def connect(client: str, *, hold: bool) -> Message:
    """Ask for events; `hold`: the server may keep the request until there are some."""
    message: Message = {"channel": CONNECT, "clientId": client, "connectionType": "long-polling"}
    return message if hold else message | {"advice": {"timeout": 0}}


def subscribe(client: str, channel: str, replay: int) -> Message:
    """Subscribe after a replay id."""
    return {
        "channel": SUBSCRIBE,
        "clientId": client,
        "subscription": channel,
        "ext": {"replay": {channel: replay}},
    }


def disconnect(client: str) -> Message:
    """Say good-bye: the org counts those who are connected."""
    return {"channel": DISCONNECT, "clientId": client}


def bodies(messages: Sequence[Message], most: int = MOST_BYTES) -> Iterator[bytes]:
    """The messages as request bodies, several in one as far as `most` bytes allow."""
    batch, size = list[bytes](), 2
    for message in messages:
        text = json.dumps(message, separators=(",", ":")).encode()
        if batch and size + len(text) + 1 > most:
            yield b"[" + b",".join(batch) + b"]"
            batch, size = [], 2
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield b"[" + b",".join(batch) + b"]"


# ---- what we hear --------------------------------------------------------------------------------------------------


def messages_of(body: bytes) -> list[Any]:
    """The messages of an answer, and among them whatever else it holds. Raises `NotBayeux`."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        raise NotBayeux(None) from None
    items = read if isinstance(read, list) else [read]
    if items and not any(channel_of(item) for item in items):
        raise NotBayeux(read)
    return items


def channel_of(message: Any) -> str:
    """The channel a message is on; "" for what is no message."""
    channel = message.get("channel") if isinstance(message, dict) else None
    return channel if isinstance(channel, str) else ""


def reply_on(messages: Sequence[Any], channel: str) -> Message | None:
    """The answer to what was asked on a /meta channel."""
    return next((message for message in messages if channel_of(message) == channel), None)


def advice_of(message: Message) -> Advice:
    """The server's advice; what makes no sense counts as not said."""
    advice = message.get("advice")
    if not isinstance(advice, dict):
        return Advice()
    return Advice(_milliseconds(advice.get("interval")), _milliseconds(advice.get("timeout")))


def raw_events(messages: Sequence[Any], before: str) -> list[RawEvent]:
    """The events among the messages, in order.

    One that tells no replay id takes that of the event before it, at first `before` (a stored position, "" for none):
    the position never steps over it, and whatever cannot be read is parked.
    """
    found = list[RawEvent]()
    for message in messages:
        if channel_of(message).startswith(("/meta/", "/service/")):
            continue
        before = _replay(message) or before
        found.append(RawEvent(before, NO_SCHEMA, _text(message)))
    return found


def json_event(raw: RawEvent) -> ChangeEvent:
    """The event in a message of the Streaming API. Raises `Undecodable`."""
    try:
        header = json.loads(raw.payload)["data"]["payload"]["ChangeEventHeader"]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise Undecodable("A message on the channel is no change event: it has no ChangeEventHeader.") from error
    return change_event(header, raw.replay)


def replay_number(position: str) -> int | None:
    """The replay id in a stored position; None when it is not one of this door's."""
    digits = position.removeprefix(POSITION)
    return int(digits) if position.startswith(POSITION) and digits.isdecimal() and len(digits) < 20 else None


def _text(message: Any) -> bytes:
    try:
        return json.dumps(message, separators=(",", ":")).encode()
    except RecursionError:  # nested as deep as reading just about allowed: no change event is
        return b""


def _replay(message: Any) -> str:
    """The position behind an event; "" where it tells none."""
    try:
        replay = message["data"]["event"]["replayId"]
    except (LookupError, TypeError):
        return ""
    usable = isinstance(replay, int) and not isinstance(replay, bool) and 0 <= replay < 10**19
    return f"{POSITION}{replay}" if usable else ""


def _milliseconds(value: Any) -> int | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return int(min(value, MOST_MS)) if usable else None
