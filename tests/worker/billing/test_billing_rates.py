"""The rate is the first that is not empty, and it is kept once something was billed at it."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_support import ADA, BOB, BRIDGE, entry, rules

from worker.billing.model import Entry, Posting, Waiting
from worker.billing.rates import Rate, parse_basis, rate_for
from worker.billing.rules import PersonRate, Rules

JUNE = date(2026, 6, 1)
MID_NOVEMBER = date(2026, 11, 15)


def rate(one: Entry, setup: Rules | None = None, currency: str = "GBP", **more: Any) -> Rate:
    found = rate_for(one, setup or rules(), currency=currency, **more)
    assert isinstance(found, Rate), found
    return found


def waits(one: Entry, setup: Rules | None = None, currency: str = "GBP") -> Waiting:
    found = rate_for(one, setup or rules(), currency=currency)
    assert isinstance(found, Waiting), found
    return found


def person(amount: str | None, currency: str = "", since: date | None = None, who: str = ADA) -> PersonRate:
    return PersonRate(id=who, rate=None if amount is None else Decimal(amount), currency=currency, since=since)


def posted(one: Entry, at: str, setup: Rules | None = None) -> Posting:
    basis = rate(one, setup).basis
    return Posting(unit=one.id, document="K/1", rate=Decimal(at), rate_source="snapshot", basis=basis, currency="GBP")


@pytest.mark.parametrize(
    ("texts", "people", "default", "amount", "source"),
    [
        (("130", "", "90"), "100", None, "130.0000", "Rate__c"),
        (("", "", "90"), "100", None, "100.0000", "people"),
        (("", "", "90"), None, None, "90.0000", "Project__r.Hourly_Rate__c"),
        (("", "", ""), None, "75.5", "75.5000", "default_rate"),
        (("0", "", "90"), "100", None, "0.0000", "Rate__c"),
        (("", "", ""), "0", "75", "0.0000", "people"),
        ((" ", "", "33.33335"), None, None, "33.3334", "Project__r.Hourly_Rate__c"),
        ((), None, "75", "75.0000", "default_rate"),
    ],
)
def test_the_first_rate_that_is_not_empty_is_used_and_zero_is_one(
    texts: tuple[str, ...], people: str | None, default: str | None, amount: str, source: str
) -> None:
    setup = rules(people=(person(people),), default_rate=Decimal(default) if default else None)
    found = rate(entry(rates=texts), setup)
    assert (found.amount, found.source, found.currency) == (Decimal(amount), source, "GBP")


def test_without_any_rate_an_entry_waits_for_one_of_its_person() -> None:
    held = waits(entry(rates=("", "", "")))
    assert (held.reason, held.cause) == ("no-rate", f"rate:person:{ADA}")
    assert "Ada" in held.text


@pytest.mark.parametrize(
    ("day", "amount"), [("2026-05-31", "100"), ("2026-06-01", "110"), ("2026-11-14", "110"), ("2026-11-15", "120")]
)
def test_a_persons_rate_is_the_one_in_force_on_the_day_worked(day: str, amount: str) -> None:
    people = (person("120", since=MID_NOVEMBER), person("100"), person("110", since=JUNE), person("999", who=BOB))
    one = entry(rates=("", "", ""), worked_on=date.fromisoformat(day))
    assert rate(one, rules(people=people)).amount == Decimal(amount)


def test_a_rate_in_another_currency_is_never_converted_but_waits() -> None:
    held = waits(entry(rates=("", "", "90")), rules(people=(person("100", "USD"),)))
    assert (held.reason, held.cause) == ("rate-currency", f"rate:person:{ADA}")
    assert "USD" in held.text
    assert "GBP" in held.text


def test_a_person_may_have_a_rate_in_each_currency() -> None:
    people = (person("100", "GBP"), person("130", "USD"))
    assert rate(entry(rates=("", "", "")), rules(people=people)).amount == Decimal(100)
    assert rate(entry(rates=("", "", "")), rules(people=people), "USD").amount == Decimal(130)


def test_a_row_without_a_rate_leaves_the_rate_to_the_next_place() -> None:
    assert rate(entry(rates=("", "", "90")), rules(people=(person(None),))).amount == Decimal(90)


def test_a_person_is_found_by_the_short_form_of_the_id_too() -> None:
    assert rate(entry(rates=("", "", "")), rules(people=(person("100", who=ADA[:15]),))).amount == Decimal(100)


@pytest.mark.parametrize("text", ["much", "NaN", "-5", "Infinity"])
def test_text_that_is_no_rate_waits_and_says_where_it_stands(text: str) -> None:
    held = waits(entry(rates=(text, "", "90")))
    assert (held.reason, held.cause) == ("rate-unreadable", "entry")
    assert "Rate__c" in held.text


def test_what_was_billed_at_a_rate_keeps_it_when_people_project_or_default_rates_change() -> None:
    one = entry(rates=("", "", "90"))
    snapshot = posted(one, "90")
    dearer = entry(rates=("", "", "95"))
    assert rate(dearer, rules(people=(person("150"),)), postings=[snapshot]).amount == Decimal(90)
    assert rate(dearer, rules(), postings=[]).amount == Decimal(95)


@pytest.mark.parametrize(
    "change",
    [
        {"rates": ("130", "", "90")},
        {"person": BOB},
        {"project": BRIDGE},
        {"worked_on": date(2026, 11, 6)},
        {"currency": "USD"},
    ],
    ids=["own rate", "person", "project", "day", "currency"],
)
def test_a_change_of_what_the_snapshot_is_for_drops_it(change: dict[str, Any]) -> None:
    one = entry(rates=("120", "", "90"))
    changed = entry(**{"rates": ("120", "", "90"), **change})
    found = rate(changed, currency=changed.currency or "GBP", postings=[posted(one, "77")])
    assert found.amount != Decimal(77)


def test_hours_do_not_belong_to_the_basis() -> None:
    assert rate(entry(hours="2")).basis == rate(entry(hours="3")).basis


def test_the_same_rate_written_differently_is_the_same_basis() -> None:
    assert rate(entry(rates=("120", "", ""))).basis == rate(entry(rates=("120.00", "", ""))).basis


def test_a_snapshot_is_not_used_in_another_currency() -> None:
    one = entry(rates=("", "", "90"), currency="GBP")
    assert rate(one, currency="USD", postings=[posted(one, "77")]).amount == Decimal(90)


def test_a_basis_that_was_not_stored_is_not_known() -> None:
    assert parse_basis("") is None
    assert parse_basis(rate(entry()).basis) is not None


def test_a_surcharge_on_the_entry_is_no_rate_of_it() -> None:
    first = rate(entry())
    billed = Posting(unit=entry().id, document="K/1", currency="GBP", rate=first.amount, basis=first.basis)
    extra = Posting(
        unit=entry().id,
        document="K/1",
        currency="GBP",
        rate=Decimal(6),
        basis=first.basis,
        surcharge="Travel",
    )
    assert rate(entry(), postings=[billed, extra]).amount == first.amount
