"""`why`: in one sentence, on which invoice and line an hour is at which rate, or why it is on none and what to do."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from console import readmodel, sources, words
from console.readmodel import EntryView, InvoiceView
from worker.billing.keys import record_of
from worker.billing.model import Entry
from worker.context import Context
from worker.jobs.judging import judge
from worker.salesforce.ids import id18
from worker.setup import Setup, SetupError, parse
from worker.setup.mapping import entry_from
from worker.setup.sections import Approved
from worker.store.ledger import Unit
from worker.store.store import Store
from worker.store.worklist import PACE

NEXT = {
    "waiting": "- `hourstream waiting list` says what to do",
    "suspended": "- decide with `hourstream waiting bill`, `elsewhere` or `dont-bill`",
}
STEPS = {
    "open": "It takes its period's time until it is approved in Xero, or its period closes.",
    "awaiting-approval": "Approve it in Xero; later changes become corrections.",
    "approved": "Later changes become corrections (`hourstream corrections list`).",
    "paid": "Later changes become corrections (`hourstream corrections list`).",
    "voided": "Its time waits for a decision (`hourstream waiting list`).",
    "deleted": "Its time is free, or waits for a decision (`hourstream waiting list`).",
}


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
    corrections: int = 0  # proposed
    sources: dict[str, str] = {}  # where account, tax_type, amounts, currency, terms and tracking were found


async def why(ctx: Context, name: str) -> Answer | None:
    """Ask the ledger; of an entry it does not know, ask Salesforce. None: nobody knows it."""
    found = await why_in_store(ctx.store, name) or await _not_in_ledger(ctx, name)
    if len(found) < 2:
        return found[0] if found else None
    return _together(name.strip(), found)


def _together(name: str, found: Sequence[Answer]) -> Answer:
    """One answer for everything of a person, a project or an invoice key."""
    states = list(dict.fromkeys(each.state for each in found))
    parts = []
    for state in states:
        mine = [each for each in found if each.state == state]
        hours = sum((Decimal(each.hours or 0) for each in mine), Decimal(0))
        where = ", ".join(sorted({each.invoice for each in mine if each.invoice}))
        reasons = ", ".join(sorted({each.reason for each in mine if each.reason}))
        said = (f"on {where}" if where else "", _rates(mine), f"({reasons})" if reasons else "", NEXT.get(state, ""))
        words = " ".join(text for text in said if text)
        parts.append(f"{readmodel.plain(hours)} h {state.replace('-', ' ')} {words}".rstrip())
    total = sum((Decimal(each.hours or 0) for each in found), Decimal(0))
    return Answer(
        id=name, state=states[0] if len(states) == 1 else "mixed", reason="",
        text=f"{len(found)} found for {name}, {readmodel.plain(total)} h in all: {'; '.join(parts)}.{_proposed(found)}",
        invoice=", ".join(sorted({each.invoice for each in found if each.invoice})), line="",
        hours=readmodel.plain(total), rate="", rate_source="", amount="",
    )  # fmt: skip


def _rates(answers: Sequence[Answer]) -> str:
    """The rates of these, each with where it came from."""
    rates = sorted({(Decimal(each.rate), each.rate_source) for each in answers if each.rate})
    said = [f"{readmodel.price(readmodel.plain(rate))} ({sources.of_rate(source)})" for rate, source in rates]
    return f"at {' and '.join(said)}" if said else ""


def _proposed(found: Sequence[Answer]) -> str:
    number = sum(each.corrections for each in found)
    return f" {words.count(number, 'correction is', 'corrections are')} proposed." if number else ""


async def why_in_store(store: Store, name: str) -> list[Answer]:
    """What the ledger knows of an entry, person, project (by id), or an invoice (by number or key)."""
    return (await why_some(store, name))[0]


async def why_some(store: Store, name: str, part: slice = slice(None)) -> tuple[list[Answer], int]:
    """The same of a part of the entries, and how many there are in all."""
    name = name.strip()
    ids = await _ids(store, name)
    if ids and (units := list((await store.ledger.units(ids[part])).values())):
        return await _answers(store, units), len(ids)
    views = await readmodel.invoice(store, name)
    return [_of_invoice(view) for view in views[part]], len(views)


async def _ids(store: Store, name: str) -> list[str]:
    """The units that a name means: itself, a record's, or everything of a person or project."""
    source, colon, _ = name.partition(":")
    record = _record(record_of(name) if colon else name)
    if colon:
        return [f"{source}:{record or record_of(name)}#0"]
    return sorted(await store.ledger.ids_of(name) | await store.ledger.ids_of(record)) if record else []


def _record(name: str) -> str:
    try:
        return id18(name)
    except ValueError:
        return ""


async def _when(store: Store) -> str:
    """When drafts are updated next, for the end of a sentence."""
    state, (held_until, held_why) = await store.governor.state(), await store.invoices.held()
    if state.stopped_until:
        spent = "Xero's calls for today are used up" if state.why == "day" else "Xero takes no more calls for now"
        return f"after {state.stopped_until}: {spent}"
    return f"after {held_until}: few Xero calls are left today" if held_why == PACE else "in a moment"


def _of_entry(view: EntryView, contact: str, unapproved: str = "", when: str = "in a moment") -> Answer:
    who = " · ".join(text for text in (view.project, view.person, view.worked_on) if text)
    what = f"{view.hours} h" if view.hours else "This entry"
    lead = f"{what} ({who})" if who else what
    locked = f"; {view.set_by_person or 'that document is locked'}" if view.state == "fixed" else ""
    if view.state in ("billed", "fixed"):
        text = (
            f"{lead} is on {view.spread or view.invoice}{f' for {contact}' if contact else ''} "
            f"at {readmodel.price(view.rate)} ({sources.of_rate(view.rate_source)}), "
            f"{_total(view)} in all{locked}. {sources.said(view.sources)}".rstrip()
        )
    elif view.state == "not-billed":
        text = f"{lead} is not billed: {view.text}"
    elif view.state == "due":
        text = f"{lead} goes on the next update of its draft{f' for {contact}' if contact else ''}, {when}."
    else:
        text = f"{lead} waits: {view.text}"
    text += unapproved
    accept = f"Say `hourstream corrections accept {record_of(view.id)}`, or `ignore`."
    proposed = f" Proposed: {'; '.join(view.corrections)} {accept}" if view.corrections else ""
    return Answer(
        id=view.id, state=view.state, reason=view.reason, text=text + proposed, invoice=view.invoice, line=view.line,
        hours=view.hours, rate=view.rate, rate_source=view.rate_source, amount=view.amount,
        corrections=len(view.corrections), sources=view.sources,
    )  # fmt: skip


def _total(view: EntryView | InvoiceView) -> str:
    return readmodel.amount_text(view.amount, view.currency, view.amounts)


def _of_invoice(view: InvoiceView) -> Answer:
    text = (
        f"{view.number or view.key} for {view.xero_contact} ({view.period}) is {view.status.replace('-', ' ')}: "
        f"{view.hours} h in {words.count(len(view.entries), 'entry', 'entries')} on "
        f"{words.count(len(view.lines), 'line', 'lines')}, {_total(view)}."
    )
    step = view.problem or STEPS.get(view.status, "")
    return Answer(
        id=f"{view.key}/{view.sequence}", state=view.status, reason="problem" if view.problem else "",
        text=f"{text} {step}".rstrip(), invoice=view.number, line="", hours=view.hours, rate="",
        rate_source="", amount=view.amount,
    )  # fmt: skip


async def _not_in_ledger(ctx: Context, name: str) -> list[Answer]:
    """An entry that was never taken in: before the start, deleted, or changed a moment ago."""
    record, loaded = _record(record_of(name)), await ctx.loaded()
    if not record or loaded is None:
        return []
    paths = [*loaded.setup.paths(), "IsDeleted"]
    rows = await ctx.salesforce.retrieve(loaded.setup.source.sobject, paths, [record], all_rows=True)
    entries = {entry.id: entry for entry in (_entry(row, loaded.setup, loaded.rules.timezone) for row in rows)}
    facts = await judge(ctx, loaded, entries, {}, {})
    units = [Unit(id=fact.id, entry=fact.entry, verdict=fact.verdict) for fact in facts]
    return await _answers(ctx.store, units)


def _entry(row: dict[str, Any], setup: Setup, timezone: str) -> Entry:
    return msgspec.structs.replace(entry_from(row, setup, timezone=timezone), deleted=bool(row.get("IsDeleted")))


async def _answers(store: Store, units: Sequence[Unit]) -> list[Answer]:
    views = await readmodel.entries(store, units)
    gate = await _gate(store)
    when = await _when(store)
    contacts = await store.contacts.get_many(sorted({view.xero_contact_id for view in views} - {""}))
    names = {id_: contact.name for id_, contact in contacts.items()}
    return [
        _of_entry(view, names.get(view.xero_contact_id, ""), _unapproved(unit, view, gate), when)
        for unit, view in zip(units, views, strict=True)
    ]


async def _gate(store: Store) -> Approved | None:
    """The approval gate of the setup in force; a setup that cannot be used has none."""
    stored = await store.setup.current()
    try:
        return parse(stored.text).source.approved if stored else None
    except SetupError:
        return None


def _unapproved(unit: Unit, view: EntryView, gate: Approved | None) -> str:
    """What is to be said of time that stays billed although its entry is no longer approved."""
    if gate is None or unit.entry is None or view.state not in ("billed", "fixed"):
        return ""
    value = unit.entry.approval
    if not gate.withdrawn or not value or value in gate.values or value in gate.withdrawn:
        return ""
    takes_back = " or ".join([*(f'"{each}"' for each in gate.withdrawn), "an empty field"])
    return f' It is no longer approved (the entry says "{value}"), but billed time is taken back only by {takes_back}.'
