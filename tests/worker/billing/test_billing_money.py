"""Amounts are what an accountant computes by hand and what Xero computes."""

from decimal import Decimal
from fractions import Fraction

import pytest
from billing_support import RATES, round2
from hypothesis import given
from hypothesis import strategies as st

from worker.billing.model import Amounts, Line
from worker.billing.money import half_up, hours_amount, line_amount, quantity, shares, tax, totals

cents = st.decimals("-99999", "99999", places=2)
prices = st.decimals(0, "999", places=4)
seconds = st.integers(0, 86_400).map(Decimal)


@pytest.mark.parametrize(
    ("value", "places", "rounded"),
    [
        ("2.165", 2, "2.17"),
        ("2.1649", 2, "2.16"),
        ("-2.165", 2, "-2.17"),
        ("0.33335", 4, "0.3334"),
        ("1", 2, "1.00"),
    ],
)
def test_rounding_is_half_up_away_from_zero(value: str, places: int, rounded: str) -> None:
    assert half_up(Decimal(value), places) == Decimal(rounded)


def test_three_times_twenty_minutes_is_one_hour_because_hours_are_rounded_once_per_line() -> None:
    assert quantity(Decimal(1200) * 3) == Decimal("1.0000")
    assert quantity(Decimal(1200)) == Decimal("0.3333")


@pytest.mark.parametrize(
    ("hours", "price", "discount", "amount"),
    [
        ("0.3333", "100.1234", None, "33.37"),
        ("7.5000", "120.0000", None, "900.00"),
        ("10.0000", "120.0000", "10", "1080.00"),
        ("1.0000", "-120.0000", None, "-120.00"),
        ("2.0000", "0.0000", None, "0.00"),
        ("0.0050", "1.0000", None, "0.01"),
    ],
)
def test_a_line_is_quantity_times_price_less_discount(
    hours: str, price: str, discount: str | None, amount: str
) -> None:
    computed = line_amount(Decimal(hours), Decimal(price), Decimal(discount) if discount else None)
    assert computed == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "percent", "amounts", "taxed"),
    [
        ("100.00", "20", "exclusive", "20.00"),
        ("100.00", "20", "inclusive", "16.67"),
        ("100.00", "20", "no-tax", "0.00"),
        ("33.37", "12.5", "exclusive", "4.17"),
        ("0.10", "15", "exclusive", "0.02"),
        ("-100.00", "20", "exclusive", "-20.00"),
        ("100.00", "0", "inclusive", "0.00"),
    ],
)
def test_tax_is_rounded_line_by_line(amount: str, percent: str, amounts: Amounts, taxed: str) -> None:
    assert tax(Decimal(amount), Decimal(percent), amounts) == Decimal(taxed)


def test_totals_sum_rounded_taxes_and_not_the_other_way_round() -> None:
    lines = [Line(amount=Decimal("0.12"), tax_type="OUTPUT2")] * 3  # 0.024 each, 0.072 in all
    computed = totals(lines, RATES, "exclusive")
    assert (computed.sub_total, computed.tax, computed.total) == (Decimal("0.36"), Decimal("0.06"), Decimal("0.42"))


@given(
    st.lists(st.tuples(cents, st.sampled_from(sorted(RATES)))), st.sampled_from(["exclusive", "inclusive", "no-tax"])
)
def test_totals_are_those_of_an_independent_computation(taxed: list[tuple[Decimal, str]], amounts: Amounts) -> None:
    computed = totals([Line(amount=amount, tax_type=kind) for amount, kind in taxed], RATES, amounts)
    tax_sum, lines_sum = Decimal(0), sum((amount for amount, _ in taxed), Decimal(0))
    for amount, kind in taxed:
        net, rate = Fraction(amount), Fraction(RATES[kind]) / 100
        if amounts == "exclusive":
            tax_sum += round2(net * rate)
        elif amounts == "inclusive":
            tax_sum += round2(net - net / (1 + rate))
    assert computed.tax == tax_sum
    assert computed.total == (lines_sum + tax_sum if amounts == "exclusive" else lines_sum)
    assert computed.sub_total + computed.tax == computed.total


@given(prices, st.lists(seconds, min_size=1, max_size=30))
def test_shares_add_up_to_their_line(price: Decimal, times: list[Decimal]) -> None:
    units = [(f"unit {number:03}", time) for number, time in enumerate(times)]
    amount = line_amount(quantity(sum(times, Decimal(0))), price)
    parts = shares(price, units, amount)
    assert sum(parts) == amount
    assert len(parts) == len(units)


@given(prices, st.lists(seconds, min_size=2, max_size=30))
def test_no_share_but_the_last_is_more_than_a_cent_from_its_own_worth(price: Decimal, times: list[Decimal]) -> None:
    units = [(f"unit {number:03}", time) for number, time in enumerate(times)]
    amount = line_amount(quantity(sum(times, Decimal(0))), price)
    for (_, time), part in list(zip(units, shares(price, units, amount), strict=True))[:-1]:
        assert abs(part - hours_amount(time, price)) <= Decimal("0.01")


def test_three_equal_shares_of_a_line_differ_by_a_cent() -> None:
    units = [("a", Decimal(1200)), ("b", Decimal(1200)), ("c", Decimal(1200))]
    assert shares(Decimal(100), units, Decimal("100.00")) == [Decimal("33.33"), Decimal("33.34"), Decimal("33.33")]


def test_a_line_without_units_has_no_shares() -> None:
    assert shares(Decimal(100), [], Decimal(0)) == []
