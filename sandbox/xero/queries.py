"""Choosing what a list answers: filters, `where`, order and pages."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sandbox.xero.errors import bad_query
from sandbox.xero.wire import Json

Record = TypeVar("Record")
Getter = Callable[[Any], Any]

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

_TERM = re.compile(
    r"\s*(?P<field>[A-Za-z.]+)\s*(?P<operator>==|=|!=|>=|<=|>|<)\s*"
    r"""(?:"(?P<text>[^"]*)"|(?:G|g)uid\("(?P<guid>[^"]*)"\)|DateTime\((?P<day>[\d,\s]+)\)"""
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<flag>true|false|null))\s*"
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: bool(left == right),
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    ">=": lambda left, right: left is not None and bool(left >= right),
    "<=": lambda left, right: left is not None and bool(left <= right),
    ">": lambda left, right: left is not None and bool(left > right),
    "<": lambda left, right: left is not None and bool(left < right),
}
_FLAGS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted."""

    number: int
    size: int

    def cut(self, records: Sequence[Record]) -> list[Record]:
        """The records on this page."""
        start = (self.number - 1) * self.size
        return list(records[start : start + self.size])

    def facts(self, count: int) -> Json:
        """The `pagination` object."""
        return {"page": self.number, "pageSize": self.size, "pageCount": -(-count // self.size), "itemCount": count}


def read_page(query: Mapping[str, str]) -> Page | None:
    """The page asked for; None without paging. Sizes out of range are clamped."""
    if "page" not in query and "pagesize" not in query:
        return None
    try:
        number, size = int(query.get("page") or 1), int(query.get("pagesize") or DEFAULT_PAGE_SIZE)
    except ValueError as error:
        raise bad_query("page and pageSize must be whole numbers") from error
    return Page(max(1, number), min(max(1, size), MAX_PAGE_SIZE))


def names(query: Mapping[str, str], name: str) -> frozenset[str]:
    """The values of a comma-separated parameter, in lower case; empty when it was not given."""
    return frozenset(value.strip().casefold() for value in query.get(name, "").split(",") if value.strip())


def where(expression: str, getters: Mapping[str, Getter]) -> Callable[[Any], bool]:
    """A filter for `Field=="text" AND …`. Raises CallError for what cannot be read."""
    tests = [_term(part, getters) for part in re.split(r"&&|\bAND\b|\band\b", expression) if part.strip()]
    return lambda record: all(test(record) for test in tests)


def ordered(records: Iterable[Record], order: str, getters: Mapping[str, Getter], default: Getter) -> list[Record]:
    """The records by `Field [ASC|DESC], …`, after that by the default order. Raises CallError."""
    result = sorted(records, key=default)
    for part in reversed([part.split() for part in order.split(",") if part.strip()]):
        if part[0] not in getters:
            raise bad_query(f"cannot order by {part[0]}")
        getter = getters[part[0]]
        result.sort(key=lambda record: _sortable(getter(record)), reverse=part[-1].upper() == "DESC")
    return result


def _term(text: str, getters: Mapping[str, Getter]) -> Callable[[Any], bool]:
    match = _TERM.fullmatch(text)
    if match is None or match["field"] not in getters:
        raise bad_query(f"cannot read {text.strip()!r} in where")
    wanted = _value(match)
    getter, compare = getters[match["field"]], _OPERATORS[match["operator"]]
    return lambda record: compare(_comparable(getter(record)), wanted)


def _value(match: re.Match[str]) -> Any:
    if match["text"] is not None:
        return fold(match["text"])
    if match["guid"] is not None:
        return match["guid"].casefold()
    if match["day"] is not None:
        return date(*[int(part) for part in match["day"].split(",")][:3])
    return Decimal(match["number"]) if match["number"] is not None else _FLAGS[match["flag"]]


def fold(text: str) -> str:
    """Text as Xero compares it: without regard to case and accents."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in spread if not unicodedata.combining(character))


def _comparable(value: Any) -> Any:
    if isinstance(value, str):
        return fold(value)
    return value.date() if isinstance(value, datetime) else value


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is None, _comparable(value) if isinstance(value, str) else value)
