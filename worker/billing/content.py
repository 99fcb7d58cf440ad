"""The lines of a document, made of the units that go on it: rounded, gathered, summed, surcharged."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from worker.billing import words
from worker.billing.folding import LINES, fold
from worker.billing.lines import lines_of
from worker.billing.members import Member, ordinary
from worker.billing.model import Line, Waiting
from worker.billing.money import ZERO
from worker.billing.placing import NOT_BILLABLE
from worker.billing.rounding import round_members
from worker.billing.rules import Rules
from worker.billing.surcharges import NOTHING, Taken, with_surcharges

_SAME_ON_A_LINE = frozenset({"period", "xero_contact"})


class Content(Struct, frozen=True):
    """The lines of time and their surcharges (without corrections), and what there is to say about them."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


def content_of(
    members: Sequence[Member], existing: Sequence[Line], rules: Rules, *, carried: Taken = NOTHING
) -> Content:
    """Lines that hold `members`, on top of those `existing` ones that are not ours to move.

    `carried`: what units have of surcharges on lines that are fixed or were taken out (`surcharges.taken`).
    """
    others = sum(not ordinary(line) or bool(line.corrects) for line in existing) + len(rules.surcharges)
    folded = fold(round_members(members, rules), rules, max(1, LINES - others))
    timed = lines_of(folded.members, existing, several=_several(rules))
    lines = with_surcharges(timed, existing, rules, carried)
    return Content(lines, (folded.note,) if folded.note else ())


def unworthy(lines: Sequence[Line], period: str, rules: Rules) -> Waiting | None:
    """Why a document of these lines is not worth being made: it would be of nothing but zeros, or below the minimum.

    A line that a person wrote or fixed makes it worth keeping.
    """
    if not any(line.amount for line in lines):
        return _only_zeros(period)
    return too_small(lines, period, rules)


def too_small(lines: Sequence[Line], period: str, rules: Rules) -> Waiting | None:
    """Why a document of these lines is below the minimum, if it is: not where a person wrote or fixed a line of it."""
    amount = sum((line.amount for line in lines), ZERO)
    if not rules.minimum_invoice or amount >= rules.minimum_invoice or not all(ordinary(line) for line in lines):
        return None
    return _below_minimum(amount, rules.minimum_invoice, period)


def noticed(members: Sequence[Member], reason: Waiting) -> dict[str, Waiting]:
    """Who waits for this reason: everybody but time that is shown at zero and is not to be billed anyway."""
    return {member.unit: reason for member in members if member.rate_source != NOT_BILLABLE}


def _several(rules: Rules) -> bool:
    """Whether a line's description prints something that its units may differ in."""
    return bool(words.placeholders(rules.description) - set(rules.line_per) - _SAME_ON_A_LINE)


def _only_zeros(period: str) -> Waiting:
    text = "There is nothing to charge yet: it goes on the invoice together with the next time that has an amount."
    return Waiting("only-zeros", text, f"period:{period}")


def _below_minimum(amount: Decimal, minimum: Decimal, period: str) -> Waiting:
    text = (
        f"The invoice would be {amount}, less than the smallest one of {minimum:f}: it waits for more time of this "
        "client, and goes on to the next period when this one is closed."
    )
    return Waiting("below-minimum", text, f"period:{period}")
