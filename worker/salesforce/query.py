"""SOQL queries and their pages."""

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from worker.salesforce import soql as text
from worker.salesforce.errors import UnexpectedAnswer
from worker.salesforce.parallel import each
from worker.salesforce.transport import Transport

Record = dict[str, Any]  # a row as Salesforce answers it; related records are nested

PAGE = 2_000  # rows of one keyset page: what Salesforce answers at most in one go
CHUNKS_AT_ONCE = 4
_FROM = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)


class Rows(list[Record]):
    """Some rows. `server_date` is Salesforce's time of their answer; `began` that of the query's first answer.

    A watermark is made from `began`: what changes while later pages are read is not in them.
    """

    def __init__(self, rows: Iterable[Record], server_date: datetime, began: datetime) -> None:
        super().__init__(rows)
        self.server_date = server_date
        self.began = began


class _Page(Struct, rename="camel"):
    done: bool
    records: list[Record]
    next_records_url: str | None = None


async def pages(
    transport: Transport, soql: str, *, asked: str = "", all_rows: bool = False
) -> AsyncGenerator[Rows, None]:
    """The pages of a query, at least one; with `all_rows` also what is in the recycle bin.

    Raises:
        SalesforceError: also between pages; asking anew from the start is always safe.
    """
    resource = "queryAll" if all_rows else "query"
    asked = asked or _asked(soql)
    answer = await transport.get(f"{transport.root}/{resource}", asked, _Page, f"q={text.encoded(soql)}")
    began = answer.server_date
    yield Rows(answer.value.records, began, began)
    while not answer.value.done:
        answer = await transport.get(_next(answer.value), asked, _Page)
        yield Rows(answer.value.records, answer.server_date, began)


class _Count(Struct, rename="camel"):
    total_size: int


async def count(transport: Transport, soql: str) -> int:
    """What a `SELECT COUNT() FROM …` answers. Raises `SalesforceError`."""
    answer = await transport.get(f"{transport.root}/query", _asked(soql), _Count, f"q={text.encoded(soql)}")
    return answer.value.total_size


def _asked(soql: str) -> str:
    named = _FROM.search(soql)
    return f"query {named[1]}" if named else "query"


def _next(page: _Page) -> str:
    path = page.next_records_url or ""
    if not path.startswith("/services/data/"):  # nothing else is ever asked with our token
        raise UnexpectedAnswer("A page of a query names no next one, but says that there is more.")
    return path


async def all_pages(transport: Transport, soql: str, *, asked: str, all_rows: bool = False) -> Rows:
    """All rows of a query that is known to be short."""
    found = [page async for page in pages(transport, soql, asked=asked, all_rows=all_rows)]
    return Rows((row for page in found for row in page), found[-1].server_date, found[0].began)


async def retrieve(
    transport: Transport,
    sobject: str,
    paths: Sequence[str],
    ids: Iterable[str],
    *,
    where_extra: str = "",
    all_rows: bool = False,
) -> list[Record]:
    """The records with these ids, in no particular order; what is not there or not to be seen is left out.

    Raises:
        InvalidSoql: an id or path is none.
        SalesforceError: one of the queries failed; none of the rows is given then.
    """
    address = f"{(await transport.session()).instance_url}{transport.root}/queryAll?q="
    queries = text.by_ids(sobject, paths, ids, where_extra=where_extra, room=text.MAX_URI - len(address))

    async def read(soql: str) -> Rows:
        return await all_pages(transport, soql, asked=f"read records of {sobject}", all_rows=all_rows)

    return [row for rows in await each(read, queries, at_once=CHUNKS_AT_ONCE) for row in rows]


async def changed(
    transport: Transport,
    sobject: str,
    paths: Sequence[str],
    since: datetime | str,
    last_id: str = "",
    *,
    where_extra: str = "",
    all_rows: bool = False,
    size: int = PAGE,
) -> AsyncGenerator[Rows, None]:
    """Everything changed since a time, in the order of SystemModstamp and Id; at least one page, maybe empty.

    Each page is a query of its own, so a job may stop after any of them and go on from the last row's two values.
    Every page's `began` is that of the first.
    """
    began: datetime | None = None
    asked = f"read what changed in {sobject}"
    while True:
        soql = text.changed_since(sobject, paths, since, last_id, where_extra=where_extra, limit=size)
        rows = await all_pages(transport, soql, asked=asked, all_rows=all_rows)
        began = began or rows.began
        yield Rows(rows, rows.server_date, began)
        if len(rows) < size:
            return
        since, last_id = rows[-1]["SystemModstamp"], rows[-1]["Id"]
