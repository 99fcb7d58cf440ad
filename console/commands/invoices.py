"""`hourstream invoices …`: what would be invoiced, what was, and one of them whole."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from console import output, readmodel, sources
from console.readmodel import InvoiceView, LeftOut, LineView
from worker.billing.keys import record_of
from worker.errors import ServiceError
from worker.store.ledger import Unit
from worker.store.store import Store

app = typer.Typer(no_args_is_help=True)

ABOVE = ("currency", "amounts", "terms")  # values that stand above the lines of a document

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def preview(as_json: Json = False) -> None:
    """What would be created or updated in Xero if everything due were sent now. Nothing is written."""
    from console.syncing import complete_ledger, need_setup
    from worker.jobs.collect import collect
    from worker.jobs.preview import preview as compute
    from worker.jobs.reconcile import reconcile_through

    async def work() -> tuple[list[InvoiceView], LeftOut, int]:
        async with output.context() as ctx:
            await need_setup(ctx)
            await complete_ledger(ctx)
            await reconcile_through(ctx)
            await collect(ctx)
            views = [readmodel.preview_view(found.document, found.contact_name) for found in await compute(ctx)]
            return views, await readmodel.left_out(ctx.store), await ctx.store.ledger.count_units()

    views, left, known = output.run(work())
    if known or views:
        empty = "Nothing would be written: all time that can be billed is on its invoice already."
    else:
        empty = "Nothing would be written: Salesforce has no time entries since the setup's start."
    _show(views, as_json, empty, "Invoices as they would be written")
    if not as_json:
        output.show_left_out(left)


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

    async def work() -> tuple[list[InvoiceView], dict[str, Unit]]:
        async with output.store() as store:
            found = await readmodel.invoice(store, key)
            return found, await store.ledger.units(entry for view in found for entry in view.entries)

    found, units = output.run(work())
    if not found:
        sys.stderr.write(f"There is no invoice {key}. `hourstream invoices list` names them.\n")
        raise SystemExit(output.FAILED)
    if as_json:
        output.show_json(found[0] if len(found) == 1 else found)
        return
    for view in found:
        _show_one(view, units)


@app.command()
def create(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key as `preview` names it.")], as_json: Json = False
) -> None:
    """Create (or update) one draft in Xero from the preview, also while the setup says preview."""
    from console.syncing import complete_ledger
    from worker.jobs.collect import collect
    from worker.jobs.drafts import create as make

    async def work() -> list[InvoiceView]:
        async with output.context() as ctx:
            await complete_ledger(ctx)
            await collect(ctx)
            document = await make(ctx, key.partition("/")[0])
            return await readmodel.invoice(ctx.store, f"{document.key}/{document.sequence}")

    [view] = output.run(work())
    if as_json:
        output.show_json(view)
    else:
        output.screen.print(f"{view.number} is a draft in Xero: {view.hours} h, {view.amount} {view.currency}.")


@app.command()
def withdraw(
    key: Annotated[str, typer.Argument(metavar="KEY", help="An invoice's key or number.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every open draft of ours.")] = False,
    as_json: Json = False,
) -> None:
    """Delete drafts of ours in Xero that nobody touched. While the setup is live, due time makes new ones."""
    from worker.jobs.drafts import Withdrawn
    from worker.jobs.drafts import withdraw as take_back

    if bool(key) == everything:
        sys.stderr.write("Name one invoice, or say --all.\n")
        raise SystemExit(output.WRONG)

    async def work() -> list[Withdrawn]:
        async with output.context() as ctx:
            found = await readmodel.invoices(ctx.store, "open") if everything else await _named(ctx.store, key)
            return await take_back(ctx, list(dict.fromkeys(view.key for view in found)))

    done = output.run(work())
    if as_json:
        output.show_json(done)
    else:
        for each in done:
            output.screen.print(f"{each.number or each.key}: {each.why or 'withdrawn.'}", soft_wrap=True)
        if not done:
            output.screen.print("There is no open draft of ours.")
    raise SystemExit(output.FAILED if any(each.why for each in done) and not everything else output.DONE)


@app.command()
def rerate(
    key: Annotated[str, typer.Argument(metavar="KEY", help="An invoice's key or number.")], as_json: Json = False
) -> None:
    """Apply the rates of now to the time on an open draft (a rate is kept as it was when time was first billed)."""
    from worker.jobs.drafts import Rerated
    from worker.jobs.drafts import rerate as apply_rates
    from worker.jobs.invoice import invoice as send

    async def work() -> list[Rerated]:
        async with output.context() as ctx:
            [view, *_] = await _named(ctx.store, key)
            done = await apply_rates(ctx, view.key)
            await send(ctx)
            return done

    done = output.run(work())
    if as_json:
        output.show_json([{"id": r.unit, "before": str(r.before), "after": str(r.after)} for r in done])
        return
    rows = [[record_of(r.unit), readmodel.plain(r.before), readmodel.plain(r.after)] for r in done]
    output.show_rows("New rates", ["id", "was", "is"], rows, "Every entry on it has the rate of now already.")


async def _named(store: Store, name: str) -> list[InvoiceView]:
    """The documents that a key or number names. Raises `ServiceError` for none."""
    found = await readmodel.invoice(store, name)
    if not found:
        raise ServiceError(f"There is no invoice {name}.", "`hourstream invoices list` names them.")
    return found


def _show(views: Sequence[InvoiceView], as_json: bool, empty: str, title: str = "Invoices") -> None:
    if as_json:
        output.show_json(views)
        return
    rows = [
        [
            view.number or "—",
            view.xero_contact,
            view.period,
            view.hours,
            readmodel.amount_text(view.amount, view.currency, view.amounts),
            "draft" if view.status == "open" else view.status,
            f"{view.key}/{view.sequence}",
        ]
        for view in views
    ]
    columns = ["number", "Xero contact", "period", "hours", "amount", "status", "key"]
    output.show_rows(title, columns, rows, empty)


def _show_one(view: InvoiceView, units: dict[str, Unit]) -> None:
    title = f"{view.number} · {view.xero_contact} · {view.period} · {view.status}"
    rows = []
    for line in view.lines:
        account = sources.beside(line.account, line.sources.get("account", ""))
        tax_type = sources.beside(line.tax_type, line.sources.get("tax_type", ""))
        price = readmodel.price(line.unit_amount)
        rows.append([line.description, line.quantity, price, line.amount, account, tax_type])
        rows += shares_of(f"{view.key}/{view.sequence}", line, units)
    output.show_rows(title, ["line", "hours", "price", "amount", "account", "tax type"], rows, "It has no lines.")
    total = readmodel.amount_text(view.amount, view.currency, view.amounts)
    output.screen.print(f"{view.hours} h, {total}", highlight=False)
    above = {name: place for line in view.lines for name, place in line.sources.items() if name in ABOVE}
    if above:
        output.screen.print(sources.said(above), highlight=False)
    if view.problem:
        output.screen.print(f"Problem: {view.problem}")


def shares_of(document: str, line: LineView, units: dict[str, Unit]) -> list[list[str]]:
    """What each entry has on this line: an entry that was corrected is on several documents, with a part on each."""
    rows = []
    for unit in (units[id_] for id_ in line.entries if id_ in units):
        entry = unit.entry
        who = f"{entry.worked_on or ''} {entry.person_name or entry.person} " if entry else ""
        for part in unit.postings:
            if (part.document, part.line) == (document, line.id):
                rate = sources.beside(readmodel.price(readmodel.plain(part.rate)), sources.of_rate(part.rate_source))
                hours, amount = readmodel.hours(part.seconds), readmodel.money(part.amount)
                rows.append([f"   {who}({record_of(unit.id)})", hours, rate, amount, "", ""])
    return rows
