"""Credit notes: what stands above the lines of the open draft credit note of a client, group and currency."""

from collections.abc import Sequence
from datetime import date

from worker.billing import words
from worker.billing.heading import branding_of, in_amounts
from worker.billing.model import Document, Line, Placed
from worker.billing.periods import CREDIT
from worker.billing.rules import Rules


def new_credit_note(
    sequence: int, lines: tuple[Line, ...], held: Sequence[Placed], rules: Rules, today: date | None
) -> Document:
    """A draft credit note of these corrections, dated `today` (without it the last day that is corrected).

    A credit note is never due, and has no Url: Xero gives it neither.
    """
    first, day = held[0], today or max(each.worked_on for each in held)
    return Document(
        key=first.key,
        sequence=sequence,
        type="ACCRECCREDIT",
        contact=first.contact,
        currency=first.currency,
        period=CREDIT,
        group=first.group,
        amounts=first.amounts,
        currency_rate=first.currency_rate,
        date=day.isoformat(),
        reference=_reference(held, rules),
        branding=branding_of(held),
        lines=in_amounts(lines, first.amounts),
        rules_version=rules.version,
    )


def _reference(held: Sequence[Placed], rules: Rules) -> str:
    texts = words.distinct(words.render(rules.reference, placed.names) for placed in held)
    return words.cut(", ".join(sorted(texts)), words.REFERENCE_LIMIT)
