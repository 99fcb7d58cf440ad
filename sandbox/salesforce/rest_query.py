"""Queries with paging, and the replication resources getUpdated and getDeleted."""

import itertools
from datetime import datetime, timedelta

from sandbox.salesforce.api import Answer, Call, Routes
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.query import Runner
from sandbox.salesforce.state import Locator, State
from sandbox.salesforce.values import read_datetime, show_datetime

DEFAULT_PAGE = 2000
SMALLEST_PAGE = 200
MAX_UPDATED_IDS = 600_000
UPDATED_DAYS = 30
DELETED_DAYS = 15
_numbers = itertools.count(1)
routes = Routes()


@routes.on("GET", "/query")
def query(call: Call) -> Answer:
    """Live records."""
    return _query(call, everything=False)


@routes.on("GET", "/queryAll")
def query_all(call: Call) -> Answer:
    """Live records and those in the recycle bin."""
    return _query(call, everything=True)


@routes.on("GET", "/query/{locator}")
def query_more(call: Call, locator: str) -> Answer:
    """A further page."""
    return _next(call, locator)


@routes.on("GET", "/queryAll/{locator}")
def query_all_more(call: Call, locator: str) -> Answer:
    """A further page."""
    return _next(call, locator)


@routes.on("GET", "/sobjects/{name}/updated")
def updated(call: Call, name: str) -> Answer:
    """Ids of records changed in a span of time, by SystemModstamp."""
    sobject = call.sobject(name)
    start, end = _span(call, UPDATED_DAYS)
    rows = call.org.tables[sobject.name].values()
    ids = [row["Id"] for row in rows if not row["IsDeleted"] and _within(row["SystemModstamp"], start, end)]
    if len(ids) > MAX_UPDATED_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"too many ids: {len(ids)}")
    return Answer(200, {"ids": ids, "latestDateCovered": show_datetime(_covered(call, end))})


@routes.on("GET", "/sobjects/{name}/deleted")
def deleted(call: Call, name: str) -> Answer:
    """Ids of records deleted in a span of time."""
    sobject = call.sobject(name)
    start, end = _span(call, DELETED_DAYS)
    rows = call.org.tables[sobject.name].values()
    gone = [(str(row["Id"]), row["SystemModstamp"]) for row in rows if row["IsDeleted"]]
    gone += call.org.purged.get(sobject.name, [])
    found = [
        {"id": record_id, "deletedDate": show_datetime(at)}
        for record_id, at in gone
        if isinstance(at, datetime) and _within(at, start, end)
    ]
    shown = {
        "deletedRecords": found,
        "earliestDateAvailable": show_datetime(call.org.time() - timedelta(days=DELETED_DAYS)),
        "latestDateCovered": show_datetime(_covered(call, end)),
    }
    return Answer(200, shown)


def _query(call: Call, *, everything: bool) -> Answer:
    source = call.query.get("q", "")
    if not source.strip():
        raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
    runner = Runner(call.org, source, call.version, everything=everything)
    records = runner.records()
    if runner.query.counts:
        return Answer(200, {"totalSize": len(records), "done": True, "records": []})
    render = runner.render()
    rows = [render(record) for record in records]
    page = _page_size(call)
    locator = Locator(f"01g{next(_numbers):012d}AAA", len(rows), page, rows)
    return _page(call, locator, 0)


def _page_size(call: Call) -> int:
    if call.org.now.query_page_size:
        return call.org.now.query_page_size
    options = call.headers.get("Sforce-Query-Options", "")
    for option in options.split(","):
        name, _, value = option.strip().partition("=")
        if name == "batchSize" and value.isdigit():
            return min(DEFAULT_PAGE, max(SMALLEST_PAGE, int(value)))
    return DEFAULT_PAGE


def _next(call: Call, name: str) -> Answer:
    locator_id, _, offset = name.rpartition("-")
    locator = call.state.locators.get(locator_id)
    if locator is None or not offset.isdigit():
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(call, locator, int(offset))


def _page(call: Call, locator: Locator, start: int) -> Answer:
    end = start + locator.page
    done = end >= locator.total
    body: dict[str, object] = {"totalSize": locator.total, "done": done}
    if not done:
        _keep(call.state, locator)
        body["nextRecordsUrl"] = f"{call.base}/query/{locator.id}-{end}"
    return Answer(200, body | {"records": locator.rows[start:end]})


def _keep(state: State, locator: Locator) -> None:
    state.locators[locator.id] = locator
    state.locators.move_to_end(locator.id)
    while len(state.locators) > state.org.now.query_cursors:
        state.locators.popitem(last=False)


def _span(call: Call, days: int) -> tuple[datetime, datetime]:
    bounds = []
    for name in ("start", "end"):
        try:
            # A plus sign that a client forgot to encode arrives as a space.
            at = read_datetime(call.query.get(name, "").replace(" ", "+"))
        except ValueError:
            text = f"{name} must be an ISO 8601 date and time"
            raise ApiError(400, "INVALID_REPLICATION_DATE", text) from None
        bounds.append(at.replace(second=0) if call.org.now.replication_minutes else at)
    start, end = bounds
    if start >= end:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
    if start < call.org.time() - timedelta(days=days):
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"startDate cannot be more than {days} days ago")
    return start, end


def _within(at: object, start: datetime, end: datetime) -> bool:
    return isinstance(at, datetime) and start <= at < end


def _covered(call: Call, end: datetime) -> datetime:
    lag = timedelta(seconds=call.org.now.replication_lag_seconds)
    return min(end, call.org.time() - lag)
