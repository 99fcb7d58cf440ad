"""What Salesforce says over CometD when it says no: one table from its words and codes to the kinds of faults.

The code in `error` is not to be trusted alone: an overloaded server says "401::Authentication invalid" and hides the
503 in `ext.sfdc.failureReason` (Salesforce: Streaming API, "Handling Streaming API Errors").
"""

import re
from typing import Any

from listeners.bayeux import Message, NotBayeux, messages_of
from listeners.faults import Fault, StreamFault

CODE = re.compile(r"\s*(\d{3})\b")
SHOWN = 300  # characters of an answer that is shown to people

# The first of these words in the reason decides; they are in lower case.
BY_WORDS = {
    "daily limit": Fault.LIMIT,
    "concurrent user limit": Fault.UNAVAILABLE,
    "unknown client": Fault.CLIENT,
    "no cookie": Fault.CLIENT,
    "handshake denied": Fault.AUTH,
    "replayid": Fault.POSITION,
    "replay id": Fault.POSITION,
    "invalid_session_id": Fault.AUTH,
    "request_limit_exceeded": Fault.UNAVAILABLE,
}
BY_CODE = {
    400: Fault.REQUEST,
    401: Fault.AUTH,
    402: Fault.CLIENT,
    403: Fault.REFUSED,
    404: Fault.REFUSED,
    406: Fault.REQUEST,
    410: Fault.REQUEST,
    412: Fault.REQUEST,
    413: Fault.REQUEST,
    431: Fault.REQUEST,
}


def refused(message: Message, about: str) -> StreamFault:
    """The fault behind an answer that is not successful."""
    reason = reason_of(message)
    fault = fault_of(reason)
    if not reason and _reconnect(message) == "handshake":
        fault = Fault.CLIENT
    code = CODE.match(reason)
    return StreamFault(fault, f"{about}: {reason[:SHOWN] or 'Salesforce said no.'}", code[1] if code else "")


def answered(status: int, body: bytes, about: str) -> StreamFault | None:
    """The fault behind an HTTP answer that is not a good one; None where Salesforce's messages tell more."""
    if status == 200:
        return None
    if 300 <= status < 400:  # a sign-in page, or the org has moved: a new token tells where it is
        return StreamFault(Fault.AUTH, f"{about}: Salesforce answered with a redirect.", str(status))
    text = body[:SHOWN].decode(errors="replace").strip()
    return StreamFault(_of_answer(status, body), f"{about}: HTTP {status} {text}".rstrip(), str(status))


def unreadable(error: NotBayeux, about: str) -> StreamFault:
    """The fault behind a good answer that holds no Bayeux messages, such as a maintenance page."""
    if error.read is None:
        return StreamFault(Fault.UNAVAILABLE, f"{about}: the answer is no JSON, perhaps a maintenance page.")
    text = str(error.read)[:SHOWN]
    return StreamFault(fault_of(text), f"{about}: the answer is no Bayeux message: {text}")


def reason_of(message: Message) -> str:
    """Why Salesforce said no: the reason it hides, else the error; "" where it says neither."""
    hidden: Any = message.get("ext")
    for name in ("sfdc", "failureReason"):
        hidden = hidden.get(name) if isinstance(hidden, dict) else None
    error = hidden or message.get("error")
    return error if isinstance(error, str) else ""


def fault_of(reason: str) -> Fault:
    """The kind behind a reason such as `403::Unknown client`."""
    text = reason.lower()
    worded = next((fault for words, fault in BY_WORDS.items() if words in text), None)
    if worded is not None:
        return worded
    code = CODE.match(reason)
    return BY_CODE.get(int(code[1]), Fault.UNAVAILABLE) if code else Fault.UNAVAILABLE


def _of_answer(status: int, body: bytes) -> Fault:
    """What an HTTP error says in its body counts more than its status, if it says anything known."""
    if status >= 500:
        return Fault.UNAVAILABLE
    reason = _reason_in(body)
    if CODE.match(reason) or any(words in reason.lower() for words in BY_WORDS):
        return fault_of(reason)
    return BY_CODE.get(status, Fault.UNAVAILABLE)


def _reason_in(body: bytes) -> str:
    """The reason of the first message that has one, else the text as it is."""
    try:
        reasons = [reason_of(item) for item in messages_of(body) if isinstance(item, dict)]
    except NotBayeux:
        reasons = []
    return next((reason for reason in reasons if reason), body[:SHOWN].decode(errors="replace"))


def _reconnect(message: Message) -> str:
    advice = message.get("advice")
    return str(advice.get("reconnect", "")) if isinstance(advice, dict) else ""
