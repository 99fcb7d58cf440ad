"""Runs a parsed query over the org: visibility, filters with SOQL's own comparison rules, order, and row rendering."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cmp_to_key
from typing import Any

from sandbox.salesforce import soql
from sandbox.salesforce.dates import days_of
from sandbox.salesforce.errors import ApiError, no_such_object
from sandbox.salesforce.ids import MalformedIdError, to18
from sandbox.salesforce.org import Org, Record
from sandbox.salesforce.schema import NUMBER_TYPES, Field, SObject
from sandbox.salesforce.values import show

MAX_OFFSET = 2000
MAX_FIELDS_LIMIT = 200
_HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
Reader = Callable[[Record], object]
Test = Callable[[Record], bool]


class Runner:
    """One query against one org as its API user sees it; `everything` includes the recycle bin (queryAll)."""

    def __init__(self, org: Org, source: str, version: str, *, everything: bool = False) -> None:
        self.org = org
        self.source = source
        self.version = version
        self.everything = everything
        self.query = soql.parse(source)
        found = org.visible(self.query.sobject)
        if found is None:
            error = no_such_object(self.query.sobject)
            raise soql.malformed(source, self.query.sobject_at, error.message, error.code)
        self.sobject = found

    def records(self) -> list[Record]:
        """The matching records in order, limit and offset applied. Raises ApiError."""
        query = self.query
        if query.offset > MAX_OFFSET:
            raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
        keep = self.test(query.where) if query.where else lambda _: True
        rows = [row for row in self.candidates() if self.shown(row) and keep(row)]
        for order in reversed(query.order):
            field, read = self.reader(order.path)
            if not field.filterable:
                raise self.refuse(order.path, f"field '{order.path.text}' can not be sorted in a query call")
            rows.sort(key=_sort_key(field, read, order))
        end = None if query.limit is None else query.offset + query.limit
        return rows[query.offset : end]

    def candidates(self) -> Iterable[Record]:
        """All rows, or where the query names ids, those only: re-reads by id stay fast in a large org."""
        table = self.org.tables[self.sobject.name]
        where = self.query.where
        parts = where.parts if isinstance(where, soql.Logic) and where.operator == "AND" else (where,)
        for part in parts:
            if isinstance(part, soql.Comparison) and part.operator in {"IN", "="} and part.path.text.lower() == "id":
                ids = [str(self.id_operand(part, value)) for value in part.values if value is not None]
                return [table[record_id] for record_id in dict.fromkeys(ids) if record_id in table]
        return table.values()

    def shown(self, record: Record) -> bool:
        """Whether the record can be in the answer at all."""
        return (self.everything or not record["IsDeleted"]) and self.org.readable(record)

    def render(self) -> Callable[[Record], dict[str, object]]:
        """How a record becomes a row of the answer. Raises ApiError for fields that do not exist."""
        names: list[tuple[str, ...]] = []
        for path in self.selected():
            lookups, field = self.resolve(path)
            name = (*(str(lookup.relationship) for lookup in lookups), field.name)
            if name in names:
                raise self.refuse(path, f"duplicate field selected: {path.text}")
            names.append(name)
        tree = _tree(names)
        return lambda record: self.row(self.sobject, record, tree)

    def selected(self) -> tuple[soql.Path, ...]:
        """The fields asked for, FIELDS() spelled out."""
        query = self.query
        if not query.group:
            return query.fields
        if query.group not in {"ALL", "STANDARD", "CUSTOM"}:
            raise soql.malformed(self.source, 0, f"unexpected token: '{query.group}'")
        if query.group != "STANDARD" and (query.limit or MAX_FIELDS_LIMIT + 1) > MAX_FIELDS_LIMIT:
            text = "The SOQL FIELDS function must have a LIMIT of at most 200"
            raise soql.malformed(self.source, 0, text)
        wanted = {"ALL": (True, False), "STANDARD": (False,), "CUSTOM": (True,)}[query.group]
        return tuple(soql.Path(item.name, 0) for item in self.sobject.fields if item.custom in wanted)

    def row(self, sobject: SObject, record: Record, tree: "Tree") -> dict[str, object]:
        """A record with its attributes and the wanted fields; a missing parent is null."""
        address = f"/services/data/v{self.version}/sobjects/{sobject.name}/{record['Id']}"
        shown: dict[str, object] = {"attributes": {"type": sobject.name, "url": address}}
        for name, below in tree.items():
            if below is None:
                field = sobject.find(name)
                assert field is not None
                shown[field.name] = show(record.get(field.name))
                continue
            lookup = sobject.relationship(name)
            assert lookup is not None
            parent = self.org.follow(record, lookup)
            target = self.org.visible(lookup.reference_to[0])
            assert target is not None
            shown[str(lookup.relationship)] = None if parent is None else self.row(target, parent, below)
        return shown

    def reader(self, path: soql.Path) -> tuple[Field, Reader]:
        """The field a path ends at, and how to read it from a record of the queried object. Raises ApiError."""
        lookups, field = self.resolve(path)
        name = field.name

        def read(record: Record) -> object:
            at: Record | None = record
            for lookup in lookups:
                at = self.org.follow(at, lookup) if at is not None else None
            return None if at is None else at.get(name)

        return field, read

    def resolve(self, path: soql.Path) -> tuple[list[Field], Field]:
        """The lookups along a path and the field at its end; the queried object's own name in front means nothing."""
        sobject = self.sobject
        own = len(path.parts) > 1 and path.parts[0].lower() == sobject.name.lower()
        *names, last = path.parts[1:] if own else path.parts
        lookups: list[Field] = []
        for name in names:
            lookup = sobject.relationship(name)
            target = self.org.visible(lookup.reference_to[0]) if lookup else None
            if lookup is None or target is None:
                raise self.refuse(path, f"Didn't understand relationship '{name}' in field path. {_RELATIONSHIP_HINT}")
            lookups.append(lookup)
            sobject = target
        field = sobject.find(last)
        if field is None:
            raise self.refuse(path, f"No such column '{last}' on entity '{sobject.name}'. {_HINT}")
        return lookups, field

    def refuse(self, path: soql.Path, message: str, code: str = "INVALID_FIELD") -> ApiError:
        """An error that points at a path."""
        return soql.malformed(self.source, path.at, message, code)

    def test(self, condition: soql.Condition) -> Test:
        """A condition as a function of a record."""
        if isinstance(condition, soql.Comparison):
            return self.comparison(condition)
        parts = [self.test(part) for part in condition.parts]
        if condition.operator == "NOT":
            return lambda record: not parts[0](record)
        if condition.operator == "AND":
            return lambda record: all(part(record) for part in parts)
        return lambda record: any(part(record) for part in parts)

    def comparison(self, condition: soql.Comparison) -> Test:
        """One filter; text ignores case, null matches only = and !=."""
        field, read = self.reader(condition.path)
        if not field.filterable:
            raise self.refuse(condition.path, f"field '{condition.path.text}' can not be filtered in a query call")
        if condition.operator == "LIKE":
            if field.type in NUMBER_TYPES | {"boolean", "date", "datetime", "id", "reference"}:
                raise self.refuse(condition.path, "invalid operator on id field", "INVALID_QUERY_FILTER_OPERATOR")
            pattern = _like(str(condition.values[0]))
            return lambda record: pattern.fullmatch(str(read(record) or "")) is not None
        wanted = [self.operand(condition, field, value) for value in condition.values]
        return _comparer(condition.operator, wanted, lambda record: _folded(field, read(record)))

    def operand(self, condition: soql.Comparison, field: Field, value: soql.Literal) -> "Operand":
        """A literal as something values of the field compare with. Raises ApiError where the types do not fit."""
        if value is None:
            return None
        match field.type:
            case "boolean":
                fits = isinstance(value, bool)
            case "date" | "datetime":
                return self.moment(condition, field, value)
            case "id" | "reference":
                return self.id_operand(condition, value)
            case kind if kind in NUMBER_TYPES:
                fits = isinstance(value, Decimal)
            case _:
                fits = isinstance(value, str)
        if not fits:
            raise self.mistyped(condition, field)
        return _folded(field, value)

    def moment(self, condition: soql.Comparison, field: Field, value: soql.Literal) -> "Operand":
        """Dates compare as ranges, so that = THIS_MONTH and < TODAY mean what they say."""
        if isinstance(value, soql.DateLiteral):
            first, last = days_of(value, self.org.clock.now().date())
            return (first, last) if field.type == "date" else (_midnight(first), _midnight(last, end=True))
        fits = isinstance(value, datetime) if field.type == "datetime" else type(value) is date
        if not fits:
            raise self.mistyped(condition, field)
        return (value, value)

    def id_operand(self, condition: soql.Comparison, value: soql.Literal) -> "Operand":
        """Ids may be 15 or 18 characters long."""
        if isinstance(value, str):
            try:
                return to18(value)
            except MalformedIdError:
                pass
        text = f"invalid ID field: {value}"
        raise self.refuse(condition.path, text, "INVALID_QUERY_FILTER_OPERATOR")

    def mistyped(self, condition: soql.Comparison, field: Field) -> ApiError:
        """The literal has a type that the field cannot be compared with."""
        kind = {"datetime": "dateTime", "currency": "double"}.get(field.type, field.type)
        quoted = "should be enclosed in quotes" if kind == "string" else "should not be enclosed in quotes"
        text = f"value of filter criterion for field '{condition.path.text}' must be of type {kind} and {quoted}"
        return self.refuse(condition.path, text)


_RELATIONSHIP_HINT = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship "
    "name. Please reference your WSDL or the describe call for the appropriate names."
)
Tree = dict[str, "Tree | None"]
Operand = object


def _tree(paths: list[tuple[str, ...]]) -> Tree:
    tree: Tree = {}
    for parts in paths:
        at = tree
        for name in parts[:-1]:
            below = at.setdefault(name, {})
            assert below is not None
            at = below
        at[parts[-1]] = None
    return tree


def _midnight(day: date, *, end: bool = False) -> datetime:
    start = datetime.combine(day, time(), UTC)
    return start + timedelta(days=1, seconds=-1) if end else start


def _folded(field: Field, value: object) -> object:
    if isinstance(value, str) and field.type not in {"id", "reference"}:
        return value.casefold()
    return value


def _comparer(operator: str, wanted: list[Operand], read: Reader) -> Test:
    if operator in {"IN", "=", "NOT IN", "!="}:
        values = {item for item in wanted if not isinstance(item, tuple)}
        ranges = [item for item in wanted if isinstance(item, tuple)]
        found = operator in {"IN", "="}
        return lambda record: _among(read(record), values, ranges) is found
    return lambda record: _ordered(operator, read(record), wanted[0])


def _among(value: Any, values: set[Operand], ranges: list[tuple[Any, Any]]) -> bool:
    return value in values or (value is not None and any(first <= value <= last for first, last in ranges))


def _ordered(operator: str, value: object, wanted: Operand) -> bool:
    if value is None or wanted is None:
        return False
    low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    left: Any = value
    match operator:
        case "<":
            return bool(left < low)
        case "<=":
            return bool(left <= high)
        case ">":
            return bool(left > high)
        case _:
            return bool(left >= low)


def _like(pattern: str) -> re.Pattern[str]:
    pieces = re.findall(r"\\[%_]|.", pattern, re.DOTALL)
    parts = [".*" if p == "%" else "." if p == "_" else re.escape(p[-1] if len(p) == 2 else p) for p in pieces]
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _sort_key(field: Field, read: Reader, order: soql.Order) -> Callable[[Record], Any]:
    def compare(one: Record, other: Record) -> int:
        left, right = read(one), read(other)
        if left is None or right is None:
            blank_first = (left is None) - (right is None)
            return blank_first if order.nulls_last else -blank_first
        difference = _difference(_folded(field, left), _folded(field, right))
        return -difference if order.descending else difference

    return cmp_to_key(compare)


def _difference(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)
