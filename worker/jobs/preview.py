"""preview: what would be invoiced now, computed exactly as the invoice job does, and written nowhere."""

from collections.abc import Callable

import msgspec

from worker.billing.model import Document
from worker.context import Context
from worker.jobs.planning import plan
from worker.store.worklist import Claimed


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it would be created or updated."""

    document: Document
    contact_name: str


async def preview(ctx: Context, tell: Callable[[int, int], None] | None = None) -> list[Preview]:
    """Every document that would be written if everything due were sent now; `tell` hears how many of how many
    invoices were looked at. Raises the clients' errors."""
    loaded = await ctx.loaded()
    if loaded is None:
        return []
    keys: set[str] = set()
    async for units in ctx.store.ledger.scan_units():
        keys |= {name for unit in units for name in (unit.belongs, unit.posted) if name}
    found: list[Preview] = []
    names = sorted(keys)
    for start in range(0, len(names), 50):
        items = [Claimed(key, "", 0) for key in names[start : start + 50]]
        held = await ctx.store.ledger.invoices(item.id for item in items)
        plans = await plan(ctx, loaded, items, held)
        contacts = await ctx.contacts({p.document.contact for p in plans if p.document is not None})
        found += [
            Preview(
                document=p.document,
                contact_name=contacts[p.document.contact].name if p.document.contact in contacts else "",
            )
            for p in plans
            if p.document is not None
        ]
        if tell is not None:
            tell(start + len(items), len(names))
    return found
