"""Entries as rows of a page: what the read model says of each, and where its document is."""

from collections.abc import Sequence

from msgspec import Struct

from console.readmodel import EntryView
from worker.store.ledger import Unit


class Row(Struct, frozen=True):
    """An entry; `address` leads to the document it is on, "" when it is on none."""

    entry: EntryView
    address: str = ""
    currency: str = ""


def rows(units: Sequence[Unit], views: Sequence[EntryView]) -> tuple[Row, ...]:
    """The views of these units, in their order, with addresses."""
    return tuple(_row(unit, view) for unit, view in zip(units, views, strict=True))


def _row(unit: Unit, view: EntryView) -> Row:
    """The document the view names: the last one that still holds the unit, else the last one that did."""
    live = [posting for posting in unit.postings if posting.state != "suspended"] or list(unit.postings)
    return Row(view, f"/i/{live[-1].document}", live[-1].currency) if live else Row(view)
