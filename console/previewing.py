"""What would be invoiced with a setup that nobody saved: real entries, billed by values that are only typed.

The latest entries of the org are billed as if none of them were on an invoice yet, so that grouping and wording can be
seen whatever is on drafts already. Nothing is written to either service.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from console import readmodel, words
from console.readmodel import InvoiceView
from worker.billing.assess import assess
from worker.billing.model import Document, Entry, Out, Waiting
from worker.context import Context, Loaded
from worker.jobs.planning import members_of, plan_with
from worker.salesforce import soql
from worker.setup import Setup
from worker.setup.mapping import entry_from
from worker.store.contact_links import resolved
from worker.store.ledger import Held, Unit
from worker.store.worklist import Claimed

SAMPLE: Final = 200  # entries
FRESH: Final = 60.0  # seconds that what Salesforce and Xero said is used again: somebody is typing
KEPT: Final = 8  # mappings
PATIENCE: Final = 5.0  # seconds somebody who types waits for a call of Xero to be allowed

Record = Mapping[str, Any]


class Shown(Struct, frozen=True, kw_only=True):
    """An invoice as it would be created."""

    view: InvoiceView
    reference: str
    date: str
    due_date: str


class Sample(Struct, frozen=True, kw_only=True):
    """What the entries come to. `left`: how many are on no invoice, by reason; `more`: Salesforce has further ones."""

    invoices: tuple[Shown, ...]
    entries: int
    more: bool
    left: dict[str, int]
    totals: dict[str, str]  # by currency


class Samples:
    """Entries and contacts that were read lately: changing a wording asks nobody again."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ...], tuple[float, list[Record]]] = {}
        self._asked: dict[str, float] = {}

    async def sample(self, ctx: Context, setup: Setup) -> Sample:
        """What the latest entries come to by this setup.

        Raises the clients' errors, and `ConfigurationError` where a service is not connected.
        """
        loaded = await ctx.loaded_as(setup)
        rows = await self._records(ctx, setup)
        found = [entry_from(row, setup, timezone=loaded.rules.timezone) for row in rows[:SAMPLE]]
        links = await ctx.store.contact_links.of(entry.linked for entry in found if entry.linked)
        entries = {entry.id: resolved(entry, links) for entry in found}
        await self._know_contacts(ctx, {entry.xero_contact for entry in entries.values()} - {""})
        return await _billed(ctx, loaded, entries, more=len(rows) > SAMPLE)

    async def _records(self, ctx: Context, setup: Setup) -> list[Record]:
        source, since = setup.source, setup.soql_conditions
        name = (source.sobject, *setup.paths(), *since)
        at, rows = self._rows.get(name, (0.0, []))
        if time.monotonic() - at < FRESH and name in self._rows:
            return rows
        order = f"{soql.path(source.fields.worked_on)} DESC, Id"
        query = soql.select(source.sobject, setup.paths(), " AND ".join(since), order=order, limit=SAMPLE + 1)
        rows = [row async for page in ctx.salesforce.query(query) for row in page]
        self._rows[name] = time.monotonic(), rows
        for old in list(self._rows)[:-KEPT]:
            del self._rows[old]
        return rows

    async def _know_contacts(self, ctx: Context, ids: set[str]) -> None:
        """Before the first pull, contacts are asked for by their id; they are kept like those of a pull."""
        now = time.monotonic()
        known = await ctx.store.contacts.get_many(sorted(ids))
        unknown = [id_ for id_ in sorted(ids - known.keys()) if now - self._asked.get(id_, -FRESH) >= FRESH]
        if unknown:
            self._asked |= dict.fromkeys(unknown, now)
            await ctx.tenant()
            page = await ctx.xero.contacts_by_id(unknown, patience=PATIENCE)
            await ctx.store.contacts.put_many(page.items)


async def _billed(ctx: Context, loaded: Loaded, entries: Mapping[str, Entry], *, more: bool) -> Sample:
    """As if no invoice had been begun: those that are keep the shape they were begun with."""
    known = await ctx.contacts({entry.xero_contact for entry in entries.values()} - {""})
    company, closed = await ctx.company(), await ctx.store.ledger.closed()
    units = []
    for id_, entry in entries.items():
        contact = known.get(entry.xero_contact)
        verdict = assess(entry, loaded.rules, contact=contact, company=company, postings=(), closed=closed)
        units.append(Unit(id=id_, entry=entry, verdict=verdict))
    members = members_of(units)
    items = [Claimed(key, "", 0) for key in sorted(members)]
    plans = await plan_with(ctx, loaded, items, {item.id: Held(key=item.id) for item in items}, members)
    documents = [plan.document for plan in plans if plan.document is not None]
    contacts = await ctx.contacts({document.contact for document in documents})
    shown = [_shown(each, contacts[each.contact].name if each.contact in contacts else "") for each in documents]
    held = {id_: waits.reason for plan in plans for id_, waits in plan.waiting.items()}
    apart = {unit.id: unit.verdict.reason for unit in units if isinstance(unit.verdict, Waiting | Out)}
    return Sample(
        invoices=tuple(sorted(shown, key=lambda each: (each.view.xero_contact.casefold(), each.view.period))),
        entries=len(entries),
        more=more,
        left=words.tally((held | apart).values()),
        totals=readmodel.totals(each.view for each in shown),
    )


def _shown(document: Document, contact: str) -> Shown:
    view = replace(readmodel.preview_view(document, contact), number=document.number)
    return Shown(view=view, reference=document.reference, date=document.date, due_date=document.due_date)
