"""`hourstream contacts …`: pull Xero contacts, list them."""

from typing import Annotated

import typer

from console import output, readmodel

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def pull(
    full: Annotated[bool, typer.Option("--full", help="All contacts, not only changed ones.")] = False,
    as_json: Json = False,
) -> None:
    """Pull Xero contacts into Salesforce, now."""
    from worker.jobs.contacts import ContactsReport, contacts

    async def work() -> ContactsReport:
        async with output.context() as ctx:
            found = await contacts(ctx, full=full)
            read, written, failed = found.read, found.written, found.failed
            while not found.finished:
                found = await contacts(ctx)
                read, written, failed = read + found.read, written + found.written, failed + found.failed
            return ContactsReport(read=read, written=written, failed=failed, odd=found.odd)

    report = output.run(work())
    if as_json:
        output.show_json(report)
    else:
        output.screen.print(f"{report.read} contacts read, {report.written} written, {report.failed} refused.")
    raise SystemExit(output.FAILED if report.failed else output.DONE)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every Xero contact as last pulled."""

    async def work() -> None:
        async with output.store() as store:
            views = await readmodel.contacts(store)
        if as_json:
            output.show_json(views)
            return
        rows = [[view.name, view.status, view.email, view.id, view.problem] for view in views]
        empty = "No contacts yet: `hourstream contacts pull` gets them."
        output.show_rows("Xero contacts", ["name", "status", "e-mail", "id", "problem"], rows, empty)

    output.run(work())
