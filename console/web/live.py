"""What keeps a page live: one reading a second for all who watch, sent to each only where something changed."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from hashlib import sha256

import msgspec
import structlog
from aiohttp import web
from msgspec import Struct

from console.web.ending import pause

log = structlog.get_logger()

EVERY = 1.0  # seconds between two readings
SHARE = 5  # a reading that takes long is followed by a pause this many times as long
DEADLINE = 10.0  # seconds for one reading
KEEP_ALIVE = 15.0  # seconds; a watcher that went away is noticed then
LOOK = 1.0  # seconds between two looks at a watcher's session: once a role is taken, nothing more is sent
LONGEST = 1800.0  # seconds: then the browser asks anew, and its session is looked at again


class Snapshot(Struct, frozen=True):
    """Regions of a page, name to HTML; `well`: the store answered this time."""

    regions: Mapping[str, str]
    well: bool = True


def digest(html: str) -> str:
    """What tells whether a region changed."""
    return sha256(html.encode()).hexdigest()[:12]


class Live:
    """Reads while somebody watches, and wakes the watchers when something changed."""

    def __init__(self, read: Callable[[], Awaitable[Mapping[str, str]]]) -> None:
        self._read = read
        self._now: Snapshot | None = None
        self._watchers = 0
        self._changed, self._wanted, self._closed = asyncio.Condition(), asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Read until `close`."""
        while await self._wanted.wait() and not self._closed.is_set():
            began = time.monotonic()
            await self._tell(await self._look())
            await pause(self._closed, max(EVERY, SHARE * (time.monotonic() - began)))

    async def close(self) -> None:
        """Every watcher's stream ends, and so does the reading."""
        self._closed.set()
        self._wanted.set()
        async with self._changed:
            self._changed.notify_all()

    async def snapshots(self) -> AsyncGenerator[Snapshot | None, None]:
        """Each snapshot that differs from the one before; None every `KEEP_ALIVE` seconds without one."""
        had: Snapshot | None = None
        self._watchers += 1
        self._wanted.set()
        try:
            while not self._closed.is_set():
                found = await self._after(had)
                had = found or had
                yield found
        finally:
            self._watchers -= 1
            if not self._watchers and not self._closed.is_set():
                self._wanted.clear()
                self._now = None  # it would be old news to the next watcher

    async def _after(self, had: Snapshot | None) -> Snapshot | None:
        try:
            async with asyncio.timeout(KEEP_ALIVE), self._changed:
                await self._changed.wait_for(lambda: self._closed.is_set() or self._now not in (None, had))
        except TimeoutError:
            return None
        return None if self._closed.is_set() else self._now

    async def _look(self) -> Snapshot:
        try:
            async with asyncio.timeout(DEADLINE):
                return Snapshot(await self._read())
        except Exception as error:  # Redis is away or slow: watchers are told, and the next reading tries again
            log.warning("live_reading_failed", error=repr(error))
            return Snapshot(self._now.regions if self._now else {}, well=False)

    async def _tell(self, snapshot: Snapshot) -> None:
        if not self._watchers or snapshot == self._now:
            return
        async with self._changed:
            self._now = snapshot
            self._changed.notify_all()


async def stream(request: web.Request, live: Live, still: Callable[[], Awaitable[bool]]) -> web.StreamResponse:
    """Send snapshots as Server-Sent Events: `regions` (those that changed), `trouble` and `well`.

    `still` is asked every `LOOK` seconds whether whoever watches may still see this; else the stream ends.
    """
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    await response.prepare(request)
    with suppress(TimeoutError, ConnectionError):  # then the browser asks anew, or is gone
        async with asyncio.timeout(LONGEST), aclosing(live.snapshots()) as snapshots:
            await _send(response, _while(still, snapshots))
    return response


async def _while(
    still: Callable[[], Awaitable[bool]], snapshots: AsyncIterator[Snapshot | None]
) -> AsyncIterator[Snapshot | None]:
    looked = time.monotonic()
    async for snapshot in snapshots:
        if time.monotonic() - looked >= LOOK:
            looked = time.monotonic()
            if not await still():
                return
        yield snapshot


async def _send(response: web.StreamResponse, snapshots: AsyncIterator[Snapshot | None]) -> None:
    seen: dict[str, str] = {}
    well = True
    async for snapshot in snapshots:
        if snapshot is None:
            await response.write(b": still here\n\n")
            continue
        if snapshot.well != well:
            well = snapshot.well
            await response.write(event("well" if well else "trouble", {}))
        news = {name: html for name, html in snapshot.regions.items() if seen.get(name) != html}
        seen |= news
        if news:
            regions = {name: {"digest": digest(html), "html": html} for name, html in news.items()}
            await response.write(event("regions", regions))


def event(name: str, data: object) -> bytes:
    """One event; JSON has no line breaks, so it is one line of data."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
