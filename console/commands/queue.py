"""`hourstream queue …`: what is due, leased, retried and waiting, and who works on it."""

from typing import Annotated

import typer

from console import output, queueview, readmodel, words
from console.queueview import QueueView
from console.readmodel import WaitingView
from worker.billing.keys import record_of
from worker.store.store import Store
from worker.store.worklist import WorkList

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BY = "command line"  # who acted, in the audit trail
LISTED = ("collect", "invoices", "corrections")
DOORS = {"pubsub": "by change events", "stream": "by change events", "poll": "by asking every minute"}


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
    for text in sentences(view):
        output.screen.print(text, soft_wrap=True, highlight=False, markup=False)


def sentences(view: QueueView) -> list[str]:
    """What a person should know beside the figures."""
    found = [f"Ledger: {view.ledger}. Workers: {len(view.workers)}.", heard(view.listener)]
    paused: dict[str, list[str]] = {}
    for name, stage in view.stages.items():
        if stage.paused:
            paused.setdefault(stage.paused, []).append(name)
    found += [f"Paused ({', '.join(names)}) by {why.rstrip('.')}." for why, names in paused.items()]
    found += [f"Problem in {problem.get('job')}: {problem.get('text')}" for problem in view.problems]
    if view.waiting:
        waits = words.count(sum(view.waiting.values()), "entry waits", "entries wait")
        found.append(f"{waits}: {words.by_reason(view.waiting)}. `hourstream queue list` names them.")
    if view.corrections:
        proposed = words.count(view.corrections, "correction is", "corrections are")
        found.append(f"{proposed} proposed. `hourstream queue list corrections` names them.")
    return found


def heard(listener: dict[str, str] | None) -> str:
    """The listener in one sentence."""
    if listener is None:
        return "Listener: none lives."
    door = DOORS.get(listener.get("transport", ""), listener.get("transport", ""))
    last = listener.get("last_event_at", "")
    parts = [f"{listener.get('state', 'running')} {door}".rstrip(), f"last change {last}" if last else "no change yet"]
    if listener.get("lag_seconds"):
        parts.append(f"{listener['lag_seconds']} s behind it")
    reason = listener.get("reason", "")
    return f"Listener: {', '.join(parts)}.{f' {reason}' if reason else ''}"


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
    rows = [[record_of(each.id), words.reason(each.reason), each.since[:16], each.text] for each in found]
    output.show_rows("Waiting", ["id", "reason", "since (UTC)", "what to do"], rows, "Nothing waits.")


Stage = Annotated[str, typer.Argument(help="collect (reading entries), invoices, write_back; without it all three.")]


@app.command()
def pause(
    stage: Stage = "", why: Annotated[str, typer.Option(help="What people are told.")] = "nobody said why"
) -> None:
    """Work on nothing of a stage until it is resumed. Changes are still taken in, and nothing is lost."""

    async def work() -> None:
        async with output.store() as store:
            for each in _stages(store, stage):
                await each.pause(BY, why)
            await store.audit.write(BY, "paused", f"stage {stage or 'all'}", {"why": why})

    output.run(work())
    output.screen.print(f"Paused: {stage or 'all stages'}. `hourstream queue resume` goes on.")


@app.command()
def resume(stage: Stage = "") -> None:
    """Go on with a paused stage. One that stands still for the wrong org or company stops again while that answers."""

    async def work() -> None:
        async with output.store() as store:
            for each in _stages(store, stage):
                await each.resume()
                await store.bell.ring(each.stage)
            await store.audit.write(BY, "resumed", f"stage {stage or 'all'}", {})

    output.run(work())
    output.screen.print(f"Resumed: {stage or 'all stages'}.")


def _stages(store: Store, stage: str) -> list[WorkList]:
    found = [each for each in store.lists() if stage in ("", each.stage)]
    if not found:
        raise typer.BadParameter(f"{stage} is none of {', '.join(each.stage for each in store.lists())}.")
    return found


def _stage(each: WaitingView) -> str:
    return "collect" if ":" in each.id else "invoices"
