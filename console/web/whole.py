"""What is made of the whole ledger for people: the statement of a month, the drafts that would be written, and what
another setup would do to them.

It is made all at once, ready to be shown page by page: whoever looks at a page of it pays for that page only.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from console import chasing, monthly, readmodel, weighing
from console.chasing import Chase
from console.monthly import MonthView
from console.web import rendering
from console.weighing import Weighed
from worker.billing.brake import Effect
from worker.context import Context
from worker.jobs.preview import preview
from worker.setup import parse

Tell = Callable[[int, int], None]  # how many of how many were looked at
Work = Callable[[Context, str, Tell], Awaitable[object]]

T = TypeVar("T")


def nobody(_done: int, _of: int) -> None:
    """Hears how far it is."""


SIZE: Final = 50  # rows of a page
DRAFTS: Final = 20  # drafts of a page, each with its lines


class Leaf(Struct, frozen=True, kw_only=True):
    """Rows in pages, each of them JSON until somebody looks at it."""

    count: int
    size: int
    pages: list[Raw]

    @classmethod
    def of(cls, rows: Sequence[object], size: int = SIZE) -> "Leaf":
        """These rows, so many on a page."""
        starts = range(0, len(rows), size)
        return cls(count=len(rows), size=size, pages=[Raw(msgspec.json.encode(rows[at : at + size])) for at in starts])

    def page(self, number: int, kind: type[T]) -> list[T]:
        """The rows of a page, counted from 1; none on one that is not there."""
        rows = msgspec.json.decode(self.pages[number - 1], type=list[Raw]) if number <= len(self.pages) else []
        return [msgspec.json.decode(row, type=kind) for row in rows]


class MonthEnd(Struct, frozen=True, kw_only=True):
    """A statement with what is to be chased, its file for a spreadsheet, and its page for a printer (HTML).

    `entries`: those behind each of its parts, by `chasing.part_name`.
    """

    view: MonthView
    chase: Chase
    entries: dict[str, Leaf]
    csv: str
    printed: str


class Proposals(Struct, frozen=True, kw_only=True):
    """The drafts that would be created or updated, and their sums by currency."""

    drafts: Leaf
    totals: dict[str, str]


async def statement(ctx: Context, period: str, tell: Tell) -> MonthEnd:
    """The statement of a period. Raises as `monthly.opened` and `monthly.reckoned`."""
    books = await monthly.opened(ctx, tell)
    found = await monthly.reckoned(ctx, books, period)
    company, people = await ctx.store.company.get(), await ctx.store.timekeepers.all()
    chase, view = chasing.chase(books, period, company, people), monthly.view(found, books.names)
    entries = chasing.entries(books, period)
    return MonthEnd(
        view=view,
        chase=chase,
        entries={name: Leaf.of(rows) for name, rows in entries.items()},
        csv=monthly.csv_of(found, books.names),
        printed=_printed(view, chase),
    )


def _printed(view: MonthView, chase: Chase) -> str:
    """Every row: what is put on paper has no further pages to look at."""
    template = rendering.environment().get_template("_month.html")
    whole = {"view": view, "words": monthly.WORDS, "lists": chasing.tables(view, chase), "pages": {}}
    return template.render(whole, address=None, chosen=None)


async def proposals(ctx: Context, _: str, tell: Tell) -> Proposals:
    """What would be written to Xero now, by client. Raises the clients' errors."""
    views = [readmodel.preview_view(each.document, each.contact_name) for each in await preview(ctx, tell)]
    views.sort(key=lambda view: (view.xero_contact.casefold(), view.period, view.key))
    return Proposals(drafts=Leaf.of(views, DRAFTS), totals=readmodel.totals(views))


async def weighed(ctx: Context, text: str, _: Tell) -> Weighed:
    """What a setup would do to each draft. Raises the clients' errors."""
    return await weighing.weigh(ctx, parse(text))


async def effect(ctx: Context, text: str, _: Tell) -> Effect:
    """The same as figures."""
    return await weighing.effect_of_text(ctx, text)


WORKS: Final[Mapping[str, Work]] = {
    "statement": statement,
    "proposals": proposals,
    "weighed": weighed,
    "effect": effect,
}
