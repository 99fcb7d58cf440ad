"""What can go wrong with Xero, as types: each says what failed and what a person can do."""

# ruff: noqa: N818 - most are states that people are told about ("limited", "reconnect needed"), named as such
from __future__ import annotations

from worker.errors import ConnectionPaused, HourstreamError, ServiceError


class XeroError(ServiceError):
    """Xero did not do what was asked. `status` is the HTTP status, 0 where there was no answer."""

    def __init__(self, what: str, remedy: str = "", *, status: int = 0) -> None:
        super().__init__(what, remedy)
        self.status = status


class Limited(XeroError):
    """Not now: `wait` seconds from now at the earliest. Nothing was read or written."""

    def __init__(self, wait: float, why: str) -> None:
        super().__init__(f"Xero takes no more calls for now ({why}).", "Nothing to do: it is tried again by itself.")
        self.wait = wait
        self.why = why


class Unreachable(XeroError):
    """No connection could be made in time: nothing was sent."""


class NoAnswer(XeroError):
    """The request left, and no usable answer came back (time ran out, the connection dropped, or Xero is down)."""


class Dropped(NoAnswer):
    """The connection broke before the answer began."""


class Unreadable(XeroError):
    """An answer that is not what the endpoint answers. It says nothing about what Xero holds."""


class Refused(XeroError):
    """Xero read the request and will not do it."""


class Paused(XeroError, ConnectionPaused):
    """The connection to Xero rests until a person acts. Trying again changes nothing."""


class ReconnectNeeded(Paused):
    """The consent is gone: disconnected, revoked, expired, or never given."""


class MissingScope(Paused):
    """The consent does not cover what was asked; a new token would not either."""


class BadCredentials(Paused):
    """Xero does not know this client id and secret, or not for this way of connecting."""


class EncodingError(HourstreamError):
    """A document cannot be written the way Xero reads it. `key` and `sequence` say which; the others are unaffected."""

    def __init__(self, key: str, sequence: int, what: str, remedy: str = "") -> None:
        super().__init__(f"Invoice {key}/{sequence}: {what}", remedy)
        self.key = key
        self.sequence = sequence
