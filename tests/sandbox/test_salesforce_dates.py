"""Date literals and record ids: small rules, checked by value."""

from datetime import date

import pytest

from sandbox.salesforce.dates import days_of
from sandbox.salesforce.ids import MalformedIdError, to18
from sandbox.salesforce.soql import DateLiteral

WEDNESDAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("literal", "first", "last"),
    [
        (DateLiteral("TODAY"), "2026-11-25", "2026-11-25"),
        (DateLiteral("YESTERDAY"), "2026-11-24", "2026-11-24"),
        (DateLiteral("THIS_WEEK"), "2026-11-23", "2026-11-29"),
        (DateLiteral("NEXT_WEEK"), "2026-11-30", "2026-12-06"),
        (DateLiteral("THIS_MONTH"), "2026-11-01", "2026-11-30"),
        (DateLiteral("LAST_MONTH"), "2026-10-01", "2026-10-31"),
        (DateLiteral("NEXT_MONTH"), "2026-12-01", "2026-12-31"),
        (DateLiteral("LAST_QUARTER"), "2026-07-01", "2026-09-30"),
        (DateLiteral("NEXT_YEAR"), "2027-01-01", "2027-12-31"),
        (DateLiteral("LAST_N_DAYS", 7), "2026-11-18", "2026-11-25"),
        (DateLiteral("LAST_90_DAYS"), "2026-08-27", "2026-11-25"),
        (DateLiteral("NEXT_N_DAYS", 2), "2026-11-26", "2026-11-27"),
        (DateLiteral("N_DAYS_AGO", 3), "2026-11-22", "2026-11-22"),
        (DateLiteral("LAST_N_WEEKS", 2), "2026-11-09", "2026-11-22"),
        (DateLiteral("NEXT_N_WEEKS", 1), "2026-11-30", "2026-12-06"),
        (DateLiteral("LAST_N_MONTHS", 2), "2026-09-01", "2026-10-31"),
        (DateLiteral("NEXT_N_MONTHS", 2), "2026-12-01", "2027-01-31"),
    ],
)
def test_a_date_literal_covers_whole_days(literal: DateLiteral, first: str, last: str) -> None:
    assert [day.isoformat() for day in days_of(literal, WEDNESDAY)] == [first, last]


def test_an_id_of_15_characters_becomes_the_known_one_of_18() -> None:
    assert to18("001D000000IRFma") == "001D000000IRFmaIAH"
    assert to18("005000000000001") == "005000000000001AAA"


@pytest.mark.parametrize("text", ["", "001D000000IRFm", "001D000000IRFmaAAA", "001D000000IRF-a", "ü01D000000IRFma"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(MalformedIdError):
        to18(text)
