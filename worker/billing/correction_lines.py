"""Lines that correct locked documents: one for each unit and corrected document, never grouped with anything."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from worker.billing.members import ordinary
from worker.billing.model import Line, Placed, Share
from worker.billing.money import half_up, line_amount, quantity

ONE = Decimal("1.0000")


def correction_lines(corrections: Iterable[Placed], existing: Iterable[Line]) -> list[Line]:
    """A line for each of these; one that is on the document already keeps its id and what a person chose on it.

    On a credit note everything is positive: there, it is the document that takes off.
    """
    there = {_of(line): line for line in existing if line.corrects and line.shares and ordinary(line)}
    return [_line(placed, there) for placed in sorted(corrections, key=lambda each: (each.unit, each.corrects))]


def _of(line: Line) -> tuple[str, str]:
    """What makes a correction's line the same one as before: also after a wipe, when its group is not known."""
    return line.shares[0].unit, line.corrects


def _line(placed: Placed, there: Mapping[tuple[str, str], Line]) -> Line:
    before = there.get((placed.unit, placed.corrects))
    hours, price, amount = _numbers(placed)
    line = Line(
        id=before.id if before else "",
        group=placed.line,
        description=placed.description,
        quantity=hours,
        unit_amount=price,
        amount=amount,
        account=placed.account,
        tax_type=placed.tax_type,
        tracking=placed.tracking,
        item=placed.item,
        shares=(_share(placed),),
        corrects=placed.corrects,
        sources=placed.sources,
    )
    if before is None:
        return line
    return replace(line, kept=before.kept, **{name: getattr(before, name) for name in before.kept})


def _numbers(placed: Placed) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, price and amount: hours at the rate where that gives the amount to the cent, else one at the amount."""
    amount = (placed.amount or Decimal(0)) * _sign(placed)
    hours = quantity(abs(placed.seconds))
    price = placed.rate if amount >= 0 else -placed.rate
    if placed.seconds and line_amount(hours, price) == amount:
        return hours, price, amount
    return ONE, half_up(amount, 4), amount


def _share(placed: Placed) -> Share:
    sign = _sign(placed)
    return Share(
        unit=placed.unit,
        seconds=placed.seconds * sign,
        worked=None if placed.worked is None else placed.worked * sign,
        amount=(placed.amount or Decimal(0)) * sign,
        rate=placed.rate,
        rate_source=placed.rate_source,
        basis=placed.basis,
    )


def _sign(placed: Placed) -> int:
    return -1 if placed.credit else 1
