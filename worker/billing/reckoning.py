"""Where each hour of a unit is: on drafts, approved, waiting and for what, not to be billed, written off.

Hours are those worked. The parts of a unit add up to what was logged; what they leave is found as the difference of the
month-end statement.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

from worker.billing.correcting import valid
from worker.billing.corrections import (
    Bucket,
    Change,
    Finding,
    Verdict,
    added,
    client_of,
    corrections_taken_out,
    finding,
    of_state,
    sums,
    timed,
    unreleased,
    worked_in,
)
from worker.billing.decisions import settlement
from worker.billing.gates import gate
from worker.billing.model import Decision, Entry, Out, Placed, Posting, Status, Waiting
from worker.billing.money import ZERO, half_up, hours_amount
from worker.billing.rules import Rules
from worker.billing.write_ons import WriteOns

Where = Literal[
    "drafts", "awaiting-approval", "approved", "waiting", "dont-bill", "elsewhere", "before-start", "not-billable",
    "write-ons", "own-lines", "ignored", "rounding",
]  # fmt: skip

DUE: Final = "due"  # time that is about to be put on its draft
CORRECTION: Final = "correction"  # a proposed correction waits for a person
_SETTLED: Final[Mapping[str, Where]] = {"elsewhere": "elsewhere", "dont-bill": "dont-bill"}
_OUT: Final[Mapping[str, Where]] = {
    "before-start": "before-start",
    "dont-bill": "dont-bill",
    "billed-elsewhere": "elsewhere",
    "already-billed": "elsewhere",
}
_ON: Final[Mapping[Status, Where]] = {"open": "drafts", "awaiting-approval": "awaiting-approval"}


class Reckoned(Struct, frozen=True, kw_only=True):
    """A unit as the ledger knows it; `held` is why its invoice goes without it (from the invoice's composition)."""

    unit: str
    entry: Entry
    verdict: Verdict | None = None
    postings: tuple[Posting, ...] = ()
    decisions: tuple[Decision, ...] = ()
    held: Waiting | None = None

    @property
    def logged(self) -> Decimal:
        """The seconds that the entry says, none where it was deleted."""
        return Decimal(0) if self.entry.deleted or self.entry.seconds is None else self.entry.seconds


class Part(Struct, frozen=True, kw_only=True):
    """Some of a unit's time (or of several units'), and where it is. Amounts are without what people wrote on or off;
    of time that is not billed it is what it would be billed at, 0.00 where it has no rate."""

    where: Where
    reason: str = ""
    contact: str = ""
    currency: str = ""
    seconds: Decimal = Decimal(0)
    amount: Decimal = ZERO


class Surroundings(Struct, frozen=True):
    """What units are reckoned with: `statuses` are those of the documents, by id."""

    rules: Rules
    bucket: Bucket
    statuses: Mapping[str, Status]
    write_ons: WriteOns


def parts_of(one: Reckoned, around: Surroundings) -> list[Part]:
    """Where the time of a unit is. Call it for every unit of a moment in the order of their ids (`WriteOns`)."""
    parts = list(_on_documents(one, around))
    base, found = _base(one, around)
    if found is not None and found.written_off is not None:
        of = found.written_off.of
        parts += _covered(found.written_off.covered, of.contact, of.currency)
    if found is not None and found.change is not None:
        parts += _of_change(one, found, found.change)
    if isinstance(one.verdict, Placed) and one.verdict.corrects:
        parts += _of_accepted(one, one.verdict)
    if isinstance(base, Placed) and not base.corrects:
        parts += _rounded_away(one, base, around)
    parts += _taken_out(one, base, found, _missing(one, parts), around)
    left = _missing(one, parts)
    if left:
        parts += [part for part in [_rest(one, base, found, left, around)] if part is not None]
    return parts


def _missing(one: Reckoned, parts: Sequence[Part]) -> Decimal:
    return one.logged - sum((part.seconds for part in parts), Decimal(0))


def _on_documents(one: Reckoned, around: Surroundings) -> Iterator[Part]:
    for posting in of_state(one.postings, "open", "fixed"):
        status: Status = around.statuses.get(posting.document, "approved")
        yield Part(
            where=_ON.get(status, "approved"),
            contact=posting.contact,
            currency=posting.currency,
            seconds=worked_in(posting),
            amount=posting.amount,
        )


def _base(one: Reckoned, around: Surroundings) -> tuple[Verdict | None, Finding | None]:
    """What the unit is by itself, before an accepted correction, and how that stands to what was billed of it."""
    verdict = one.verdict
    if isinstance(verdict, Placed) and verdict.corrects:
        around.write_ons.take(of_state(one.postings, "fixed"), verdict.used)
        return gate(one.entry, around.rules, one.postings) or verdict, None
    if verdict is None:
        return None, None
    return verdict, finding(verdict, one.postings, one.decisions, around.write_ons, around.bucket)


def _taken_out(
    one: Reckoned, base: Verdict | None, found: Finding | None, left: Decimal, around: Surroundings
) -> Iterator[Part]:
    """What people took off documents and was not given back. Beside nothing that is fixed there it is no more than what
    is logged still; of what is not placed, and of a former client, only corrections are left to be told."""
    here = around.bucket.here(base, one.postings, "suspended") if isinstance(base, Placed) else []
    here = here if found is None else list(found.suspended)
    there = here + corrections_taken_out(one.postings)
    counted = [each for each in one.postings if any(each is other for other in there)]
    whole = found is not None and bool(timed(found.here))
    for document, taken in unreleased(counted, one.decisions).items():
        of = next(each for each in counted if each.document == document)
        worked = taken.worked if whole or of.corrects else _part(taken.worked, left)
        if not worked and not taken.amount:
            continue
        left -= worked
        kind = settlement(one.decisions, document, taken.seconds)
        yield Part(
            where=_SETTLED[kind] if kind else "waiting",
            reason="" if kind else "suspended",
            contact=of.contact,
            currency=of.currency,
            seconds=worked,
            amount=taken.amount if worked == taken.worked else half_up(taken.amount * worked / taken.worked, 2),
        )


def _rounded_away(one: Reckoned, placed: Placed, around: Surroundings) -> list[Part]:
    """Time on a former client's documents that was rounded to nothing: there is nothing to take off there."""
    net = sums(around.bucket.away(placed, one.postings, "fixed"))
    nothing = net.worked and not net.seconds and not net.amount
    return [_worth(placed, "rounding", "", -net.worked)] if nothing else []


def _part(taken: Decimal, left: Decimal) -> Decimal:
    """As much of what was taken off as is logged still."""
    return min(abs(taken), abs(left)).copy_sign(taken) if taken * left > 0 else Decimal(0)


def _of_change(one: Reckoned, found: Finding, change: Change) -> Iterator[Part]:
    """A change after the lock: what write-offs took of it, what waits, what was ignored; not what is on a draft."""
    asked, of = change.correction, change.of
    yield from _covered(change.covered, of.contact, of.currency)
    billed = sums([each for each in of_state(one.postings, "open") if each.corrects == asked.document])
    worked = (asked.seconds if change.worked is None else change.worked) - billed.worked
    amount = asked.amount - billed.amount
    if change.used_up or not (worked or amount):
        return
    where: Where = "ignored" if found.decided == "ignore" else "waiting"
    yield Part(
        where=where,
        reason="" if where == "ignored" else CORRECTION,
        contact=of.contact,
        currency=of.currency,
        seconds=worked,
        amount=amount,
    )


def _covered(seconds: Decimal, contact: str, currency: str) -> list[Part]:
    """Time that a write-on or write-off stands for. Its worth is that of the line, told with what people wrote."""
    return [Part(where="write-ons", contact=contact, currency=currency, seconds=seconds)] if seconds else []


def _rest(
    one: Reckoned, base: Verdict | None, found: Finding | None, left: Decimal, around: Surroundings
) -> Part | None:
    """Where the time is that is on no document; None where nothing explains it."""
    if isinstance(base, Out):
        return _unbilled(one, _OUT.get(base.reason, "not-billable"), base.reason, left)
    if base is None:
        return _unbilled(one, "waiting", DUE, left)
    if isinstance(base, Waiting):
        return _unbilled(one, "waiting", base.reason, left)
    if base.corrects:
        return _beside_correction(one, base, left)
    if found is not None and timed(found.here) and not found.away:
        rounded = around.bucket.by_entry and found.change is None
        return _worth(base, "rounding", "", left) if rounded else None
    reason = one.held.reason if one.held is not None else "moved-after-lock" if found and found.away else DUE
    return _worth(base, "waiting", reason, left)


def _of_accepted(one: Reckoned, placed: Placed) -> Iterator[Part]:
    """What of an accepted correction is not on its document yet, and what write-offs took of it."""
    yield from _covered(placed.covered, placed.contact, placed.currency)
    billed = sums([each for each in of_state(one.postings, "open") if each.corrects == placed.corrects])
    worked, amount = worked_in(placed) - billed.worked, (placed.amount or ZERO) - billed.amount
    if (worked or amount) and valid(placed, one.postings):
        yield Part(
            where="waiting",
            reason=one.held.reason if one.held is not None else DUE,
            contact=placed.contact,
            currency=placed.currency,
            seconds=worked,
            amount=amount,
        )


def _beside_correction(one: Reckoned, placed: Placed, left: Decimal) -> Part | None:
    """Time that an accepted correction takes off one client is for another, once that is done."""
    clients = {client_of(each) for each in one.postings if each.document == placed.corrects}
    there = [each for each in one.postings if client_of(each) in clients]
    stands = added(sums(of_state(there, "fixed")), unreleased(corrections_taken_out(there), one.decisions).values())
    off = worked_in(placed) if valid(placed, one.postings) else Decimal(0)
    gone = stands.worked + off + placed.covered == 0
    return _unbilled(one, "waiting", "moved-after-lock", left) if gone else None


def _unbilled(one: Reckoned, where: Where, reason: str, seconds: Decimal) -> Part:
    return Part(
        where=where,
        reason=reason,
        contact=one.entry.xero_contact,
        currency=one.entry.currency,
        seconds=seconds,
    )


def _worth(placed: Placed, where: Where, reason: str, seconds: Decimal) -> Part:
    return Part(
        where=where,
        reason=reason,
        contact=placed.contact,
        currency=placed.currency,
        seconds=seconds,
        amount=hours_amount(seconds, placed.rate),
    )


def grouped(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts of the same place, reason, client and currency as one."""
    found: dict[tuple[str, str, str, str], Part] = {}
    for part in parts:
        name = (part.where, part.reason, part.contact, part.currency)
        had = found.get(name)
        found[name] = (
            part
            if had is None
            else Part(
                where=part.where,
                reason=part.reason,
                contact=part.contact,
                currency=part.currency,
                seconds=had.seconds + part.seconds,
                amount=had.amount + part.amount,
            )
        )
    return tuple(found[name] for name in sorted(found))
