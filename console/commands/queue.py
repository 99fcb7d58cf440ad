"""`hourstream queue …`: what is due, leased, retried and waiting, and who works on it."""

from typing import Annotated

import typer

from console import output, queueing, queueview, readmodel, words
from console.commands import queue_items
from console.commands.queue_items import BY, Json, stages_named
from console.queueview import QueueView
from console.readmodel import WaitingView
from worker.billing.keys import record_of

app = typer.Typer(no_args_is_help=True)

LISTED = ("collect", "invoices", "corrections")


@app.callback()
def queue() -> None:
    """The queue, for operators."""


@app.command()
def status(as_json: Json = False) -> None:
    """Each stage in figures, the workers and the listener that live, and what stands in the way."""

    async def work() -> QueueView:
        async with output.store() as store:
            return await queueview.queue_and_waiting(store)

    view = output.run(work())
    if as_json:
        output.show_json(view)
        return
    rows = [
        [name, *map(str, (s.due, s.scheduled, s.leased, s.retrying, s.waiting, s.oldest_seconds))]
        for name, s in view.stages.items()
    ]
    columns = ["stage", "due", "later", "leased", "retrying", "waiting", "oldest (s)"]
    output.show_rows("Queue", columns, rows, "")
    for text in queueview.sentences(view):
        output.screen.print(text, soft_wrap=True, highlight=False, markup=False)


@app.command("list")
def list_(
    stage: Annotated[
        str, typer.Argument(help="Only this: collect (time entries), invoices, corrections. Else all that waits.")
    ] = "",
    as_json: Json = False,
) -> None:
    """What waits for a person or for its cause to be mended, longest first."""
    if stage not in ("", *LISTED):
        raise typer.BadParameter(f"{stage} is none of {', '.join(LISTED)}.")

    async def work() -> list[WaitingView]:
        async with output.store() as store:
            if stage == "corrections":
                return await readmodel.corrections(store)
            found = await readmodel.waiting(store)
        return [each for each in found if stage in ("", _stage(each))]

    found = output.run(work())
    if as_json:
        output.show_json(found)
        return
    rows = [[record_of(each.id), words.reason(each.reason), output.moment(each.since), each.text] for each in found]
    output.show_rows("Waiting", ["id", "reason", "since (UTC)", "what to do"], rows, "Nothing waits.")


for command in (queue_items.show, queue_items.retry, queue_items.discard):
    app.command()(command)


Stage = Annotated[str, typer.Argument(help="collect (reading entries), invoices, write_back; without it all three.")]


@app.command()
def pause(
    stage: Stage = "", why: Annotated[str, typer.Option(help="What people are told.")] = "nobody said why"
) -> None:
    """Work on nothing of a stage until it is resumed. Changes are still taken in, and nothing is lost."""

    async def work() -> None:
        async with output.store() as store:
            stages_named(store, stage)
            await queueing.pause(store, stage, BY, why)

    output.run(work())
    output.screen.print(f"Paused: {stage or 'all stages'}. `hourstream queue resume` goes on.")


@app.command()
def resume(stage: Stage = "") -> None:
    """Go on with a paused stage. One that stands still for the wrong org or company stops again while that answers."""

    async def work() -> None:
        async with output.store() as store:
            stages_named(store, stage)
            await queueing.resume(store, stage, BY)

    output.run(work())
    output.screen.print(f"Resumed: {stage or 'all stages'}.")


def _stage(each: WaitingView) -> str:
    return "collect" if ":" in each.id else "invoices"
