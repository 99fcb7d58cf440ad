"""`hourstream corrections …`: what approved documents would need, accepted or ignored by a person."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from console import deciding, output
from worker.billing.keys import record_of

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="ID", help="An entry, or an invoice's number or key.")]
All = Annotated[bool, typer.Option("--all", help="Every correction that is proposed.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever asks later.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Corrections that are proposed and not decided."""

    async def work() -> list[deciding.CorrectionView]:
        async with output.store() as store:
            return await deciding.corrections(store)

    views = output.run(work())
    if as_json:
        output.show_json(views)
        return
    rows = [
        [
            record_of(view.id),
            view.number,
            view.hours,
            f"{view.amount} {view.currency}",
            output.moment(view.since),
            view.text,
        ]
        for view in views
    ]
    columns = ["id", "number", "hours", "amount", "since", "what"]
    output.show_rows("Proposed corrections", columns, rows, "No correction is proposed.")


@app.command()
def accept(names: Names = None, everything: All = False, reason: Reason = "", as_json: Json = False) -> None:
    """Bill the correction: up on the next draft, down on a draft credit note."""
    _decide(names or [], everything, reason, as_json, ignored=False)


@app.command()
def ignore(names: Names = None, everything: All = False, reason: Reason = "", as_json: Json = False) -> None:
    """Leave the approved document as it is; the same change is not proposed again."""
    _decide(names or [], everything, reason, as_json, ignored=True)


def _decide(names: Sequence[str], everything: bool, reason: str, as_json: bool, *, ignored: bool) -> None:
    if bool(names) == everything:
        sys.stderr.write("Name entries or invoices, or say --all.\n")
        raise SystemExit(output.WRONG)

    async def work() -> list[deciding.Decided]:
        async with output.context() as ctx:
            return await deciding.decide_corrections(ctx, names, ignored=ignored, everything=everything, reason=reason)

    done = output.run(work())
    if as_json:
        output.show_json(done)
        return
    said = "ignored" if ignored else "accepted"
    for each in done:
        output.screen.print(f"{record_of(each.id)}: {said}. {each.text}", soft_wrap=True, highlight=False)
    if not done:
        output.screen.print("No correction is proposed.")
