"""Is the memory of a process flat? Sampled over its life, and judged by a rule.

Resident memory of Python goes up in steps, to the peak of what was worked on at once, and seldom down again. So a
process is given its first half to have met its peaks. In the second half it is flat where

- the typical slope (Theil and Sen's: the median of the slopes between any two samples, so that a single step moves it
  little, and a leak all the same) would add less than `RISE` of its memory over that half, and
- it never exceeded what it had after a quarter of its life by more than `GROWTH` and `GROWTH_MB`.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import combinations

SAMPLES = 120  # in a life, at least a second apart
STARTING = 10.0  # seconds in which a process starts, and nothing is sampled
LEAST = 30  # samples that make a slope
RISE = 0.05  # of its memory, over half of its life
GROWTH, GROWTH_MB = 1.2, 16.0  # times; and so many megabytes


@dataclass
class Memory:
    """What one process took, once it had started: (seconds of its life, megabytes)."""

    name: str
    samples: list[tuple[float, float]] = field(default_factory=list)

    @property
    def second_half(self) -> list[tuple[float, float]]:
        """The samples that are judged."""
        return self.samples[len(self.samples) // 2 :]

    @property
    def judged(self) -> bool:
        """Whether it lived long enough for a slope."""
        return len(self.samples) >= LEAST

    @property
    def rise(self) -> float:
        """Megabytes that the slope of the second half adds over that half."""
        half = self.second_half
        slopes = [(later[1] - one[1]) / (later[0] - one[0]) for one, later in combinations(half, 2)]
        return statistics.median(slopes) * (half[-1][0] - half[0][0])

    def line(self) -> str:
        """For people."""
        if not self.samples:
            return f"{self.name} lived too short"
        warm, middle, last = (self.samples[at][1] for at in (len(self.samples) // 4, len(self.samples) // 2, -1))
        text = f"{self.name} {warm:.0f} → {middle:.0f} → {last:.0f} MB after a quarter, a half, all of its life"
        return f"{text} ({self.rise:+.1f} MB in the second half)" if self.judged else text

    def wrong(self) -> list[str]:
        """Why it is not flat, as sentences; of one that lived too short for a slope only whether it grew."""
        if not self.samples:
            return []
        warm, last = self.samples[len(self.samples) // 4][1], max(size for _, size in self.second_half)
        found = []
        if self.judged and self.rise > RISE * statistics.median(size for _, size in self.second_half):
            found.append(f"the memory of {self.name} goes on rising: {self.line()}")
        if last > warm * GROWTH + GROWTH_MB:
            found.append(f"the memory of {self.name} grew from {warm:.0f} to {last:.0f} MB")
        return found


@asynccontextmanager
async def measured(running: asyncio.subprocess.Process, name: str, seconds: float) -> AsyncIterator[Memory]:
    """Sample a process that lives for about so many seconds while the block runs."""
    memory, began = Memory(name), time.monotonic()

    async def sample() -> None:
        await asyncio.sleep(STARTING)
        while True:
            memory.samples.append((time.monotonic() - began, await _resident(running.pid)))
            await asyncio.sleep(max(1.0, seconds / SAMPLES))

    task = asyncio.create_task(sample())
    try:
        yield memory
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _resident(pid: int) -> float:
    """Resident megabytes of a process."""
    asked = await asyncio.create_subprocess_exec("ps", "-o", "rss=", "-p", str(pid), stdout=asyncio.subprocess.PIPE)
    said, _ = await asked.communicate()
    return int(said.decode().strip() or 0) / 1024
