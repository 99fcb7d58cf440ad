"""What people wrote on (+) or off (-) in Xero, and how later changes of the time use it up.

A person made 10 hours 9, then the entry follows to 9: that is what they meant, and no correction. Nothing is stored
about it: how much is used follows each time from what the units are now, in the order of their ids.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from worker.billing.keys import document_id
from worker.billing.model import Document, Posting
from worker.billing.money import ZERO


class WriteOns:
    """What is left of the write-ons and write-offs of lines, and the numbers that people call documents by."""

    def __init__(self, documents: Iterable[Document] = (), *, most: Decimal | None = None) -> None:
        """`most`: no change takes more than this of them."""
        self._most = most
        self._numbers: dict[str, str] = {}
        self._left: dict[tuple[str, str], Decimal] = {}
        for each in documents:
            name = document_id(each.key, each.sequence)
            self._numbers[name] = each.number
            sign = -1 if each.type == "ACCRECCREDIT" else 1
            self._left |= {(name, line.id): sign * line.write_on for line in each.lines if line.id and line.shares}

    def name(self, document: str) -> str:
        """What people call a document: its number where it is known, else its id."""
        return self._numbers.get(document) or document

    def of(self, postings: Sequence[Posting], amount: Decimal) -> Decimal:
        """How much of a change by `amount` write-ons and write-offs of these postings' lines take, with its sign."""
        there = sum((left for left in self._lines(postings).values() if left * amount > 0), ZERO)
        sizes = [abs(there), abs(amount), *([] if self._most is None else [self._most])]
        return min(sizes).copy_sign(amount) if there else ZERO

    def take(self, postings: Sequence[Posting], used: Decimal) -> None:
        """This much of them is used up."""
        for line, left in self._lines(postings).items():
            if left * used > 0:
                part = min(abs(left), abs(used)).copy_sign(used)
                self._left[line] = left - part
                used -= part

    def left(self) -> dict[tuple[str, str], Decimal]:
        """By document and line what nothing has used up."""
        return {line: left for line, left in self._left.items() if left}

    def _lines(self, postings: Sequence[Posting]) -> dict[tuple[str, str], Decimal]:
        lines = {(each.document, each.line): each.write_on for each in postings if each.line}
        return {line: self._left.setdefault(line, write_on) for line, write_on in lines.items()}
