"""One Salesforce record becomes one entry, exactly; what cannot be read is never taken for empty."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.setup.setup_support import EXAMPLE, parsed
from worker.billing.model import Entry
from worker.setup import Setup, parse
from worker.setup.mapping import entry_from

CONTACT = "0F6C6F7E-5A0B-4C6B-9C5D-2B3A4F5E6D7C"
SETUP = parse(EXAMPLE)

RECORD: dict[str, Any] = {
    "attributes": {"type": "TimeEntry__c", "url": "/services/data/v67.0/sobjects/TimeEntry__c/a00000000000001AAA"},
    "Id": "a00000000000001AAA",
    "SystemModstamp": "2026-11-03T10:00:00.000+0000",
    "IsDeleted": False,
    "Hours__c": Decimal("2.50"),
    "Work_Date__c": "2026-11-03",
    "OwnerId": "005000000000001AAA",
    "Owner": {"attributes": {"type": "User"}, "Name": "Ann Lee"},
    "Description__c": "Drew the plan",
    "Project__c": "a01000000000001AAA",
    "Project__r": {
        "Name": "Harbour",
        "Xero_Contact__c": "a02000000000001AAA",
        "Xero_Contact__r": {"Contact_ID__c": CONTACT},
        "Hourly_Rate__c": 95,
    },
    "Billable__c": True,
    "CurrencyIsoCode": "gbp",
    "Rate__c": None,
    "Status__c": "Approved",
    "Xero_Invoice_ID__c": None,
    "Xero_Invoice_Number__c": "TT-00042",
    "Xero_Invoice_Status__c": None,
    "Xero_Billed__c": None,
    "Xero_Problem__c": None,
}


def read(setup: Setup = SETUP, timezone: str = "Europe/London", **changes: Any) -> Entry:
    return entry_from(RECORD | changes, setup, timezone=timezone)


def test_a_record_of_the_documented_setup_becomes_an_entry() -> None:
    assert read() == Entry(
        id="TimeEntry__c:a00000000000001AAA#0",
        record="a00000000000001AAA",
        seconds=Decimal(9000),
        worked_on=date(2026, 11, 3),
        person="005000000000001AAA",
        person_name="Ann Lee",
        project="a01000000000001AAA",
        project_name="Harbour",
        description="Drew the plan",
        xero_contact=CONTACT.lower(),
        billable=True,
        currency="GBP",
        rates=("", "", "95"),
        approval="Approved",
        written={
            "invoice_id": "",
            "invoice_number": "TT-00042",
            "invoice_status": "",
            "billed": "",
            "problem": "",
        },
        modified="2026-11-03T10:00:00.000+0000",
    )


def test_every_path_the_setup_reads_is_one_the_mapping_finds() -> None:
    answered = {path for path in SETUP.paths() if "." not in path}
    assert answered <= RECORD.keys()
    assert "Project__r.Xero_Contact__c" in SETUP.paths(), "the lookup behind a relationship is read too"
    assert "OwnerId" in SETUP.paths()
    assert "IsDeleted" not in SETUP.paths()


def test_a_record_with_a_15_character_id_has_the_same_unit() -> None:
    assert read(Id="a00000000000001").id == "TimeEntry__c:a00000000000001AAA#0"


def test_salesforce_may_answer_in_another_case_than_the_file_has() -> None:
    setup = parse(EXAMPLE.replace('"Hours__c"', '"hours__C"').replace('"Owner.Name"', '"owner.name"'))
    entry = read(setup)
    assert (entry.seconds, entry.person_name, entry.unreadable) == (Decimal(9000), "Ann Lee", "")


# ---- quantities ----------------------------------------------------------------------------------------------------


@given(st.decimals(min_value=0, max_value=10_000, allow_nan=False, allow_infinity=False, places=6))
def test_hours_are_exact(hours: Decimal) -> None:
    seconds = read(Hours__c=hours).seconds
    assert seconds is not None
    assert seconds == hours * 3600
    assert seconds / 3600 == hours


def with_quantity(line: str) -> Setup:
    return parse(EXAMPLE.replace('hours       = "Hours__c"', line))


@given(st.integers(0, 100_000))
def test_minutes_are_exact(minutes: int) -> None:
    assert read(with_quantity('minutes = "Minutes__c"'), Minutes__c=minutes).seconds == minutes * 60


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.timedeltas(timedelta(0), timedelta(hours=30)),
    st.sampled_from(["+0000", "Z", "+00:00"]),
)
def test_start_and_end_give_the_time_between_them(start: datetime, span: timedelta, zone: str) -> None:
    setup = with_quantity('start = "Start__c"\nend = "End__c"')
    at = [moment.isoformat(timespec="milliseconds") + zone for moment in (start, start + span)]
    seconds = read(setup, Start__c=at[0], End__c=at[1]).seconds
    assert seconds is not None
    assert abs(seconds - Decimal(str(span.total_seconds()))) < Decimal("0.002"), "milliseconds are all there is"


def test_a_quantity_that_is_empty_is_none_and_not_zero() -> None:
    assert read(Hours__c=None).seconds is None
    assert read(Hours__c=0).seconds == 0
    setup = with_quantity('start = "Start__c"\nend = "End__c"')
    assert read(setup, Start__c="2026-11-03T09:00:00.000+0000", End__c=None).seconds is None


@pytest.mark.parametrize("value", [2.5, "2.5", True])
def test_a_quantity_that_is_no_exact_number_is_unreadable(value: object) -> None:
    entry = read(Hours__c=value)
    assert entry.seconds is None
    assert entry.unreadable == f'Hours__c is "{value}", which is not an exact number'


# ---- days ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timezone", "day"),
    [("Pacific/Auckland", date(2026, 11, 4)), ("Europe/London", date(2026, 11, 3)), ("", date(2026, 11, 3))],
)
def test_a_time_falls_on_the_companys_day(timezone: str, day: date) -> None:
    assert read(timezone=timezone, Work_Date__c="2026-11-03T22:30:00.000+0000").worked_on == day


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))
def test_a_plain_day_is_the_same_in_every_time_zone(moment: datetime) -> None:
    day = moment.date()
    assert read(timezone="Pacific/Kiritimati", Work_Date__c=day.isoformat()).worked_on == day


def test_a_time_without_an_offset_is_the_companys() -> None:
    assert read(timezone="Pacific/Auckland", Work_Date__c="2026-11-03T22:30:00").worked_on == date(2026, 11, 3)


def test_a_day_that_is_none_is_unreadable() -> None:
    assert read(Work_Date__c="2026-02-30").unreadable == 'Work_Date__c is "2026-02-30", which is no day'


def test_an_unknown_time_zone_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match='no time zone "GMTSTANDARDTIME"'):
        read(timezone="GMTSTANDARDTIME")


# ---- what cannot be read -------------------------------------------------------------------------------------------


def project(**changes: Any) -> Mapping[str, Any]:
    return {**RECORD["Project__r"], **changes}


def test_an_empty_lookup_is_empty() -> None:
    entry = read(Project__c=None, Project__r=None)
    assert (entry.project, entry.project_name, entry.xero_contact, entry.unreadable) == ("", "", "", "")
    assert entry.rates == ("", "", "")


def test_a_null_relationship_behind_a_set_lookup_is_not_readable() -> None:
    entry = read(Project__r=None)
    assert entry.unreadable == "Project__r.Name leads to a01000000000001AAA, which cannot be read"
    entry = read(Project__r=project(Xero_Contact__r=None))
    assert entry.unreadable == (
        "Project__r.Xero_Contact__r.Contact_ID__c leads to a02000000000001AAA, which cannot be read"
    )


def test_a_null_relationship_whose_lookup_was_not_answered_is_not_readable() -> None:
    entry = entry_from(
        {key: value for key, value in RECORD.items() if not key.startswith("Project__")}, SETUP, timezone=""
    )
    assert "Project__c is missing in Salesforce's answer" in entry.unreadable


@pytest.mark.parametrize("name", ["Hours__c", "Billable__c", "Status__c", "Xero_Billed__c", "Rate__c"])
def test_a_mapped_field_that_the_answer_lacks_is_not_readable(name: str) -> None:
    record = {key: value for key, value in RECORD.items() if key != name}
    assert entry_from(record, SETUP, timezone="").unreadable == f"{name} is missing in Salesforce's answer"


def test_a_deleted_record_is_proven_gone_whatever_else_cannot_be_read() -> None:
    entry = read(IsDeleted=True, Project__r=None)
    assert entry.deleted
    assert entry.unreadable == ""


@pytest.mark.parametrize("text", ["Acme", "0f6c6f7e-5a0b-4c6b-9c5d", "{0f6c6f7e-5a0b-4c6b-9c5d-2b3a4f5e6d7c}"])
def test_a_contact_id_that_is_none_is_told(text: str) -> None:
    entry = read(Project__r=project(Xero_Contact__r={"Contact_ID__c": text}))
    assert entry.xero_contact == ""
    assert entry.unreadable.endswith(f'is "{text}", which is no Xero ContactID')


@pytest.mark.parametrize("value", [None, "yes", 1])
def test_a_checkbox_that_is_neither_ticked_nor_not_is_told(value: object) -> None:
    assert read(Billable__c=value).unreadable.startswith("Billable__c is ")


# ---- gates and texts -----------------------------------------------------------------------------------------------


def test_without_a_billable_field_everything_is_billable() -> None:
    assert entry_from(RECORD | {"Contact_ID__c": CONTACT}, parsed(), timezone="").billable


@pytest.mark.parametrize(
    ("value", "mark"), [(None, ""), ("", ""), (False, ""), (True, "true"), ("INV-1", "INV-1"), (Decimal("12.0"), "12")]
)
def test_already_billed_is_any_value_but_an_unticked_checkbox(value: object, mark: str) -> None:
    setup = parse(EXAMPLE.replace('already_billed = ""', 'already_billed = "Invoiced__c"'))
    assert read(setup, Invoiced__c=value).already_billed == mark


def test_a_checkbox_can_be_the_approval() -> None:
    setup = parse(EXAMPLE.replace('values = ["Approved"]', "values = [true]"))
    assert setup.rules("00D000000000001AAA", 1).approved_values == ("true",)
    assert read(setup, Status__c=True).approval == "true"


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=4))
def test_a_rate_has_one_text_however_many_zeros_salesforce_sends(rate: Decimal) -> None:
    text = read(Rate__c=rate).rates[0]
    assert Decimal(text) == rate
    assert text == read(Rate__c=rate.quantize(Decimal("0.000001"))).rates[0]
    assert "E" not in text


def test_a_rate_of_zero_is_not_an_empty_one() -> None:
    assert read(Rate__c=0).rates[0] == "0"
    assert read(Rate__c=Decimal("0.0")).rates[0] == "0"


def test_further_names_are_read_as_text() -> None:
    setup = parse(EXAMPLE.replace("\n[source.approved]", '\npo = "PO__c"\nurgent = "Urgent__c"\n[source.approved]'))
    assert read(setup, PO__c=42, Urgent__c=True).extra == {"po": "42", "urgent": "true"}


# ---- start and end -------------------------------------------------------------------------------------------------

TIMES = parse(
    EXAMPLE.replace('hours       = "Hours__c"', 'start = "Start__c"\nend = "End__c"'),
)


def hours_between(start: str | None, end: str | None, timezone: str = "Europe/London", **changes: Any) -> Decimal | str:
    entry = read(TIMES, timezone, Start__c=start, End__c=end, **changes)
    assert entry.unreadable or entry.seconds is not None
    return entry.unreadable or (entry.seconds or Decimal(0)) / 3600


@pytest.mark.parametrize(
    ("case", "start", "end", "hours"),
    [
        ("a morning", "2026-11-03T09:00:00.000+0000", "2026-11-03T12:30:00.000+0000", "3.5"),
        ("over midnight", "2026-11-03T22:00:00.000+0000", "2026-11-04T02:00:00.000+0000", "4"),
        ("while the clocks go back", "2026-10-25T00:30:00.000+0000", "2026-10-25T02:30:00.000+0000", "2"),
        ("with offsets of their own", "2026-11-03T09:00:00+02:00", "2026-11-03T09:00:00+00:00", "2"),
        ("the company's clocks", "2026-11-03T09:00:00", "2026-11-03T12:00:00", "3"),
        ("the company's clocks going back", "2026-10-25T00:30:00", "2026-10-25T02:30:00", "3"),
        ("the company's clocks going forward", "2026-03-29T00:30:00", "2026-03-29T02:30:00", "1"),
        ("within the hour that is repeated", "2026-10-25T01:50:00", "2026-10-25T01:10:00", "0.33"),
        ("nothing", "2026-11-03T09:00:00", "2026-11-03T09:00:00", "0"),
        ("times of day", "09:00:00.000Z", "17:15:00.000Z", "8.25"),
        ("times of day over midnight", "22:00:00.000Z", "01:00:00.000Z", "3"),
        ("the same time of day", "22:00:00.000Z", "22:00:00.000Z", "0"),
    ],
)
def test_start_and_end_are_the_time_that_passed(case: str, start: str, end: str, hours: str) -> None:
    found = hours_between(start, end)
    assert isinstance(found, Decimal), (case, found)
    assert round(found, 2) == Decimal(hours), case


def test_times_of_day_over_midnight_know_when_the_clocks_change() -> None:
    times = ("23:00:00.000Z", "03:00:00.000Z")
    assert hours_between(*times, Work_Date__c="2026-03-28") == 3
    assert hours_between(*times, Work_Date__c="2026-10-24") == 5
    assert hours_between(*times, timezone="Asia/Kolkata", Work_Date__c="2026-10-24") == 4


def test_an_end_before_the_start_is_not_negative_time_but_a_mistake() -> None:
    assert hours_between("2026-11-03T12:00:00.000+0000", "2026-11-03T09:00:00.000+0000") == "End__c is before Start__c"


def test_a_time_of_day_and_a_moment_do_not_go_together() -> None:
    assert "not both times of day" in str(hours_between("09:00:00.000Z", "2026-11-03T09:00:00.000+0000"))


@pytest.mark.parametrize("text", ["25:00:00.000Z", "nine", 9])
def test_what_is_no_time_is_told(text: object) -> None:
    entry = read(TIMES, Start__c=text, End__c="17:00:00.000Z")
    assert entry.unreadable == f'Start__c is "{text}", which is no time'


def test_without_an_end_there_is_no_quantity_yet() -> None:
    entry = read(TIMES, Start__c="09:00:00.000Z", End__c=None)
    assert (entry.seconds, entry.unreadable) == (None, "")
