"""What locked documents would need: proposed corrections, which wait for a person.

Only the unit's own record reopens what was fixed: its quantity and date, its billable and approval fields, its project,
its own rate and currency field, its deletion. Who worked, and what arrives through other records or the setup, was
fixed with the posting.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from worker.billing.canonical import followed
from worker.billing.gates import OWN_RECORD
from worker.billing.keys import document_id
from worker.billing.model import Correction, Document, Out, Placed, Posting, Waiting
from worker.billing.money import ZERO, half_up, hours_amount
from worker.billing.rates import Basis, parse_basis

Verdict = Placed | Waiting | Out

_WHY: Final = {
    "deleted": "the entry was deleted",
    "before-start": "the entry's day was moved before the start of billing",
    "already-billed": "the entry is marked as billed elsewhere",
    "not-billable": "the entry is no longer billable",
    "not-approved": "the entry's approval was taken back",
    "zero": "the entry has no hours any more",
}


class Sums(Struct, frozen=True):
    """A unit's postings of some states, added up."""

    seconds: Decimal
    amount: Decimal


class LockedDocuments:
    """What documents hold beyond their postings: numbers, and what people wrote on (+) or off (-) on fixed lines.

    A write-on or write-off is used up by later changes in the same direction: a person made 10 hours 9, the entry
    follows to 9, and that is no correction any more.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._numbers = {document_id(each.key, each.sequence): each.number for each in documents}
        self._left = {line.id: line.write_on for each in documents for line in each.lines if line.write_on and line.id}

    def name(self, document: str) -> str:
        """What people call a document: its number where it is known, else its id."""
        return self._numbers.get(document) or document

    def after_write_ons(self, line: str, amount: Decimal) -> Decimal:
        """What is left of a change by `amount` after the write-on or write-off of its line took its part."""
        left = self._left.get(line, ZERO)
        if left * amount <= 0:
            return amount
        used = min(abs(left), abs(amount)).copy_sign(amount)
        self._left[line] = left - used
        return amount - used


class Bucket(Struct, frozen=True):
    """How a unit is judged against what it was billed on: `by_project` where invoices are grouped by project."""

    by_project: bool = False
    follow: Mapping[str, str] = {}

    def left(self, placed: Placed, posting: Posting) -> bool:
        """Whether the unit's own record took it to another bucket than the one `posting` is in."""
        now, was = parse_basis(placed.basis), parse_basis(posting.basis)
        if now is None or was is None:
            return False
        if now.currency != was.currency and placed.currency != posting.currency:
            return True
        same_contact = followed(placed.contact, self.follow) == followed(posting.contact, self.follow)
        return now.project != was.project and (self.by_project or not same_contact)

    def away(self, placed: Placed, postings: Sequence[Posting], *states: str) -> list[Posting]:
        """The unit's postings of these states that stayed in another bucket."""
        return [posting for posting in of_state(postings, *states) if self.left(placed, posting)]

    def here(self, placed: Placed, postings: Sequence[Posting], *states: str) -> list[Posting]:
        """The unit's postings of these states in the bucket it is placed in."""
        return [posting for posting in of_state(postings, *states) if not self.left(placed, posting)]


def sums(postings: Sequence[Posting]) -> Sums:
    """Seconds and amounts of postings, added up."""
    seconds = sum((posting.seconds for posting in postings), Decimal(0))
    return Sums(seconds, sum((posting.amount for posting in postings), ZERO))


def of_state(postings: Sequence[Posting], *states: str) -> list[Posting]:
    """Those of `postings` that are in one of `states`."""
    return [posting for posting in postings if posting.state in states]


def proposed(
    verdict: Verdict, postings: Sequence[Posting], documents: LockedDocuments, bucket: Bucket
) -> Correction | None:
    """The correction that a unit's fixed postings need, None when they agree with what the unit is now."""
    if not isinstance(verdict, Placed):
        fixed = of_state(postings, "fixed")
        return _taken_off(fixed, documents, _WHY[verdict.reason]) if verdict.reason in OWN_RECORD else None
    away = bucket.away(verdict, postings, "fixed")
    if nets(away):
        return _taken_off(away, documents, "the entry was moved to another client or project")
    return _changed(verdict, postings, documents, bucket)


def nets(postings: Sequence[Posting]) -> bool:
    """Whether postings leave anything when added up."""
    net = sums(postings)
    return bool(net.seconds or net.amount)


def _taken_off(fixed: Sequence[Posting], documents: LockedDocuments, why: str) -> Correction | None:
    if not nets(fixed):
        return None
    was = sums(fixed)
    return _correction(fixed[-1], -was.seconds, -was.amount, documents, why)


def _changed(
    placed: Placed, postings: Sequence[Posting], documents: LockedDocuments, bucket: Bucket
) -> Correction | None:
    fixed = bucket.here(placed, postings, "fixed")
    if not fixed:
        return None
    was = sums(bucket.here(placed, postings, "fixed", "suspended"))
    difference = placed.seconds - was.seconds
    if _own_rate_changed(placed, fixed[-1]):
        amount = hours_amount(placed.seconds, placed.rate) - was.amount
        why = f"its rate is {_plain(placed.rate)} instead of {_plain(fixed[-1].rate)}"
        return _correction(fixed[-1], difference, amount, documents, why)
    if not difference:
        return None
    hours = _plain(half_up(abs(difference) / 3600, 4))
    why = f"{hours} h {'more' if difference > 0 else 'less'} than billed"
    return _correction(fixed[-1], difference, hours_amount(difference, fixed[-1].rate), documents, why)


def _own_rate_changed(placed: Placed, posting: Posting) -> bool:
    now, was = parse_basis(placed.basis), parse_basis(posting.basis)
    if now is None or was is None or placed.rate == posting.rate or placed.currency != posting.currency:
        return False
    return _own(now) != _own(was)


def _own(basis: Basis) -> tuple[str, str, str]:
    return basis.rate, basis.project, basis.day


def _correction(
    posting: Posting, seconds: Decimal, amount: Decimal, documents: LockedDocuments, why: str
) -> Correction | None:
    """A correction of the document of `posting`, after the line's write-on or write-off took its part."""
    left = documents.after_write_ons(posting.line, amount)
    if not left and (amount or not seconds):
        return None
    time = seconds if left == amount else half_up(seconds * left / amount, 0)
    change = f"{'add' if left >= 0 else 'take off'} {abs(left)} {posting.currency}".rstrip()
    text = f"{documents.name(posting.document)}: {why}; {change}."
    return Correction(
        unit=posting.unit, document=posting.document, seconds=time, amount=left, rate=posting.rate, text=text
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
