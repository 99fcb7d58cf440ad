"""`hourstream queue …`: what is due, leased, retried and waiting, and who works on it."""

from typing import Annotated

import typer

from console import output, readmodel

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def queue() -> None:
    """The queue, for operators."""


@app.command()
def status(as_json: Json = False) -> None:
    """Each stage in figures, the workers and the listener that live, and what stands in the way."""

    async def work() -> None:
        async with output.store() as store:
            view = await readmodel.queue(store)
        if as_json:
            output.show_json(view)
            return
        rows = [
            [name, *map(str, (s.due, s.scheduled, s.leased, s.retrying, s.waiting, s.oldest_seconds)), s.paused]
            for name, s in view.stages.items()
        ]
        columns = ["stage", "due", "later", "leased", "retrying", "waiting", "oldest (s)", "paused"]
        output.show_rows("Queue", columns, rows, "")
        output.screen.print(f"Ledger: {view.ledger}. Workers: {len(view.workers)}.")
        heard = ", ".join(f"{name}: {value}" for name, value in (view.listener or {}).items())
        output.screen.print(f"Listener: {heard or 'none lives'}.")
        for problem in view.problems:
            output.screen.print(f"Problem in {problem.get('job')}: {problem.get('text')}")

    output.run(work())
