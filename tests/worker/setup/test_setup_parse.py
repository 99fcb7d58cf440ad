"""What a setup file may say, what it means when it says nothing, and how it is refused."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.setup.setup_refusals import REFUSED
from tests.worker.setup.setup_support import EXAMPLE, SMALLEST, parsed, problems_of, refused, smallest
from worker.billing.rules import Rules, Surcharge
from worker.errors import ConfigurationError
from worker.setup import Schedule, SetupError, parse
from worker.setup.sections import Billing


def test_the_documented_example_is_accepted_unchanged() -> None:
    setup = parse(EXAMPLE)
    assert setup.source.sobject == "TimeEntry__c"
    assert setup.source.fields.rates == ("Rate__c", "people", "Project__r.Hourly_Rate__c")
    assert setup.source.approved is not None
    assert setup.source.approved.withdrawn == ("Rejected",)
    assert setup.source.write_back.fields["billed"] == "Xero_Billed__c"
    assert setup.schedule.invoices == Schedule(kind="live")
    assert setup.billing.tracking == {}
    assert setup.billing.surcharge == ()
    assert setup.contacts is not None
    assert setup.contacts.fields == {"Name": "Name", "Email__c": "EmailAddress", "Status__c": "ContactStatus"}
    (person,) = setup.people.person
    assert (person.id, person.rate, person.currency) == ("005000000000001AAA", Decimal("120.00"), "GBP")
    assert (person.since, person.bill) == (date(2026, 1, 1), True)


def test_what_the_example_shows_are_the_defaults() -> None:
    example, smallest_file = parse(EXAMPLE), parse(SMALLEST)
    assert smallest_file.brake == example.brake
    assert smallest_file.schedule == example.schedule.model_copy(update={"invoices": Schedule(kind="preview")})
    assert smallest_file.billing == example.billing.model_copy(update={"revenue_account": ""})


def test_a_new_connection_is_in_preview_and_has_no_contacts_job() -> None:
    setup = parse(SMALLEST)
    assert setup.schedule.invoices.kind == "preview"
    assert not setup.schedule.invoices.writes
    assert setup.contacts is None
    assert setup.source.approved is None
    assert setup.source.write_back.fields == {}
    assert setup.source.fields.rates == ("people",)


def test_any_further_name_is_mapped_and_usable() -> None:
    setup = parsed(
        source__fields='po = "Project__r.PO__c"\nproject = "Project__c"',
        billing='reference = "{po} {period}"\ninvoice_per = ["xero_contact", "po"]\nline_per = ["po", "day"]',
    )
    assert setup.source.fields.extra == {"po": "Project__r.PO__c"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("live", Schedule(kind="live")),
        ("off", Schedule(kind="off")),
        ("preview", Schedule(kind="preview")),
        ("15m", Schedule(kind="every", every=timedelta(minutes=15))),
        ("1d", Schedule(kind="every", every=timedelta(days=1))),
        ("0  18 * * 5", Schedule(kind="cron", cron="0 18 * * 5")),
    ],
)
def test_the_sync_frequency_is_a_word_a_duration_or_a_cron_line(written: str, meant: Schedule) -> None:
    assert parsed(schedule=f'invoices = "{written}"').schedule.invoices == meant


@pytest.mark.parametrize("period", ["month", "week", "fortnight", "quarter", "day", "until-approved"])
def test_every_period_has_its_effect(period: str) -> None:
    assert parsed(billing=f'period = "{period}"').rules("o", 1).period == period


def test_drafts_rest_as_long_as_the_file_says_and_by_default_not_at_all() -> None:
    assert parsed(schedule='refresh = "15m"').schedule.refresh == timedelta(minutes=15)
    assert parsed().schedule.refresh == timedelta(0)


BILLING = [
    ('close_after = "10d"', "close_after", 864_000),
    ('branding = "Projects"', "branding", "Projects"),
    ('lock_date = "next-open-day"', "lock_date", "next-open-day"),
    ('numbering = "xero"', "numbering", "xero"),
    ('at_close = "awaiting-approval"', "at_close", "awaiting-approval"),
    ('correct = "auto"', "correct", "auto"),
    ('correct_after = "2d"', "correct_after", 172_800),
    ('decrease = "line"', "decrease", "line"),
    ("round_minutes = 15", "round_minutes", 15),
    ('round_mode = "up"', "round_mode", "up"),
    ('round_per = "line"', "round_per", "line"),
    ('minimum_invoice = "50"', "minimum_invoice", Decimal(50)),
    ('show_non_billable = "line"', "show_non_billable", "line"),
    ("attach_timesheet = false", "attach_timesheet", False),
    ('tracking = {Region = "North"}', "tracking", (("Region", "North"),)),
    (
        'surcharge = [{name = "Travel", percent = "5%", revenue_account = "260", tax_type = "NONE", on = "time"}]',
        "surcharges",
        (Surcharge(name="Travel", percent=Decimal(5), account="260", tax_type="NONE"),),
    ),
    ("surcharge = [{}]", "surcharges", ()),
]


@pytest.mark.parametrize(("line", "name", "value"), BILLING, ids=[line for line, _, _ in BILLING])
def test_what_the_file_says_is_what_billing_works_by(line: str, name: str, value: object) -> None:
    assert getattr(parsed(billing=line).rules("o", 1), name) == value


def test_every_key_of_billing_reaches_the_rules() -> None:
    names = set(Billing.model_fields) - {"surcharge"} | {"surcharges"}
    assert names <= set(Rules.__struct_fields__)


def test_the_rules_know_the_companys_time_zone() -> None:
    assert parse(SMALLEST).rules("o", 1, "Europe/London").timezone == "Europe/London"


def test_the_brake_is_as_the_file_says() -> None:
    brake = parsed(brake='new_invoices = 10\nremoved_entries = 5\ncorrections = 0\nchanged_value = "7.5%"').brake
    assert (brake.new_invoices, brake.removed_entries, brake.corrections) == (10, 5, 0)
    assert brake.changed_value == Decimal("7.5")


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("billing", 'close_after = "120h"'),
        ("billing", 'minimum_invoice = "0.00"'),
        ("billing", "tracking = {}"),
        ("billing", "surcharge = [{}]"),
        ("billing", "attach_timesheet = true"),
        ("brake", 'changed_value = "20.0%"'),
    ],
)
def test_the_default_is_accepted_however_it_is_written(section: str, line: str) -> None:
    assert refused(smallest(**{section: line})) == []


@pytest.mark.parametrize(("text", "problems"), REFUSED)
def test_a_wrong_file_is_refused_with_line_key_and_remedy(text: str, problems: list[str]) -> None:
    assert refused(text) == problems


def test_problems_between_keys_are_shown_together_with_those_of_single_keys() -> None:
    problems = refused(smallest(billing='perod = "x"\nreference = "{po}"', schedule='settle = "x"\nsettle_max = "1s"'))
    assert [problem.partition(":")[0] for problem in problems] == ["9", "10", "13"]


def test_a_name_that_is_mapped_wrongly_is_not_called_unmapped_too() -> None:
    problems = refused(smallest(source__fields='po = "no path!"', billing='reference = "{po}"'))
    assert len(problems) == 1
    assert problems[0].startswith("4: source.fields.po:")


def test_a_refusal_is_a_configuration_error_with_the_problems_in_it() -> None:
    with pytest.raises(SetupError) as caught:
        parse(smallest(billing='perod = "x"'), name="time.toml")
    assert isinstance(caught.value, ConfigurationError)
    (problem,) = caught.value.problems
    assert (problem.line, problem.key, problem.severity) == (9, "billing.perod", "error")
    assert str(caught.value) == 'time.toml:9: billing.perod: unknown key. Did you mean "period"?'


def test_a_setup_cannot_be_changed() -> None:
    setup = parse(SMALLEST)
    with pytest.raises(ValueError, match="frozen"):
        setup.billing.period = "week"  # type: ignore[misc]


@given(st.text(max_size=60))
def test_no_text_makes_anything_but_a_setup_or_a_refusal(text: str) -> None:
    assert all(problem.line >= 1 and problem.remedy for problem in problems_of(text))


PLACES = [
    (number, line.partition("=")[0])
    for number, line in enumerate(EXAMPLE.splitlines())
    if "=" in line and "#" not in line.partition("=")[0]
]
ODD = st.sampled_from(["1", '""', "true", "[]", "{}", '"x"', "-1", "2026-11-01", "[1]", "1.5", '["a", "a"]', "{a = 1}"])


@given(st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=4))
def test_the_example_with_any_values_changed_is_a_setup_or_a_refusal_in_the_file(
    changes: list[tuple[tuple[int, str], str]],
) -> None:
    lines = EXAMPLE.splitlines()
    for (number, key), value in changes:
        lines[number] = f"{key}= {value}"
    assert all(1 <= problem.line <= len(lines) and problem.remedy for problem in problems_of("\n".join(lines)))
