"""Where the values of a line were found, as people read it."""

from console import sources
from worker.billing.model import Line


def test_each_place_is_named_once_with_what_was_found_there() -> None:
    found = {"account": "the setup", "tax_type": "the account", "due_days": "the setup"}
    assert sources.said(found) == "Found: account, due days from the setup; tax type from the account."
    assert sources.said({}) == ""


def test_what_a_person_chose_in_xero_is_theirs() -> None:
    line = Line(sources={"account": "the setup", "tax_type": "the account"}, kept=("account", "description"))
    assert sources.of_line(line) == {"account": "a person in Xero", "tax_type": "the account"}


def test_a_place_stands_behind_its_value_where_it_is_known() -> None:
    assert sources.beside("200", "the contact") == "200 (the contact)"
    assert sources.beside("200", "") == "200"
    assert sources.beside("", "the contact") == ""
    assert sources.of_rate("people") == "the person's rate"
    assert sources.of_rate("Rate__c") == "Rate__c"
