"""Changing a setup file as a person would by hand: one value, one row, everything else as it stands, comments too."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import tomlkit
from msgspec import Struct
from tomlkit import TOMLDocument
from tomlkit.items import AoT, Table

Value = str | bool | int | date | Sequence[str] | Sequence[Mapping[str, Any]]
Path = tuple[str, ...]


class PersonRow(Struct, frozen=True, kw_only=True):
    """A `[[people.person]]` row: from `since` on (None: always) this rate (None: none of its own), billed or not."""

    id: str
    rate: Decimal | None = None
    currency: str = ""
    since: date | None = None
    bill: bool = True


def edited(text: str, changes: Mapping[Path, Value | None]) -> str:
    """The file with these keys set: `("billing", "period")` is `period` in `[billing]`. None takes a key out.

    Tables that are missing are added at the end. Raises `tomlkit.exceptions.ParseError` for a text that is no TOML.
    """
    document = tomlkit.parse(text)
    for path, value in changes.items():
        if value is None:
            _remove(document, path)
        else:
            _set(document, path, value)
    return tomlkit.dumps(document)


def with_people(text: str, rows: Sequence[PersonRow], *, removed: Sequence[PersonRow] = ()) -> str:
    """The file with these rows of people: one of the same person, currency and day is replaced, else it is added."""
    document = tomlkit.parse(text)
    people = _table(document, ("people",))
    kept = people.get("person")
    if not isinstance(kept, AoT):
        kept = tomlkit.aot()
        people["person"] = kept
    gone = {_name(row) for row in (*removed, *rows)}
    for place in reversed(range(len(kept))):
        if _name(_row(kept[place])) in gone:
            del kept[place]
    for row in rows:
        kept.append(_item(row))
    if not len(kept):
        del people["person"]
    return tomlkit.dumps(document)


def people_of(text: str) -> list[PersonRow]:
    """The rows of people in the file, in its order."""
    people = tomlkit.parse(text).get("people", {})
    return [_row(each) for each in people.get("person", [])]


def _set(document: TOMLDocument, path: Path, value: Value) -> None:
    table, name = _table(document, path[:-1]), path[-1]
    plain: Any = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
    if name in table and table[name] == plain:
        return  # as it is written there already, however that is spelled
    table[name] = plain


def _remove(document: TOMLDocument, path: Path) -> None:
    table: Any = document
    for part in path[:-1]:
        table = table.get(part)
        if table is None:
            return
    table.pop(path[-1], None)


def _table(document: TOMLDocument, path: Path) -> Any:
    """The table at a path, made where it is missing."""
    table: Any = document
    for part in path:
        if part not in table:
            table[part] = tomlkit.table()
        table = table[part]
    return table


def _item(row: PersonRow) -> Table:
    item = tomlkit.table()
    item["id"] = row.id
    if row.rate is not None:
        item["rate"] = format(row.rate, "f")
    if row.currency:
        item["currency"] = row.currency
    if row.since is not None:
        item["from"] = row.since
    if not row.bill:
        item["bill"] = False
    return item


def _row(item: Mapping[str, Any]) -> PersonRow:
    rate, since = str(item.get("rate", "")), item.get("from")
    return PersonRow(
        id=str(item["id"]),
        rate=Decimal(rate) if rate else None,
        currency=str(item.get("currency", "")),
        since=date.fromisoformat(str(since)) if since else None,
        bill=bool(item.get("bill", True)),
    )


def _name(row: PersonRow) -> tuple[str, str, date | None]:
    """What makes two rows one: person, currency, first day."""
    return row.id[:15], row.currency, row.since
