"""Work that takes longer than a page waits: it goes on in the background, and pages look again how far it is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from worker.errors import ServiceError

T = TypeVar("T")

PROMPT: Final = 5.0  # seconds a page waits for a service whose lists it can do without
LATELY: Final = 10.0  # seconds in which whoever looks is told of a failure, before the work is begun anew
SHARE: Final = 3  # what took long is not done again before a pause so many times as long


async def promptly(work: Awaitable[T]) -> T:
    """What is awaited. Raises `ServiceError` where it takes longer than a page should, and what the work raises."""
    try:
        async with asyncio.timeout(PROMPT):
            return await work
    except TimeoutError:
        raise ServiceError(f"No answer came within {PROMPT:.0f} seconds.", "Try again in a moment.") from None


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What is known of work: what it last came to (None: nothing yet), when that was begun, and whether it goes on.

    `at` is ISO 8601 in UTC, "" where it came to nothing yet.
    """

    last: T | None
    at: str
    running: bool


class Background(Generic[T]):
    """One piece of work at a time, by name. What it came to is kept until work of another name begins."""

    def __init__(self) -> None:
        self.name = ""
        self._task: asyncio.Task[T] | None = None
        self._last: tuple[T, str] | None = None
        self._ended = self._took = 0.0
        self._told = False

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
        """What it came to; None while it goes on after so many seconds, and where it was given up meanwhile for work
        of another name. Raises what the work raised."""
        task = self._task
        if task is None:
            return None
        done, _ = await asyncio.wait({task}, timeout=patience)
        return task.result() if done and not task.cancelled() else None

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

    async def look(self, name: str, work: Callable[[], Awaitable[T]], *, patience: float, fresh: float) -> Seen[T]:
        """What the work of this name came to last, however long ago; it is begun again where that is not fresh.

        A page that shows this never waits for longer than `patience`. Raises what the work raised, once; whoever looks
        after that finds it begun anew.
        """
        if self.name != name:
            await self.forget()
        if self._failed and not self._told and self._since < LATELY:
            await self._tell(0)
        elif not self.running and (self._task is None or not self._is_fresh(max(fresh, SHARE * self._took))):
            self._begin(name, work)
        if self.running:
            await self._tell(patience)
        return self.seen

    @property
    def seen(self) -> Seen[T]:
        """What it came to last; nothing is begun by asking."""
        last, at = self._last or (None, "")
        return Seen(last, at, self.running)

    async def forget(self) -> None:
        """What it came to is true no more, and work under way is given up: the next to ask begins anew."""
        await self._give_up()
        self._last = None

    async def close(self) -> None:
        """Nobody waits for it any more."""
        await self._give_up()

    def _begin(self, name: str, work: Callable[[], Awaitable[T]]) -> None:
        async def whole() -> T:
            began, at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
            try:
                found = await work()
                self._last = found, at
                return found
            finally:
                self._ended = time.monotonic()
                self._took = self._ended - began

        self.name, self._told = name, False
        self._task = asyncio.create_task(whole())
        self._task.add_done_callback(_looked_at)

    async def _tell(self, patience: float) -> None:
        """Raise what the work raised, for somebody who will read it."""
        try:
            await self.result(patience)
        except Exception:
            self._told = True
            raise

    @property
    def _failed(self) -> bool:
        return self._task is not None and self._task.done() and not self._is_fresh(float("inf"))

    @property
    def _since(self) -> float:
        return time.monotonic() - self._ended

    def _is_fresh(self, seconds: float) -> bool:
        assert self._task is not None, "there is work"
        failed = self._task.cancelled() or self._task.exception() is not None
        return not failed and self._since < seconds

    async def _give_up(self) -> None:
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _looked_at(task: "asyncio.Task[T]") -> None:
    """A failure that nobody came to see is none of the event loop's business."""
    if not task.cancelled():
        task.exception()
