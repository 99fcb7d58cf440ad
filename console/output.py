"""How commands end and how they print: text for people, `--json` for programs, one exit code per kind of ending."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

from worker.billing.keys import record_of
from worker.context import Context
from worker.errors import ConfigurationError, HourstreamError
from worker.logs import configure_logging
from worker.main import open_store, wire
from worker.settings import Settings, load_settings
from worker.store.connection import RedisError
from worker.store.store import Store

DONE, FAILED, WRONG = 0, 1, 2

R = TypeVar("R")

screen = Console()


def run(work: Coroutine[Any, Any, R]) -> R:
    """Run a command's work; an expected failure ends the process with its exit code and one line on stderr."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except HourstreamError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(WRONG if isinstance(error, ConfigurationError) else FAILED) from None
    except BaseExceptionGroup as group:
        known = [error for error in _leaves(group) if isinstance(error, HourstreamError)]
        if not known:
            raise
        sys.stderr.write(f"{known[0]}\n")
        raise SystemExit(WRONG if isinstance(known[0], ConfigurationError) else FAILED) from None
    except RedisError as error:
        sys.stderr.write(f"Redis does not answer: {error}. Start it, or set REDIS_URL.\n")
        raise SystemExit(FAILED) from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def settings() -> Settings:
    """The settings; wrong ones end the process with exit code 2 and the reason."""
    try:
        found = load_settings()
    except HourstreamError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(WRONG) from None
    configure_logging(found)
    return found


@asynccontextmanager
async def store() -> AsyncIterator[Store]:
    """The store, for commands that need neither Salesforce nor Xero."""
    async with open_store(settings()) as opened:
        yield opened


@asynccontextmanager
async def context() -> AsyncIterator[Context]:
    """Store and services, for commands that do something."""
    async with wire(settings(), "command line") as wired:
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
