"""Which of Xero's lines is which of ours: by LineItemID, else by what it says, else by its place."""

from collections.abc import Sequence
from decimal import Decimal

from worker.billing.canonical import line_content
from worker.billing.model import FoundLine, Line
from worker.billing.money import half_up


def matched(
    lines: Sequence[Line], found: Sequence[FoundLine], *, taxed: bool = True, by_place: bool = False
) -> list[FoundLine | None]:
    """For each of `lines` its counterpart in `found`, or None.

    A line that was recreated (same content, new id) is recognised by its content, in order. `by_place`: what is left is
    paired in order where as many are left on both sides (the answer to a write of ours has our lines in our order).
    """
    free = dict(enumerate(found))
    by_id = {each.id: index for index, each in free.items() if each.id}
    pairs = [free.pop(by_id[line.id], None) if line.id in by_id else None for line in lines]
    by_content: dict[str, list[int]] = {}
    for index, each in reversed(free.items()):
        by_content.setdefault(line_content(each, taxed=taxed), []).append(index)
    for place, line in enumerate(lines):
        same = by_content.get(line_content(line, taxed=taxed)) if pairs[place] is None else None
        if same:
            pairs[place] = free.pop(same.pop())
    if by_place and pairs.count(None) == len(free):
        rest = iter(free.values())
        pairs = [pair if pair is not None else next(rest) for pair in pairs]
    return pairs


def strangers(found: Sequence[FoundLine], pairs: Sequence[FoundLine | None]) -> list[FoundLine]:
    """The lines of `found` that are the counterpart of none of ours."""
    ours = {id(pair) for pair in pairs if pair is not None}
    return [line for line in found if id(line) not in ours]


def same_numbers(line: Line, found: FoundLine) -> bool:
    """Whether quantity, price, discount and amount are what the line of ours has."""
    pairs = (
        (line.quantity, found.quantity),
        (line.unit_amount, found.unit_amount),
        (line.discount, found.discount),
    )
    amount = found.amount is None or found.amount == line.amount
    return amount and all(_places(one) == _places(other) for one, other in pairs)


def _places(value: Decimal | None) -> Decimal:
    return half_up(value or Decimal(0), 4)
