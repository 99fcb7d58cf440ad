"""How commands end and how they print: text for people, `--json` for programs, one exit code per kind of ending."""

import asyncio
import json
import logging
import math
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

from console import words
from console.readmodel import LeftOut
from worker.billing.keys import record_of
from worker.context import Context
from worker.errors import ConfigurationError, HourstreamError
from worker.logs import configure_logging
from worker.main import open_store, wire
from worker.settings import Settings, load_settings
from worker.store.connection import RedisError
from worker.store.store import Store
from worker.xero.errors import Limited

DONE, FAILED, WRONG = 0, 1, 2
PREVIEW = (
    "In preview: nothing is written to Xero. `hourstream invoices preview` shows what would be. When that is right, "
    'write invoices = "live" in [schedule] and apply the file again.'
)

R = TypeVar("R")

screen = Console()


def run(work: Coroutine[Any, Any, R]) -> R:
    """Run a command's work; an expected failure ends the process with its exit code and one line on stderr."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except HourstreamError as error:
        sys.stderr.write(f"{said(error)}\n")
        raise SystemExit(WRONG if isinstance(error, ConfigurationError) else FAILED) from None
    except BaseExceptionGroup as group:
        known = [error for error in _leaves(group) if isinstance(error, HourstreamError)]
        if not known:
            raise
        sys.stderr.write(f"{said(known[0])}\n")
        raise SystemExit(WRONG if isinstance(known[0], ConfigurationError) else FAILED) from None
    except RedisError as error:
        sys.stderr.write(f"Redis does not answer: {error}. Start it, or set REDIS_URL.\n")
        raise SystemExit(FAILED) from None


def said(error: HourstreamError) -> str:
    """The failure for somebody who waits at a terminal: nothing is tried again there by itself."""
    if isinstance(error, Limited):
        return f"Xero takes no more calls for now. Run it again in {max(1, math.ceil(error.wait))} s."
    return str(error)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def settings(*, process: bool = False) -> Settings:
    """The settings; wrong ones end the process with exit code 2 and the reason.

    A `process` (up, console) logs as it is set. A command speaks to a person: only what is wrong is logged beside its
    output, as text, unless the environment says otherwise.
    """
    try:
        found = load_settings()
    except HourstreamError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(WRONG) from None
    configure_logging(found if process else _of_command(found))
    return found


def _of_command(found: Settings) -> Settings:
    given = found.model_fields_set
    quiet: dict[str, str] = {}
    if "hourstream_log_format" not in given:
        quiet["hourstream_log_format"] = "console"
    if "hourstream_log_level" not in given:
        quiet["hourstream_log_level"] = "warning"
        logging.getLogger("stamina").setLevel(logging.ERROR)  # a retry is no news to a person: its end is
    return found.model_copy(update=quiet)


@asynccontextmanager
async def store() -> AsyncIterator[Store]:
    """The store, for commands that need neither Salesforce nor Xero."""
    async with open_store(settings()) as opened:
        yield opened


@asynccontextmanager
async def context(*, fresh: bool = False) -> AsyncIterator[Context]:
    """Store and services, for commands that do something. `fresh`: signed in anew, to prove the credentials."""
    async with wire(settings(), "command line", fresh=fresh) as wired:
        yield wired


def show_json(value: object) -> None:
    """Print one JSON value. Entries are named by their record's id, as Salesforce knows them."""
    sys.stdout.write(json.dumps(_named(msgspec.to_builtins(value)), indent=2, ensure_ascii=False) + "\n")


def _named(value: Any) -> Any:
    """The value with units ("TimeEntry__c:a00…#0") as ids of records, in `id` and `entries`."""
    if isinstance(value, list):
        return [_named(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _named(each) for name, each in value.items()}
    if isinstance(found.get("id"), str):
        found["id"] = record_of(found["id"])
    if isinstance(found.get("entries"), list):
        found["entries"] = [record_of(each) if isinstance(each, str) else each for each in found["entries"]]
    return found


def show_left_out(left: LeftOut) -> None:
    """Say what is on no invoice, by reason."""
    for text in left_out_sentences(left):
        screen.print(text, soft_wrap=True, highlight=False)


def left_out_sentences(left: LeftOut) -> list[str]:
    """What is on no invoice: what waits, what is not billed, and which invoices wait as a whole."""
    found = []
    if left.waiting:
        waits = words.count(sum(left.waiting.values()), "entry waits", "entries wait")
        more = "`hourstream waiting list` names them, `hourstream why ID` tells more"
        found.append(f"{waits}: {words.by_reason(left.waiting)}. {more}.")
    if left.invoices:
        waits = words.count(sum(left.invoices.values()), "invoice waits", "invoices wait")
        found.append(f"{waits}: {words.by_reason(left.invoices)}. `hourstream queue list invoices` names them.")
    if left.corrections:
        proposed = words.count(left.corrections, "correction is proposed", "corrections are proposed")
        found.append(f"{proposed}. `hourstream corrections list` names them.")
    if left.not_billed:
        never = words.count(sum(left.not_billed.values()), "entry is not billed", "entries are not billed")
        found.append(f"{never}: {words.by_reason(left.not_billed)}.")
    return found


def moment(at: str) -> str:
    """A time for people at a terminal: to the minute, in UTC."""
    return at[:16].replace("T", " ")


def show_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """Print a table, or the sentence for none."""
    if not rows:
        screen.print(empty)
        return
    table = Table(title=title, title_justify="left")
    numbers = {
        "hours",
        "amount",
        "rate",
        "quantity",
        "price",
        "lines",
        "entries",
        "due",
        "leased",
        "waiting",
        "later",
        "retrying",
        "oldest (s)",
    }
    for column in columns:
        # What people copy stays on one line.
        whole = column in ("number", "key", "id", "stage")
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*row)
    screen.print(table)
