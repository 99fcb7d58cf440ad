"""What one composition starts from: the ledger's invoice, the postings of its units, and what holds units back."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from worker.billing.corrections import Bucket, LockedDocuments, Verdict, nets, of_state, proposed, sums
from worker.billing.keys import document_id, key_of
from worker.billing.lines import Member, held_members, member_of
from worker.billing.model import Correction, Document, Invoice, Placed, Posting, Rules, Waiting


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
        postings: Mapping[str, Sequence[Posting]],
        rules: Rules,
        others: Mapping[str, Verdict],
        follow: Mapping[str, str],
    ) -> None:
        self.invoice = invoice
        self.open = open_document(invoice)
        self.postings = postings
        self.others = others
        self.bucket = Bucket("project" in rules.invoice_per, follow)
        self.documents = LockedDocuments(invoice.documents if invoice else ())

    def corrections(self, placements: Sequence[Placed]) -> tuple[Correction, ...]:
        """Corrections of what this invoice billed last, wherever the unit belongs now: each is proposed once."""
        verdicts: dict[str, Verdict] = dict(self.others) | {placed.unit: placed for placed in placements}
        found = (
            proposed(verdict, self.postings.get(unit, ()), self.documents, self.bucket)
            for unit, verdict in sorted(verdicts.items())
            if self._billed_here(unit)
        )
        return tuple(correction for correction in found if correction is not None)

    def members(self, placements: Sequence[Placed]) -> tuple[list[Member], dict[str, Waiting]]:
        """What goes on ordinary lines, and why the rest does not."""
        members: list[Member] = []
        waiting: dict[str, Waiting] = {}
        for placed in placements:
            need, reason = self._need(placed)
            if need:
                members.append(member_of(placed, need))
            if reason is not None:
                waiting[placed.unit] = reason
        return [*members, *self._held()], waiting

    def _need(self, placed: Placed) -> tuple[Decimal, Waiting | None]:
        """The seconds to bill on an ordinary line (0: none), and what else of the unit waits."""
        postings = self.postings.get(placed.unit, ())
        blocked = self._blocked(placed, postings)
        if blocked or self.bucket.here(placed, postings, "fixed"):
            return Decimal(0), blocked
        suspended = self.bucket.here(placed, postings, "suspended")
        need = placed.seconds - sums(suspended).seconds
        if not suspended:
            return need, None
        return need if need * placed.seconds > 0 else Decimal(0), self._suspended(suspended[-1])

    def _blocked(self, placed: Placed, postings: Sequence[Posting]) -> Waiting | None:
        away = self.bucket.away(placed, postings, "fixed")
        if nets(away):
            return self._moved_after_lock(away[-1])
        elsewhere = [each for each in of_state(postings, "open") if not self._on_open(each)]
        return self._moving(elsewhere[-1]) if elsewhere else None

    def _held(self) -> list[Member]:
        held = {unit for unit, verdict in self.others.items() if isinstance(verdict, Waiting) and verdict.holds}
        return held_members(self.open.lines, held) if self.open else []

    def _on_open(self, posting: Posting) -> bool:
        return self.open is not None and posting.document == document_id(self.open.key, self.open.sequence)

    def _billed_here(self, unit: str) -> bool:
        fixed = of_state(self.postings.get(unit, ()), "fixed")
        return bool(fixed) and self.invoice is not None and key_of(fixed[-1].document) == self.invoice.key

    def _moving(self, posting: Posting) -> Waiting:
        name = self.documents.name(posting.document)
        text = f"Moving: it comes onto this invoice as soon as it is off {name}."
        return Waiting("moving", text, f"document:{posting.document}")

    def _moved_after_lock(self, posting: Posting) -> Waiting:
        name = self.documents.name(posting.document)
        text = f"It was billed on {name}, which is locked: accept or ignore the correction of that document first."
        return Waiting("moved-after-lock", text, f"document:{posting.document}")

    def _suspended(self, posting: Posting) -> Waiting:
        name = self.documents.name(posting.document)
        text = f"A person took it off {name} in Xero: choose bill again, billed elsewhere, or don't bill."
        return Waiting("suspended", text, f"decision:{posting.unit}")
