"""`hourstream month PERIOD`: the month-end statement."""

import sys
from typing import Annotated

import typer

from console import monthly, output, words
from worker.billing.statement import Statement

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def month(
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="A period, such as 2026-11.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> None:
    """The month-end statement: where every hour is, by client, and the numbers of the series. Its difference is 0.00.

    Exit code 1 where it is not.
    """
    if as_csv and as_json:
        sys.stderr.write("Say --csv or --json, not both.\n")
        raise SystemExit(output.WRONG)

    async def work() -> tuple[Statement, dict[str, str]]:
        async with output.context() as ctx:
            return await monthly.made(ctx, period)

    found, names = output.run(work())
    view = monthly.view(found, names)
    if as_csv:
        sys.stdout.write(monthly.csv_of(found, names))
    elif as_json:
        output.show_json(view)
    else:
        _show(view)
    wrong = bool(found.difference or found.difference_seconds)
    if wrong:
        sys.stderr.write(f"The difference comes from {', '.join(found.unexplained)}.\n")
    raise SystemExit(output.FAILED if wrong else output.DONE)


def _show(view: monthly.MonthView) -> None:
    rows = [
        [monthly.WORDS[part.where], _reason(part), part.xero_contact, part.hours, part.amount, part.currency]
        for part in view.parts
    ]
    columns = ["where", "reason", "Xero contact", "hours", "amount", "currency"]
    output.show_rows(f"{view.period}: {view.logged} h logged", columns, rows, f"Nothing was logged in {view.period}.")
    numbers = [[n.number, _status(n.status), n.xero_contact, n.date, n.total, n.currency, n.text] for n in view.numbers]
    titles = ["number", "status", "Xero contact", "date", "total with tax", "currency", "note"]
    output.show_rows("Numbers", titles, numbers, "No document of ours is in it.")
    output.screen.print(f"Difference: {view.difference} ({view.difference_hours} h).", highlight=False)


def _reason(part: monthly.PartView) -> str:
    """Why it waits, in words; elsewhere the place says it."""
    return words.reason(part.reason) if part.reason and part.where == "waiting" else ""


def _status(status: str) -> str:
    return "draft" if status == "open" else status or "—"
