"""`why`: in one sentence, on which invoice and line an hour is at which rate, or why it is on none and what to do."""

from collections.abc import Sequence
from typing import Any

import msgspec

from console import readmodel
from console.readmodel import EntryView, InvoiceView
from worker.billing.model import Entry
from worker.context import Context
from worker.jobs.collect import judge
from worker.salesforce.ids import id18
from worker.setup import Setup
from worker.setup.mapping import entry_from
from worker.store.ledger import Unit
from worker.store.store import Store

SOURCES = {"people": "the person's rate", "default_rate": "the default rate"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the thing that was asked about."""

    id: str
    state: str
    reason: str
    text: str
    invoice: str
    line: str
    hours: str
    rate: str
    rate_source: str
    amount: str


async def why(ctx: Context, name: str) -> list[Answer]:
    """Ask the ledger; of an entry it does not know, ask Salesforce. Empty: nobody knows it."""
    known = await why_in_store(ctx.store, name)
    return known or await _not_in_ledger(ctx, name)


async def why_in_store(store: Store, name: str) -> list[Answer]:
    """What the ledger knows of an entry, person, project (by id), or an invoice (by number or key)."""
    name = name.strip()
    units = await _units(store, name)
    if units:
        return await _answers(store, units)
    return [_of_invoice(view) for view in await readmodel.invoice(store, name)]


async def _units(store: Store, name: str) -> list[Unit]:
    """The units that a name means: itself, a record's, or everything of a person or project."""
    ids = {name} | {id_ for id_ in (_record(name),) if id_}
    found: list[Unit] = []
    if ":" in name:
        unit = await store.ledger.unit(name if "#" in name else f"{name}#0")
        return [unit] if unit else []
    if len(ids) == 1 and not _record(name):
        return []
    async for batch in store.ledger.scan_units():
        found += [
            unit for unit in batch if unit.entry and {unit.entry.record, unit.entry.person, unit.entry.project} & ids
        ]
    return sorted(found, key=lambda unit: unit.id)


def _record(name: str) -> str:
    try:
        return id18(name)
    except ValueError:
        return ""


async def _contact(store: Store, view: EntryView) -> str:
    contact = await store.contacts.get(view.xero_contact_id) if view.xero_contact_id else None
    return contact.name if contact else ""


def _of_entry(view: EntryView, contact: str) -> Answer:
    who = " · ".join(text for text in (view.project, view.person, view.worked_on) if text)
    what = f"{view.hours} h" if view.hours else "This entry"
    lead = f"{what} ({who})" if who else what
    locked = "; that document is locked" if view.state == "fixed" else ""
    if view.state in ("billed", "fixed"):
        text = (
            f"{lead} is on {view.invoice}{f' for {contact}' if contact else ''} "
            f"at {_price(view.rate)} ({SOURCES.get(view.rate_source, view.rate_source)}), {view.amount} in all{locked}."
        )
    elif view.state == "not-billed":
        text = f"{lead} is not billed: {view.text}"
    elif view.state == "due":
        text = f"{lead} goes on the next update of its draft{f' for {contact}' if contact else ''}, in a moment."
    else:
        text = f"{lead} waits: {view.text}"
    proposed = f" Proposed: {'; '.join(view.corrections)}" if view.corrections else ""
    return Answer(
        id=view.id, state=view.state, reason=view.reason, text=text + proposed, invoice=view.invoice, line=view.line,
        hours=view.hours, rate=view.rate, rate_source=view.rate_source, amount=view.amount,
    )  # fmt: skip


def _price(rate: str) -> str:
    """A rate with its cents, and with what it has beyond them."""
    whole, _, rest = rate.partition(".")
    return f"{whole}.{rest:0<2}"


def _of_invoice(view: InvoiceView) -> Answer:
    text = (
        f"{view.number or view.key} for {view.xero_contact} ({view.period}) is {view.status.replace('-', ' ')}: "
        f"{view.hours} h in {len(view.entries)} entries on {len(view.lines)} lines, {view.amount} {view.currency}."
    )
    return Answer(
        id=f"{view.key}/{view.sequence}", state=view.status, reason="problem" if view.problem else "",
        text=f"{text} {view.problem}".rstrip(), invoice=view.number, line="", hours=view.hours, rate="",
        rate_source="", amount=view.amount,
    )  # fmt: skip


async def _not_in_ledger(ctx: Context, name: str) -> list[Answer]:
    """An entry that was never taken in: before the start, deleted, or changed a moment ago."""
    record, loaded = _record(name.rpartition(":")[2].partition("#")[0]), await ctx.loaded()
    if not record or loaded is None:
        return []
    paths = [*loaded.setup.paths(), "IsDeleted"]
    rows = await ctx.salesforce.retrieve(loaded.setup.source.sobject, paths, [record], all_rows=True)
    entries = {entry.id: entry for entry in (_entry(row, loaded.setup) for row in rows)}
    facts = await judge(ctx, loaded, entries, {}, {})
    units = [Unit(id=fact.id, entry=fact.entry, verdict=fact.verdict) for fact in facts]
    return await _answers(ctx.store, units)


def _entry(row: dict[str, Any], setup: Setup) -> Entry:
    return msgspec.structs.replace(entry_from(row, setup, timezone="UTC"), deleted=bool(row.get("IsDeleted")))


async def _answers(store: Store, units: Sequence[Unit]) -> list[Answer]:
    views = await readmodel.entries(store, units)
    return [_of_entry(view, await _contact(store, view)) for view in views]
