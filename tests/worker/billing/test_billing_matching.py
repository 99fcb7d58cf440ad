"""Proposals which Xero contact a Salesforce record is: exact, explained, and none where two would fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.billing.matching import Candidate, Match, matches, normalised
from worker.billing.model import Contact

ACME = Contact(id="acme", name="Acme & Söhne GmbH", email="Billing@Acme.example", account_number="C-100")


def proposed(candidate: Candidate, *contacts: Contact) -> list[Match]:
    return list(matches([candidate], contacts or (ACME,)))


@pytest.mark.parametrize(
    "name",
    ["ACME und Sohne", "Acme & Sohne", "acme and söhne g.m.b.h.", "Acme & Söhne Ltd.", "  Acme  &  SÖHNE, Inc "],
)
def test_a_name_is_compared_without_accents_case_punctuation_and_legal_form(name: str) -> None:
    expected = [] if " und " in name else [Match(record="a01", contact="acme", reason="the same name")]
    assert proposed(Candidate(record="a01", name=name)) == expected


@pytest.mark.parametrize(
    ("name", "plain"),
    [("AG", "ag"), ("The Company Ltd", "the"), ("Straße 7 KG", "strasse 7"), ("!!!", ""), ("株式会社", "株式会社")],
)
def test_a_legal_form_is_never_the_whole_name(name: str, plain: str) -> None:
    assert normalised(name) == plain


def test_the_number_counts_before_the_address_and_the_address_before_the_name() -> None:
    other = Contact(id="other", name="Other", email="other@x.example")
    candidate = Candidate(record="a01", name="Other", numbers=("c-100",), emails=("other@x.example",))
    assert proposed(candidate, ACME, other)[0] == Match(record="a01", contact="acme", reason="the same number")
    by_address = Candidate(record="a01", name="Other", emails=("billing@acme.example",))
    assert proposed(by_address, ACME, other)[0].reason == "the same e-mail address"


def test_where_two_contacts_fit_a_person_chooses() -> None:
    twin = Contact(id="twin", name="ACME and Söhne")
    assert proposed(Candidate(record="a01", name="Acme & Söhne"), ACME, twin) == []
    assert proposed(Candidate(record="a01", name="Acme & Söhne", numbers=("C-100",)), ACME, twin)[0].contact == "acme"


@pytest.mark.parametrize("change", [{"status": "ARCHIVED"}, {"status": "GDPRREQUEST"}, {"merged_to": "other"}])
def test_a_contact_that_cannot_be_billed_is_never_proposed(change: dict[str, str]) -> None:
    gone = Contact(id="acme", name="Acme", **change)  # type: ignore[arg-type]  # one field or the other
    assert proposed(Candidate(record="a01", name="Acme"), gone) == []


@given(st.text(max_size=40))
def test_any_name_matches_itself(name: str) -> None:
    if normalised(name):
        contact = Contact(id="it", name=name)
        assert [match.contact for match in proposed(Candidate(record="a01", name=name), contact)] == ["it"]


def test_records_without_name_number_or_address_match_nothing() -> None:
    assert proposed(Candidate(record="a01"), Contact(id="nameless")) == []
