"""What the open document of an invoice should hold: f(units as they are now, setup, what is already billed).

For each unit: need = desired - fixed - (suspended - released). Open postings are not subtracted, because the open
document is computed anew each time and never appended to. A unit with fixed postings is on no ordinary line: a
difference is a correction, proposed to people, and a line of its own once one of them accepted it. Credit notes are
invoices of the period "credit": nothing but corrections is on them.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from worker.billing.canonical import canonical
from worker.billing.content import Content, content_of, noticed, too_small, unworthy
from worker.billing.correction_lines import correction_lines
from worker.billing.corrections import Verdict
from worker.billing.credit import new_credit_note
from worker.billing.heading import in_amounts, lock_dated, lock_note, new_document, redated
from worker.billing.lines import Member, ordinary, placeholder
from worker.billing.model import (
    Company,
    Contact,
    Correction,
    Decision,
    Document,
    Invoice,
    Line,
    Placed,
    Posting,
    Waiting,
)
from worker.billing.money import ZERO
from worker.billing.periods import CREDIT
from worker.billing.postings import postings_of
from worker.billing.rules import Rules
from worker.billing.scene import Scene, next_sequence
from worker.billing.surcharges import taken

NO_DECISIONS: Final[Mapping[str, Sequence[Decision]]] = {}


class Composition(Struct, frozen=True, kw_only=True):
    """What compose wants of one invoice."""

    document: Document | None = None  # wanted content of the open document, or of the next one (`create`)
    departed: tuple[str, ...] = ()  # units that leave the open document
    corrections: tuple[Correction, ...] = ()  # proposed, for people
    waiting: Mapping[str, Waiting] = {}  # units placed on this invoice that are held back from it
    create: bool = False  # the document is not in Xero yet
    delete: bool = False  # emptied, and its period is closed: to be deleted
    submit: bool = False  # its period is closed and the setup asks for it: to be sent as awaiting approval
    changed: bool = False  # its content differs from what the open document holds: to be sent
    reposted: bool = False  # its postings differ, though perhaps not its content
    notes: tuple[str, ...] = ()  # what people should know about it, one sentence each


class _Wanted(Struct, frozen=True, kw_only=True):
    """What goes on the document, and why the rest does not."""

    content: Content
    lines: tuple[Line, ...]  # those of `content`, and corrections
    members: Sequence[Member]
    corrections: Sequence[Placed]
    waiting: Mapping[str, Waiting]


def compose(
    invoice: Invoice | None,
    placements: Sequence[Placed],
    postings: Mapping[str, Sequence[Posting]],
    rules: Rules,
    company: Company,
    contact: Contact | None,
    *,
    others: Mapping[str, Verdict] | None = None,
    closed: Set[str] = frozenset(),
    follow: Mapping[str, str] | None = None,
    today: date | None = None,
    decisions: Mapping[str, Sequence[Decision]] = NO_DECISIONS,
) -> Composition:
    """Compute one invoice, or one credit note where the invoice's period is "credit".

    `placements` are the units placed on it (time, and accepted corrections), `postings` and `decisions` all of every
    unit concerned, `others` the verdicts on units that are or were on its documents but are not placed on it (a unit in
    neither is taken off the open document, and nothing is proposed for it). A correction is proposed by the invoice of
    the document that it corrects. `closed` are closed periods, `follow` merged contacts, `today` the day in the
    company's time zone (of credit notes, and where `invoice_date = "today"`). `rules` are those the open document was
    opened under.
    """
    scene = Scene(invoice, placements, postings, rules, others or {}, follow or {}, decisions)
    wanted = _not_negative(_gathered(scene, rules), scene, rules)
    if scene.open is None:
        return _created(scene, wanted, rules, company, contact, today)
    if scene.open.period in closed:
        wanted = _rolled_on(wanted, scene.open.period, rules)
    lines = wanted.lines or (placeholder(scene.open.lines),)
    document = replace(scene.open, lines=in_amounts(lines, scene.open.amounts))
    held = _placed(scene, wanted)
    timed = [placed for placed in held if not placed.corrects]
    document = _dated(redated(document, timed, rules, company, contact), rules, company, contact)
    return _updated(scene, scene.open, document, wanted, rules, company, closed)


# ---- lines ---------------------------------------------------------------------------------------------------------


def _gathered(scene: Scene, rules: Rules) -> _Wanted:
    members, waiting = scene.members()
    corrections, held_back = scene.corrected()
    fitting, others = _of_one_kind(scene, corrections)
    return _lined(scene, rules, members, fitting, scene.taken_out() | waiting | held_back | others)


def _lined(
    scene: Scene,
    rules: Rules,
    members: Sequence[Member],
    corrections: Sequence[Placed],
    waiting: Mapping[str, Waiting],
) -> _Wanted:
    existing = scene.open.lines if scene.open else ()
    content = content_of(members, existing, rules, carried=taken(scene.carried(), rules, scene.elsewhere()))
    correcting = [*scene.held_corrections(), *correction_lines(corrections, existing)]
    lines = (*content.lines, *correcting)
    return _Wanted(content=content, lines=lines, members=members, corrections=corrections, waiting=waiting)


def _of_one_kind(scene: Scene, corrections: Sequence[Placed]) -> tuple[list[Placed], dict[str, Waiting]]:
    """Amounts with and without tax cannot stand on one document; what bears no tax fits with either. A credit note has
    one currency rate: that of the documents that it corrects."""
    timed = [placed.amounts for placed in scene.placements if not placed.corrects]
    amounts = [scene.open.amounts] if scene.open else timed or [each.amounts for each in corrections]
    same = [each for each in corrections if each.amounts in {"no-tax", amounts[0]}]
    rates = [scene.open.currency_rate] if scene.open else [each.currency_rate for each in same]
    fitting = [each for each in same if not each.credit or each.currency_rate in {None, rates[0]} or rates[0] is None]
    waiting = {each.unit: _other_amounts() for each in corrections if each not in same}
    return fitting, waiting | {each.unit: _other_rate() for each in same if each not in fitting}


def _not_negative(wanted: _Wanted, scene: Scene, rules: Rules) -> _Wanted:
    """Without what takes off where the whole document would be negative (Xero refuses that)."""
    if _total(wanted.lines) >= 0:
        return wanted
    adding = [member for member in wanted.members if member.seconds >= 0]
    increases = [placed for placed in wanted.corrections if (placed.amount or ZERO) >= 0]
    kept = {member.unit for member in adding} | {placed.unit for placed in increases}
    units = [member.unit for member in wanted.members] + [placed.unit for placed in wanted.corrections]
    period = scene.placements[0].period if scene.placements else ""
    held = {unit: _negative(period) for unit in units if unit not in kept}
    return _lined(scene, rules, adding, increases, dict(wanted.waiting) | held)


def _rolled_on(wanted: _Wanted, period: str, rules: Rules) -> _Wanted:
    """Nothing of time that stayed below the minimum until its period closed: it goes on to the next period."""
    reason = too_small(wanted.lines, period, rules)
    if reason is None or not wanted.members or any(line.corrects for line in wanted.lines):
        return wanted
    waiting = dict(wanted.waiting) | noticed(wanted.members, reason)
    return _Wanted(content=Content(()), lines=(), members=(), corrections=(), waiting=waiting)


def _total(lines: Sequence[Line]) -> Decimal:
    return sum((line.amount for line in lines), ZERO)


# ---- documents -----------------------------------------------------------------------------------------------------


def _created(
    scene: Scene, wanted: _Wanted, rules: Rules, company: Company, contact: Contact | None, today: date | None
) -> Composition:
    """The next document of the invoice, where there is something to make it of."""
    held = _placed(scene, wanted)
    reason = unworthy(wanted.lines, held[0].period if held else "", rules) if not _credit(held) else None
    if not held or not wanted.lines or reason is not None:
        unworthy_ones = noticed(wanted.members, reason) if reason else {}
        unworthy_ones |= {placed.unit: reason for placed in wanted.corrections} if reason else {}
        return Composition(corrections=scene.corrections(), waiting=unworthy_ones | dict(wanted.waiting))
    sequence = next_sequence(scene.invoice)
    if _credit(held):
        document = new_credit_note(sequence, wanted.lines, held, rules, today)
    else:
        document = new_document(sequence, wanted.lines, held, rules, company, contact, today)
    document = _dated(replace(document, group=held[0].group), rules, company, contact)
    return Composition(
        document=document,
        corrections=scene.corrections(),
        waiting=wanted.waiting,
        create=True,
        changed=True,
        reposted=True,
        notes=_notes(wanted, document, company),
    )


def _updated(
    scene: Scene,
    before: Document,
    document: Document,
    wanted: _Wanted,
    rules: Rules,
    company: Company,
    closed: Set[str],
) -> Composition:
    now = {share.unit for line in document.lines for share in line.shares}
    departed = {share.unit for line in before.lines if ordinary(line) for share in line.shares} - now
    over = before.period in closed
    empty = all(ordinary(line) and not line.shares for line in document.lines)
    delete = empty and (over or before.type == "ACCRECCREDIT")
    submit = over and rules.at_close == "awaiting-approval" and bool(now)
    dated = (document.date, document.due_date) != (before.date, before.due_date)
    items = [line.item for line in document.lines] != [line.item for line in before.lines]
    differs = dated or items or before.rewrite or canonical(document) != canonical(before)
    return Composition(
        document=document,
        departed=tuple(sorted(departed)),
        corrections=scene.corrections(),
        waiting=wanted.waiting,
        delete=delete,
        submit=submit,
        changed=delete or submit or differs,
        reposted=postings_of(document) != postings_of(before),
        notes=_notes(wanted, document, company),
    )


def _placed(scene: Scene, wanted: _Wanted) -> list[Placed]:
    """What is on the document, time first."""
    on = {share.unit for line in wanted.content.lines for share in line.shares}
    time = [placed for placed in scene.placements if placed.unit in on and not placed.corrects]
    return [*time, *wanted.corrections]


def _credit(held: Sequence[Placed]) -> bool:
    return bool(held) and held[0].period == CREDIT


def _dated(document: Document, rules: Rules, company: Company, contact: Contact | None) -> Document:
    dated = lock_dated(document, rules, company, contact)
    return replace(dated, due_date="") if document.type == "ACCRECCREDIT" else dated


def _notes(wanted: _Wanted, document: Document, company: Company) -> tuple[str, ...]:
    return tuple(note for note in (*wanted.content.notes, lock_note(document, company)) if note)


def _negative(period: str) -> Waiting:
    text = "Negative time that would make the invoice negative: it goes on with the next time of this client."
    return Waiting("negative-invoice", text, f"period:{period}")


def _other_amounts() -> Waiting:
    text = (
        "The corrected document has its amounts with tax where this one has them without, or the other way round: "
        "the correction goes on the next one."
    )
    return Waiting("other-amounts", text)


def _other_rate() -> Waiting:
    text = (
        "The corrected document has another currency rate than the open draft credit note: the correction goes on the "
        "next one, once this one is approved."
    )
    return Waiting("other-rate", text)
