"""`hourstream contacts …`: pull Xero contacts, list them, link Salesforce records to them."""

from typing import Annotated

import typer

from console import contactlist, linking, output

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
def list_(
    linked: Annotated[
        bool, typer.Option("--linked", help="Salesforce records and the contact each is linked to.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Every Xero contact as last pulled."""
    if linked:
        _list_linked(as_json)
        return

    async def work() -> None:
        async with output.store() as store:
            views = await contactlist.contacts(store)
        if as_json:
            output.show_json(views)
            return
        rows = [[view.name, view.status, view.email, view.id, view.problem] for view in views]
        empty = "No contacts yet: `hourstream contacts pull` gets them."
        output.show_rows("Xero contacts", ["name", "status", "e-mail", "id", "problem"], rows, empty)

    output.run(work())


def _list_linked(as_json: bool) -> None:
    async def work() -> list[linking.RecordView]:
        async with output.context() as ctx:
            return await linking.linked(ctx)

    views = output.run(work())
    if as_json:
        output.show_json(views)
        return
    rows = [[view.id, view.name, view.contact, view.by, view.at] for view in views]
    empty = "Nothing is linked: `hourstream contacts suggest` shows what waits for a link."
    output.show_rows("Linked records", ["id", "record", "Xero contact", "by", "at"], rows, empty)


@app.command()
def suggest(
    accept: Annotated[bool, typer.Option("--accept", help="Link every record that has a suggestion.")] = False,
    as_json: Json = False,
) -> None:
    """Salesforce records whose time waits for a link, and the Xero contact each probably is."""

    async def work() -> list[linking.RecordView]:
        async with output.context() as ctx:
            views = await linking.to_link(ctx)
            if accept:
                await linking.link(ctx, {view.id: view.suggestion for view in views if view.suggestion})
            return views

    views = output.run(work())
    if as_json:
        output.show_json(views)
        return
    rows = [[view.id, view.name, view.hours, str(view.entries), view.suggested, view.reason] for view in views]
    columns = ["id", "record", "hours", "entries", "Xero contact", "because of"]
    output.show_rows("To link", columns, rows, "Nothing waits for a link.")
    if accept:
        linked = sum(1 for view in views if view.suggestion)
        output.screen.print(f"{linked} linked, {len(views) - linked} left to you.")


@app.command()
def link(
    record: Annotated[str, typer.Argument(help="A Salesforce record: the project, say.")],
    contact: Annotated[str, typer.Argument(help="A Xero contact: ContactID, account number, or its whole name.")],
    as_json: Json = False,
) -> None:
    """Bill a Salesforce record's time to a Xero contact."""

    async def work() -> list[linking.Linked]:
        async with output.context() as ctx:
            return await linking.link(ctx, {record: contact})

    _show(output.run(work()), as_json)


@app.command()
def unlink(record: Annotated[str, typer.Argument(help="A Salesforce record.")], as_json: Json = False) -> None:
    """Take a link away: the record's time waits for another one, but for what is on locked invoices."""

    async def work() -> list[linking.Linked]:
        async with output.context() as ctx:
            return await linking.unlink(ctx, [record])

    _show(output.run(work()), as_json)


def _show(done: list[linking.Linked], as_json: bool) -> None:
    if as_json:
        output.show_json(done)
        return
    for each in done:
        what = f"is billed to {each.contact}" if each.contact_id else "is linked to no Xero contact any more"
        output.screen.print(f"{each.id} {what}. Entries that are looked at again: {each.entries}.")
