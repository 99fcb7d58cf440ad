"""`hourstream brake …`: a pass that would have done more than the setup allows, and what a person says about it."""

from typing import Annotated

import typer

from console import output
from worker.store.brake import Braked

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(as_json: Json = False) -> None:
    """The pass that is stopped: what it would have done, with before and after."""

    async def work() -> Braked | None:
        async with output.store() as store:
            return await store.brake.get()

    found = output.run(work())
    if as_json:
        output.show_json(found)
    elif found is None:
        output.screen.print("No pass is stopped by the brake.")
    else:
        for sentence in found.sentences:
            output.screen.print(sentence, soft_wrap=True, highlight=False)
        output.screen.print(
            "Say `hourstream brake go-on` (it is right), `keep` (leave these entries as they are), "
            "or `undo` (take back the setup change).",
            soft_wrap=True,
        )


@app.command("go-on")
def go_on(as_json: Json = False) -> None:
    """It is right: send it."""
    from worker.jobs.braking import go_on as let_through
    from worker.jobs.invoice import invoice

    async def work() -> Braked:
        async with output.context() as ctx:
            braked = await let_through(ctx)
            await invoice(ctx)
            return braked

    braked = output.run(work())
    _done(as_json, {"invoices": len(braked.keys)}, f"It goes on with {len(braked.keys)} invoices.")


@app.command()
def keep(as_json: Json = False) -> None:
    """Leave the entries that would be taken off or priced anew as they are, until somebody decides to bill them."""
    from worker.jobs.braking import keep as leave

    async def work() -> int:
        async with output.context() as ctx:
            return await leave(ctx)

    count = output.run(work())
    _done(as_json, {"entries": count}, f"{count} entries stay on their drafts as they are.")


@app.command()
def undo(as_json: Json = False) -> None:
    """Take back the setup change: the version before becomes current again."""
    from worker.jobs.braking import undo as take_back

    async def work() -> int:
        async with output.context() as ctx:
            return await take_back(ctx)

    version = output.run(work())
    _done(as_json, {"version": version}, f"The setup before is current again, as version {version}.")


def _done(as_json: bool, found: dict[str, int], text: str) -> None:
    if as_json:
        output.show_json(found)
    else:
        output.screen.print(text)
