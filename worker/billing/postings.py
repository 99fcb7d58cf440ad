"""Postings: which unit is on which document for how much; and their text on the entry in Salesforce.

The text (`[source.write_back] billed`) is what a rebuild after a wipe is proven by: one line per posting, oldest first,
`document seconds rate amount state` and further facts as `name=value`. Lines that are not of this form are a person's
and are passed over.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import quote, unquote

from worker.billing import words
from worker.billing.keys import document_id
from worker.billing.model import Document, Found, Line, Posting, PostingState
from worker.billing.money import ZERO

LIMIT: Final = 32_768  # characters of a long text area as Salesforce makes it by default
_NAMES: Final = ("contact", "currency", "rate_source", "basis", "account", "tax_type", "line")
_STATES: Final[tuple[PostingState, ...]] = ("open", "fixed", "suspended")
_FORM: Final = re.compile(
    r"(?P<document>[0-9A-Z]{8,}/[0-9]+) (?P<numbers>\S+ \S+ \S+) (?P<state>\w+)(?P<rest>(?: \w+=\S*)*)"
)


def postings_of(document: Document) -> tuple[Posting, ...]:
    """The postings that a document stands for, in the order of its lines; on a credit note they are negative."""
    held = [posting for line in document.lines for posting in _of_line(document, line, _state(document, line))]
    gone = [posting for line in document.removed for posting in _of_line(document, line, "suspended")]
    return (*held, *gone)


def manifest(postings: Iterable[Posting]) -> str:
    """One unit's postings as text, oldest first. What does not fit loses further facts first, then its oldest lines."""
    kept = list(postings)
    text = "\n".join(_full(posting) for posting in kept)
    if len(text) <= LIMIT:
        return text
    lines = [_brief(posting) for posting in kept]
    while lines and len("\n".join(lines)) > LIMIT:
        lines = lines[1:]
    return "\n".join(lines)


def parse_manifest(text: str, unit: str = "") -> tuple[Posting, ...]:
    """The postings of `unit` that a text says; lines a person added are passed over."""
    parsed = (_parse(line.strip(), unit) for line in text.splitlines())
    return tuple(posting for posting in parsed if posting is not None)


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
            rate=share.rate,
            rate_source=share.rate_source,
            basis=share.basis,
            seconds=sign * share.seconds,
            amount=sign * share.amount,
            account=line.account,
            tax_type=line.tax_type,
            state=state,
        )
        for share in line.shares
    ]


def _brief(posting: Posting) -> str:
    return f"{posting.document} {posting.seconds} {posting.rate} {posting.amount} {posting.state}"


def _full(posting: Posting) -> str:
    facts = [(name, str(getattr(posting, name))) for name in _NAMES]
    return " ".join([_brief(posting), *(f"{name}={quote(value)}" for name, value in facts if value)])


def _parse(text: str, unit: str) -> Posting | None:
    form = _FORM.match(text)
    if not form or form["state"] not in _STATES:
        return None
    try:
        seconds, rate, amount = (Decimal(number) for number in form["numbers"].split(" "))
    except InvalidOperation:
        return None
    if not all(number.is_finite() for number in (seconds, rate, amount)):
        return None
    facts = dict(pair.split("=", 1) for pair in form["rest"].split())
    further = {name: unquote(facts[name]) for name in _NAMES if name in facts}
    state: PostingState = next(each for each in _STATES if each == form["state"])
    return Posting(
        unit=unit, document=form["document"], seconds=seconds, rate=rate, amount=amount, state=state, **further
    )
