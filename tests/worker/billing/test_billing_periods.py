"""Periods, invoice dates and payment terms."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.billing.model import Terms
from worker.billing.periods import due_date, first_day, invoice_date, last_day, next_period, open_periods, period_of

START = date(2026, 11, 4)  # a Wednesday of week 45
KINDS = ["day", "week", "fortnight", "month", "quarter"]
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("day", "kind", "name", "first", "last"),
    [
        ("2026-11-05", "day", "2026-11-05", "2026-11-05", "2026-11-05"),
        ("2026-11-05", "week", "2026-W45", "2026-11-02", "2026-11-08"),
        ("2027-01-02", "week", "2026-W53", "2026-12-28", "2027-01-03"),
        ("2026-11-05", "fortnight", "2026-W45-W46", "2026-11-02", "2026-11-15"),
        ("2026-11-15", "fortnight", "2026-W45-W46", "2026-11-02", "2026-11-15"),
        ("2026-12-29", "fortnight", "2026-W53-W01", "2026-12-28", "2027-01-10"),
        ("2026-11-01", "fortnight", "2026-W43-W44", "2026-10-19", "2026-11-01"),
        ("2026-11-30", "month", "2026-11", "2026-11-01", "2026-11-30"),
        ("2028-02-29", "month", "2028-02", "2028-02-01", "2028-02-29"),
        ("2026-12-31", "quarter", "2026-Q4", "2026-10-01", "2026-12-31"),
        ("2026-01-01", "quarter", "2026-Q1", "2026-01-01", "2026-03-31"),
    ],
)
def test_a_day_lies_in_its_period(day: str, kind: str, name: str, first: str, last: str) -> None:
    assert period_of(date.fromisoformat(day), kind, START) == name
    assert (first_day(name), last_day(name)) == (date.fromisoformat(first), date.fromisoformat(last))


@given(days, st.sampled_from(KINDS))
def test_periods_follow_each_other_without_gap_or_overlap(day: date, kind: str) -> None:
    name = period_of(day, kind, START)
    first, last = first_day(name), last_day(name)
    assert first is not None
    assert last is not None
    assert first <= day <= last
    following = first_day(next_period(name))
    assert following == last + timedelta(days=1)
    assert next_period(name) == period_of(following, kind, START)
    assert name < next_period(name)


def test_until_approved_is_one_period_without_days() -> None:
    assert period_of(START, "until-approved", START) == "until-approved"
    assert (first_day("until-approved"), last_day("until-approved")) == (None, None)
    assert open_periods("until-approved", {"until-approved"}) == ["until-approved"]


@pytest.mark.parametrize("text", ["2026", "2026-13-", "November", "2026-W45-W46-W47", ""])
def test_text_that_names_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no billing period"):
        last_day(text)


def test_a_kind_of_period_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="use day, week"):
        period_of(START, "year", START)


def test_time_of_a_closed_period_may_go_to_the_earliest_after_it_that_is_not_closed() -> None:
    assert open_periods("2026-11", set()) == ["2026-11"]
    assert open_periods("2026-11", {"2026-11", "2026-12"}) == ["2026-11", "2026-12", "2027-01"]


@pytest.mark.parametrize(
    ("rule", "dated"),
    [("period-end", "2026-11-30"), ("last-entry", "2026-11-12"), ("today", "2026-12-02")],
)
def test_the_invoice_date_follows_the_setup(rule: str, dated: str) -> None:
    worked = [date(2026, 11, 3), date(2026, 11, 12)]
    assert invoice_date(rule, "2026-11", worked, date(2026, 12, 2)) == date.fromisoformat(dated)


def test_without_a_period_end_the_last_entry_dates_the_invoice() -> None:
    assert invoice_date("period-end", "until-approved", [date(2026, 11, 3)]) == date(2026, 11, 3)


@pytest.mark.parametrize(
    ("invoice", "terms", "due"),
    [
        ("2026-11-30", Terms(14, "DAYSAFTERBILLDATE"), "2026-12-14"),
        ("2026-11-12", Terms(10, "DAYSAFTERBILLMONTH"), "2026-12-10"),
        ("2026-11-30", Terms(20, "OFFOLLOWINGMONTH"), "2026-12-20"),
        ("2026-12-31", Terms(20, "OFFOLLOWINGMONTH"), "2027-01-20"),
        ("2027-01-31", Terms(31, "OFFOLLOWINGMONTH"), "2027-02-28"),
        ("2026-11-12", Terms(20, "OFCURRENTMONTH"), "2026-11-20"),
        ("2026-11-30", Terms(20, "OFCURRENTMONTH"), "2026-12-20"),
        ("2026-11-30", 30, "2026-12-30"),
        ("2026-11-30", 0, "2026-11-30"),
        ("2026-11-30", None, "2026-11-30"),
        ("2026-11-30", Terms(5, "SOMETHINGNEW"), "2026-11-30"),
    ],
)
def test_the_due_date_follows_the_terms(invoice: str, terms: Terms | int | None, due: str) -> None:
    assert due_date(date.fromisoformat(invoice), terms) == date.fromisoformat(due)
