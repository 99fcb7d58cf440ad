"""What keeps a page live: one reading a second for all who watch, sent to each only where something changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from typing import NewType

import msgspec
import structlog
from aiohttp import web

log = structlog.get_logger()

Html = NewType("Html", str)

EVERY = 1.0  # seconds between two readings
SHARE = 5  # a reading that takes long is followed by a pause this many times as long
DEADLINE = 10.0  # seconds for one reading
KEEP_ALIVE = 15.0  # seconds; tells us of watchers that went away
LONGEST = 1800.0  # seconds: then the browser asks anew, and its session is looked at again


def digest(html: str) -> str:
    """What tells whether a region changed."""
    return sha256(html.encode()).hexdigest()[:12]


class Live:
    """Reads regions of a page (name → HTML) while somebody watches, and wakes the watchers when one changed."""

    def __init__(self, read: Callable[[], Awaitable[dict[str, Html]]]) -> None:
        self._read, self._watchers = read, 0
        self._regions: dict[str, Html] = {}
        self._number = 0  # of the last reading that differed from the one before
        self._well, self._closed = True, False
        self._changed, self._wanted = asyncio.Condition(), asyncio.Event()

    async def run(self) -> None:
        """Read for as long as the console runs."""
        while True:
            await self._wanted.wait()
            began = time.monotonic()
            await self._look()
            await asyncio.sleep(max(EVERY, SHARE * (time.monotonic() - began)))

    async def close(self) -> None:
        """Every watcher's stream ends."""
        self._closed = True
        async with self._changed:
            self._changed.notify_all()

    async def changes(self) -> AsyncIterator[dict[str, Html] | bool | None]:
        """Regions that differ from what this watcher has; False: the store does not answer; None: nothing new."""
        seen, number, well = {}, -1, True
        self._watchers += 1
        self._wanted.set()
        try:
            while not self._closed:
                if not await self._news(number, well):
                    yield None
                    continue
                number = self._number
                if well != self._well:
                    well = self._well
                    yield well
                news = {name: html for name, html in self._regions.items() if seen.get(name) != html}
                seen |= news
                if news:
                    yield news
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._wanted.clear()
                self._number, self._regions = 0, {}

    async def _news(self, number: int, well: bool) -> bool:
        def there() -> bool:
            return self._closed or (bool(self._regions) and number != self._number) or well != self._well

        try:
            async with asyncio.timeout(KEEP_ALIVE), self._changed:
                await self._changed.wait_for(there)
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                regions = await self._read()
        except Exception as error:  # Redis is away, or slow: watchers are told, the next reading tries again
            log.warning("live_reading_failed", error=repr(error))
            await self._told(self._regions, well=False)
        else:
            await self._told(regions, well=True)

    async def _told(self, regions: dict[str, Html], *, well: bool) -> None:
        if regions == self._regions and well == self._well:
            return
        async with self._changed:
            self._number += regions != self._regions
            self._regions, self._well = regions, well
            self._changed.notify_all()
