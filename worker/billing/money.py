"""Amounts as Xero computes them: four places in, two places out, half up, tax line by line.

Xero: rounding in the Accounting API. A line is `round2(quantity x unit price x (1 - discount))`, its tax is rounded by
itself, and totals are sums of what was rounded. Everything is `Decimal`; hours have four decimal places, money two.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from msgspec import Struct

from worker.billing.model import Amounts

HOUR = Decimal(3600)
ZERO = Decimal("0.00")


class Charged(Protocol):
    """What `totals` needs of a line: ours (`Line`) or any other."""

    @property
    def amount(self) -> Decimal: ...

    @property
    def tax_type(self) -> str: ...


class Totals(Struct, frozen=True):
    """A document's totals; `total` is what the client pays."""

    sub_total: Decimal
    tax: Decimal
    total: Decimal


def half_up(value: Decimal, places: int) -> Decimal:
    """Round to `places` decimals, ties away from zero (2.165 is 2.17, -2.165 is -2.17)."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def quantity(seconds: Decimal) -> Decimal:
    """Hours at four places. Call it once per line, on the exact sum: 3 x 20 minutes is 1.0000, not 0.9999."""
    return half_up(seconds / HOUR, 4)


def line_amount(quantity: Decimal, unit_amount: Decimal, discount: Decimal | None = None) -> Decimal:
    """The amount of a line at two places; `discount` is a percentage."""
    gross = quantity * unit_amount
    return half_up(gross if not discount else gross * (100 - discount) / 100, 2)


def hours_amount(seconds: Decimal, rate: Decimal) -> Decimal:
    """The worth of time at an hourly rate, without quantising the hours first (corrections)."""
    return half_up(seconds * rate / HOUR, 2)


def tax(amount: Decimal, percent: Decimal, amounts: Amounts) -> Decimal:
    """The tax of one line: on top of `amount` (exclusive), contained in it (inclusive), or none."""
    if amounts == "exclusive":
        return half_up(amount * percent / 100, 2)
    if amounts == "inclusive":
        return half_up(amount * percent / (100 + percent), 2)
    return ZERO


def totals(lines: Iterable[Charged], rates: Mapping[str, Decimal], amounts: Amounts) -> Totals:
    """A document's totals; `rates` maps tax type to effective percentage, a type it lacks counts as no tax."""
    charged = list(lines)
    lines_sum = sum((line.amount for line in charged), ZERO)
    tax_sum = sum((tax(line.amount, rates.get(line.tax_type, Decimal(0)), amounts) for line in charged), ZERO)
    if amounts == "exclusive":
        return Totals(lines_sum, tax_sum, lines_sum + tax_sum)
    return Totals(lines_sum - tax_sum, tax_sum, lines_sum)


def shares(unit_price: Decimal, units: Sequence[tuple[str, Decimal]], line_amount: Decimal) -> list[Decimal]:
    """Which part of a line's amount is whose, by running rounding, so that the parts add up to the line to the cent.

    `units` are (unit id, seconds) in id order, `unit_price` is per hour. A part is what the running total grew by; the
    last unit takes what is left of `line_amount`.
    """
    parts: list[Decimal] = []
    so_far, cumulated = ZERO, Decimal(0)
    for _, seconds in units[:-1]:
        cumulated += seconds
        reached = hours_amount(cumulated, unit_price)
        parts.append(reached - so_far)
        so_far = reached
    return [*parts, line_amount - so_far] if units else parts
