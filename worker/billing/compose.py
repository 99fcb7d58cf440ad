"""What the open document of an invoice should hold: f(units as they are now, setup, what is already billed).

For each unit: need = desired - fixed - suspended. Open postings are not subtracted, because the open document is
computed anew each time and never appended to. A unit with fixed postings is on no ordinary line: a difference is a
correction.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from worker.billing import words
from worker.billing.canonical import canonical
from worker.billing.corrections import Verdict
from worker.billing.heading import in_amounts, new_document, redated
from worker.billing.lines import Member, lines_of, ordinary, placeholder
from worker.billing.model import Company, Contact, Correction, Document, Invoice, Line, Placed, Posting, Rules, Waiting
from worker.billing.money import ZERO
from worker.billing.postings import postings_of
from worker.billing.scene import Scene, next_sequence


class Composition(Struct, frozen=True, kw_only=True):
    """What compose wants of one invoice."""

    document: Document | None = None  # wanted content of the open document, or of the next one (`create`)
    departed: tuple[str, ...] = ()  # units that leave the open document
    corrections: tuple[Correction, ...] = ()  # proposed, for people
    waiting: Mapping[str, Waiting] = {}  # units placed on this invoice that are held back from it
    create: bool = False  # the document is not in Xero yet
    delete: bool = False  # emptied, and its period is closed: to be deleted
    changed: bool = False  # its content differs from what the open document holds: to be sent
    reposted: bool = False  # its postings differ, though perhaps not its content


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
) -> Composition:
    """Compute one invoice.

    `placements` are the units placed on it, `postings` all postings of every unit concerned, `others` the verdicts on
    units that are or were on its documents but are not placed on it (a unit in neither is taken off the open document,
    and nothing is proposed for it). A correction is proposed by the invoice that billed the unit last. `closed` are
    closed periods, `follow` merged contacts, `today` the day in the company's time zone (used by
    `invoice_date = "today"` only). `rules` are those the open document was opened under.
    """
    scene = Scene(invoice, postings, rules, others or {}, follow or {})
    corrections = scene.corrections(placements)
    members, waiting = scene.members(placements)
    kept = [] if scene.open is None else list(scene.open.lines)
    lines, negative = _lines(members, kept, _several(rules))
    waiting |= negative
    if scene.open is None and not any(line.amount for line in lines):
        waiting |= {member.unit: _only_zeros() for member in members if member.unit not in waiting}
        return Composition(corrections=corrections, waiting=waiting)
    wanted = _wanted(scene, lines, placements, rules, company, contact, today)
    return _composition(scene.open, wanted, corrections, waiting, closed)


def _lines(
    members: Sequence[Member], existing: Sequence[Line], several: bool
) -> tuple[tuple[Line, ...], dict[str, Waiting]]:
    """The lines, without negative time where it would make the whole document negative (Xero refuses that)."""
    lines = lines_of(members, existing, several=several)
    if sum((line.amount for line in lines), ZERO) >= 0:
        return lines, {}
    positive = [member for member in members if member.seconds >= 0]
    held = {member.unit: _negative() for member in members if member.seconds < 0}
    return lines_of(positive, existing, several=several), held


def _wanted(
    scene: Scene,
    lines: tuple[Line, ...],
    placements: Sequence[Placed],
    rules: Rules,
    company: Company,
    contact: Contact | None,
    today: date | None,
) -> Document:
    on = {share.unit for line in lines for share in line.shares}
    held = [placed for placed in placements if placed.unit in on]
    if scene.open is None:
        return new_document(next_sequence(scene.invoice), lines, held, rules, company, contact, today)
    content = lines or (placeholder(scene.open.lines),)
    moved_document = replace(scene.open, lines=in_amounts(content, scene.open.amounts))
    return redated(moved_document, held, rules, company, contact)


def _composition(
    before: Document | None,
    wanted: Document,
    corrections: tuple[Correction, ...],
    waiting: Mapping[str, Waiting],
    closed: Set[str],
) -> Composition:
    if before is None:
        return Composition(
            document=wanted, corrections=corrections, waiting=waiting, create=True, changed=True, reposted=True
        )
    now = {share.unit for line in wanted.lines for share in line.shares}
    departed = {share.unit for line in before.lines if ordinary(line) for share in line.shares} - now
    empty = all(ordinary(line) and not line.shares for line in wanted.lines)
    delete = empty and before.period in closed
    dated = (wanted.date, wanted.due_date) != (before.date, before.due_date)
    return Composition(
        document=wanted,
        departed=tuple(sorted(departed)),
        corrections=corrections,
        waiting=waiting,
        delete=delete,
        changed=delete or dated or before.rewrite or canonical(wanted) != canonical(before),
        reposted=postings_of(wanted) != postings_of(before),
    )


def _several(rules: Rules) -> bool:
    """Whether a line's description prints something that its units may differ in."""
    return bool(words.placeholders(rules.description) - set(rules.line_per) - {"period", "xero_contact"})


def _negative() -> Waiting:
    text = "Negative time that would make the invoice negative: it goes on with the next time of this client."
    return Waiting("negative-invoice", text)


def _only_zeros() -> Waiting:
    text = "There is nothing to charge yet: it goes on the invoice together with the next time that has an amount."
    return Waiting("only-zeros", text)
