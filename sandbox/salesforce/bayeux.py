"""Bayeux messages of the Streaming API: what the org's side says, and change events as JSON.

Salesforce: Streaming API, "Message Structure", "Handling Streaming API Errors".
"""

from typing import Any

from sandbox.salesforce.cdc import REPLAY_ID_BYTES, UNREADABLE, Event, nested
from sandbox.salesforce.org import Org
from sandbox.salesforce.values import iso_time

Message = dict[str, Any]

HANDSHAKE, CONNECT, SUBSCRIBE = "/meta/handshake", "/meta/connect", "/meta/subscribe"
UNSUBSCRIBE, DISCONNECT = "/meta/unsubscribe", "/meta/disconnect"
EXTENSIONS = {"replay": True, "payload.format": True}
AGAIN, ANEW, NEVER = "retry", "handshake", "none"
BUSY = "503::Server is too busy.  Please try your request again later."
UNKNOWN = "403::Unknown client"
NO_SESSION = "401::Authentication invalid"


def reply(message: Message, *, successful: bool = True, **extra: Any) -> Message:
    """The answer to a message."""
    answer: Message = {"channel": message.get("channel", ""), "successful": successful}
    for name in ("id", "clientId", "subscription"):
        if name in message:
            answer[name] = message[name]
    return answer | extra


def refusal(message: Message, error: str, *, reason: str = "", reconnect: str = "") -> Message:
    """An answer that says no; `reason` is what Salesforce hides behind a general error."""
    extra: Message = {"error": error}
    if reconnect:
        extra["advice"] = {"reconnect": reconnect, "interval": 0}
    if reason:
        extra["ext"] = {"sfdc": {"failureReason": reason}} | EXTENSIONS
    return reply(message, successful=False, **extra)


def replay_number(replay_id: bytes) -> int:
    """A position as this API writes it."""
    return int.from_bytes(replay_id[:8], "big")


def replay_bytes(number: int) -> bytes:
    """The opposite. Raises OverflowError for what can be no position."""
    return number.to_bytes(8, "big").ljust(REPLAY_ID_BYTES, b"\x00")


def event_message(org: Org, event: Event, channel: str) -> Message:
    """An event as subscribers get it: filled fields of a new record, changed fields of an update, else the header."""
    data: Message = {"schema": event.schema.id, "event": {"replayId": replay_number(event.replay_id)}}
    if event.payload != UNREADABLE:
        data["payload"] = {"ChangeEventHeader": _header(event)} | _body(org, event)
    else:
        data["payload"] = "unreadable"
    return {"channel": channel, "data": data}


def _header(event: Event) -> Message:
    """This API tells of no emptied and no differing fields."""
    return {name: value for name, value in event.header.items() if name not in {"nulledFields", "diffFields"}}


def _body(org: Org, event: Event) -> Message:
    sobject = org.schema(event.entity)
    if sobject is None:
        return {}
    shown = {}
    for name, value in event.body.items():
        field = sobject.find(name)
        if value is not None or event.header["changeType"] == "UPDATE":
            shown[name] = iso_time(value, field.type if field else "")
    return nested(sobject, shown)
