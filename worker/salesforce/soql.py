"""SOQL texts: every value is quoted, every name checked, before it becomes part of a query. Pure.

Sources: Salesforce SOQL and SOSL Reference, "Quoted String Escape Sequences", "Date Formats and Date Literals".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from urllib.parse import quote_plus

from worker.salesforce.errors import InvalidSoql
from worker.salesforce.ids import is_id

MAX_URI = 16_000  # bytes of a whole encoded address; Salesforce refuses from about 16 KB on with 414 or 431
MAX_IDS = 400  # ids in one IN list

_NAME = re.compile(r"[A-Za-z][0-9A-Za-z_]*")
_PATH = re.compile(r"[A-Za-z][0-9A-Za-z_]*(?:\.[A-Za-z][0-9A-Za-z_]*)*")
_ESCAPES = str.maketrans(
    {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)


def quote(text: str) -> str:
    """A text as a SOQL string literal, with its quotes.

    Raises:
        InvalidSoql: when the text holds a character with code 0, which no SOQL literal can.
    """
    if "\0" in text:
        raise InvalidSoql("A text with a zero character cannot stand in a query.")
    return f"'{text.translate(_ESCAPES)}'"


def name(text: str) -> str:
    """The name of an object or field, checked to be nothing else."""
    if not _NAME.fullmatch(text):
        raise InvalidSoql(f"{text!r} is not the name of a Salesforce object or field.")
    return text


def path(text: str) -> str:
    """A field, or a field of a related record (`Project__r.Name`), checked to be nothing else."""
    if not _PATH.fullmatch(text):
        raise InvalidSoql(f"{text!r} is not the path of a Salesforce field.")
    return text


def ids(values: Iterable[str]) -> str:
    """Record ids as the list of an IN clause: `('a00…','a01…')`.

    Raises:
        InvalidSoql: when there is none, or one is no record id.
    """
    wanted = list(values)
    if not wanted:
        raise InvalidSoql("An IN clause needs at least one record id.")
    for value in wanted:
        if not is_id(value):
            raise InvalidSoql(f"{value!r} is not a Salesforce record id.")
    return "('" + "','".join(wanted) + "')"


def date_literal(value: date) -> str:
    """A day for a Date field: `2026-11-05`."""
    if isinstance(value, datetime):
        raise InvalidSoql("A Date field is compared with a day, not with a time.")
    return value.isoformat()


def datetime_literal(value: datetime | str) -> str:
    """A time for a DateTime field, UTC with milliseconds; also from the text Salesforce answered one with.

    Raises:
        InvalidSoql: when the time names no offset from UTC, or the text is no time.
    """
    moment = instant(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        raise InvalidSoql("A time without its offset from UTC cannot stand in a query.")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """A DateTime as Salesforce answers it (`2026-11-05T09:30:00.000+0000`), in UTC."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise InvalidSoql(f"{text!r} is not a time of Salesforce.") from None


def select(sobject: str, paths: Iterable[str], where: str = "", *, order: str = "", limit: int | None = None) -> str:
    """A query for these paths, each once; `where` and `order` are SOQL texts without their keyword."""
    columns = {item.lower(): path(item) for item in paths}
    parts = [f"SELECT {','.join(columns.values())} FROM {name(sobject)}"]  # noqa: S608  # SOQL; every name is checked
    parts += [f"WHERE {where}"] if where else []
    parts += [f"ORDER BY {order}"] if order else []
    parts += [f"LIMIT {limit}"] if limit is not None else []
    return " ".join(parts)


def changed_since(
    sobject: str,
    paths: Iterable[str],
    since: datetime | str,
    last_id: str = "",
    *,
    where_extra: str = "",
    limit: int | None = None,
) -> str:
    """The next page of everything changed since a time, in an order that loses no row of a shared second.

    `last_id` is the id of the last row had with exactly that SystemModstamp; "" begins at the time itself.
    """
    moment = datetime_literal(since)
    where = f"SystemModstamp >= {moment}"
    if last_id:
        where = f"(SystemModstamp > {moment} OR (SystemModstamp = {moment} AND Id > {ids([last_id])[1:-1]}))"
    if where_extra:
        where += f" AND ({where_extra})"
    columns = ["Id", "SystemModstamp", *paths]
    return select(sobject, columns, where, order="SystemModstamp,Id", limit=limit)


def encoded(soql: str) -> str:
    """The query as it stands in an address."""
    return quote_plus(soql)


def by_ids(
    sobject: str, paths: Sequence[str], wanted: Iterable[str], *, where_extra: str = "", room: int = MAX_URI
) -> Iterator[str]:
    """Queries that together read these records, each at most 400 ids and, encoded, at most `room` bytes.

    Raises:
        InvalidSoql: when not even one id fits, because too many fields are mapped.
    """
    extra = f" AND ({where_extra})" if where_extra else ""
    head = select(sobject, ["Id", *paths], "Id IN ")
    bare = len(encoded(f"{head}(){extra}"))
    each = len(encoded("'000000000000000000',"))
    fits = min(MAX_IDS, (room - bare) // each)
    if fits < 1:
        raise InvalidSoql(
            f"A query for {len(paths)} fields of {sobject} is longer than Salesforce accepts.", "Map fewer fields."
        )
    rest = list(dict.fromkeys(wanted))
    for at in range(0, len(rest), fits):
        yield f"{head}{ids(rest[at : at + fits])}{extra}"
