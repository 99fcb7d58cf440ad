"""Month end: the statement of a period, and what is to be chased before it is closed.

A statement reads the whole ledger. A page does not wait for that longer than a moment: it says that the statement is
being made, and looks again by itself. A finished one is shown for a short while to everybody who asks.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from msgspec import Struct

from console import chasing, monthly
from console.chasing import Chase, EntryRow
from console.monthly import Books, MonthView
from console.web.acting import context_of
from console.web.rendering import render
from worker.billing.statement import Statement
from worker.context import Context
from worker.errors import ConfigurationError

PATIENCE: Final = 1.0  # seconds a page waits for a statement
FRESH: Final = 20.0  # seconds a finished one is shown
AGAIN: Final = 2  # seconds until the page looks again


class Made(Struct, frozen=True, kw_only=True):
    """A finished statement with its books."""

    books: Books
    statement: Statement
    view: MonthView
    chase: Chase
    at: str


class Statements:
    """Statements being made and made lately, by period."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Made]] = {}
        self._ended: dict[asyncio.Task[Made], float] = {}

    async def get(self, ctx: Context, period: str, patience: float = PATIENCE) -> Made | None:
        """The statement; None while it is being made. Raises `ConfigurationError` for what names no period."""
        self._forget()
        if period not in self._tasks:
            task = self._tasks[period] = asyncio.create_task(_make(ctx, period))
            task.add_done_callback(lambda done: self._ended.setdefault(done, time.monotonic()))
        task = self._tasks[period]
        done, _ = await asyncio.wait({task}, timeout=patience)
        return task.result() if done else None

    def _forget(self) -> None:
        """Those that failed, or were finished a while ago."""
        now = time.monotonic()
        old = [
            period
            for period, task in self._tasks.items()
            if task.done() and (task.exception() is not None or now - self._ended.get(task, now) > FRESH)
        ]
        for period in old:
            self._ended.pop(self._tasks.pop(period), None)

    async def close(self, _: web.Application) -> None:
        """Nobody waits for them any more."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


STATEMENTS: web.AppKey[Statements] = web.AppKey("statements", Statements)


async def _make(ctx: Context, period: str) -> Made:
    books = await monthly.opened(ctx)
    found = await monthly.reckoned(ctx, books, period)
    more = chasing.chase(books, period, await ctx.store.company.get(), await ctx.store.timekeepers.all())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Made(books=books, statement=found, view=monthly.view(found, books.names), chase=more, at=now)


async def show(request: web.Request) -> web.Response:
    """The statement of the period that was asked for, else of this one."""
    ctx = await context_of(request)
    periods = await _periods(ctx)
    period = request.query.get("period", "").strip() or periods[0]
    made = await _of(request, ctx, period)
    if made is None:
        response = render(request, "month_waiting.html", period=period, periods=periods)
        response.headers["Refresh"] = str(AGAIN)
        return response
    where = {name: request.query.get(name, "") for name in ("where", "reason", "contact", "currency")}
    return render(
        request,
        "month.html",
        made=made,
        view=made.view,
        chase=made.chase,
        period=period,
        periods=periods if period in periods else [period, *periods],
        words=monthly.WORDS,
        chosen=where,
        entries=_entries(made, period, where),
        address=lambda **part: f"/month?{urlencode({'period': period} | part)}#entries",
    )


async def download(request: web.Request) -> web.Response:
    """The statement for a spreadsheet."""
    ctx, period = await context_of(request), request.query.get("period", "")
    made = await _of(request, ctx, period, patience=60.0)
    if made is None:
        raise web.HTTPServiceUnavailable(text="The statement is still being made.", headers={"Retry-After": str(AGAIN)})
    headers = {"Content-Disposition": f'attachment; filename="month-{made.view.period}.csv"'}
    text = monthly.csv_of(made.statement, made.books.names)
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)


async def _of(request: web.Request, ctx: Context, period: str, patience: float = PATIENCE) -> Made | None:
    try:
        return await request.app[STATEMENTS].get(ctx, period, patience)
    except ConfigurationError as error:
        raise web.HTTPNotFound(text=str(error)) from None


async def _periods(ctx: Context) -> list[str]:
    loaded = await ctx.loaded()
    today = datetime.now(UTC).date()
    if loaded is None:
        raise web.HTTPNotFound(text="There is no setup yet: a statement begins with its start.")
    return chasing.recent_periods(loaded.rules.period, loaded.rules.start, max(today, loaded.rules.start))


def _entries(made: Made, period: str, chosen: dict[str, str]) -> list[EntryRow] | None:
    if not chosen["where"]:
        return None
    return chasing.entries(made.books, period, chosen["where"], chosen["reason"], chosen["contact"], chosen["currency"])
