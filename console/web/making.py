"""Where pages get what is made of the whole ledger: at once from a small one, else from a process of its own.

A page never waits for a large one. It shows what was finished last, with its time, or how far the first one is; then
it looks again by itself. One thing is made at a time, and one more for whoever saves: the machine has other things to
do.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

import msgspec
from aiohttp import web

from console.web import whole
from console.web.apart import apart
from console.web.background import Background, Seen
from console.web.rendering import render
from console.web.site import SETTINGS
from console.web.whole import MonthEnd, Proposals, Tell, nobody
from worker.context import Context
from worker.settings import Settings

T = TypeVar("T")

SMALL: Final = 5_000  # entries: looking at them takes a quarter of a second, in slices
PATIENCE: Final = 1.0  # seconds a page waits for what is made of a small ledger: services may have to be asked
WAIT: Final = 60.0  # seconds a file waits for its statement
AGAIN: Final = "2"  # seconds until a page looks again
KEPT: Final = 8  # statements
MOST: Final = 3  # statements being made, or waiting for it, at a time
LOOKS: Final = frozenset({"statement", "proposals"})  # the others are what somebody who saves waits for


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """What was made, and when that was begun."""

    last: T
    at: str


class Workshop:
    """Where it is made: here from a small ledger, else apart."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._looking, self._acting = settings, asyncio.Semaphore(1), asyncio.Semaphore(1)

    async def make(self, ctx: Context, work: str, argument: str, shape: type[T], tell: Tell = nobody) -> T:
        """What the work comes to. Raises what it raises."""
        if await is_small(ctx):
            found = await whole.WORKS[work](ctx, argument, tell)
            assert isinstance(found, shape), "each work makes its own shape"
            return found
        async with self._looking if work in LOOKS else self._acting:
            said = await apart(self._settings, work, argument, tell)
        return await asyncio.to_thread(msgspec.json.decode, said, type=shape)


async def is_small(ctx: Context) -> bool:
    """Whether what is made of the ledger is there at once."""
    return await ctx.store.ledger.count_units() <= SMALL


class Making(Generic[T]):
    """One thing being made, and what it came to last. `fresh`: seconds in which it is not made again."""

    def __init__(self, workshop: Workshop, work: str, shape: type[T], *, fresh: float) -> None:
        self._workshop, self._work, self._shape, self._fresh = workshop, work, shape, fresh
        self._background = Background[T]()
        self.progress: tuple[int, int] | None = None  # so many of so many were looked at

    async def look(self, ctx: Context, name: str, argument: str = "", patience: float = 0.0) -> Seen[T]:
        """What it came to last; it is made anew where that is not fresh, or was made under another name.

        Raises what making it raised.
        """
        patience = max(patience, PATIENCE) if await is_small(ctx) else patience
        return await self._background.look(
            name, partial(self._make, ctx, argument), patience=patience, fresh=self._fresh
        )

    @property
    def seen(self) -> Seen[T]:
        """What it came to last; nothing is begun by asking."""
        return self._background.seen

    def kept(self, at: str) -> Finished[T] | None:
        """What was begun at this moment, if that is still what was made last."""
        seen = self._background.seen
        return Finished(seen.last, seen.at) if seen.last is not None and seen.at == at else None

    @property
    def running(self) -> bool:
        """Whether it is being made."""
        return self._background.running

    async def close(self) -> None:
        """Nobody waits for it any more."""
        await self._background.close()

    def _tell(self, done: int, of: int) -> None:
        self.progress = done, of

    async def _make(self, ctx: Context, argument: str) -> T:
        self.progress = None
        return await self._workshop.make(ctx, self._work, argument, self._shape, self._tell)


class Makings:
    """Everything that is made of the whole ledger: the statements looked at lately, and the preview."""

    def __init__(self, settings: Settings) -> None:
        self.workshop = Workshop(settings)
        self._statements: dict[str, Making[MonthEnd]] = {}
        self.proposals = Making(self.workshop, "proposals", Proposals, fresh=2.0)

    def statement(self, period: str) -> Making[MonthEnd]:
        """Of this period."""
        made = self._statements.pop(period, None) or Making(self.workshop, "statement", MonthEnd, fresh=20.0)
        self._statements[period] = made  # the last one is the one that was looked at last
        for old in [*self._statements][:-KEPT]:
            if not self._statements[old].running:
                del self._statements[old]
        return made

    def crowded(self, statement: Making[MonthEnd]) -> bool:
        """Whether so many statements are being made that another one has to wait until it is begun."""
        return not statement.running and sum(each.running for each in self._statements.values()) >= MOST

    async def close(self, _: web.Application) -> None:
        """Nobody waits for any of it any more."""
        for statement in self._statements.values():
            await statement.close()
        await self.proposals.close()


MAKINGS: web.AppKey[Makings] = web.AppKey("makings", Makings)


def wait(request: web.Request, title: str, text: str) -> web.Response:
    """A page that shows what was asked for by itself, once that is there."""
    response = render(request, "wait.html", title=title, text=text)
    response.headers["Refresh"] = AGAIN
    return response


def install(app: web.Application) -> None:
    """For an application with such pages."""
    app[MAKINGS] = Makings(app[SETTINGS])
    app.on_shutdown.append(app[MAKINGS].close)
