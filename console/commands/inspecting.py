"""Commands to look into a deployment: `doctor`, `audit`, `top`; and `reconcile`, which looks and repairs."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from console import output, trail, words
from console.doctor import Finding, examine
from console.progress import bar
from console.syncing import ReconciledView, reconciled
from console.top import frame, watch
from worker.store.audit import AuditEntry

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


def reconcile(
    since: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="What changed since then (UTC); else since the last time.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every entry from the setup's start on.")] = False,
    as_json: Json = False,
) -> None:
    """Check entries against Salesforce and drafts against Xero, and repair what differs."""

    async def work() -> ReconciledView:
        async with output.context() as ctx:
            with bar(hidden=as_json) as tell:
                return await reconciled(ctx, since=_utc(since), everything=everything, tell=tell)

    done = output.run(work())
    if as_json:
        output.show_json(done)
        return
    output.screen.print(
        f"{words.count(done.entries, 'entry', 'entries')} read again ({done.changed} changed, {done.related} by what "
        f"they hang on, {done.deleted} deleted), {done.missed} of which no event told; "
        f"{words.count(done.invoices, 'draft', 'drafts')} written, "
        f"{words.count(done.xero_calls, 'Xero call', 'Xero calls')} used.",
        soft_wrap=True,
    )


def doctor(as_json: Json = False) -> None:
    """Check every credential, permission, field, limit and clock it depends on, and say how to mend each failure."""
    marks = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]", "problem": "[red]problem[/red]"}

    async def work() -> list[Finding]:
        found = []
        async with output.context() as ctx:
            async for each in examine(ctx):
                found.append(each)
                if not as_json:
                    output.screen.print(
                        f"{marks[each.state]} {each.area}, {each.name}: {escape(each.text)}", soft_wrap=True
                    )
                    if each.remedy:
                        output.screen.print(f"    {escape(each.remedy)}", soft_wrap=True)
        return found

    found = output.run(work())
    if as_json:
        output.show_json(found)
    raise SystemExit(output.FAILED if any(each.state == "problem" for each in found) else output.DONE)


def audit(
    since: Annotated[datetime | None, typer.Option(formats=TIMES, help="From then on (UTC).")] = None,
    who: Annotated[str, typer.Option(help="Done by whom, or a part of that.")] = "",
    what: Annotated[str, typer.Option(help="What was done, or its beginning: decision, xero, setup.")] = "",
    subject: Annotated[str, typer.Option(help="To what: an entry's id, an invoice's key, or a part of it.")] = "",
    count: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 100,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Who did what to which thing, newest first."""

    async def work() -> list[AuditEntry]:
        wanted = trail.Filter(since=_utc(since), who=who, what=what, subject=subject)
        async with output.store() as store:
            return await trail.trail(store, wanted, count)

    found = output.run(work())
    if as_json:
        output.show_json(found)
    elif as_csv:
        sys.stdout.write(trail.as_csv(found))
    else:
        rows = [[each.at[:19], each.who, each.what, each.subject, trail.said(each)] for each in found]
        output.show_rows("Audit trail", ["at (UTC)", "who", "what", "subject", "detail"], rows, "Nothing was done yet.")


def top(once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False) -> None:
    """The queue, the processes and the newest lines, live in this terminal. Ctrl-C ends it."""

    async def work() -> None:
        async with output.store() as store:
            if once or not output.screen.is_terminal:
                output.screen.print(await frame(store))
            else:
                await watch(store, output.screen)

    output.run(work())


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
