"""What the demo shows while it runs: entries on their way to invoices, and the invoices as they stand."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from console import readmodel
from console.readmodel import EntryView, InvoiceView
from worker.store.store import Store

FEWEST, AROUND = 4, 32  # entries shown at least; lines of a terminal that everything else takes
STATES = {"billed": "green", "fixed": "cyan", "waiting": "yellow", "due": "blue", "moving": "blue"}


async def render(store: Store, links: Sequence[tuple[str, str]], news: Sequence[str], height: int) -> RenderableType:
    """One picture of the moment, for a terminal of so many lines."""
    units = await store.ledger.recent(max(FEWEST, height - AROUND))
    entries = await readmodel.entries(store, units)
    invoices = await readmodel.invoices(store)
    queue = await readmodel.queue(store)
    counts = " · ".join(
        f"{name.replace('_', ' ')}: {stage.due + stage.leased + stage.scheduled}"
        for name, stage in queue.stages.items()
    )
    calls = queue.xero_calls
    status = Text(f"{counts}   Xero calls today: {calls['today']}, left this minute: {calls['minute_left']}", "dim")
    where = Text("\n".join(f"{name:<12}{address}" for name, address in links), "dim")
    return Group(
        _entries(entries), _invoices(invoices), status, Panel(Text("\n".join(news[-6:])), title="What happens"), where
    )


def _entries(entries: Sequence[EntryView]) -> Table:
    table = Table(title="Time entries → invoices", expand=True, title_justify="left")
    for column in ("day", "person", "project", "hours", "rate", "amount", "invoice", "state"):
        table.add_column(column, justify="right" if column in ("hours", "rate", "amount") else "left")
    for entry in entries:
        state = Text(entry.state, STATES.get(entry.state, ""))
        table.add_row(
            entry.worked_on, entry.person, entry.project, entry.hours, entry.rate, entry.amount, entry.invoice, state
        )
    if not entries:
        table.add_row("", "", "nothing billed yet", "", "", "", "", "")
    return table


def _invoices(invoices: Sequence[InvoiceView]) -> Table:
    table = Table(title="Draft invoices in Xero", expand=True, title_justify="left")
    for column in ("number", "Xero contact", "period", "lines", "entries", "hours", "amount", "status"):
        table.add_column(column, justify="right" if column in ("lines", "entries", "hours", "amount") else "left")
    for view in sorted(invoices, key=lambda each: each.number):
        table.add_row(
            view.number,
            view.xero_contact,
            view.period,
            str(len(view.lines)),
            str(len(view.entries)),
            view.hours,
            f"{view.amount} {view.currency}",
            view.status,
        )
    return table
