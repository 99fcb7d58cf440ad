"""`hourstream people …`: whose time is sent to Xero, and at what rate."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from console import effects, output, people, readmodel, words
from console.editing import PersonRow
from worker.context import Context
from worker.errors import ServiceError

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Person = Annotated[
    str, typer.Argument(help="Record id of a Salesforce user, or the whole name of one who logged time.")
]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Everybody who logged time since the start, and everybody the setup names."""

    async def work() -> list[people.PersonView]:
        async with output.context() as ctx:
            return await people.people(ctx)

    views = output.run(work())
    if as_json:
        output.show_json(views)
        return
    rows = [
        [
            view.name or "—",
            "yes" if view.bill else "no",
            f"{readmodel.price(view.rate)} {view.currency}".strip(),
            view.since,
            view.unbilled_hours,
            "left" if view.active is False else "",
            view.id,
        ]
        for view in views
    ]
    columns = ["person", "billed", "rate", "from", "waiting (h)", "note", "id"]
    output.show_rows("TimeTracker users", columns, rows, "Nobody has logged time yet.")


@app.command("set")
def set_(
    person: Person,
    rate: Annotated[str | None, typer.Option(help='Hourly rate; "" for none of their own.')] = None,
    currency: Annotated[str | None, typer.Option(help="Of the rate, such as GBP; it is never converted.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="First day of the row, such as 2026-11-01.")] = None,
    bill: Annotated[bool | None, typer.Option(help="Whether their time is sent to Xero.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give a person a rate from a day on, or send their time to Xero or not. Says first what it does to the drafts."""
    typed = {"rate": rate, "currency": currency, "from": since, "bill": None if bill is None else str(bill)}
    given = {name: value for name, value in typed.items() if value is not None}
    if not given:
        sys.stderr.write("Say what to set: --rate, --currency, --from, --bill or --no-bill.\n")
        raise SystemExit(output.WRONG)

    async def work() -> tuple[int, str]:
        async with output.context() as ctx:
            row = await people.row_for(ctx, person, given)
            return await _save(ctx, await people.changed(ctx, [row]), ask=not yes and not as_json)

    _said(output.run(work()), as_json)


@app.command()
def remove(person: Person, yes: Yes = False, as_json: Json = False) -> None:
    """Take a person's rows out of the setup."""

    async def work() -> tuple[int, str]:
        async with output.context() as ctx:
            rows = await people.rows_of(ctx, person)
            return await _save(ctx, await people.changed(ctx, [], removed=rows), ask=not yes and not as_json)

    _said(output.run(work()), as_json)


@app.command()
def export() -> None:
    """Print everybody with their rates as CSV, to be edited and imported again."""

    async def work() -> str:
        async with output.context() as ctx:
            return await people.exported(ctx)

    sys.stdout.write(output.run(work()))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file such as `people export` prints.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Add or replace rows from a CSV file: all of them or, when one is wrong, none."""

    async def work() -> tuple[int, str]:
        rows = _good(people.imported(await asyncio.to_thread(_text, file)), file.name)
        async with output.context() as ctx:
            change = await people.changed(ctx, rows)
            if dry_run:
                return 0, f"{words.count(len(rows), 'row', 'rows')}. {effects.sentence(change.effect)}"
            return await _save(ctx, change, ask=not yes and not as_json)

    version, text = output.run(work())
    if dry_run:
        output.screen.print(text, soft_wrap=True, highlight=False)
    else:
        _said((version, text), as_json)


def _good(rows: Sequence[people.CsvRow], name: str) -> list[PersonRow]:
    """The rows of the file that say anything. Every wrong one is named; then nothing is imported."""
    wrong = [each for each in rows if each.problem]
    for each in wrong:
        sys.stderr.write(f"{name}:{each.line}: {each.problem}\n")
    if wrong:
        raise SystemExit(output.WRONG)
    found = [each.row for each in rows if each.row is not None]
    return [row for row in found if row != PersonRow(id=row.id)]  # a line that sets nothing


async def _save(ctx: Context, change: people.Change, *, ask: bool) -> tuple[int, str]:
    text = effects.sentence(change.effect)
    sys.stderr.write(f"{text}\n")
    if ask and sys.stdin.isatty() and not await asyncio.to_thread(typer.confirm, "Save it?", err=True):
        return 0, text
    return await people.save(ctx, change), text


def _said(done: tuple[int, str], as_json: bool) -> None:
    version, text = done
    if as_json:
        output.show_json({"version": version, "effect": text})
    elif version:
        output.screen.print(f"Setup version {version} is current.")
    else:
        output.screen.print("Nothing was changed.")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise ServiceError(f"{file} cannot be read: {error.strerror}.", "Name an existing CSV file.") from None
    except UnicodeDecodeError:
        raise ServiceError(f"{file} is not UTF-8 text.", "Save it as CSV UTF-8.") from None
