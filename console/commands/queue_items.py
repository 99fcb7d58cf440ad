"""`hourstream queue show | retry | discard`: one item, or all that failed or wait, of one stage or of all."""

import sys
from typing import Annotated

import typer

from console import output, queueing, words
from console.queueing import Discarded, ItemView
from worker.billing.keys import record_of
from worker.store.store import Store
from worker.store.worklist import WorkList

BY = "command line"  # who acted, in the audit trail

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="[ID]", help="An entry, or an invoice by its number or key.")]
All = Annotated[bool, typer.Option("--all", help="Everything.")]
OfStage = Annotated[str, typer.Option("--stage", help="Everything of this stage: collect, invoices, write_back.")]


def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="An entry, or an invoice by its number or key.")],
    as_json: Json = False,
) -> None:
    """Where an entry or an invoice stands in the queue: when it is due, how often it was tried, why it failed or waits.

    Exit code 1 where nothing of it is queued or waits: `hourstream why ID` says where it is.
    """

    async def work() -> list[ItemView]:
        async with output.store() as store:
            return await queueing.show(store, name)

    found = output.run(work())
    if as_json:
        output.show_json(found)
    elif found:
        rows = [[each.stage, each.state, _when(each), str(each.attempts or ""), _said(each)] for each in found]
        output.show_rows(record_of(found[0].id), ["stage", "state", "when (UTC)", "tries", "why"], rows, "")
    if not found:
        sys.stderr.write(f"Nothing of {name} is queued or waits. `hourstream why {name}` says where it is.\n")
        raise SystemExit(output.FAILED)


def retry(name: Name = "", every: All = False, stage: OfStage = "", as_json: Json = False) -> None:
    """Try again now what failed or waits: one ID, all of a stage, or all. Exit code 1 where there is nothing to try."""
    _one_of(name, every, stage)

    async def work() -> list[str]:
        async with output.store() as store:
            _known(store, stage)
            found = await (queueing.retry(store, name) if name else queueing.retry_all(store, stage))
            await store.audit.write(BY, "retried", name or f"stage {stage or 'all'}", {"ids": len(found)})
            return found

    found = output.run(work())
    if as_json:
        output.show_json([record_of(each) for each in found])
    else:
        output.screen.print(f"{words.count(len(found), 'thing is', 'things are')} tried again now.")
    if name and not found:
        sys.stderr.write(f"Nothing of {name} failed or waits. `hourstream queue show {name}` says how it stands.\n")
        raise SystemExit(output.FAILED)


def discard(
    name: Name = "",
    every: All = False,
    stage: OfStage = "",
    doorbells: Annotated[bool, typer.Option("--doorbells", help="Remove the jobs that only wake workers.")] = False,
    as_json: Json = False,
) -> None:
    """Stop trying what fails: it waits, visibly, until it is retried or its entry changes; else it is tried once a day.
    No hour is ever discarded.

    Exit code 1 where something could not be given up on, with the reason.
    """
    _one_of(name, every or doorbells, stage)

    async def work() -> list[Discarded]:
        async with output.store() as store:
            _known(store, stage)
            rung = await store.silence() if doorbells else 0
            found: list[Discarded] = []
            if not doorbells or every or stage:
                found = await (queueing.discard(store, name) if name else queueing.discard_all(store, stage))
            given_up = sum(each.done for each in found)
            detail = {"given_up": given_up, "doorbells": rung}
            await store.audit.write(BY, "discarded", name or f"stage {stage or 'all'}", detail)
            return found

    found = output.run(work())
    if as_json:
        output.show_json(found)
    else:
        given_up = sum(each.done for each in found)
        output.screen.print(
            f"{words.count(given_up, 'thing is', 'things are')} tried once a day only. "
            "`hourstream queue retry` takes it back.",
            soft_wrap=True,
            highlight=False,
        )
    refused = [each for each in found if not each.done]
    for each in refused:
        sys.stderr.write(f"{record_of(each.id)} stays in {each.stage}: {each.why}.\n")
    if refused or (name and not found):
        if not refused:
            sys.stderr.write(f"Nothing of {name} is tried at present.\n")
        raise SystemExit(output.FAILED)


def _one_of(name: str, every: bool, stage: str) -> None:
    if bool(name) == (every or bool(stage)):
        raise typer.BadParameter("Name one ID, or say --all or --stage.")


def _known(store: Store, stage: str) -> None:
    if stage:
        stages_named(store, stage)


def _when(each: ItemView) -> str:
    return (each.leased_until or each.due_at or each.since)[:19].replace("T", " ")


def _said(each: ItemView) -> str:
    if each.state == "leased":
        return "a worker is at it"
    return each.text or each.error


def stages_named(store: Store, stage: str) -> list[WorkList]:
    """The stage of that name, all of them for "". Raises typer's error for any other word."""
    found = [each for each in store.lists() if stage in ("", each.stage)]
    if not found:
        raise typer.BadParameter(f"{stage} is none of {', '.join(each.stage for each in store.lists())}.")
    return found
