"""The command line: `hourstream …`. Each command reads like its row in the interface contract."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from console import output
from console.commands import (
    access,
    brake,
    contacts,
    corrections,
    inspecting,
    invoices,
    people,
    queue,
    secrets,
    setup,
    waiting,
)
from console.commands.month import month

app = typer.Typer(
    name="hourstream",
    help="Time logged in Salesforce becomes draft invoices in Xero: once each, to the cent, in near real time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(access.app, name="access", help="Who may use the console, and as what.")
app.add_typer(setup.app, name="setup", help="The setup file: check it against the live org and company, apply it.")
app.add_typer(contacts.app, name="contacts", help="Xero contacts and where they land in Salesforce.")
app.add_typer(invoices.app, name="invoices", help="What would be invoiced, and what was.")
app.add_typer(corrections.app, name="corrections", help="What approved documents would need: a person decides.")
app.add_typer(waiting.app, name="waiting", help="Time that waits: a person decides.")
app.command()(month)
app.add_typer(people.app, name="people", help="TimeTracker users: whose time is sent to Xero, and their rates.")
app.add_typer(brake.app, name="brake", help="A pass that would have done too much.")
app.add_typer(secrets.app, name="secrets", help="The key that tokens are encrypted with.")
app.add_typer(queue.app, name="queue", help="The queue, for operators.")
for command in (inspecting.reconcile, inspecting.doctor, inspecting.audit, inspecting.top):
    app.command()(command)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(workers: Annotated[int, typer.Option(min=1, help="How many workers.")] = 1) -> None:
    """Listener, workers and console together under one supervisor, for one machine."""
    from console.up import up as run_up

    output.run(run_up(output.settings(process=True), workers))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Unattended: check the result and exit.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="How many workers.")] = 1,
) -> None:
    """The whole system on embedded parts, with stand-ins for Salesforce and Xero and seeded records."""
    from console.demo.run import demo as run_demo

    raise SystemExit(output.run(run_demo(once=once, workers=workers)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def sandbox(context: typer.Context) -> None:
    """Only the two stand-ins: --salesforce-port, --pubsub-port, --pubsub-tls-port, --xero-port, --seed."""
    _become("sandbox", *context.args)


@app.command()
def listen() -> None:
    """The listener: Salesforce changes into Redis. SIGTERM drains and exits 0."""
    _become("listeners")


@app.command()
def work() -> None:
    """One worker (run as many as needed). SIGTERM finishes or hands back its jobs and exits 0."""
    _become("worker")


@app.command()
def console(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="Port; the console address's where that is loopback, else 8400.")
    ] = None,
    link: Annotated[bool, typer.Option(help="Print a one-time link first.")] = True,
) -> None:
    """The web console. Prints a link that signs one browser in."""
    from console.web.serve import serve

    output.run(serve(output.settings(process=True), host, port, link=link))


@app.command()
def sync(as_json: Json = False) -> None:
    """Get contacts and generate invoices: pull contacts, check entries, push what is due, now."""
    from console import readmodel, words
    from console.syncing import sync as run_sync

    async def work() -> None:
        async with output.context() as ctx:
            done = await run_sync(ctx)
            left, loaded = await readmodel.left_out(ctx.store), await ctx.loaded()
        if as_json:
            output.show_json(done)
            return
        output.screen.print(
            f"{words.count(done.contacts, 'contact', 'contacts')} read, "
            f"{words.count(done.entries, 'entry', 'entries')} checked, "
            f"{words.count(done.invoices, 'draft', 'drafts')} written, "
            f"{words.count(done.xero_calls, 'Xero call', 'Xero calls')} used."
        )
        if loaded is not None and not loaded.live:
            output.screen.print(output.PREVIEW, soft_wrap=True)
        output.show_left_out(left)

    output.run(work())


@app.command()
def why(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An entry, person, project or invoice.")],
    as_json: Json = False,
) -> None:
    """One sentence: on which invoice and line at which rate, or why not, and what to do."""
    from console.why import Answer
    from console.why import why as ask

    async def work() -> Answer | None:
        async with output.context() as ctx:
            return await ask(ctx, id_)

    found = output.run(work())
    if found is None:
        sys.stderr.write(
            f"Nothing is known of {id_}: give the id of an entry, person or project, or an invoice's number.\n"
        )
        raise SystemExit(output.FAILED)
    if as_json:
        output.show_json(found)
    else:
        output.screen.print(found.text, soft_wrap=True, highlight=False)


def _become(module: str, *arguments: str) -> NoReturn:
    """This process goes on as another room's own: signals and exit codes are that room's."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own interpreter and modules


def main() -> None:
    """Entry point of the command."""
    app()


__all__ = ["app", "main"]
