"""Xero's arithmetic: half up, per line, then added up (its guide on rounding)."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
FOUR = Decimal("0.0001")
MAX_AMOUNT = Decimal("9999999999.99")


def cents(value: Decimal) -> Decimal:
    """Rounded half up (away from zero) to two places."""
    return value.quantize(CENT, ROUND_HALF_UP)


def four_places(value: Decimal) -> Decimal:
    """Rounded half up to four places: quantities always, prices with unitdp=4."""
    return value.quantize(FOUR, ROUND_HALF_UP)


def line_total(
    quantity: Decimal, unit_amount: Decimal, discount_rate: Decimal | None, discount_amount: Decimal | None
) -> Decimal:
    """Quantity × price, less a discount in percent or as an amount, to the cent."""
    gross = quantity * unit_amount
    if discount_rate is not None:
        return cents(gross * (100 - discount_rate) / 100)
    return cents(gross - (discount_amount or Decimal(0)))


def line_tax(amount: Decimal, rate: Decimal, amounts: str) -> Decimal:
    """Tax on one line to the cent; `rate` in percent. Inclusive amounts contain their tax."""
    if amounts == "NoTax":
        return Decimal("0.00")
    if amounts == "Inclusive":
        return cents(amount - amount / (1 + rate / 100))
    return cents(amount * rate / 100)
