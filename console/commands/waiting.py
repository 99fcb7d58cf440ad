"""`hourstream waiting …`: time that waits, and what a person decides about it."""

from typing import Annotated

import typer

from console import deciding, output, readmodel, words
from worker.billing.keys import record_of
from worker.billing.model import DecisionKind

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[list[str], typer.Argument(metavar="ID", help="An entry that waits (or an invoice, by its key).")]
SAID = {"bill": "to be billed", "elsewhere": "billed elsewhere", "dont-bill": "not to be billed"}
Reason = Annotated[str, typer.Option(help="Why, for whoever asks later.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Everything that waits, longest first, with the reason."""

    async def work() -> list[readmodel.WaitingView]:
        async with output.store() as store:
            return await readmodel.waiting(store)

    views = output.run(work())
    if as_json:
        output.show_json(views)
        return
    rows = [[record_of(view.id), words.reason(view.reason), output.moment(view.since), view.text] for view in views]
    output.show_rows("Waiting", ["id", "reason", "since (UTC)", "what to do"], rows, "Nothing waits.")
    if any(view.reason in deciding.LIFTED for view in views):
        text = "Decide what a person may: `hourstream waiting bill ID`, `elsewhere ID` or `dont-bill ID`."
        output.screen.print(text, soft_wrap=True, highlight=False)


@app.command()
def bill(names: Names, reason: Reason = "", as_json: Json = False) -> None:
    """Bill it: time that a person took off an invoice is billed again, what is odd as it is."""
    _decide(names, "bill", reason, as_json)


@app.command()
def elsewhere(names: Names, reason: Reason = "", as_json: Json = False) -> None:
    """It is billed elsewhere: not here."""
    _decide(names, "elsewhere", reason, as_json)


@app.command("dont-bill")
def dont_bill(names: Names, reason: Reason = "", as_json: Json = False) -> None:
    """It is not to be billed."""
    _decide(names, "dont-bill", reason, as_json)


def _decide(names: list[str], kind: DecisionKind, reason: str, as_json: bool) -> None:
    async def work() -> list[deciding.Decided]:
        async with output.context() as ctx:
            return await deciding.decide_waiting(ctx, names, kind, reason=reason)

    done = output.run(work())
    if as_json:
        output.show_json(done)
        return
    for each in done:
        about = f" ({each.hours} h of {each.number or each.document})" if each.document else ""
        said = SAID.get(each.decision, each.decision)
        output.screen.print(f"{record_of(each.id)}: {said}{about}.", soft_wrap=True, highlight=False)
