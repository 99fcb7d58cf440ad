"""What the demo shows while it runs: entries on their way to invoices, and the invoices as they stand."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import ConsoleDimensions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from console import queueview, readmodel
from console.readmodel import EntryView, InvoiceView
from worker.billing.words import cut
from worker.store.store import Store

STATES = {"billed": "green", "fixed": "cyan", "waiting": "yellow", "due": "blue", "moving": "blue"}
SMALL = 100  # columns below which a table leaves out what can be done without
AROUND = 11  # lines that are neither entries, drafts nor news: titles, heads, frames, links
FEWEST = 2  # of entries, drafts and news each


@dataclass(frozen=True, slots=True)
class Room:
    """How many lines of each there is room for."""

    entries: int
    drafts: int
    news: int


def room(height: int) -> Room:
    """Shares of a terminal of so many lines; the news come first, because they tell what happens."""
    left = max(3 * FEWEST, height - AROUND - 2)  # 2: what the tables' frames take
    news = max(FEWEST, min(8, left * 2 // 5))
    drafts = max(FEWEST, min(12, (left - news) // 2))
    return Room(max(FEWEST, left - news - drafts), drafts, news)


async def render(
    store: Store, links: Sequence[tuple[str, str]], news: Sequence[str], size: ConsoleDimensions
) -> RenderableType:
    """One picture of the moment, for a terminal of this size."""
    has, small = room(size.height), size.width < SMALL
    units = await store.ledger.recent(has.entries)
    entries = await readmodel.entries(store, units)
    invoices = await readmodel.invoices(store)
    queue = await queueview.queue(store)
    counts = " · ".join(
        f"{name.replace('_', ' ')}: {stage.due + stage.leased + stage.scheduled}"
        for name, stage in queue.stages.items()
    )
    calls = queue.xero_calls
    status = Text(f"{counts}   Xero calls: {calls['today']}, left this minute: {calls['minute_left']}", "dim")
    return Group(
        _entries(entries, small),
        _invoices(invoices, has.drafts, small),
        Text("What happens", "italic"),
        *(_one_line(text) for text in news[-has.news :]),
        _one_line(status),
        *(Text(f"{name} {address}", "dim", overflow="fold") for name, address in links),  # whole: they are copied
    )


def _one_line(text: str | Text) -> Text:
    """Cut where the terminal ends: a line that is folded would push another one out of it."""
    line = Text(text) if isinstance(text, str) else text
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _table(title: str, columns: Sequence[str], small: bool) -> Table:
    table = Table(
        title=title, expand=True, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0)
    )
    for column in columns:
        if not (small and column in LEFT_OUT):
            right = column in NUMBERS
            table.add_column(column, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
    return table


def _row(table: Table, columns: Sequence[str], cells: Sequence[str | Text], small: bool) -> None:
    shown = [cell for column, cell in zip(columns, cells, strict=True) if not (small and column in LEFT_OUT)]
    table.add_row(*shown)


ENTRY = ("day", "person", "project", "hours", "rate", "amount", "invoice", "state")
DRAFT = ("number", "Xero contact", "period", "lines", "entries", "hours", "amount", "status")
NUMBERS = frozenset({"hours", "rate", "amount", "lines", "entries"})
LEFT_OUT = frozenset({"rate", "period", "lines"})


def _entries(entries: Sequence[EntryView], small: bool) -> Table:
    table = _table("Time entries → invoices", ENTRY, small)
    for entry in entries:
        state = Text(entry.state, STATES.get(entry.state, ""))
        day, person, project = entry.worked_on, entry.person, entry.project
        if small:
            day, person, project = day[5:], cut(person, 12), cut(project, 18)
        cells = (day, person, project, entry.hours, entry.rate, _amount(entry), entry.invoice)
        _row(table, ENTRY, (*cells, state), small)
    if not entries:
        _row(table, ENTRY, ("", "", "nothing billed yet", "", "", "", "", ""), small)
    return table


def _amount(entry: EntryView) -> str:
    return readmodel.amount_text(entry.amount, "", entry.amounts)


def _invoices(invoices: Sequence[InvoiceView], most: int, small: bool) -> Table:
    """Those that changed last, by number."""
    shown = sorted(invoices[:most], key=lambda each: each.number)
    more = f", {len(shown)} of {len(invoices)}" if len(invoices) > len(shown) else ""
    table = _table(f"Invoices in Xero{more}", DRAFT, small)
    for view in shown:
        counts = (
            str(len(view.lines)),
            str(len(view.entries)),
            view.hours,
            readmodel.amount_text(view.amount, view.currency, view.amounts),
        )
        status = "draft" if view.status == "open" else view.status
        contact = cut(view.xero_contact, 24) if small else view.xero_contact
        _row(table, DRAFT, (view.number, contact, view.period, *counts, status), small)
    return table
