"""`hourstream setup …`: validate a setup file against the live org and company, make it current, read it back."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console import output
from worker.billing.brake import Effect
from worker.context import Context
from worker.errors import ConfigurationError
from worker.jobs.braking import effect_of, figures
from worker.jobs.effect import plans_under
from worker.setup import Problem, Setup, parse
from worker.setup.check import check as check_live
from worker.setup.check import errors
from worker.setup.presets import PLACEHOLDER_START, PRESETS, Preset, preset

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A setup file (TOML).")]


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Validate a setup file against the live org and company. Exit code 1: one of them cannot be reached."""

    async def work() -> list[Problem]:
        setup = parse(_text(file), name=file.name)
        async with output.context(fresh=True) as ctx:
            return await _live(ctx, setup)

    problems = output.run(work())
    if as_json:
        output.show_json(
            [
                {"line": p.line, "key": p.key, "what": p.what, "remedy": p.remedy, "severity": p.severity}
                for p in problems
            ]
        )
    else:
        _show(file.name, problems)
    raise SystemExit(output.WRONG if errors(problems) else output.DONE)


@app.command()
def effect(file: File, as_json: Json = False) -> None:
    """What a setup file would do to the drafts, in money. Nothing is changed; locked documents never are."""

    async def work() -> Effect:
        setup = parse(_text(file), name=file.name)
        async with output.context() as ctx:
            return await _effect(ctx, setup)

    found = output.run(work())
    if as_json:
        output.show_json(figures(found))
    else:
        output.screen.print(_sentence(found), soft_wrap=True, highlight=False)


@app.command()
def apply(
    file: File,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Make a setup file current, after the same check; says what it does to the drafts first, and asks where it can."""
    from worker.applying import apply_setup

    async def work() -> tuple[int, list[Problem], Setup]:
        text = _text(file)
        setup = parse(text, name=file.name)
        async with output.context(fresh=True) as ctx:
            problems = await _live(ctx, setup)
            if errors(problems) or not await _agreed(ctx, setup, ask=not yes and not as_json):
                return 0, problems, setup
            return await apply_setup(ctx.store, text, by="command line"), problems, setup

    version, problems, setup = output.run(work())
    _show(file.name, problems, quiet=as_json)
    if not version:
        sys.stderr.write("Nothing was changed.\n")
        raise SystemExit(output.WRONG)
    if as_json:
        output.show_json({"version": version})
    else:
        output.screen.print(f"Setup version {version} is current.")
        if not setup.schedule.invoices.writes:
            output.screen.print(output.PREVIEW, soft_wrap=True, highlight=False, markup=False)


@app.command()
def show(as_json: Json = False) -> None:
    """The setup in force: its version, who saved it and when, and its text."""

    async def work() -> dict[str, object] | None:
        async with output.store() as store:
            stored = await store.setup.current()
        if stored is None:
            return None
        return {
            "version": stored.version, "saved_at": stored.saved_at, "saved_by": stored.saved_by, "text": stored.text,
        }  # fmt: skip

    found = _found(output.run(work()))
    if as_json:
        output.show_json(found)
        return
    output.screen.print(f"Version {found['version']}, saved {found['saved_at']} by {found['saved_by']}")
    sys.stdout.write(f"{found['text']}\n")


@app.command()
def export() -> None:
    """Print the setup in force exactly as it was saved, for a file."""

    async def work() -> dict[str, object] | None:
        async with output.store() as store:
            stored = await store.setup.current()
            return {"text": stored.text} if stored else None

    sys.stdout.write(str(_found(output.run(work()))["text"]))


@app.command()
def presets(
    name: Annotated[str, typer.Argument(help="Print this one as a setup file.")] = "",
    as_json: Json = False,
) -> None:
    """Setup files to begin with, for time objects that are known: their names, or one of them as a file."""
    if name:
        found = preset(name)
        if found is None:
            names = ", ".join(each.name for each in PRESETS)
            sys.stderr.write(f"There is no preset {name}. There are: {names}.\n")
            raise SystemExit(output.WRONG)
        if as_json:
            output.show_json(_preset_json(found))
        else:
            sys.stdout.write(setup_file(found))
        return
    if as_json:
        output.show_json([_preset_json(each) for each in PRESETS])
        return
    for each in PRESETS:
        output.screen.print(f"[bold]{each.name:<18}[/bold]{each.title}", highlight=False)
    output.screen.print("\nBegin with one: hourstream setup presets time-entry > setup.toml", highlight=False)


def _preset_json(found: Preset) -> dict[str, object]:
    return {"name": found.name, "title": found.title, "verified": found.verified, "text": setup_file(found)}


def setup_file(found: Preset) -> str:
    """The preset as a file to edit: what it is for stands in it as a comment."""
    start = datetime.now(UTC).date().replace(day=1).isoformat()
    return f"# {found.title}\n{found.text.replace(PLACEHOLDER_START, start)}"


async def _effect(ctx: Context, setup: Setup) -> Effect:
    """What this setup would do to the drafts that there are. Nothing while the ledger is not complete."""
    if not await ctx.store.epoch.current():
        return Effect()
    return await effect_of(ctx, await plans_under(ctx, setup))


async def _agreed(ctx: Context, setup: Setup, *, ask: bool) -> bool:
    """Say on stderr what the setup would do to drafts; where somebody sits there, ask whether that is meant."""
    if await ctx.store.setup.current() is None:
        return True
    found = await _effect(ctx, setup)
    if not _does_anything(found):
        return True
    sys.stderr.write(f"{_sentence(found)}\n")
    if not (ask and sys.stdin.isatty()):
        return True
    return await asyncio.to_thread(typer.confirm, "Apply it?", err=True)


def _does_anything(found: Effect) -> bool:
    return bool(found.new_invoices or found.removed_entries or found.changed_value or found.corrections)


def _sentence(found: Effect) -> str:
    """An effect in one sentence."""
    said = []
    if found.new_invoices:
        said.append(f"{found.new_invoices} new drafts")
    if found.removed_entries:
        said.append(f"{found.removed_entries} entries taken off drafts")
    if found.changed_value:
        was, after = f"{found.open_total} {found.currency}", f"{found.total_after} {found.currency}"
        said.append(f"{found.changed_value} {found.currency} taken off or priced anew ({was} before, {after} after)")
    if found.corrections:
        said.append(f"{found.corrections} corrections billed")
    return f"With this setup: {'; '.join(said)}." if said else "With this setup no draft changes."


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.", "Name an existing setup file.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from None


async def _live(ctx: Context, setup: Setup) -> list[Problem]:
    console_url = ctx.settings.hourstream_console_url
    return await check_live(setup, ctx.salesforce, ctx.xero, console_url=console_url)


def _show(name: str, problems: Sequence[Problem], *, quiet: bool = False) -> None:
    for problem in problems:
        sys.stderr.write(f"{problem.text(name)}\n")
    if not problems and not quiet:
        output.screen.print(f"{name} fits the org and the company.")


def _found(found: dict[str, object] | None) -> dict[str, object]:
    if found is None:
        sys.stderr.write("There is no setup yet. Apply one: hourstream setup apply FILE\n")
        raise SystemExit(output.FAILED)
    return found
