"""Xero's rate limits: 5 calls at once, 60 in a fixed minute, 5,000 in a fixed day; 10,000 a minute per app."""

import math
from dataclasses import dataclass

from sandbox.clock import Clock

MINUTE = 60
DAY = 86_400


@dataclass(frozen=True)
class Excess:
    """A limit that is reached. `retry_after` in seconds as Xero tells them; None for the limit on concurrency."""

    problem: str
    retry_after: int | None


class Window:
    """A fixed window of `length` seconds (divided by the clock's scale), starting at an offset of its own."""

    def __init__(self, clock: Clock, length: int, limit: int, offset: float) -> None:
        self.limit = limit
        self._clock = clock
        self._length = length
        self._offset = offset
        self._index = -1
        self._used = 0

    @property
    def remaining(self) -> int:
        """Calls left in the current window."""
        self._roll()
        return max(0, self.limit - self._used)

    def count(self) -> None:
        """Use one call."""
        self._roll()
        self._used += 1

    def seconds_left(self) -> int:
        """Seconds until the window starts anew, unscaled, rounded up, at least 1."""
        scaled = self._clock.seconds(self._length)
        into = (self._clock.now().timestamp() - self._offset) % scaled
        return max(1, math.ceil((scaled - into) * self._clock.scale))

    def _roll(self) -> None:
        index = int((self._clock.now().timestamp() - self._offset) // self._clock.seconds(self._length))
        if index != self._index:
            self._index, self._used = index, 0


class RateLimits:
    """Admits calls or says which limit is reached."""

    def __init__(
        self, clock: Clock, offset: float, *, concurrent: int = 5, minute: int = 60, day: int = 5000, app: int = 10_000
    ) -> None:
        self.concurrent = concurrent
        self.minute = Window(clock, MINUTE, minute, offset)
        self.day = Window(clock, DAY, day, offset)
        self.app_minute = Window(clock, MINUTE, app, 0)
        self._in_flight = 0

    def admit(self, *, refused_counts: bool = False) -> Excess | None:
        """Take a place for one call, or say why not. Every None must be followed by `release`."""
        excess = self._excess()
        if excess is None:
            self._in_flight += 1
        if excess is None or refused_counts:
            for window in (self.minute, self.day, self.app_minute):
                window.count()
        return excess

    def release(self) -> None:
        """The call is over."""
        self._in_flight -= 1

    def headers(self) -> dict[str, str]:
        """What every answer tells about the limits."""
        return {
            "X-DayLimit-Remaining": str(self.day.remaining),
            "X-MinLimit-Remaining": str(self.minute.remaining),
            "X-AppMinLimit-Remaining": str(self.app_minute.remaining),
        }

    def _excess(self) -> Excess | None:
        if self._in_flight >= self.concurrent:
            return Excess("concurrent", None)
        for problem, window in (("day", self.day), ("minute", self.minute), ("appminute", self.app_minute)):
            if window.remaining <= 0:
                return Excess(problem, window.seconds_left())
        return None
