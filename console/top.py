"""`hourstream top`: the queue, the processes and the newest lines, live in a terminal."""

import asyncio
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from console import queueview, readmodel
from console.queueview import QueueView, sentences
from console.readmodel import EntryView
from worker.store.store import Store

EVERY = 1.0  # seconds
LINES = 12


async def watch(store: Store, console: Console) -> None:
    """Show it until Ctrl-C."""
    with Live(await frame(store), console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(await frame(store), refresh=True)
            await asyncio.sleep(EVERY)


async def frame(store: Store) -> RenderableType:
    """What there is to see at this moment."""
    view = await queueview.queue_and_waiting(store)
    units = await store.ledger.recent(LINES)
    now = datetime.now(UTC).strftime("%H:%M:%S UTC")
    said = [Text(text) for text in sentences(view)]
    return Group(Text(f"Hourstream {now}", style="bold"), _stages(view), _calls(view), *said, _lines(
        await readmodel.entries(store, units)
    ))  # fmt: skip


def _stages(view: QueueView) -> Table:
    table = Table(expand=True)
    table.add_column("stage", no_wrap=True)
    for column in ("due", "later", "leased", "retrying", "waiting", "oldest (s)"):
        table.add_column(column, justify="right")
    for name, stage in view.stages.items():
        figures = (stage.due, stage.scheduled, stage.leased, stage.retrying, stage.waiting, stage.oldest_seconds)
        style = "yellow" if stage.paused or stage.retrying else ""
        table.add_row(name, *(f"{figure:,}" for figure in figures), style=style)
    return table


def _calls(view: QueueView) -> Text:
    calls = view.xero_calls
    left = "not told yet" if calls["day_left"] is None else f"{calls['day_left']} left"
    until = f", none until {calls['stopped_until']}" if calls["stopped_until"] else ""
    return Text(f"Xero calls: {calls['today']} today ({left}), {calls['minute_left']} left this minute{until}.")


def _lines(entries: list[EntryView]) -> RenderableType:
    if not entries:
        return Text("Nothing is on an invoice yet.", style="dim")
    table = Table(title="Newest lines", title_justify="left", expand=True)
    for column in ("worked on", "person", "project", "hours", "amount", "invoice"):
        table.add_column(column, justify="right" if column in ("hours", "amount") else "left", overflow="ellipsis")
    for each in entries:
        amount = f"{each.amount} {each.currency}".strip()
        table.add_row(each.worked_on, each.person, each.project, each.hours, amount, each.invoice)
    return table
