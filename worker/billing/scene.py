"""What one composition starts from: the ledger's invoice, the postings of its units, and what holds units back."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from worker.billing.correcting import valid
from worker.billing.corrections import Finding, Verdict, bucket_of, finding, of_state, timed, unreleased, worked_in
from worker.billing.decisions import settlement
from worker.billing.keys import document_id, key_of
from worker.billing.members import Member, held_members, member_of, ordinary
from worker.billing.model import Correction, Decision, Document, Invoice, Line, Placed, Posting, Waiting
from worker.billing.money import half_up
from worker.billing.rules import Rules
from worker.billing.write_ons import WriteOns


def open_document(invoice: Invoice | None) -> Document | None:
    """The document of an invoice that time may still move, if there is one."""
    if invoice is None:
        return None
    return next((each for each in reversed(invoice.documents) if each.status == "open" and not each.fixed), None)


def next_sequence(invoice: Invoice | None) -> int:
    """One more than the highest sequence ever seen: numbers are never used again."""
    return 1 + max((each.sequence for each in invoice.documents), default=0) if invoice else 1


class Scene:
    """The situation one composition starts from; it only answers questions."""

    def __init__(
        self,
        invoice: Invoice | None,
        placements: Sequence[Placed],
        postings: Mapping[str, Sequence[Posting]],
        rules: Rules,
        others: Mapping[str, Verdict],
        follow: Mapping[str, str],
        decisions: Mapping[str, Sequence[Decision]],
    ) -> None:
        self.invoice = invoice
        self.open = open_document(invoice)
        self._postings = postings
        self._others = others
        self._decisions = decisions
        self._bucket = bucket_of(rules, follow)
        self._write_ons = WriteOns(invoice.documents if invoice else ())
        self.placements = placements
        self._findings = self._found()

    def corrections(self) -> tuple[Correction, ...]:
        """Proposed corrections of this invoice's documents, wherever their units belong now: each is proposed once."""
        found = (each.proposal for each in self._findings.values())
        return tuple(each for each in found if each is not None and self._is_mine(each.document))

    def members(self) -> tuple[list[Member], dict[str, Waiting]]:
        """What goes on ordinary lines, and why the rest does not."""
        members: list[Member] = []
        waiting: dict[str, Waiting] = {}
        for placed in self.placements:
            if placed.corrects:
                continue
            member, reason = self._need(placed)
            members += [member] if member is not None else []
            waiting |= {placed.unit: reason} if reason is not None else {}
        return [*members, *self._held()], waiting

    def taken_out(self) -> dict[str, Waiting]:
        """Units of others whose correction a person took out of a document of this invoice: a decision is asked for."""
        out = {unit: found.taken_out for unit, found in self._findings.items() if unit in self._others}
        mine = {unit: each for unit, each in out.items() if each is not None and self._is_mine(each.document)}
        return {unit: self._suspended(posting) for unit, posting in mine.items()}

    def corrected(self) -> tuple[list[Placed], dict[str, Waiting]]:
        """Accepted corrections to bill here, and why the rest waits."""
        given: list[Placed] = []
        waiting: dict[str, Waiting] = {}
        for placed in self.placements:
            if not placed.corrects or not self._still_asked(placed):
                continue
            reason = self._moves(placed)
            if reason is None:
                given.append(placed)
            else:
                waiting[placed.unit] = reason
        return given, waiting

    def held_corrections(self) -> list[Line]:
        """Corrections on the open document whose units cannot be judged now: they stay as they are."""
        held, lines = self._holding(), self.open.lines if self.open else ()
        return [
            line
            for line in lines
            if line.corrects and ordinary(line) and any(share.unit in held for share in line.shares)
        ]

    def carried(self) -> list[Posting]:
        """What the units have on the open document already that is fixed, or that a person took out, and what they have
        of surcharges that were locked elsewhere without their time."""
        found: list[Posting] = []
        for unit, postings in self._postings.items():
            here = [posting for posting in postings if self._on_open(posting)]
            found += of_state(here, "fixed")
            gone = of_state(here, "suspended")
            if any(not left.nothing for left in unreleased(gone, self._decisions.get(unit, ())).values()):
                found += gone
            found += self._charged_alone(unit)
        return found

    def _charged_alone(self, unit: str) -> list[Posting]:
        """Surcharges on other documents that no time of the unit is fixed beside: charged for time that is billed yet.
        As far as that time was taken off and stays off, they are its own."""
        known = self._findings.get(unit)
        if known is None or timed(known.here):
            return []
        found: list[Posting] = []
        for posting in known.here:
            if posting.surcharge and not self._on_open(posting):
                off = [each for each in timed(known.suspended) if each.document == posting.document]
                held = sum((each.seconds for each in off), Decimal(0))
                left = sum((e.seconds for e in unreleased(off, self._decisions.get(unit, ())).values()), Decimal(0))
                part = half_up(posting.amount * (held - left) / held, 2) if held else posting.amount
                found.append(replace(posting, amount=part))
        return found

    def elsewhere(self) -> set[str]:
        """Units that are on another open document: nothing of them comes onto this one before they are off it."""
        return {
            unit
            for unit, postings in self._postings.items()
            if any(not self._on_open(posting) for posting in of_state(postings, "open"))
        }

    def _found(self) -> dict[str, Finding]:
        verdicts: dict[str, Verdict] = dict(self._others) | {placed.unit: placed for placed in self.placements}
        for unit, verdict in verdicts.items():
            if isinstance(verdict, Placed) and verdict.corrects and self._still_asked(verdict):
                self._write_ons.take(of_state(self._postings.get(unit, ()), "fixed"), verdict.used)
        return {
            unit: finding(
                verdict, self._postings.get(unit, ()), self._decisions.get(unit, ()), self._write_ons, self._bucket
            )
            for unit, verdict in sorted(verdicts.items())
            if not isinstance(verdict, Placed) or not verdict.corrects
        }

    def _need(self, placed: Placed) -> tuple[Member | None, Waiting | None]:
        """What of the unit to bill on an ordinary line, and what else of it waits."""
        found = self._findings[placed.unit]
        blocked = self._left_behind(found) or self._moves(placed)
        if blocked is not None:
            return None, blocked
        waits = self._taken_out(found.suspended, placed.unit)
        if timed(found.here):
            return None, waits
        left = unreleased(found.suspended, self._decisions.get(placed.unit, ())).values()
        worked = worked_in(placed) - sum((each.worked for each in left), Decimal(0))
        billed = sum((each.seconds for each in left), Decimal(0))
        need = placed.seconds - billed if self._bucket.by_entry else worked
        rounded_off = not placed.seconds and not billed and bool(worked)
        if not worked or (need * placed.seconds <= 0 and not rounded_off):
            return None, waits  # no more was worked: rounding it otherwise since then is nobody's time
        return member_of(placed, need, None if worked == need else worked), waits

    def _taken_out(self, suspended: Sequence[Posting], unit: str) -> Waiting | None:
        """That time was taken off documents, and nobody has decided about it yet."""
        decisions = self._decisions.get(unit, ())
        for document, left in unreleased(suspended, decisions).items():
            if not left.nothing and settlement(decisions, document, left.seconds) is None:
                return self._suspended(next(each for each in suspended if each.document == document))
        return None

    def _still_asked(self, placed: Placed) -> bool:
        return valid(placed, self._postings.get(placed.unit, ()))

    def _holding(self) -> set[str]:
        return {unit for unit, verdict in self._others.items() if isinstance(verdict, Waiting) and verdict.holds}

    def _held(self) -> list[Member]:
        return held_members(self.open.lines, self._holding()) if self.open else []

    def _is_mine(self, document: str) -> bool:
        return self.invoice is not None and key_of(document) == self.invoice.key

    def _on_open(self, posting: Posting) -> bool:
        return self.open is not None and posting.document == document_id(self.open.key, self.open.sequence)

    def _moves(self, placed: Placed) -> Waiting | None:
        postings = of_state(self._postings.get(placed.unit, ()), "open")
        elsewhere = [each for each in postings if not self._on_open(each)]
        if not elsewhere:
            return None
        name = self._write_ons.name(elsewhere[-1].document)
        text = f"Moving: it comes onto this invoice as soon as it is off {name}."
        return Waiting("moving", text, f"document:{elsewhere[-1].document}")

    def _left_behind(self, found: Finding) -> Waiting | None:
        if found.taken_out is not None:
            return self._suspended(found.taken_out)
        return self._moved_after_lock(found.away[-1]) if found.away else None

    def _moved_after_lock(self, posting: Posting) -> Waiting:
        name = self._write_ons.name(posting.document)
        text = f"It was billed on {name}, which is locked: accept or ignore the correction of that document first."
        return Waiting("moved-after-lock", text, f"document:{posting.document}")

    def _suspended(self, posting: Posting) -> Waiting:
        name = self._write_ons.name(posting.document)
        text = f"A person took it off {name} in Xero: choose bill again, billed elsewhere, or don't bill."
        return Waiting("suspended", text, f"decision:{posting.unit}")
