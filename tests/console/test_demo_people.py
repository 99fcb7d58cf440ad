"""The demo's own check and its news, whatever people leave behind in the stand-ins."""

from typing import Any

import pytest

from console.demo.checking import billable, expected_lines, problems
from console.demo.run import setup_text
from console.demo.screen import room
from console.demo.watching import Watching
from worker.setup import parse

SETUP = parse(setup_text())
DAY = SETUP.billing.start.isoformat()


def records(**changes: Any) -> dict[str, list[dict[str, Any]]]:
    """One entry that is billed, changed as told."""
    entry = {"Id": "e1", "Name": "TE-1", "IsDeleted": False, "Billable__c": True, "Status__c": "Approved",
             "Hours__c": 2.0, "Work_Date__c": DAY, "Project__c": "p1", "OwnerId": "u1", "Rate__c": None}  # fmt: skip
    return {
        "TimeEntry__c": [{**entry, **changes}],
        "Project__c": [
            {"Id": "p1", "Name": "Tower", "Xero_Contact__c": "c1", "Hourly_Rate__c": 90.0, "IsDeleted": False},
            {"Id": "p2", "Name": "Nobody's", "Xero_Contact__c": None, "Hourly_Rate__c": 90.0, "IsDeleted": False},
            {"Id": "p3", "Name": "Free", "Xero_Contact__c": "c1", "Hourly_Rate__c": None, "IsDeleted": False},
        ],
        "User": [{"Id": "u1", "Name": "Ada"}],
        "Xero_Contact__c": [{"Id": "c1", "Contact_ID__c": "ABC", "IsDeleted": False}],
    }


def state(**changes: Any) -> dict[str, Any]:
    return {"records": records(**changes)}


def xero(*notes: tuple[str, str]) -> dict[str, Any]:
    said = [{"user": user, "changes": change} for user, change in notes]
    return {"invoices": [{"InvoiceID": "i1", "InvoiceNumber": "TT-1"}], "history": {"i1": said}}


def test_an_entry_with_everything_is_expected_on_its_line() -> None:
    assert list(expected_lines(records(), SETUP)) == [("abc", "Tower · Ada", 90)]


@pytest.mark.parametrize(
    "changes",
    [
        {"Project__c": None}, {"Project__c": "gone"}, {"Project__c": "p2"}, {"Project__c": "p3"}, {"Hours__c": None},
        {"Hours__c": 0}, {"Hours__c": 25}, {"Hours__c": "many"}, {"Work_Date__c": None}, {"Work_Date__c": "soon"},
        {"Status__c": None}, {"Billable__c": None}, {"IsDeleted": True}, {"Rate__c": "a lot"},
    ],
)  # fmt: skip
def test_an_entry_that_lacks_something_is_not_billable_yet_and_never_an_error(changes: dict[str, Any]) -> None:
    assert billable(records(**changes), SETUP) == []
    assert problems(state(**changes), {"invoices": [], "contacts": []}, SETUP) == []


def test_what_people_do_is_told_once_and_what_the_demo_or_hourstream_does_is_not() -> None:
    watching = Watching()
    assert watching.news(state(), xero(("Hourstream (custom connection)", "Created"))) == []
    edited = state(Hours__c=3.5, Xero_Billed__c="TT-1")
    theirs = xero(("Hourstream (custom connection)", "Created"), ("Pat Example", "Approved"))
    assert watching.news(edited, theirs) == [
        "You, in Salesforce: the time entry TE-1: hours 2.0 → 3.5",
        "You, in Xero: TT-1 was approved",
    ]
    assert watching.news(edited, theirs) == []
    assert watching.news(state(Hours__c=3.5, IsDeleted=True), theirs) == [
        "You, in Salesforce: the time entry TE-1 is deleted"
    ]


def test_new_entries_are_news_except_the_demos_own() -> None:
    watching = Watching()
    empty: dict[str, Any] = {"records": {}}
    watching.news(empty, {})
    watching.own.add("e1")
    assert not any("TE-1" in text for text in watching.news(state(), {}))
    other = Watching()
    other.news(empty, {})
    assert "You, in Salesforce: the time entry TE-1 is new" in other.news(state(), {})


@pytest.mark.parametrize("height", [24, 30, 50, 80])
def test_everything_fits_into_the_terminal(height: int) -> None:
    has = room(height)
    assert min(has.entries, has.drafts, has.news) >= 2
    assert has.entries + has.drafts + has.news + 11 <= height
