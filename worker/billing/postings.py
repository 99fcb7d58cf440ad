"""Postings: which unit is on which document for how much. Their text on the entry is in `worker.billing.manifest`."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from worker.billing import words
from worker.billing.keys import document_id
from worker.billing.manifest import LIMIT, manifest, parse_decisions, parse_manifest
from worker.billing.model import Document, Found, Line, Posting, PostingState
from worker.billing.money import ZERO

__all__ = ["LIMIT", "manifest", "parse_decisions", "parse_manifest", "postings_of", "residual", "residuals"]


def postings_of(document: Document) -> tuple[Posting, ...]:
    """The postings that a document stands for, in the order of its lines; on a credit note they are negative."""
    held = [posting for line in document.lines for posting in _of_line(document, line, _state(document, line))]
    gone = [posting for line in document.removed for posting in _of_line(document, line, "suspended")]
    return (*held, *gone)


def residuals(found: Found, postings: Sequence[Posting]) -> dict[str, Decimal]:
    """By LineItemID, what Xero's line says beyond the sum of its postings; lines that agree are left out.

    Lines that no posting names and postings whose line is not there are compared in all, under "": whether such a line
    is a person's own or one of ours whose proof was lost, nobody can tell.
    """
    sign = -1 if found.type == "ACCRECCREDIT" else 1
    named = {posting.line for posting in postings} & {line.id for line in found.lines}
    rest: dict[str, Decimal] = defaultdict(Decimal)
    for line in found.lines:
        rest[line.id if line.id in named else ""] += line.amount or ZERO
    for posting in postings:
        rest[posting.line if posting.line in named else ""] -= sign * posting.amount
    for line_id, written_on in {p.line: p.write_on for p in postings if p.line in named}.items():
        rest[line_id] -= sign * written_on  # what a person wrote on the whole line, which the manifest knows
    return {line_id: amount for line_id, amount in rest.items() if amount}


def residual(found: Found, postings: Sequence[Posting]) -> Decimal:
    """How far a document in Xero is from its postings in all: differences of single lines do not cancel out."""
    return sum((abs(amount) for amount in residuals(found, postings).values()), ZERO)


def _state(document: Document, line: Line) -> PostingState:
    if document.status in words.GONE:
        return "suspended"
    return "fixed" if document.fixed or document.status in words.LOCKED or line.fixed else "open"


def _of_line(document: Document, line: Line, state: PostingState) -> list[Posting]:
    sign = -1 if document.type == "ACCRECCREDIT" else 1
    return [
        Posting(
            unit=share.unit,
            document=document_id(document.key, document.sequence),
            line=line.id,
            contact=document.contact,
            currency=document.currency,
            corrects=line.corrects,
            surcharge=line.surcharge,
            write_on=sign * line.write_on,
            rate=share.rate,
            rate_source=share.rate_source,
            basis=share.basis,
            seconds=sign * share.seconds,
            worked=None if share.worked is None else sign * share.worked,
            amount=sign * share.amount,
            account=line.account,
            tax_type=line.tax_type,
            state=state,
        )
        for share in line.shares
    ]
