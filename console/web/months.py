"""Month end: the statement of a period, and what is to be chased before it is closed."""

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from console import chasing, monthly
from console.chasing import EntryRow
from console.web.acting import context_of
from console.web.making import AGAIN, MAKINGS, WAIT, Finished
from console.web.paging import Paging
from console.web.rendering import render
from console.web.whole import Leaf, MonthEnd
from worker.context import Context
from worker.errors import ConfigurationError

PATH: Final = "/month"
FORMS: Final = {"csv": f"{PATH}.csv", "print": f"{PATH}/print"}
CHOSEN: Final = ("where", "reason", "contact", "currency")
PLACES: Final = {"parts": "h-statement", "entries": "entries", "without_time": "h-unlogged"}  # others are as their list


async def show(request: web.Request) -> web.Response:
    """The statement of the period that was asked for, else of this one."""
    ctx = await context_of(request)
    periods = await _periods(ctx)
    period = _named(request.query.get("period", "").strip() or periods[0])
    making = request.app[MAKINGS].statement(period)
    seen = making.seen if request.app[MAKINGS].crowded(making) else await making.look(ctx, period, period)
    response = (
        render(request, "month_waiting.html", period=period, progress=making.progress)
        if seen.last is None
        else render(
            request,
            "month.html",
            **_shown(request, period, seen.last),
            seen=seen,
            period=period,
            periods=periods if period in periods else [period, *periods],
            progress=making.progress,
            form=lambda name: f"{FORMS[name]}?{urlencode({'period': period, 'at': seen.at})}",
        )
    )
    if seen.running or seen.last is None:
        response.headers["Refresh"] = AGAIN
    return response


def _shown(request: web.Request, period: str, found: MonthEnd) -> dict[str, Any]:
    """The tables, of each the page that was asked for."""
    chosen = {name: request.query.get(name, "") for name in CHOSEN}
    behind = found.entries.get(chasing.part_name(**chosen)) or Leaf.of([])
    lists, pages = {}, {}
    for name, rows in (chasing.tables(found.view, found.chase) | {"entries": ()}).items():
        total = behind.count if name == "entries" else len(rows)
        anchor = f"#{PLACES.get(name, f'h-{name}')}"
        paging = Paging.of(request, "period", *CHOSEN, total=total, name=f"{name}-page", anchor=anchor)
        entries = name == "entries"
        lists[name] = behind.page(paging.number, EntryRow) if entries else rows[paging.start :][: paging.size]
        pages[name] = paging
    return {
        "view": found.view,
        "words": monthly.WORDS,
        "lists": lists,
        "pages": pages,
        "chosen": chosen,
        "address": lambda **part: f"{PATH}?{urlencode({'period': period} | part)}#entries",
    }


async def download(request: web.Request) -> web.Response:
    """The statement for a spreadsheet."""
    found = (await _finished(request)).last
    headers = {"Content-Disposition": f'attachment; filename="month-{found.view.period}.csv"'}
    return web.Response(text=found.csv, content_type="text/csv", charset="utf-8", headers=headers)


async def printed(request: web.Request) -> web.Response:
    """The statement for a printer, with every row."""
    seen = await _finished(request)
    return render(request, "month_print.html", view=seen.last.view, printed=seen.last.printed, seen=seen)


async def _finished(request: web.Request) -> Finished[MonthEnd]:
    """The statement that the page showed (`at`) where it is still there, else one that is made now."""
    ctx = await context_of(request)
    period = _named(request.query.get("period", "").strip() or (await _periods(ctx))[0])
    making = request.app[MAKINGS].statement(period)
    if (kept := making.kept(request.query.get("at", ""))) is not None:
        return kept
    crowded = request.app[MAKINGS].crowded(making)
    seen = making.seen if crowded else await making.look(ctx, period, period, patience=WAIT)
    if crowded or seen.last is None or seen.running:
        text = "The statement is still being made. Ask again in a moment."
        raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": AGAIN})
    return Finished(seen.last, seen.at)


def _named(period: str) -> str:
    try:
        return monthly.named(period)
    except ConfigurationError as error:
        raise web.HTTPNotFound(text=str(error)) from None


async def _periods(ctx: Context) -> list[str]:
    loaded = await ctx.loaded()
    today = datetime.now(UTC).date()
    if loaded is None:
        raise web.HTTPNotFound(text="There is no setup yet: a statement begins with its start.")
    return chasing.recent_periods(loaded.rules.period, loaded.rules.start, max(today, loaded.rules.start))
