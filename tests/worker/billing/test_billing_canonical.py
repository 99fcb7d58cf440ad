"""What we send and what Xero answers to it are the same text; what differs for the client is not."""

from decimal import Decimal
from typing import Any

import pytest
from billing_support import ACME, BOLT, drafted, echo, edited, entry, placed
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.billing.canonical import canonical, digest, followed, remember
from worker.billing.model import Amounts, Document, FoundLine, Line

texts = st.text(max_size=60)
lines = st.builds(
    Line,
    description=texts,
    quantity=st.none() | st.decimals(0, 999, places=4),
    unit_amount=st.none() | st.decimals(-999, 999, places=4),
    discount=st.none() | st.decimals(0, 99, places=2),
    account=st.sampled_from(["", "200"]),
    tax_type=st.sampled_from(["OUTPUT2", "NONE"]),
    tracking=st.sampled_from([(), (("Region", "North"),), (("Region", "North"), ("Team", "A"))]),
)


@given(st.lists(lines, max_size=6), st.sampled_from(["exclusive", "inclusive", "no-tax"]))
def test_a_body_and_its_echo_have_one_canonical_text(body: list[Line], amounts: Amounts) -> None:
    document = Document(key="K", sequence=1, contact=ACME, currency="GBP", amounts=amounts, lines=tuple(body))
    assert canonical(echo(document)) == canonical(document)


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Bridge · Ada"},
        {"quantity": Decimal("1.0001")},
        {"unit_amount": Decimal("120.0001")},
        {"discount": Decimal(5)},
        {"account": "201"},
        {"tax_type": "ZERORATEDOUTPUT"},
        {"tracking": (("Region", "North"),)},
    ],
)
def test_whatever_the_client_would_see_on_a_line_changes_it(change: dict[str, Any]) -> None:
    found = echo(drafted(entry()))
    assert canonical(edited(found, **change)) != canonical(found)


@pytest.mark.parametrize("change", [{"contact": BOLT}, {"currency": "USD"}, {"amounts": "Inclusive"}, {"lines": ()}])
def test_whom_and_in_what_it_bills_changes_it(change: dict[str, Any]) -> None:
    found = echo(drafted(entry()))
    assert canonical(replace(found, **change)) != canonical(found)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"number": "X-1"},
        {"status": "SUBMITTED"},
        {"date": "2027-01-01"},
        {"reference": "PO"},
        {"contact": ACME.upper()},
        {"total": Decimal(7)},
    ],
)
def test_ids_states_dates_and_totals_do_not(change: dict[str, Any]) -> None:
    found = echo(drafted(entry()))
    assert canonical(replace(found, **change)) == canonical(found)


@pytest.mark.parametrize(
    "change",
    [
        {"description": " Tower  ·\r\nAda "},
        {"quantity": Decimal("1.00000")},
        {"unit_amount": Decimal("120.0")},
        {"discount": Decimal("0.00")},
        {"id": "other"},
        {"tax_amount": Decimal(1)},
    ],
)
def test_spelling_does_not(change: dict[str, Any]) -> None:
    found = echo(drafted(entry()))
    assert canonical(edited(found, **change)) == canonical(found)


def test_the_order_of_lines_does_not_matter_but_their_number_does() -> None:
    found = echo(drafted(entry(1), entry(2, project="a01000000000009AAA", project_name="Ninth")))
    turned = replace(found, lines=found.lines[::-1])
    doubled = replace(found, lines=(*found.lines, found.lines[0]))
    assert canonical(turned) == canonical(found)
    assert canonical(doubled) != canonical(found)


def test_tax_does_not_matter_where_amounts_have_none() -> None:
    document = drafted(entry())
    free = replace(document, amounts="no-tax")
    answered = replace(echo(free), lines=tuple(replace(line, tax_type="NONE") for line in echo(free).lines))
    assert canonical(answered) == canonical(free)


def test_a_text_line_is_its_text_only() -> None:
    text = Document(key="K", sequence=1, lines=(Line(description="Thank you"),))
    found = replace(echo(text), lines=(FoundLine(description="Thank you", tax_type="NONE", amount=Decimal(0)),))
    assert canonical(found) == canonical(text)


def test_contacts_are_followed_through_merges_and_never_in_circles() -> None:
    assert followed("A", {"a": "b", "b": "C"}) == "c"
    assert followed("a", {"a": "b", "b": "a"}) in {"a", "b"}
    document = drafted(entry())
    assert canonical(replace(document, contact=BOLT)) == canonical(document, {ACME: BOLT})


def test_three_bodies_are_remembered_the_latest_first() -> None:
    document = drafted(entry())
    for body in ("one", "two", "three", "four", "three"):
        document = remember(document, body)
    assert document.digests == (digest("three"), digest("four"), digest("two"))


def test_a_placement_alone_is_enough_to_know_the_line() -> None:
    assert drafted(entry()).lines[0].group == placed(entry()).line
