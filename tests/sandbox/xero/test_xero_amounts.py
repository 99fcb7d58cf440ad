"""The arithmetic, checked against whole numbers of hundredths."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sandbox.xero import wire
from sandbox.xero.amounts import line_tax, line_total

quantities = st.decimals(min_value=-99_999, max_value=99_999, places=4)
prices = st.decimals(min_value=-9_999, max_value=9_999, places=4)
rates = st.sampled_from([Decimal(0), Decimal(5), Decimal("17.5"), Decimal(20)])


def half_up(value: Fraction) -> Decimal:
    """To hundredths, halves away from zero, in whole numbers only."""
    sign, doubled = (-1 if value < 0 else 1), abs(value) * 200
    return Decimal(sign * ((doubled.numerator + doubled.denominator) // (2 * doubled.denominator))) / 100


@given(quantities, prices)
def test_a_lines_amount_is_quantity_times_price_half_up(quantity: Decimal, price: Decimal) -> None:
    assert line_total(quantity, price, None, None) == half_up(Fraction(quantity) * Fraction(price))


@given(prices, rates)
def test_tax_on_top_and_tax_within_are_half_up(price: Decimal, rate: Decimal) -> None:
    amount = line_total(Decimal(1), price, None, None)
    on_top = Fraction(amount) * Fraction(rate) / 100
    within = Fraction(amount) - Fraction(amount) / (1 + Fraction(rate) / 100)
    assert line_tax(amount, rate, "Exclusive") == half_up(on_top)
    assert line_tax(amount, rate, "Inclusive") == half_up(within)
    assert line_tax(amount, rate, "NoTax") == 0


@given(st.decimals(min_value=-(10**13), max_value=10**13, places=4))
def test_numbers_survive_the_wire_digit_by_digit(value: Decimal) -> None:
    sent = wire.encode({"Amount": wire.number(value)})
    assert wire.decode(sent) == {"Amount": value}
    assert b"e" not in sent.lower()
