"""The stand-ins' clock: real time that a test suite can push forward, and waits that it can shorten."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

SCALE_VARIABLE = "HOURSTREAM_TIME_SCALE"


class Clock:
    """Tells the stand-ins the time. `advance` jumps ahead and wakes whoever sleeps past the new time.

    `scale` divides every wait of the stand-ins (time outs, keep-alives, windows); it never changes how fast `now` runs.
    """

    def __init__(self, scale: float | None = None) -> None:
        self.scale = float(os.environ.get(SCALE_VARIABLE, "1")) if scale is None else scale
        self._ahead = timedelta(0)
        self._sleepers: set[asyncio.Event] = set()

    def now(self) -> datetime:
        """The stand-ins' time, aware, in UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Jump ahead by unscaled seconds."""
        self._ahead += timedelta(seconds=seconds)
        for sleeper in self._sleepers:
            sleeper.set()

    def seconds(self, wait: float) -> float:
        """How many seconds of `now` a wait of that many seconds takes under the current scale."""
        return wait / self.scale

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` (scaled) have passed on this clock, by waiting or by `advance`."""
        until = self.now() + timedelta(seconds=self.seconds(seconds))
        moved = asyncio.Event()
        self._sleepers.add(moved)
        try:
            while (left := (until - self.now()).total_seconds()) > 0:
                moved.clear()
                try:
                    await asyncio.wait_for(moved.wait(), left)
                except TimeoutError:
                    continue
        finally:
            self._sleepers.discard(moved)
