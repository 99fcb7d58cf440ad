"""Decisions that are a person's: proposed corrections accepted or ignored; time that waits billed, or not."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from console import readmodel
from worker.billing.keys import key_of, record_of
from worker.billing.model import Correction, Decision, DecisionKind, Posting, Waiting
from worker.context import Context
from worker.errors import ServiceError
from worker.jobs.collect import collect
from worker.jobs.invoice import invoice
from worker.jobs.upkeep import accepted
from worker.jobs.write_back import write_back
from worker.salesforce.ids import id18
from worker.store.ledger import Note, Unit
from worker.store.store import Store
from worker.ticking import SCHEDULED

LIFTED = ("too-many-hours", "in-doubt", "flipping", "kept", "suspended")
"""Reasons for waiting that a person's "bill" ends; every other one ends when its cause is mended."""
ROUNDS = 20


class CorrectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed correction of a locked document; `id` is the entry's, `hours` and `amount` are the change."""

    id: str
    document: str
    number: str
    hours: str
    amount: str
    currency: str
    rate: str
    since: str
    text: str


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it was recorded."""

    id: str
    decision: str
    document: str = ""
    number: str = ""  # of that document
    hours: str = ""
    amount: str = ""
    text: str = ""


async def corrections(store: Store) -> list[CorrectionView]:
    """Every correction that is proposed and not decided, oldest first."""
    found = await _proposed(store)
    documents = await _documents(store, {correction.document for correction, _ in found})
    views = [
        CorrectionView(
            id=correction.unit,
            document=correction.document,
            number=documents.get(correction.document, ("", ""))[0] or correction.document,
            hours=readmodel.hours(correction.seconds),
            amount=readmodel.money(correction.amount),
            currency=documents.get(correction.document, ("", ""))[1],
            rate=readmodel.plain(correction.rate),
            since=since,
            text=correction.text,
        )
        for correction, since in found
    ]
    return sorted(views, key=lambda view: (view.since, view.id))


async def decide_corrections(
    ctx: Context, names: Sequence[str], *, ignored: bool, everything: bool = False, reason: str = "", document: str = ""
) -> list[Decided]:
    """Accept (or ignore) the proposals of these entries or documents; with `document`, only about this one.

    Raises `ServiceError` for a name that has none.
    """
    found = [correction for correction, _ in await _proposed(ctx.store) if document in ("", correction.document)]
    numbers = await _documents(ctx.store, {correction.document for correction in found})
    chosen = found if everything else []
    for name in names:
        mine = [c for c in found if _is(name, c, numbers.get(c.document, ("", ""))[0])]
        if not mine:
            raise ServiceError(f"No correction is proposed for {name}.", "See `hourstream corrections list`.")
        chosen += [each for each in mine if each not in chosen]
    made = [accepted(each, by=ctx.who, reason=reason, ignored=ignored) for each in chosen]
    return await record(ctx, made, {each.unit: each.text for each in chosen})


async def decide_waiting(ctx: Context, names: Sequence[str], kind: DecisionKind, *, reason: str = "") -> list[Decided]:
    """Decide about time that waits: bill it, it is billed elsewhere, or it is not to be billed.

    Raises `ServiceError` for what is not known, or waits for something else than a decision.
    """
    made: list[Decision] = []
    released: list[str] = []
    notes = await ctx.store.ledger.notes()
    for name in names:
        unit = await _unit(ctx, name)
        if unit is None:
            released += await _invoice(ctx, name, kind)
            continue
        made += _about(unit, notes, kind, ctx.who, reason)
    done = await record(ctx, made, {})
    if released:
        await ctx.store.ledger.may_follow(released)
        await ctx.store.invoices.release(released)
        await _follow(ctx, [])
    return [*done, *(Decided(id=key, decision="tried again") for key in released)]


async def record(ctx: Context, decisions: Sequence[Decision], texts: Mapping[str, str]) -> list[Decided]:
    """Write decisions down, audit them, and do at once what follows from them where the setup is live."""
    made = await ctx.store.decisions.add(decisions)
    for each in made:
        detail = {"document": each.document, "seconds": each.seconds, "amount": each.amount, "reason": each.reason}
        await ctx.store.audit.write(each.by or ctx.who, f"decision.{each.kind}", each.unit, detail)
    await ctx.store.bell.ring("collect")
    await _follow(ctx, [each.unit for each in made])
    numbers = await _documents(ctx.store, {each.document for each in made if each.document})
    return [
        Decided(
            id=each.unit,
            decision=each.kind,
            document=each.document,
            number=numbers.get(each.document, ("", ""))[0],
            hours=readmodel.hours(each.seconds) if each.document else "",
            amount=readmodel.money(each.amount) if each.document else "",
            text=texts.get(each.unit, ""),
        )
        for each in made
    ]


async def _follow(ctx: Context, decided: Sequence[str]) -> None:
    """Judge again what was decided about; send it at once where invoices follow changes (a schedule keeps its
    moments)."""
    loaded = await ctx.loaded()
    if loaded is None or not await ctx.store.epoch.current():
        return
    for _ in range(ROUNDS):
        if not (await collect(ctx)).read:
            break
    if loaded.live and loaded.setup.schedule.invoices.kind not in SCHEDULED:
        units = (await ctx.store.ledger.units(decided)).values()
        keys = {key for unit in units for key in (unit.belongs, unit.at, unit.posted)}
        keys |= {key_of(posting.document) for unit in units for posting in unit.postings}  # where it was proposed
        await ctx.store.invoices.add(keys - {""})
        for _ in range(ROUNDS):
            if not (await invoice(ctx)).looked_at:
                break
        await write_back(ctx)


# ---- corrections ---------------------------------------------------------------------------------------------------


async def _proposed(store: Store) -> list[tuple[Correction, str]]:
    """What is proposed and since when; what was decided just now may still be noted, until its invoice is looked at."""
    notes = await store.ledger.notes()
    found = [(c, note.since.get(f"{c.unit} {c.document}", "")) for note in notes.values() for c in note.corrections]
    units = await store.ledger.units(correction.unit for correction, _ in found)
    return [(c, since) for c, since in found if c.unit not in units or not _decided(c, since, units[c.unit].decisions)]


def _decided(correction: Correction, since: str, decisions: Sequence[Decision]) -> bool:
    """Whether just this was accepted or ignored after it was proposed."""
    return bool(since) and any(
        each.kind in ("accept", "ignore")
        and each.document == correction.document
        and (each.seconds, each.amount) == (Decimal(correction.seconds), Decimal(correction.amount))
        and datetime.fromisoformat(each.at) >= datetime.fromisoformat(since)
        for each in decisions
    )


async def _documents(store: Store, names: set[str]) -> dict[str, tuple[str, str]]:
    """Number and currency of these documents."""
    held = await store.ledger.invoices({key_of(name) for name in names})
    return {
        f"{document.key}/{document.sequence}": (document.number, document.currency)
        for record in held.values()
        if record.invoice
        for document in record.invoice.documents
    }


def _is(name: str, correction: Correction, number: str) -> bool:
    """Whether a name means the unit, its record, or the document that the correction is about."""
    names = {correction.unit, record_of(correction.unit), correction.document, key_of(correction.document), number}
    return name in names or _record(name) in names - {""}


def _record(name: str) -> str:
    try:
        return id18(record_of(name))
    except ValueError:
        return ""


# ---- what waits ----------------------------------------------------------------------------------------------------


async def _unit(ctx: Context, name: str) -> Unit | None:
    loaded = await ctx.loaded()
    record = _record(name)
    if loaded is None or not record:
        return None
    return await ctx.store.ledger.unit(f"{loaded.setup.source.sobject}:{record}#0")


async def _invoice(ctx: Context, name: str, kind: DecisionKind) -> list[str]:
    """An invoice that waits, by key: it is tried again."""
    parked = {item.id for item in await ctx.store.invoices.parked(0, 100_000)}
    if name not in parked:
        raise ServiceError(f"Nothing is known of {name}.", "See `hourstream waiting list`.")
    if kind != "bill":
        raise ServiceError(f"{name} is an invoice: decide about its entries.", "See `hourstream invoices show`.")
    return [name]


def _about(unit: Unit, notes: Mapping[str, Note], kind: DecisionKind, who: str, reason: str) -> list[Decision]:
    """The decisions that a person's word makes: about each document time was taken off, else about the unit."""
    held = next((note.waiting[unit.id] for note in notes.values() if unit.id in note.waiting), None)
    waits = unit.verdict if isinstance(unit.verdict, Waiting) else held
    taken_off = suspended(unit.postings)
    if taken_off and (waits is None or waits.reason == "suspended" or waits is held):
        return [
            Decision(unit=unit.id, kind=kind, document=document, seconds=seconds, reason=reason, by=who)
            for document, seconds in taken_off.items()
        ]
    if kind == "bill" and isinstance(waits, Waiting) and waits.reason not in LIFTED:
        raise ServiceError(f"A decision does not bill {record_of(unit.id)}: {waits.text.rstrip('.')}.")
    return [Decision(unit=unit.id, kind=kind, reason=reason, by=who)]


def suspended(postings: Sequence[Posting]) -> dict[str, Decimal]:
    """The seconds that people took off each document."""
    found: dict[str, Decimal] = {}
    for posting in postings:
        if posting.state == "suspended":
            found[posting.document] = found.get(posting.document, Decimal(0)) + posting.seconds
    return {document: seconds for document, seconds in found.items() if seconds}
