"""The forecast of Xero calls a day: what the schedule takes, and what it says."""

from datetime import date, timedelta

import pytest

from worker.setup.forecast import Seen, entries_a_day, forecast, sentence
from worker.setup.sections import ScheduleSection


def section(**given: object) -> ScheduleSection:
    return ScheduleSection.model_validate(given)


def test_the_schedule_as_it_comes_takes_contacts_by_the_hour_and_states_by_the_quarter() -> None:
    found = forecast(section(invoices="live"), Seen(entries=50, limit=5_000))
    assert (found.contacts, found.statuses, found.drafts, found.total) == (144, 96, 100, 340)
    assert sentence(found) == (
        "About 340 Xero calls a day: 144 for contacts, 96 for the states of invoices, up to 100 for drafts "
        "(50 entries a day). Xero allows 5,000."
    )


@pytest.mark.parametrize(
    ("invoices", "entries", "drafts"),
    [
        ("preview", 500, 0),
        ("off", 500, 0),
        ("live", 500, 1_000),
        ("live", 1_000_000, 2 * 17_280),  # never more often than `settle`
        ("1h", 500, 48),
        ("1h", 3, 6),
        ("1d", 500, 2),
        ("*/30 9-16 * * 1-5", 500, 22),  # 16 runs on each of 20 days in 28
    ],
)
def test_drafts_are_updated_for_an_entry_or_a_run_whichever_is_less(invoices: str, entries: int, drafts: int) -> None:
    assert forecast(section(invoices=invoices), Seen(entries=entries)).drafts == drafts


def test_credit_notes_take_a_list_of_their_own() -> None:
    assert forecast(section(), Seen(credit_notes=True)).statuses == 2 * forecast(section(), Seen()).statuses


def test_before_any_entry_was_seen_it_says_what_an_update_takes() -> None:
    said = sentence(forecast(section(invoices="live"), Seen()))
    assert "and 2 more each time that drafts are updated" in said
    assert said.endswith("Xero allows 1,000 or 5,000, by its tier.")


@pytest.mark.parametrize(("limit", "near"), [(None, False), (1_000, True), (5_000, False)])
def test_a_forecast_near_the_limit_is_known_as_such(limit: int | None, near: bool) -> None:
    busy = section(invoices="live", contacts="10m")  # 864 calls for contacts alone
    assert forecast(busy, Seen(entries=1, limit=limit)).near is near


def test_entries_are_averaged_since_billing_began_the_first_day_counting_whole() -> None:
    start = date(2026, 11, 1)
    assert entries_a_day(60, start, start + timedelta(days=5)) == 10
    assert entries_a_day(7, start, start) == 7
    assert entries_a_day(7, start, start - timedelta(days=3)) == 7
