"""`hourstream setup …`: validate a setup file against the live org and company, make it current, read it back."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console import effects, output, versions, weighing
from console.versions import Version
from worker.billing.brake import Effect
from worker.context import Context
from worker.errors import ConfigurationError
from worker.jobs.braking import figures
from worker.setup import Problem, Setup, parse
from worker.setup.check import errors
from worker.setup.forecast import Forecast, sentence
from worker.setup.presets import PLACEHOLDER_START, PRESETS, Preset, preset

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A setup file (TOML).")]


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Validate a setup file against the live org and company. Exit code 1: one of them cannot be reached."""

    async def work() -> tuple[list[Problem], Forecast]:
        setup = parse(_text(file), name=file.name)
        async with output.context(fresh=True) as ctx:
            return await weighing.problems(ctx, setup), await weighing.calls(ctx.store, setup)

    problems, calls = output.run(work())
    if as_json:
        output.show_json(
            [
                {"line": p.line, "key": p.key, "what": p.what, "remedy": p.remedy, "severity": p.severity}
                for p in problems
            ]
        )
    else:
        _show(file.name, problems)
        _show_calls(problems, calls)
    raise SystemExit(output.WRONG if errors(problems) else output.DONE)


@app.command()
def effect(file: File, as_json: Json = False) -> None:
    """What a setup file would do to the drafts, in money. Nothing is changed; locked documents never are."""

    async def work() -> Effect:
        setup = parse(_text(file), name=file.name)
        async with output.context() as ctx:
            return await weighing.effect(ctx, setup)

    found = output.run(work())
    if as_json:
        output.show_json(figures(found))
    else:
        output.screen.print(effects.sentence(found), soft_wrap=True, highlight=False)


@app.command()
def apply(
    file: File,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Make a setup file current, after the same check; says what it does to the drafts first, and asks where it can."""

    async def read() -> str:
        return _text(file)

    _make_current(file.name, read, yes=yes, as_json=as_json)


@app.command()
def undo(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="As `setup history` lists them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Go back to an older setup: it is applied like a file, as a new version."""

    async def read() -> str:
        async with output.store() as store:
            return await versions.text_of(store, version)

    _make_current(f"version {version}", read, yes=yes, as_json=as_json)


def _make_current(name: str, read: Callable[[], Awaitable[str]], *, yes: bool, as_json: bool) -> None:
    from worker.applying import apply_setup

    async def work() -> tuple[int, list[Problem], Setup, Forecast]:
        text = await read()
        setup = parse(text, name=name)
        async with output.context(fresh=True) as ctx:
            problems, calls = await weighing.problems(ctx, setup), await weighing.calls(ctx.store, setup)
            if errors(problems) or not await _agreed(ctx, setup, ask=not yes and not as_json):
                return 0, problems, setup, calls
            return await apply_setup(ctx.store, text, by="command line"), problems, setup, calls

    version, problems, setup, calls = output.run(work())
    _show(name, problems, quiet=as_json)
    if not version:
        sys.stderr.write("Nothing was changed.\n")
        raise SystemExit(output.WRONG)
    if as_json:
        output.show_json({"version": version})
    else:
        output.screen.print(f"Setup version {version} is current.")
        _show_calls(problems, calls)
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
def history(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 20, as_json: Json = False
) -> None:
    """Every setup there was, newest first: who saved it when, and what it changed. `setup undo` goes back to one."""

    async def work() -> list[Version]:
        async with output.store() as store:
            return (await versions.versions(store, 0, count))[0]

    found = output.run(work())
    if as_json:
        output.show_json(found)
        return
    rows = [[str(each.number), output.moment(each.at) if each.at else "", each.who, _changed(each)] for each in found]
    output.show_rows("Setups", ("Version", "Saved", "By", "Changed"), rows, "No setup was saved yet.")


@app.command()
def export() -> None:
    """Print the setup in force exactly as it was saved, for a file."""

    async def work() -> dict[str, object] | None:
        async with output.store() as store:
            stored = await store.setup.current()
            return {"text": stored.text} if stored else None

    sys.stdout.write(str(_found(output.run(work()))["text"]))


@app.command("package")
def package_(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Where to write it.")] = Path(
        "hourstream-salesforce.zip"
    ),
) -> None:
    """Write the Salesforce package of the setup in force: fields, objects, change events, permission set, to deploy."""
    from console.sfdx import package

    async def work() -> str | None:
        async with output.store() as store:
            stored = await store.setup.current()
            return stored.text if stored else None

    text = output.run(work())
    if text is None:
        _found(None)
        return
    try:
        file.write_bytes(package(parse(text)))
    except OSError as error:
        sys.stderr.write(f"{file} cannot be written: {error.strerror}.\n")
        raise SystemExit(output.FAILED) from None
    output.screen.print(f"{file}: unpack it; its README.md says how to deploy it.", soft_wrap=True, highlight=False)


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


def _changed(version: Version) -> str:
    if version.first:
        return "the first setup"
    said = [f"{each.key}: {each.before or 'not set'} → {each.after or 'not set'}" for each in version.changes]
    return "\n".join(said) or "nothing but comments or order"


async def _agreed(ctx: Context, setup: Setup, *, ask: bool) -> bool:
    """Say on stderr what the setup would do to drafts; where somebody sits there, ask whether that is meant."""
    if await ctx.store.setup.current() is None:
        return True
    found = await weighing.effect(ctx, setup)
    if not effects.does_anything(found):
        return True
    sys.stderr.write(f"{effects.sentence(found)}\n")
    if not (ask and sys.stdin.isatty()):
        return True
    return await asyncio.to_thread(typer.confirm, "Apply it?", err=True)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.", "Name an existing setup file.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from None


def _show_calls(problems: Sequence[Problem], calls: Forecast) -> None:
    if not errors(problems):
        output.screen.print(sentence(calls), soft_wrap=True, highlight=False)


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
