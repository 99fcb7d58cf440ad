"""What the rest of the worker asks a setup: channel, paths, conditions, rules, schedule."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.setup.setup_support import EXAMPLE, SMALLEST, parsed
from worker.billing.rules import PersonRate
from worker.setup import Schedule, parse
from worker.setup.conditions import worked_since
from worker.setup.ids import record_id
from worker.setup.presets import PRESETS, preset
from worker.setup.values import duration


@pytest.mark.parametrize(
    ("sobject", "channel"),
    [
        ("TimeEntry__c", "/data/TimeEntry__ChangeEvent"),
        ("TimeSheetEntry", "/data/TimeSheetEntryChangeEvent"),
        ("pse__Timecard__c", "/data/pse__Timecard__ChangeEvent"),
    ],
)
def test_the_channel_follows_from_the_object(sobject: str, channel: str) -> None:
    assert parse(SMALLEST.replace("TimeEntry__c", sobject)).channel == channel


def test_a_custom_channel_is_taken_as_given() -> None:
    assert parsed(source='channel = "/data/Time__chn"').channel == "/data/Time__chn"


def test_paths_name_everything_once_whatever_its_case() -> None:
    setup = parsed(
        source__fields='person_name = "Owner.Name"\nproject = "project__c"\nproject_name = "Project__r.Name"',
        source__approved='field = "HOURS__C"\nvalues = ["1"]',
    )
    paths = setup.paths()
    assert paths[:2] == ("Id", "SystemModstamp")
    assert len({path.lower() for path in paths}) == len(paths)
    assert {"OwnerId", "Owner.Name", "project__c", "Project__r.Name"} <= set(paths)


def test_soql_asks_for_entries_since_the_start() -> None:
    assert parse(SMALLEST).soql_conditions == ("Work_Date__c >= 2026-11-01",)


def test_where_the_day_is_a_time_soql_asks_from_a_day_earlier_for_every_time_zone() -> None:
    timed = SMALLEST.replace('hours = "Hours__c"', 'start = "StartTime"\nend = "EndTime"')
    setup = parse(timed.replace("Work_Date__c", "StartTime"))
    assert setup.soql_conditions == ("StartTime >= 2026-10-31T00:00:00Z",)
    assert worked_since(parse(SMALLEST).source.fields, date(2026, 11, 1), "datetime") == (
        "Work_Date__c >= 2026-10-31T00:00:00Z"
    )


def test_the_rules_say_what_the_example_says() -> None:
    rules = parse(EXAMPLE).rules("00D000000000001", 7)
    assert (rules.org, rules.source, rules.version) == ("00D000000000001EAA", "TimeEntry__c", 7)
    assert rules.start == date(2026, 11, 1)
    assert rules.rate_paths == ("Rate__c", "people", "Project__r.Hourly_Rate__c")
    assert rules.people == (
        PersonRate(id="005000000000001AAA", rate=Decimal("120.00"), currency="GBP", since=date(2026, 1, 1)),
    )
    assert (rules.approved_values, rules.withdrawn_values) == (("Approved",), ("Rejected",))
    assert (rules.invoice_per, rules.line_per) == (("xero_contact",), ("project", "person"))
    assert (rules.revenue_account, rules.due_days, rules.default_rate) == ("200", None, None)


def test_a_text_may_name_the_name_of_a_person_or_project_too() -> None:
    fields = 'person_name = "Owner.Name"\nproject = "Project__c"\nproject_name = "Project__r.Name"'
    rules = parsed(source__fields=fields, billing='description = "{project_name}: {person_name}, {day}"').rules("o", 1)
    assert rules.description == "{project}: {person}, {day}"


def test_without_a_gate_the_rules_have_none() -> None:
    rules = parsed(billing='default_rate = "0"\ndue_days = 14', people='bill = "listed"').rules("00D000000000001", 1)
    assert rules.approved_values is None
    assert rules.default_rate == 0
    assert rules.due_days == 14
    assert rules.bill_listed_only


def test_a_setup_knows_where_its_keys_stand() -> None:
    setup = parse(SMALLEST)
    assert setup.line("billing", "start") == 9
    assert setup.line("schedule", "invoices") == 1
    assert setup.says("billing", "start")
    assert not setup.says("billing", "period")


# ---- durations, schedules, ids -------------------------------------------------------------------------------------


@given(st.integers(0, 999), st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)]))
def test_a_duration_is_its_number_of_units(number: int, unit: tuple[str, int]) -> None:
    assert duration(f"{number}{unit[0]}") == timedelta(seconds=number * unit[1])


@given(st.integers(1, 999), st.sampled_from("smhd"))
def test_a_schedule_prints_as_it_is_written(number: int, unit: str) -> None:
    schedule = Schedule(kind="every", every=duration(f"{number}{unit}"))
    assert Schedule(kind="every", every=duration(str(schedule))) == schedule


def test_the_next_run_follows_the_schedule() -> None:
    friday = datetime(2026, 11, 6, 12, 0, tzinfo=UTC)
    assert Schedule(kind="cron", cron="0 18 * * 5").next_after(friday) == datetime(2026, 11, 6, 18, 0, tzinfo=UTC)
    assert Schedule(kind="every", every=timedelta(minutes=15)).next_after(friday) == friday + timedelta(minutes=15)
    assert Schedule(kind="live").next_after(friday) is None
    assert str(Schedule(kind="cron", cron="0 18 * * 5")) == "0 18 * * 5"


@pytest.mark.parametrize("line", ["0 0 31 2 *", "61 * * * *", "* * * *", "@daily", "0 18 * * 5 2026"])
def test_a_cron_line_that_never_comes_due_is_none(line: str) -> None:
    assert not Schedule.is_cron(line)


@pytest.mark.parametrize(
    ("fifteen", "eighteen"),
    [("005000000000001", "005000000000001AAA"), ("00D000000000001", "00D000000000001EAA"), ("a0RM4ICOGYAbcde", "")],
)
def test_ids_get_their_18_characters(fifteen: str, eighteen: str) -> None:
    full = record_id(fifteen)
    assert full == (eighteen or full)
    assert record_id(full) == full
    assert record_id(fifteen + full[15:].lower()) == full


@given(st.from_regex(r"[A-Za-z0-9]{15}", fullmatch=True), st.integers(0, 14))
def test_an_18_character_id_whose_case_was_lost_is_refused(fifteen: str, place: int) -> None:
    full = record_id(fifteen)
    swapped = full[:place] + full[place].swapcase() + full[place + 1 :]
    if swapped == full:
        assert record_id(swapped) == full
    else:
        with pytest.raises(ValueError, match="do not fit"):
            record_id(swapped)


# ---- presets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [item.name for item in PRESETS])
def test_every_preset_is_a_setup_file_that_writes_nothing_to_xero(name: str) -> None:
    found = preset(name)
    assert found is not None
    assert not parse(found.text).schedule.invoices.writes


def test_presets_whose_names_are_not_known_say_so() -> None:
    assert [item.name for item in PRESETS if item.verified] == ["time-entry", "field-service"]
    pk4 = preset("pk4-timetracker")
    assert pk4 is not None
    assert "Fill_In" in pk4.text
    assert preset("unknown") is None


@pytest.mark.parametrize("name", [item.name for item in PRESETS if not item.verified])
def test_a_preset_that_nobody_could_verify_says_so_in_its_first_line(name: str) -> None:
    found = preset(name)
    assert found is not None
    assert found.text.startswith("# ")
    assert "not public" in found.text.splitlines()[0] or "Not tried" in found.text.splitlines()[0]
