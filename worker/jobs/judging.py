"""Judging: where each entry belongs, by the setup, the company, the contacts and people's decisions as known now.

Open documents keep the shape of the setup version they were opened under (what is grouped, how it reads): the rules
that shape them are that version's. Everything else is judged by the setup in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.billing.assess import assess
from worker.billing.correcting import correcting
from worker.billing.corrections import of_state, timed
from worker.billing.gates import OWN_RECORD
from worker.billing.keys import key_of
from worker.billing.model import Company, Contact, Document, Entry, Invoice, Placed, Waiting
from worker.billing.rules import Rules
from worker.billing.scene import open_document
from worker.context import Context, Loaded
from worker.store.contact_links import resolved
from worker.store.ledger import Facts, Unit, Verdict

FLIPPING = "flipping"
FLIPS = 3  # how often a unit's billing state may turn around within the window


@dataclass(frozen=True, slots=True)
class _Around:
    """What entries are judged by, beside themselves. `now` is Redis' clock."""

    loaded: Loaded
    company: Company
    closed: set[str]
    contacts: Mapping[str, Contact]
    now: datetime
    window: timedelta
    follow: Mapping[str, str]
    invoices: dict[str, Invoice] = field(default_factory=dict)
    shapes: dict[int, Rules] = field(default_factory=dict)


async def judge(
    ctx: Context,
    loaded: Loaded,
    entries: Mapping[str, Entry],
    units: Mapping[str, Unit],
    generations: Mapping[str, str],
) -> list[Facts]:
    """Facts and verdict of each entry. `units` are those that the ledger knows."""
    links = await ctx.store.contact_links.of(entry.linked for entry in entries.values() if entry.linked)
    entries = {id_: resolved(entry, links) for id_, entry in entries.items()}
    around = _Around(
        loaded,
        await ctx.company(),
        await ctx.store.ledger.closed(),
        await ctx.contacts({entry.xero_contact for entry in entries.values() if entry.xero_contact}),
        datetime.fromisoformat(await ctx.store.clock()),
        timedelta(seconds=ctx.limits.flip_window),
        await ctx.store.contacts.merged(),
    )
    await _learn(ctx, around, {key_of(p.document) for unit in units.values() for p in unit.postings})
    verdicts = {id_: _verdict(entry, units.get(id_), around) for id_, entry in entries.items()}
    await _learn(ctx, around, {each.key for each in verdicts.values() if isinstance(each, Placed)})
    facts = []
    for id_, entry in entries.items():
        unit, verdict = units.get(id_) or Unit(id=id_), verdicts[id_]
        wanted = "" if entry.unreadable else "0" if _asks_for_none(verdict) else "1"
        if isinstance(verdict, Placed) and (shape := _shape(verdict, around)) is not _rules_on(unit, around):
            verdict = _assessed(entry, unit, around, shape)
        verdict = _corrected(verdict, unit, around)
        if _flips(unit, wanted, entry, around):
            verdict = _flipping()
        facts.append(
            Facts(
                id=id_,
                generation=generations.get(id_, ""),
                entry=entry,
                verdict=verdict,
                write_back=loaded.live,
                wanted=wanted,
            )
        )
    return facts


async def _learn(ctx: Context, around: _Around, keys: set[str]) -> None:
    """The ledger's records of these invoices, and the rules that their open documents were opened under."""
    held = await ctx.store.ledger.invoices(keys - around.invoices.keys())
    around.invoices.update({key: each.invoice for key, each in held.items() if each.invoice is not None})
    for invoice in around.invoices.values():
        document = open_document(invoice)
        version = document.rules_version if document else 0
        if version not in around.shapes:
            around.shapes[version] = await ctx.rules_of(around.loaded, version)


def _verdict(entry: Entry, unit: Unit | None, around: _Around) -> Verdict:
    unit = unit or Unit(id=entry.id)
    return _assessed(entry, unit, around, _rules_on(unit, around))


def _assessed(entry: Entry, unit: Unit, around: _Around, rules: Rules) -> Verdict:
    return assess(
        entry,
        rules,
        contact=around.contacts.get(entry.xero_contact),
        company=around.company,
        postings=unit.postings,
        closed=around.closed,
        decisions=unit.decisions,
    )


def _rules_on(unit: Unit, around: _Around) -> Rules:
    """The rules of the open document that the unit is on, else those in force."""
    on = [key_of(posting.document) for posting in unit.postings if posting.state == "open"]
    document = open_document(around.invoices.get(on[-1])) if on else None
    return around.shapes[document.rules_version] if document else around.loaded.rules


def _shape(placed: Placed, around: _Around) -> Rules:
    """The rules of the open document that a unit is about to come onto, else those in force."""
    document = open_document(around.invoices.get(placed.key))
    return around.shapes[document.rules_version] if document else around.loaded.rules


# ---- corrections ---------------------------------------------------------------------------------------------------


def _corrected(verdict: Verdict, unit: Unit, around: _Around) -> Verdict:
    """The correction that a person accepted, where there is one."""
    if not unit.decisions or all(posting.state == "open" and not posting.corrects for posting in unit.postings):
        return verdict
    records = [around.invoices[key] for key in _keys_of(unit) if key in around.invoices]
    documents: list[Document] = [document for record in records for document in record.documents]
    return correcting(
        verdict,
        unit=unit.id,
        postings=unit.postings,
        decisions=unit.decisions,
        documents=documents,
        groups={record.key: record.group for record in records},
        rules=_measured_by(unit, around),
        closed=around.closed,
        follow=around.follow,
    )


def _measured_by(unit: Unit, around: _Around) -> Rules:
    """The rules by which a change of what was locked is measured: those of the invoice that proposes it, whose open
    document may be rounded as the setup in force is not. What is accepted here and what is proposed there are one."""
    fixed = of_state(unit.postings, "fixed")
    last = (timed(fixed) or fixed)[-1:]
    document = open_document(around.invoices.get(key_of(last[0].document))) if last else None
    return around.shapes[document.rules_version] if document else around.loaded.rules


def _keys_of(unit: Unit) -> list[str]:
    return list(dict.fromkeys(key_of(posting.document) for posting in unit.postings))


# ---- flips ---------------------------------------------------------------------------------------------------------


def _asks_for_none(verdict: Verdict) -> bool:
    """Whether the unit's own record says that it is not to be billed (now)."""
    return not isinstance(verdict, Placed) and verdict.reason in OWN_RECORD


def _flips(unit: Unit, wanted: str, entry: Entry, around: _Around) -> bool:
    """Whether its billing state turned around too often lately: no draft follows that until it is quiet."""
    if entry.deleted or not wanted:
        return False
    since = (around.now - around.window).timestamp() * 1000
    recent = [moment for moment in unit.flips if moment > since]
    decided = [each for each in unit.decisions if each.kind == "bill" and not each.document]
    if recent and decided and datetime.fromisoformat(decided[-1].at).timestamp() * 1000 >= recent[-1]:
        return False
    return len(recent) + (unit.wanted not in ("", wanted)) > FLIPS


def _flipping() -> Waiting:
    text = (
        "Whether it is billed has changed more than three times within ten minutes: it waits until that is over. "
        "Look for what changes it, or decide to bill it as it is."
    )
    return Waiting(FLIPPING, text, "entry", holds=True)
