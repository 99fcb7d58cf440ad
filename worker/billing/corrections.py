"""What locked documents would need: proposed corrections, which wait for a person.

Only the unit's own record reopens what was fixed: its quantity and date, its billable and approval fields, its project,
its own rate and currency field, its deletion. Who worked, and what arrives through other records or the setup, was
fixed with the posting. A unit's fixed postings are judged as a whole, so a correction that was fixed itself counts like
what it corrected; a proposal names the last document it was billed on, and each is corrected at most once.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from worker.billing.canonical import followed
from worker.billing.decisions import billed_again, on_proposal, released, settlement, was_ignored
from worker.billing.gates import OWN_RECORD
from worker.billing.model import Correction, Decision, DecisionKind, Out, Placed, Posting, Waiting
from worker.billing.money import HOUR, ZERO, half_up, hours_amount
from worker.billing.rates import Basis, parse_basis
from worker.billing.rules import Rules
from worker.billing.write_ons import WriteOns

Verdict = Placed | Waiting | Out

_SETTLED: Final = ("fixed", "suspended")
MOVED: Final = "the entry was moved to another client or project"
_WHY: Final = {
    "deleted": "the entry was deleted",
    "before-start": "the entry's day was moved before the start of billing",
    "already-billed": "the entry is marked as billed elsewhere",
    "not-billable": "the entry is no longer billable",
    "not-approved": "the entry's approval was taken back",
    "zero": "the entry has no hours any more",
}


class Sums(Struct, frozen=True):
    """A unit's postings of some states, added up; `worked` are the seconds before rounding."""

    seconds: Decimal
    amount: Decimal
    worked: Decimal = Decimal(0)

    @property
    def nothing(self) -> bool:
        """Whether there is neither time nor money in it (rounded to nothing, time may have been worked)."""
        return not (self.seconds or self.amount or self.worked)


class Change(Struct, frozen=True, kw_only=True):
    """A correction that a unit's fixed postings ask for, and with what it would be billed.

    `used` is what write-ons and write-offs of its lines took of the change first; `of` the posting it corrects.
    """

    correction: Correction
    of: Posting
    rate: Decimal
    rate_source: str
    basis: str
    worked: Decimal | None = None
    used: Decimal = ZERO
    covered: Decimal = Decimal(0)  # the seconds (as worked) that `used` stands for

    @property
    def used_up(self) -> bool:
        """Whether nothing of it is left."""
        return not self.correction.amount and bool(self.used or not self.correction.seconds)


class Finding(Struct, frozen=True, kw_only=True):
    """How a unit stands to what was billed of it: fixed postings where it belongs (`here`) and those of another client
    or project that it has left (`away`), what these need, and what a person decided about that."""

    here: tuple[Posting, ...] = ()
    suspended: tuple[Posting, ...] = ()  # where it belongs
    away: tuple[Posting, ...] = ()  # none where a person ignored the move, or it was written off
    change: Change | None = None
    decided: DecisionKind | None = None
    written_off: Change | None = None  # of a former client: nothing is left of what was billed there
    taken_out: Posting | None = None  # a correction that a person took out, and nobody has decided what that means

    @property
    def proposal(self) -> Correction | None:
        """The correction that waits for a person."""
        waits = self.change is not None and self.decided is None and not self.change.used_up
        return self.change.correction if self.change is not None and waits else None


class Bucket(Struct, frozen=True):
    """How a unit is judged against what it was billed on.

    `by_project` where invoices are grouped by project; `by_entry` where each entry's time is rounded by itself.
    """

    by_project: bool = False
    follow: Mapping[str, str] = {}
    by_entry: bool = False

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
        """Those of a unit's postings that are in one of these states and stayed in another bucket."""
        return [each for each in of_state(postings, *states) if self.left(placed, _stands_for(each, postings))]

    def here(self, placed: Placed, postings: Sequence[Posting], *states: str) -> list[Posting]:
        """Those of a unit's postings that are in one of these states and in the bucket it is placed in."""
        return [each for each in of_state(postings, *states) if not self.left(placed, _stands_for(each, postings))]


def _stands_for(posting: Posting, postings: Sequence[Posting]) -> Posting:
    """By which posting one is judged: what a client was billed of a unit stands together, as it was billed last."""
    if posting.state == "suspended" and not posting.corrects:
        return posting
    billed = [each for each in of_state(timed(postings), "fixed") if client_of(each) == client_of(posting)]
    return billed[-1] if billed else posting


def bucket_of(rules: Rules, follow: Mapping[str, str]) -> Bucket:
    """How units are judged under these rules; `follow` are merged contacts."""
    by_entry = bool(rules.round_minutes) and rules.round_per == "entry"
    return Bucket("project" in rules.invoice_per, follow, by_entry)


def sums(postings: Sequence[Posting]) -> Sums:
    """Seconds and amounts of postings, added up."""
    seconds = sum((posting.seconds for posting in postings), Decimal(0))
    worked = sum((worked_in(posting) for posting in postings), Decimal(0))
    return Sums(seconds, sum((posting.amount for posting in postings), ZERO), worked)


def worked_in(each: Posting | Placed) -> Decimal:
    """The seconds that were worked, where they were rounded, else those that are billed."""
    return each.seconds if each.worked is None else each.worked


def of_state(postings: Sequence[Posting], *states: str) -> list[Posting]:
    """Those of `postings` that are in one of `states`."""
    return [posting for posting in postings if posting.state in states]


def unreleased(postings: Sequence[Posting], decisions: Sequence[Decision]) -> dict[str, Sums]:
    """By document, the suspended time that nobody decided to bill again: it counts as dealt with."""
    found = {}
    for document in dict.fromkeys(posting.document for posting in postings):
        held = sums([posting for posting in postings if posting.document == document])
        left = held.seconds - released(decisions, document, held.seconds)
        part = left / held.seconds if held.seconds else Decimal(not billed_again(decisions, document))
        found[document] = Sums(left, half_up(held.amount * part, 2), held.worked * part)
    return found


def finding(
    verdict: Verdict, postings: Sequence[Posting], decisions: Sequence[Decision], write_ons: WriteOns, bucket: Bucket
) -> Finding:
    """What the fixed postings of a unit need. `verdict` is what it is by itself, before any accepted correction.

    `write_ons` give out what they have: call this once for each unit of a moment, in the order of their ids.
    """
    if isinstance(verdict, Placed):
        return _of_placed(verdict, postings, decisions, write_ons, bucket)
    fixed = of_state(postings, "fixed")
    if verdict.reason not in OWN_RECORD:
        return Finding(here=tuple(fixed))
    stands = _last_that_stands(postings, decisions)
    off = _taken_off(stands, write_ons, _WHY[verdict.reason]) if stands else None
    return _found(Finding(here=tuple(fixed), taken_out=_undecided(postings, decisions)), off, decisions, write_ons)


def _of_placed(
    placed: Placed, postings: Sequence[Posting], decisions: Sequence[Decision], write_ons: WriteOns, bucket: Bucket
) -> Finding:
    here, left = bucket.here(placed, postings, *_SETTLED), bucket.away(placed, postings, *_SETTLED)
    found = _standing_here(Finding(taken_out=_undecided(left, decisions)), here)
    stands = _last_that_stands(left, decisions)
    off = _taken_off(stands, write_ons, MOVED) if stands else None
    if stands and off is not None and off.used_up:
        write_ons.take(stands.fixed, off.used)
        found = replace(found, written_off=off)
    elif stands and off is not None and _ignored(off, decisions):  # then the move did not happen
        same = [each for each in left if client_of(each) == client_of(stands.fixed[0])]
        found = _standing_here(found, [each for each in postings if any(each is other for other in (*same, *here))])
    elif stands and off is not None:
        return _found(replace(found, away=stands.fixed), off, decisions, write_ons)
    if not timed(found.here):  # nothing, or a surcharge whose time a person took off: there is no time to correct
        return found
    dealt_with = list(unreleased(found.suspended, decisions).values())
    return _found(found, _changed(placed, found.here, dealt_with, write_ons, bucket), decisions, write_ons)


def _standing_here(found: Finding, postings: Sequence[Posting]) -> Finding:
    fixed, suspended = tuple(of_state(postings, "fixed")), tuple(of_state(postings, "suspended"))
    return replace(found, here=fixed, suspended=suspended)


def _ignored(change: Change, decisions: Sequence[Decision]) -> bool:
    proposal = change.correction
    return was_ignored(decisions, proposal.document, proposal.seconds, proposal.amount)


def _found(found: Finding, change: Change | None, decisions: Sequence[Decision], write_ons: WriteOns) -> Finding:
    if change is None:
        return found
    write_ons.take(found.away or found.here, change.used)
    asked = change.correction
    decided = None if change.used_up else on_proposal(decisions, asked.document, asked.seconds, asked.amount)
    return replace(found, change=change, decided=decided)


class _Standing(Struct, frozen=True):
    """What a client was billed of a unit that belongs to nobody, or somebody else, now. A correction that a person took
    out again counts as made, until somebody decides to bill it again (`net` is with these)."""

    fixed: tuple[Posting, ...]
    net: Sums


def _last_that_stands(postings: Sequence[Posting], decisions: Sequence[Decision]) -> _Standing | None:
    """What the last client was billed of whom something is left; a unit may have been several clients'."""
    for client in _clients(postings):
        fixed = of_state(client, "fixed")
        net = added(sums(fixed), unreleased(_taken_out(client), decisions).values())
        if net.seconds or net.amount:
            return _Standing(tuple(fixed), net)
    return None


def _undecided(postings: Sequence[Posting], decisions: Sequence[Decision]) -> Posting | None:
    """A correction among these that a person took out, and of which nobody has said what that means."""
    for posting in corrections_taken_out(postings):
        left = unreleased([posting], decisions)[posting.document]
        if not left.nothing and settlement(decisions, posting.document, left.seconds) is None:
            return posting
    return None


def corrections_taken_out(postings: Sequence[Posting]) -> list[Posting]:
    """Suspended corrections that went against what is fixed for the same client, the last client's first."""
    return [posting for client in _clients(postings) for posting in _taken_out(client)]


def _clients(postings: Sequence[Posting]) -> list[list[Posting]]:
    """Postings by client and currency, the last ones first; of those alone that something was fixed for."""
    names = dict.fromkeys(client_of(each) for each in reversed(postings) if each.state == "fixed")
    return [[each for each in postings if client_of(each) == name] for name in names]


def client_of(posting: Posting) -> tuple[str, str]:
    """Who was billed by a posting, and in which currency."""
    return posting.contact, posting.currency


def _taken_out(client: Sequence[Posting]) -> list[Posting]:
    """Suspended corrections that went against what is fixed."""
    net = sums(of_state(client, "fixed"))
    suspended = [each for each in of_state(client, "suspended") if each.corrects]
    return [each for each in suspended if each.seconds * net.seconds < 0 or each.amount * net.amount < 0]


def added(one: Sums, others: Iterable[Sums]) -> Sums:
    """Sums of sums."""
    every = [one, *others]
    return Sums(
        sum((each.seconds for each in every), Decimal(0)),
        sum((each.amount for each in every), ZERO),
        sum((each.worked for each in every), Decimal(0)),
    )


def timed(postings: Sequence[Posting]) -> list[Posting]:
    """Those that are time, not a surcharge on it."""
    return [posting for posting in postings if not posting.surcharge]


def _taken_off(stands: _Standing, write_ons: WriteOns, why: str) -> Change | None:
    """Exactly minus what was billed."""
    net, last = stands.net, (timed(stands.fixed) or stands.fixed)[-1]
    asked = _Asked(last, last.rate, last.rate_source, last.basis, -net.seconds, -net.worked, -net.amount, why)
    return asked.change(stands.fixed, write_ons)


def _changed(
    placed: Placed, here: Sequence[Posting], suspended: Sequence[Sums], write_ons: WriteOns, bucket: Bucket
) -> Change | None:
    was, last = added(sums(here), suspended), (timed(here) or here)[-1]
    worked = worked_in(placed) - was.worked
    difference = placed.seconds - was.seconds if bucket.by_entry else worked
    if _own_rate_changed(placed, last):
        target = hours_amount(was.seconds + difference, placed.rate * _with_surcharges(here, last))
        why = f"its rate is {_plain(placed.rate)} instead of {_plain(last.rate)}"
        rate = (placed.rate, placed.rate_source, placed.basis)
        return _Asked(last, *rate, difference, worked, target - was.amount, why).change(here, write_ons)
    if not worked or not difference:
        return None
    hours = _plain(half_up(abs(difference) / HOUR, 4))
    why = f"{hours} h {'more' if difference > 0 else 'less'} than billed"
    amount = hours_amount(difference, last.rate * _with_surcharges(here, last))
    asked = _Asked(last, last.rate, last.rate_source, last.basis, difference, worked, amount, why)
    return asked.change(here, write_ons)


class _Asked(Struct, frozen=True):
    """What a unit asks for, before write-ons and write-offs took their part."""

    of: Posting
    rate: Decimal
    rate_source: str
    basis: str
    seconds: Decimal
    worked: Decimal
    amount: Decimal
    why: str

    def change(self, billed: Sequence[Posting], write_ons: WriteOns) -> Change | None:
        """What is left of it for a correction."""
        used = write_ons.of(billed, self.amount)
        hourly = self.rate * _with_surcharges(billed, self.of)
        left = self.amount - used
        covered = half_up(used * HOUR / hourly, 6) if hourly else Decimal(0)
        seconds, worked = self.seconds - covered, self.worked - covered
        if used and not left:  # a cent is worth some time: what is left of that belongs to it
            seconds, worked, covered = Decimal(0), Decimal(0), self.worked
        text = f"{'add' if left >= 0 else 'take off'} {abs(left)} {self.of.currency}".rstrip()
        return Change(
            correction=Correction(
                unit=self.of.unit,
                document=self.of.document,
                seconds=_trimmed(seconds),
                amount=left,
                rate=self.of.rate,
                text=f"{write_ons.name(self.of.document)}: {self.why}; {text}.",
            ),
            of=self.of,
            rate=self.rate,
            rate_source=self.rate_source,
            basis=self.basis,
            worked=None if worked == seconds else _trimmed(worked),
            used=used,
            covered=covered,
        )


def _with_surcharges(billed: Sequence[Posting], last: Posting) -> Decimal:
    """By how much surcharges multiply the hourly rate that time was billed at."""
    plain = [posting for posting in billed if not posting.corrects]
    document = (timed(plain) or plain or [last])[-1].document
    others = {each.document for each in timed(plain)} - {document}  # one that was locked alone is of all time since
    rates = {each.surcharge: each.rate for each in plain if each.surcharge and each.document not in others}
    timed_there = [each.rate for each in plain if not each.surcharge and each.document == document]
    rate = timed_there[-1] if timed_there else Decimal(0)
    return 1 + sum(rates.values(), Decimal(0)) / rate if rate else Decimal(1)


def _own_rate_changed(placed: Placed, posting: Posting) -> bool:
    now, was = parse_basis(placed.basis), parse_basis(posting.basis)
    if now is None or was is None or placed.rate == posting.rate or placed.currency != posting.currency:
        return False
    return _own(now) != _own(was)


def _own(basis: Basis) -> tuple[str, str, str]:
    return basis.rate, basis.project, basis.day


def _trimmed(seconds: Decimal) -> Decimal:
    """Without zeros after the point, so that a decision about it reads as the proposal does."""
    return Decimal(_plain(seconds))


def _plain(value: Decimal) -> str:
    return f"{value.normalize() + 0:f}"
