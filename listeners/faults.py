"""What can go wrong with a stream and what each wrong thing asks for: kinds of faults, and how long each stays away.

The Pub/Sub API's error codes are here; what CometD says is in `bayeux_faults`.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from worker.errors import ServiceError
from worker.limits import Limits


class Fault(StrEnum):
    """The kinds, by what is done about them. Each has its own back-off."""

    AUTH = "token refused"  # with a new token at once
    UNAVAILABLE = "unavailable"  # again from the stored position
    SILENT = "silent"  # as above: nothing was heard for longer than a keep-alive takes
    PINGS = "too many pings"  # as above, with pings further apart
    CLIENT = "client unknown"  # CometD: with another handshake at once
    POSITION = "position unknown"  # read again since the last good commit, anchor anew
    LIMIT = "delivery limit"  # stay away: each attempt would be turned down until the 24 hours have rolled on
    REFUSED = "refused"  # a person has to change something in Salesforce
    REQUEST = "request invalid"  # ours to mend; again, rarely
    MOVED = "position moved"  # the inbox refused a response; again from what is stored


# Salesforce: Pub/Sub API, handling errors: the trailer `error-code` without its common beginning.
PREFIX = "sfdc.platform.eventbus.grpc."
BY_CODE = {
    "service.auth.error": Fault.AUTH,
    "service.auth.refresh.invalid": Fault.AUTH,
    "service.unavailable": Fault.UNAVAILABLE,
    "subscription.fetch.replayid.corrupted": Fault.POSITION,
    "subscription.fetch.replayid.validation.failed": Fault.POSITION,
    "subscription.fetch.requested.events.invalid": Fault.REQUEST,
    "subscription.limit.exceeded": Fault.LIMIT,
}
BY_STATUS = {
    "UNAUTHENTICATED": Fault.AUTH,
    "PERMISSION_DENIED": Fault.REFUSED,
    "NOT_FOUND": Fault.REFUSED,
    "UNIMPLEMENTED": Fault.REFUSED,
    "INVALID_ARGUMENT": Fault.REQUEST,
}
REMEDIES = {
    Fault.AUTH: "If this goes on, check that the integration user is active and its session may use the API.",
    Fault.POSITION: "Nothing to do: what changed since the last good event is read again from Salesforce.",
    Fault.LIMIT: "The org's allowance of delivered events for 24 hours is spent. See Setup > Company Information and "
    "the /limits resource, DailyDeliveredPlatformEvents.",
    Fault.REFUSED: "In Salesforce, select the object in Setup > Change Data Capture, and give the integration user "
    "View All Records on it.",
    Fault.UNAVAILABLE: "If this goes on, check that this machine reaches the Pub/Sub API's address and port (with "
    "CometD: the org's address).",
}


class StreamFault(ServiceError):  # noqa: N818 - the wire's errors become faults of the stream
    """The stream ended, or could not be opened. `code` is Salesforce's error code, or the gRPC or HTTP status."""

    def __init__(self, fault: Fault, what: str, code: str = "") -> None:
        super().__init__(what, REMEDIES.get(fault, ""))
        self.fault = fault
        self.code = code


def classify(status: str, code: str, details: str) -> Fault:
    """The kind of fault behind a gRPC status, the trailer `error-code` ("" where there was none) and the details."""
    known = BY_CODE.get(code.removeprefix(PREFIX))
    if known is not None:
        return known
    text = details.lower().replace("_", " ")
    if "too many pings" in text or "enhance your calm" in text:
        return Fault.PINGS
    if status == "INVALID_ARGUMENT" and ("replay" in text or "replayid" in code.lower()):
        return Fault.POSITION
    return BY_STATUS.get(status, Fault.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Wait:
    """A back-off in seconds: `least`, and on top a random part of what doubles from `base` to `cap` (full jitter)."""

    base: float
    cap: float
    least: float = 0.0

    def after(self, failures: int, draw: Callable[[float, float], float] = random.uniform) -> float:
        """How long to wait after this many failures in a row."""
        if failures < 1:
            return 0.0
        return self.least + draw(0.0, min(self.cap, self.base * 2.0 ** min(failures - 1, 40)))


def waits(limits: Limits) -> dict[Fault, Wait]:
    """Each kind's back-off, in shares of the process's limits."""
    usual = Wait(limits.backoff_base, limits.minute)
    return {
        Fault.AUTH: Wait(limits.backoff_base, limits.backoff_cap),
        Fault.UNAVAILABLE: usual,
        Fault.SILENT: usual,
        Fault.PINGS: usual,
        Fault.CLIENT: usual,
        Fault.POSITION: Wait(limits.backoff_base / 4, limits.backoff_cap),
        Fault.LIMIT: Wait(limits.backoff_cap, 3 * limits.backoff_cap, least=limits.backoff_cap),
        Fault.REFUSED: Wait(limits.backoff_base, limits.backoff_cap, least=limits.backoff_base),
        Fault.REQUEST: Wait(limits.backoff_base, limits.backoff_cap, least=limits.backoff_base),
        Fault.MOVED: usual,
    }


def jitter(seconds: float) -> float:
    """Some time up to `seconds`."""
    return random.uniform(0, seconds)  # noqa: S311 - spreads attempts, hides nothing


AT_ONCE = frozenset(
    {Fault.AUTH, Fault.CLIENT, Fault.POSITION, Fault.MOVED}
)  # the next attempt itself mends what was wrong


class Backoff:
    """Counts failures by kind since a response was last stored, and says how long to stay away.

    Only a stored response ends a back-off: a stream that could be opened proves nothing.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._waits, self._clock = waits(limits), clock
        self._failures: Counter[Fault] = Counter()
        self._since: float | None = None

    def failed(self, fault: Fault) -> float:
        """Count one more failure; the seconds to wait before trying again."""
        self._failures[fault] += 1
        self._since = self._clock() if self._since is None else self._since
        return self._waits[fault].after(self._failures[fault] - (fault in AT_ONCE))

    def received(self) -> None:
        """A response came and is stored: what failed before is over."""
        self._failures.clear()
        self._since = None

    @property
    def failing_for(self) -> float:
        """Seconds since the first failure after the last stored response."""
        return 0.0 if self._since is None else self._clock() - self._since
