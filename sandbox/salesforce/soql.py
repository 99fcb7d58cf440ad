"""A SOQL parser for what the stand-in answers: one object, relationship paths, filters, order, limit, offset.

What it does not understand it refuses with MALFORMED_QUERY, as Salesforce refuses what it does not understand.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.values import read_datetime

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\]|\\.)*')
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,|:)
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
_COMPARISONS = {"=", "!=", "<>", "<", "<=", ">", ">="}
_LIKE_PASSES = {"%", "_"}
MAX_DEPTH = 5


@dataclass(frozen=True)
class Token:
    """One word, sign or literal and where it begins (0-based)."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class DateLiteral:
    """TODAY, THIS_MONTH, LAST_N_DAYS:7 and the like."""

    name: str
    number: int = 0


Literal = str | Decimal | bool | date | datetime | DateLiteral | None


@dataclass(frozen=True)
class Path:
    """A field as written, such as Project__r.Name, and where."""

    text: str
    at: int

    @property
    def parts(self) -> tuple[str, ...]:
        """Its relationship names and the field."""
        return tuple(self.text.split("."))


@dataclass(frozen=True)
class Comparison:
    """One filter; `values` holds one literal, or the list of IN and NOT IN."""

    path: Path
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Logic:
    """AND or OR of two and more, or NOT of one."""

    operator: str
    parts: "tuple[Condition, ...]"


Condition = Comparison | Logic


@dataclass(frozen=True)
class Order:
    """One ORDER BY item."""

    path: Path
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """A parsed query; `fields` is empty for SELECT COUNT()."""

    sobject: str
    sobject_at: int
    fields: tuple[Path, ...]
    group: str = ""
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def counts(self) -> bool:
        """Whether only the number of rows is asked for."""
        return not self.fields and not self.group


def malformed(query: str, at: int, message: str, code: str = "MALFORMED_QUERY") -> ApiError:
    """A refusal with Salesforce's pointer to the place."""
    line = query[max(0, at - 40) : at + 40].replace("\n", " ")
    pointer = " " * min(at, 40) + "^"
    return ApiError(400, code, f"\n{line}\n{pointer}\nERROR at Row:1:Column:{at + 1}\n{message}")


def parse(query: str) -> Query:
    """Raises ApiError MALFORMED_QUERY."""
    return _Parser(query).query()


def tokens(query: str) -> list[Token]:
    """The query's words, signs and literals. Raises ApiError for anything else."""
    found = []
    at = 0
    while query[at:].strip():
        match = _TOKEN.match(query, at)
        if match is None or match.lastgroup is None:
            start = at + len(query[at:]) - len(query[at:].lstrip())
            raise malformed(query, start, f"unexpected token: '{query[start]}'")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return found


class _Parser:
    def __init__(self, query: str) -> None:
        self.source = query
        self.tokens = tokens(query)
        self.at = 0

    def query(self) -> Query:
        self.expect("SELECT")
        fields, group = self.fields()
        self.expect("FROM")
        entity = self.take("word")
        where = self.condition() if self.accept("WHERE") else None
        order = self.order() if self.accept("ORDER") else ()
        limit = self.whole_number("LIMIT") if self.accept("LIMIT") else None
        offset = self.whole_number("OFFSET") if self.accept("OFFSET") else 0
        if self.at < len(self.tokens):
            raise self.unexpected()
        return Query(entity.text, entity.at, fields, group, where, order, limit, offset)

    def fields(self) -> tuple[tuple[Path, ...], str]:
        if self.accept("COUNT"):
            self.expect("(")
            self.expect(")")
            return (), ""
        if self.accept("FIELDS"):
            self.expect("(")
            group = self.take("word").text.upper()
            self.expect(")")
            return (), group
        paths = [self.path()]
        while self.accept(","):
            paths.append(self.path())
        return tuple(paths), ""

    def path(self) -> Path:
        token = self.take("word")
        if self.peek("("):
            raise self.unexpected()
        if token.text.count(".") > MAX_DEPTH:
            raise malformed(self.source, token.at, f"the maximum depth of parent relationships is {MAX_DEPTH}")
        return Path(token.text, token.at)

    def condition(self) -> Condition:
        """AND and OR do not mix without parentheses, nor NOT with either (SOQL: condition expression syntax)."""
        if self.accept("NOT"):
            return Logic("NOT", (self.simple(),))
        parts = [self.simple()]
        for operator in ("AND", "OR"):
            if self.peek(operator):
                while self.accept(operator):
                    parts.append(self.simple())
                return Logic(operator, tuple(parts))
        return parts[0]

    def simple(self) -> Condition:
        if self.accept("("):
            inner = self.condition()
            self.expect(")")
            return inner
        path = self.path()
        if self.accept("IN"):
            return Comparison(path, "IN", self.literals())
        if self.accept("NOT"):
            self.expect("IN")
            return Comparison(path, "NOT IN", self.literals())
        if self.accept("LIKE"):
            token = self.take("text")
            return Comparison(path, "LIKE", (unquote(token.text, keep=_LIKE_PASSES),))
        sign = self.take("sign")
        if sign.text not in _COMPARISONS:
            raise malformed(self.source, sign.at, f"unexpected token: '{sign.text}'")
        return Comparison(path, "!=" if sign.text == "<>" else sign.text, (self.literal(),))

    def literals(self) -> tuple[Literal, ...]:
        self.expect("(")
        found = [self.literal()]
        while self.accept(","):
            found.append(self.literal())
        self.expect(")")
        return tuple(found)

    def literal(self) -> Literal:
        token = self.next()
        match token.kind:
            case "text":
                return unquote(token.text)
            case "number":
                return Decimal(token.text)
            case "date" | "datetime":
                return self.moment(token)
            case "word":
                return self.named(token)
            case _:
                raise malformed(self.source, token.at, f"unexpected token: '{token.text}'")

    def moment(self, token: Token) -> Literal:
        try:
            return date.fromisoformat(token.text) if token.kind == "date" else read_datetime(token.text)
        except ValueError:
            raise malformed(self.source, token.at, f"invalid date: {token.text}") from None

    def named(self, token: Token) -> Literal:
        word = token.text.upper()
        if word in {"TRUE", "FALSE"}:
            return word == "TRUE"
        if word == "NULL":
            return None
        if word in DATE_LITERALS:
            return DateLiteral(word)
        if word in NUMBERED_LITERALS:
            self.expect(":")
            return DateLiteral(word, int(self.take("number").text))
        raise malformed(self.source, token.at, f"unexpected token: '{token.text}'")

    def order(self) -> tuple[Order, ...]:
        self.expect("BY")
        items = [self.order_item()]
        while self.accept(","):
            items.append(self.order_item())
        return tuple(items)

    def order_item(self) -> Order:
        path = self.path()
        descending = bool(self.accept("DESC")) or (self.accept("ASC"), False)[1]
        nulls_last = False
        if self.accept("NULLS"):
            nulls_last = bool(self.accept("LAST"))
            if not nulls_last:
                self.expect("FIRST")
        return Order(path, descending, nulls_last)

    def whole_number(self, clause: str) -> int:
        token = self.take("number")
        if not token.text.isdigit():
            raise malformed(self.source, token.at, f"{clause} takes a whole number, not {token.text}")
        return int(token.text)

    def peek(self, text: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].text.upper() == text

    def accept(self, text: str) -> bool:
        if self.peek(text) and self.tokens[self.at].kind != "text":
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.unexpected(text)

    def take(self, kind: str) -> Token:
        if self.at >= len(self.tokens) or self.tokens[self.at].kind != kind:
            raise self.unexpected(kind)
        return self.next()

    def next(self) -> Token:
        if self.at >= len(self.tokens):
            raise self.unexpected()
        self.at += 1
        return self.tokens[self.at - 1]

    def unexpected(self, wanted: str = "") -> ApiError:
        if self.at >= len(self.tokens):
            return malformed(self.source, len(self.source), "unexpected token: '<EOF>'")
        token = self.tokens[self.at]
        hint = f" (expecting {wanted})" if wanted else ""
        return malformed(self.source, token.at, f"unexpected token: '{token.text}'{hint}")


def unquote(quoted: str, keep: set[str] | None = None) -> str:
    r"""A string literal's text. With `keep`, escapes of those characters stay escaped (\% in LIKE)."""
    passed = keep or set()

    def one(match: re.Match[str]) -> str:
        char = match[1]
        if char in passed:
            return match[0]
        return _ESCAPES.get(char, char)

    return re.sub(r"\\(.)", one, quoted[1:-1], flags=re.DOTALL)


DATE_LITERALS = frozenset(
    {"YESTERDAY", "TODAY", "TOMORROW", "LAST_WEEK", "THIS_WEEK", "NEXT_WEEK", "LAST_MONTH", "THIS_MONTH", "NEXT_MONTH"}
    | {"LAST_QUARTER", "THIS_QUARTER", "NEXT_QUARTER", "LAST_YEAR", "THIS_YEAR", "NEXT_YEAR"}
    | {"LAST_90_DAYS", "NEXT_90_DAYS"}
)
NUMBERED_LITERALS = frozenset(
    {"LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO", "LAST_N_WEEKS", "NEXT_N_WEEKS"} | {"LAST_N_MONTHS", "NEXT_N_MONTHS"}
)
