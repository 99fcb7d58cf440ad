"""Work that takes longer than a page waits: it goes on in the background, and pages look again how far it is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from worker.errors import ServiceError

T = TypeVar("T")

PROMPT = 5.0  # seconds a page waits for a service whose lists it can do without


async def promptly(work: Awaitable[T]) -> T:
    """What is awaited. Raises `ServiceError` where it takes longer than a page should, and what the work raises."""
    try:
        async with asyncio.timeout(PROMPT):
            return await work
    except TimeoutError:
        raise ServiceError(f"No answer came within {PROMPT:.0f} seconds.", "Try again in a moment.") from None


class Background(Generic[T]):
    """One piece of work at a time, by name. What it came to is kept until other work begins."""

    def __init__(self) -> None:
        self.name = ""
        self._task: asyncio.Task[T] | None = None
        self._ended = 0.0

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        return self._task is not None and not self._task.done()

    @property
    def begun(self) -> bool:
        """Whether any was begun."""
        return self._task is not None

    def start(self, name: str, work: Callable[[], Awaitable[T]]) -> bool:
        """Begin; False where work is under way already."""
        if self.running:
            return False
        self._begin(name, work)
        return True

    async def result(self, patience: float) -> T | None:
        """What it came to; None while it goes on after so many seconds. Raises what the work raised."""
        if self._task is None:
            return None
        done, _ = await asyncio.wait({self._task}, timeout=patience)
        return self._task.result() if done else None

    async def settled(self, patience: float) -> bool:
        """Whether it ended, well or not, within so many seconds."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=patience)
        return not self.running

    async def ask(self, name: str, work: Callable[[], Awaitable[T]], *, patience: float, fresh: float) -> T | None:
        """As `result`, of the work of this name: begun now unless it is under way, or ended well at most `fresh`
        seconds ago. Work of another name is given up."""
        if self._task is None or self.name != name or not (self.running or self._is_fresh(fresh)):
            await self._give_up()
            self._begin(name, work)
        return await self.result(patience)

    async def close(self) -> None:
        """Nobody waits for it any more."""
        await self._give_up()

    def _begin(self, name: str, work: Callable[[], Awaitable[T]]) -> None:
        async def whole() -> T:
            try:
                return await work()
            finally:
                self._ended = time.monotonic()

        self.name = name
        self._task = asyncio.create_task(whole())
        self._task.add_done_callback(_looked_at)

    def _is_fresh(self, seconds: float) -> bool:
        assert self._task is not None, "there is work"
        failed = self._task.cancelled() or self._task.exception() is not None
        return not failed and time.monotonic() - self._ended < seconds

    async def _give_up(self) -> None:
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _looked_at(task: "asyncio.Task[T]") -> None:
    """A failure that nobody came to see is none of the event loop's business."""
    if not task.cancelled():
        task.exception()
