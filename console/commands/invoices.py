"""`hourstream invoices …`: what would be invoiced, what was, and one of them whole."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from console import output, readmodel
from console.readmodel import InvoiceView
from worker.billing.keys import record_of

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def preview(as_json: Json = False) -> None:
    """What would be created or updated in Xero if everything due were sent now. Nothing is written."""
    from console.syncing import complete_ledger
    from worker.jobs.collect import collect
    from worker.jobs.preview import preview as compute
    from worker.jobs.reconcile import reconcile

    async def work() -> list[InvoiceView]:
        async with output.context() as ctx:
            await complete_ledger(ctx)
            await reconcile(ctx)
            await collect(ctx)
            return [readmodel.preview_view(found.document, found.contact_name) for found in await compute(ctx)]

    _show(output.run(work()), as_json, "Nothing would be written: everything is on its invoice already.")


@app.command("list")
def list_(
    status: Annotated[str, typer.Option(help="Only this status, for example open, approved, paid.")] = "",
    as_json: Json = False,
) -> None:
    """Our invoices, latest change first."""

    async def work() -> list[InvoiceView]:
        async with output.store() as store:
            return await readmodel.invoices(store, status)

    _show(output.run(work()), as_json, "No invoices yet.")


@app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="An invoice's key, key/sequence, or number.")],
    as_json: Json = False,
) -> None:
    """One invoice: its lines and the entries under each."""

    async def work() -> tuple[list[InvoiceView], dict[str, readmodel.EntryView]]:
        async with output.store() as store:
            found = await readmodel.invoice(store, key)
            units = await store.ledger.units(entry for view in found for entry in view.entries)
            entries = await readmodel.entries(store, list(units.values()))
            return found, {entry.id: entry for entry in entries}

    found, entries = output.run(work())
    if not found:
        sys.stderr.write(f"There is no invoice {key}. `hourstream invoices list` names them.\n")
        raise SystemExit(output.FAILED)
    if as_json:
        output.show_json(found[0] if len(found) == 1 else found)
        return
    for view in found:
        _show_one(view, entries)


def _show(views: Sequence[InvoiceView], as_json: bool, empty: str) -> None:
    if as_json:
        output.show_json(views)
        return
    rows = [
        [
            view.number or "—",
            view.xero_contact,
            view.period,
            view.hours,
            f"{view.amount} {view.currency}",
            view.status,
            f"{view.key}/{view.sequence}",
        ]
        for view in views
    ]
    columns = ["number", "Xero contact", "period", "hours", "amount", "status", "key"]
    output.show_rows("Invoices", columns, rows, empty)


def _show_one(view: InvoiceView, entries: dict[str, readmodel.EntryView]) -> None:
    title = f"{view.number} · {view.xero_contact} · {view.period} · {view.status}"
    rows = []
    for line in view.lines:
        rows.append([line.description, line.quantity, line.unit_amount, line.amount, line.account, line.tax_type])
        for entry in (entries[id_] for id_ in line.entries if id_ in entries):
            rows.append(
                [
                    f"   {entry.worked_on} {entry.person} ({record_of(entry.id)})",
                    entry.hours,
                    entry.rate,
                    entry.amount,
                    "",
                    "",
                ]
            )
    output.show_rows(title, ["line", "hours", "price", "amount", "account", "tax type"], rows, "It has no lines.")
    output.screen.print(f"{view.hours} h, {view.amount} {view.currency}")
    if view.problem:
        output.screen.print(f"Problem: {view.problem}")
