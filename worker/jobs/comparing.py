"""Comparing: does the ledger know these records as Salesforce has them now, and did an event tell of what differs?

Only reconciliation asks. What is billed never follows from this: an entry that differs is read again by collect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from worker.billing.model import Entry
from worker.context import Context, Loaded
from worker.setup.mapping import entry_from
from worker.store.contact_links import resolved
from worker.store.ledger import Unit


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of some records: their units, which of those the ledger has otherwise, which of these no event told of, and how
    many could be read before and cannot now."""

    units: tuple[str, ...]
    differing: tuple[str, ...]
    missed: tuple[str, ...]
    blind: int


async def compare(ctx: Context, loaded: Loaded, rows: Sequence[Mapping[str, Any]], began: datetime) -> Comparison:
    """Compare records, read with `setup.paths()`, with the ledger. `began`: when that reading began."""
    entries = await _entries(ctx, loaded, rows)
    units = await ctx.store.ledger.units(entries)
    differing = [id_ for id_, entry in entries.items() if differs(entry, units.get(id_))]
    pending = await ctx.store.inbox.pending(differing)
    until = began - timedelta(seconds=ctx.limits.event_grace)
    missed = [id_ for id_ in differing if id_ not in pending and _older(entries[id_], until)]
    blind = sum(1 for id_ in differing if id_ in units and entries[id_].unreadable)
    return Comparison(tuple(entries), tuple(differing), tuple(missed), blind)


async def _entries(ctx: Context, loaded: Loaded, rows: Sequence[Mapping[str, Any]]) -> dict[str, Entry]:
    found = [entry_from(row, loaded.setup, timezone=loaded.rules.timezone) for row in rows]
    links = await ctx.store.contact_links.of(entry.linked for entry in found if entry.linked)
    return {entry.id: resolved(entry, links) for entry in found}


def differs(entry: Entry, unit: Unit | None) -> bool:
    """Whether a record says anything about its time that the ledger does not know.

    What we wrote back to it, and that this moved its time of change, is nothing new. A deleted record that was never
    known says nothing.
    """
    known = unit.entry if unit else None
    if known is None:
        return not entry.deleted
    if entry.deleted or known.deleted:
        return entry.deleted != known.deleted
    if entry.unreadable:  # what is known of it is from before: whether that was known is all there is to compare
        return not known.unreadable
    return _told(entry) != _told(known)


def _told(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, modified="", written={})


def _older(entry: Entry, than: datetime) -> bool:
    return not entry.modified or datetime.fromisoformat(entry.modified) < than
