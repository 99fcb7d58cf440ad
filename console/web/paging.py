"""Pages of a list, with stable addresses: what is filtered by stays in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import web

SIZE = 50  # rows
LAST = 1_000_000  # no list of ours has more pages


@dataclass(frozen=True, slots=True)
class Paging:
    """Where one is in a list. `total` None: not counted, then `more` says whether there is a next page.

    `name`: what the address calls the page, where it shows several lists; `anchor`: where on the page the list is.
    """

    path: str
    number: int  # from 1
    filters: Mapping[str, str] = field(default_factory=dict)  # without the empty ones
    size: int = SIZE
    total: int | None = None
    more: bool = False
    name: str = "page"
    anchor: str = ""

    @classmethod
    def of(
        cls,
        request: web.Request,
        *names: str,
        total: int | None = None,
        more: bool = False,
        size: int = SIZE,
        name: str = "page",
        anchor: str = "",
    ) -> "Paging":
        """What the address says: the page, and the filters of these names."""
        filters = {each: request.query[each].strip()[:200] for each in names if request.query.get(each, "").strip()}
        number = _number(request.query.get(name, ""))
        return cls(request.path, number, filters, size, total, more, name, anchor)

    @property
    def start(self) -> int:
        """How many rows come before this page."""
        return (self.number - 1) * self.size

    @property
    def has_more(self) -> bool:
        """Whether there is a next page."""
        return self.more if self.total is None else self.start + self.size < self.total

    def address(self, number: int = 1, **changes: str) -> str:
        """The address of a page of this list, with other filters where `changes` says so ("" takes one away)."""
        query = {name: value for name, value in {**self.filters, **changes}.items() if value}
        if number > 1:
            query[self.name] = str(number)
        return (f"{self.path}?{urlencode(query)}" if query else self.path) + self.anchor


def _number(text: str) -> int:
    return min(int(text), LAST) if text.isascii() and text.isdecimal() and 0 < len(text) < 8 and int(text) else 1
