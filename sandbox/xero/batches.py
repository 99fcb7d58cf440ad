"""Writing many elements in one call: errors summarised (all or nothing) or told per element."""

from collections.abc import Callable
from typing import TypeVar

from sandbox.xero.call import Call
from sandbox.xero.errors import CallError, RuleError, internal_error, no_data, validation
from sandbox.xero.fields import Fields, elements
from sandbox.xero.wire import Json

Record = TypeVar("Record")


def write_all(
    call: Call,
    resource: str,
    write: Callable[[Fields], Record],
    shape: Callable[[Record], Json],
    echo: Callable[[Fields, tuple[str, ...]], Json],
) -> Json:
    """Write each element of the body. Raises CallError when the call fails as a whole."""
    bodies = elements(call.body, resource)
    if not bodies:
        raise no_data(resource)
    call.entry.elements = len(bodies)
    before = call.books.shelves.copy()
    try:
        rows, failures = _write_each(call, bodies, write, shape, echo)
    except CallError as refused:
        if refused.status != 500:
            call.books.shelves = before
        raise
    except Exception:
        call.books.shelves = before
        raise
    if failures and call.summarise:
        call.books.shelves = before
        raise validation(failures)
    return call.envelope(resource, rows)


def _write_each(
    call: Call,
    bodies: list[Fields],
    write: Callable[[Fields], Record],
    shape: Callable[[Record], Json],
    echo: Callable[[Fields, tuple[str, ...]], Json],
) -> tuple[list[Json], list[Json]]:
    rows, failures = [], []
    breaks_at = _breaks_at(call, len(bodies))
    for index, body in enumerate(bodies):
        if index == breaks_at:
            raise internal_error()
        before = call.books.shelves.copy()
        try:
            row = shape(write(body))
        except RuleError as refused:
            call.books.shelves = before
            row = echo(body, refused.messages)
            failures.append(dict(row))
            row["StatusAttributeString"] = "ERROR"
        else:
            if not call.summarise:
                row["StatusAttributeString"] = "OK"
        rows.append(row)
    return rows, failures


def _breaks_at(call: Call, count: int) -> int | None:
    """Before which element a scripted fault stops the batch: the fault's body tells, else half way."""
    if call.fault is None or call.fault.kind != "mid-batch-500":
        return None
    return int(call.fault.body) if call.fault.body else count // 2
