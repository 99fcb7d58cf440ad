"""A setup file is checked against the org (the stand-in, through the real client) and what the company says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from msgspec.structs import replace

from sandbox.serve import Ports, Running, running
from tests.worker.setup.setup_support import EXAMPLE
from worker.billing.model import Account, Company, TaxRate
from worker.errors import ServiceError
from worker.limits import Limits
from worker.salesforce.auth import MemoryTokens
from worker.salesforce.client import SalesforceClient
from worker.settings import Settings
from worker.setup import parse
from worker.setup.check import check, errors
from worker.setup.presets import preset

COMPANY = Company(
    tenant="t",
    name="Demo Ltd",
    base_currency="GBP",
    currencies=("GBP", "EUR"),
    accounts=(
        Account("200", "Sales", "REVENUE", "OUTPUT2"),
        Account("205", "Sales (old)", "REVENUE", "OUTPUT2", "ARCHIVED"),
        Account("260", "Other Revenue", "OTHERINCOME", "OUTPUT2"),
        Account("429", "General Expenses", "OVERHEADS", "INPUT2"),
    ),
    tax_rates=(
        TaxRate("OUTPUT2", "20% (VAT on Income)", Decimal(20)),
        TaxRate("INPUT2", "20% (VAT on Expenses)", Decimal(20), can_apply_to_revenue=False),
        TaxRate("OUTPUT", "17.5% (VAT on Income)", Decimal("17.5"), "DELETED"),
        TaxRate("NONE", "No VAT", Decimal(0)),
    ),
    timezone="GMTSTANDARDTIME",
    tracking=(("Region", ("North", "South")), ("Team", ())),
)


@dataclass(frozen=True)
class Books:
    """A company that says what it is."""

    says: Company = COMPANY

    async def company(self) -> Company:
        return self.says


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with running(Ports()) as sandbox:
        yield sandbox


@pytest.fixture
async def org(sandbox: Running) -> AsyncIterator[SalesforceClient]:
    given = {name.lower(): value for name, value in sandbox.environment.items() if name.startswith("SALESFORCE_")}
    settings = Settings(_env_file=None, **given)
    async with SalesforceClient.from_settings(settings, Limits(backoff_base=0.05), MemoryTokens()) as client:
        yield client


async def said(org: SalesforceClient, *changes: tuple[str, str], console_url: str = "") -> list[str]:
    """The problems of the documented example with some of its text replaced, without file name and line."""
    text = EXAMPLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    found = await check(parse(text), org, Books(), console_url=console_url)
    lines = text.splitlines()
    for problem in found:
        key = problem.key.rpartition(".")[2].partition("[")[0]
        assert problem.line == 0 or key in lines[problem.line - 1], "each problem is on the line of its key"
    return [f"{item.key}: {item.what}. {item.remedy}" for item in found]


async def test_the_documented_setup_applies_to_the_stand_in_unchanged(org: SalesforceClient) -> None:
    assert await said(org) == []


HIDDEN = "Correct the name, or give the integration user read access (object and field-level security)."
RECORD_TYPE = "Correct the name, or give the integration user read access to the field (field-level security)."


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'sobject = "Xero_Contact__c"',
            'sobject = "Xero_Kontact__c"',
            f"contacts.sobject: the org has no object Xero_Kontact__c that the integration user can see. {HIDDEN}",
        ),
        (
            '"Hours__c"',
            '"Hour__c"',
            (
                "source.fields.hours: TimeEntry__c has no field Hour__c, or hides it. "
                f'Did you mean "Hours__c"? Else: {RECORD_TYPE}'
            ),
        ),
        (
            '"Hours__c"',
            '"Status__c"',
            "source.fields.hours: Status__c is of the type picklist, not a number. Map a field that is a number.",
        ),
        (
            '"Work_Date__c"',
            '"Description__c"',
            "source.fields.worked_on: Description__c is text, not a date. Map a field that is a date.",
        ),
        (
            '"Project__r.Name"',
            '"Projekt__r.Name"',
            f"source.fields.project_name: TimeEntry__c has no relationship Projekt__r. {RECORD_TYPE}",
        ),
        (
            '"Project__r.Xero_Contact__r.Contact_ID__c"',
            '"Project__r.Xero_Contact__r.Contact__c"',
            f"source.fields.xero_contact: Xero_Contact__c has no field Contact__c, or hides it. {RECORD_TYPE}",
        ),
        (
            '"Billable__c"',
            '"Status__c"',
            (
                "source.fields.billable: Status__c is of the type picklist, not a checkbox. "
                "Map a field that is a checkbox."
            ),
        ),
        (
            'rates = ["Rate__c"',
            'rates = ["Description__c"',
            "source.fields.rates[1]: Description__c is text, not a number. Map a field that is a number.",
        ),
        (
            'values = ["Approved"]',
            'values = ["Aproved"]',
            'source.approved.values[1]: "Aproved" is no value of Status__c. Did you mean "Approved"?',
        ),
        (
            'invoice_id = "Xero_Invoice_ID__c"',
            'invoice_id = "CreatedById"',
            "source.write_back.invoice_id: CreatedById is a lookup, not text. Map a text field.",
        ),
        (
            'billed = "Xero_Billed__c"',
            'billed = "Xero_Problem__c2"',
            (
                "source.write_back.billed: TimeEntry__c has no field Xero_Problem__c2. "
                'Did you mean "Xero_Problem__c"? Else add it to the object, and give the integration user edit access '
                "to it."
            ),
        ),
        (
            'external_id = "Contact_ID__c"',
            'external_id = "Account_Number__c"',
            "contacts.external_id: Account_Number__c is not an External ID. Tick External ID on the field.",
        ),
        (
            "Email__c =",
            "Emial__c =",
            f'contacts.fields.Emial__c: Xero_Contact__c has no field Emial__c. Did you mean "Email__c"? Else: {HIDDEN}',
        ),
        (
            "Email__c =",
            "OwnerId =",
            "contacts.fields.OwnerId: OwnerId is a lookup, which no text goes into. Map a text field.",
        ),
        (
            "Email__c =",
            "CreatedDate =",
            (
                "contacts.fields.CreatedDate: the integration user may not edit CreatedDate. "
                "Give it edit access to the field (field-level security), or map another one."
            ),
        ),
        (
            'revenue_account = "200"',
            'revenue_account = "999"',
            (
                'billing.revenue_account: the company Demo Ltd has no account "999". '
                'Revenue accounts: "200" Sales, "260" Other Revenue.'
            ),
        ),
        (
            'revenue_account = "200"',
            'revenue_account = "205"',
            (
                'billing.revenue_account: account "205" (Sales (old)) is archived. Restore it in Xero, or name '
                'another. Revenue accounts: "200" Sales, "260" Other Revenue.'
            ),
        ),
        (
            'revenue_account = "200"',
            'revenue_account = "429"',
            (
                'billing.revenue_account: account "429" (General Expenses) is of the type OVERHEADS, not a revenue '
                'account. Revenue accounts: "200" Sales, "260" Other Revenue.'
            ),
        ),
        (
            'tax_type = ""',
            'tax_type = "OUTPT2"',
            'billing.tax_type: the company Demo Ltd has no tax type "OUTPT2". Did you mean "OUTPUT2"?',
        ),
        (
            'tax_type = ""',
            'tax_type = "20% (VAT on Income)"',
            'billing.tax_type: the company Demo Ltd has no tax type "20% (VAT on Income)". Did you mean "OUTPUT2"?',
        ),
        (
            'tax_type = ""',
            'tax_type = "INPUT2"',
            (
                'billing.tax_type: tax type "INPUT2" (20% (VAT on Expenses)) cannot be used on sales. '
                'Tax types for sales: "OUTPUT2" 20% (VAT on Income), "NONE" No VAT.'
            ),
        ),
        (
            'tax_type = ""',
            'tax_type = "OUTPUT"',
            (
                'billing.tax_type: tax type "OUTPUT" (17.5% (VAT on Income)) is deleted. '
                'Tax types for sales: "OUTPUT2" 20% (VAT on Income), "NONE" No VAT.'
            ),
        ),
        (
            "[billing.tracking]",
            '[billing.tracking]\nRegions = "North"',
            (
                'billing.tracking.Regions: the company Demo Ltd has no active tracking category "Regions". '
                'Categories: "Region", "Team".'
            ),
        ),
        (
            "[billing.tracking]",
            '[billing.tracking]\nregion = "West"',
            (
                'billing.tracking.region: "West" is neither a mapped name nor an active option of the tracking '
                'category Region. Options: "North", "South".'
            ),
        ),
        (
            "[billing.tracking]",
            '[billing.tracking]\nTeam = "Blue"',
            (
                'billing.tracking.Team: "Blue" is neither a mapped name nor an active option of the tracking category '
                "Team. Add it in Xero: Accounting settings, Tracking categories."
            ),
        ),
        (
            "[[billing.surcharge]]",
            '[[billing.surcharge]]\nname = "Travel"\npercent = "5%"\nrevenue_account = "429"',
            (
                'billing.surcharge[1].revenue_account: account "429" (General Expenses) is of the type OVERHEADS, not '
                'a revenue account. Revenue accounts: "200" Sales, "260" Other Revenue.'
            ),
        ),
        (
            "[[billing.surcharge]]",
            '[[billing.surcharge]]\nname = "Travel"\npercent = "5%"\ntax_type = "OUTPT2"',
            ('billing.surcharge[1].tax_type: the company Demo Ltd has no tax type "OUTPT2". Did you mean "OUTPUT2"?'),
        ),
        (
            'currency = "GBP"',
            'currency = "JPY"',
            (
                "people.person[1].currency: the company Demo Ltd has no currency JPY: nothing can be invoiced at this "
                "rate. Add it in Xero (Settings, Currencies), or correct the code."
            ),
        ),
    ],
)
async def test_what_does_not_fit_is_told_with_the_remedy(
    org: SalesforceClient, old: str, new: str, problem: str
) -> None:
    assert problem in await said(org, (old, new))


async def test_an_object_that_is_not_there_is_one_problem(org: SalesforceClient) -> None:
    found = await said(org, ('sobject = "TimeEntry__c"', 'sobject = "TimeEntri__c"'))
    assert found == [f"source.sobject: the org has no object TimeEntri__c that the integration user can see. {HIDDEN}"]


async def test_in_an_org_with_one_currency_the_remedy_is_to_leave_it_out(
    sandbox: Running, org: SalesforceClient
) -> None:
    sandbox.salesforce.org.switches["multi_currency"] = False
    (found,) = await said(org)
    assert found.startswith("source.fields.currency: TimeEntry__c has no field CurrencyIsoCode")
    assert found.endswith("Leave it out: only orgs with several currencies have this field.")


async def test_a_field_hidden_from_the_integration_user_is_told(sandbox: Running, org: SalesforceClient) -> None:
    sandbox.salesforce.org.switches["hidden_fields"] = ["Project__c.Hourly_Rate__c", "TimeEntry__c.Xero_Billed__c"]
    found = await said(org)
    assert [line.partition(":")[0] for line in found] == ["source.fields.rates[3]", "source.write_back.billed"]


async def test_a_text_field_too_short_for_what_is_written_is_told(sandbox: Running, org: SalesforceClient) -> None:
    sandbox.salesforce.org.switches["extra_fields"] = [
        {"sobject": "TimeEntry__c", "name": "Short__c", "type": "string", "length": 20}
    ]
    found = await said(
        org,
        ('invoice_id = "Xero_Invoice_ID__c"', 'invoice_id = "Short__c"'),
        ('billed = "Xero_Billed__c"', 'billed = "Xero_Invoice_ID__c"'),
    )
    assert found == [
        (
            "source.write_back.invoice_id: Short__c holds 20 characters, too few. "
            "Make it a text field of at least 36 characters."
        ),
        "source.write_back.billed: Xero_Invoice_ID__c holds 50 characters, too few. Make it a long text area.",
    ]


async def test_without_a_field_for_what_was_billed_the_cost_of_a_wipe_is_told(org: SalesforceClient) -> None:
    text = EXAMPLE.replace('billed = "Xero_Billed__c"', "")
    (found,) = await check(parse(text), org, Books())
    assert found.severity == "warning"
    assert "would wait for a person" in found.what
    assert found.text().startswith("setup.toml:24: source.write_back.billed: warning: ")
    assert errors([found]) == []


async def test_rates_that_nothing_reads_are_a_warning(org: SalesforceClient) -> None:
    (found,) = await said(org, ('"Rate__c", "people", ', '"Rate__c", '))
    assert found.startswith('people.person[1].rate: has no effect: "people" is not in source.fields.rates')


async def test_tracking_by_a_mapped_name_or_an_option_in_any_case_is_right(org: SalesforceClient) -> None:
    assert await said(org, ("[billing.tracking]", '[billing.tracking]\nRegion = "north"\nTeam = "project"')) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'correct_after = "1d"',
            'correct_after = "2d"',
            ('billing.correct_after: has no effect: correct is "ask". Write correct = "auto", or leave it out.'),
        ),
        (
            "round_minutes = 0  ",
            'round_mode = "up"\n# ',
            "billing.round_mode: has no effect: round_minutes is 0. Set round_minutes too, or leave it out.",
        ),
        (
            'at_close = "draft"',
            'at_close = "awaiting-approval"\nperiod = "until-approved"\n#',
            (
                'billing.at_close: has no effect: a period "until-approved" is never closed. '
                "Leave it out, or choose another period."
            ),
        ),
    ],
)
async def test_what_has_no_effect_beside_the_rest_is_a_warning(
    org: SalesforceClient, old: str, new: str, problem: str
) -> None:
    changes = [(old, new)] + ([('period = "month"', "# ")] if "until-approved" in new else [])
    assert await said(org, *changes) == [problem]


async def test_a_time_zone_that_is_not_known_is_a_warning(org: SalesforceClient) -> None:
    company = replace(COMPANY, timezone="MARSSTANDARDTIME")
    (found,) = await check(parse(EXAMPLE), org, Books(company))
    assert (found.severity, "MARSSTANDARDTIME" in found.what) == ("warning", True)


async def test_numbers_by_key_need_a_longer_field(sandbox: Running, org: SalesforceClient) -> None:
    sandbox.salesforce.org.switches["extra_fields"] = [
        {"sobject": "TimeEntry__c", "name": "Sixteen__c", "type": "string", "length": 16}
    ]
    field = ('invoice_number = "Xero_Invoice_Number__c"', 'invoice_number = "Sixteen__c"')
    assert await said(org, field) == []
    (found,) = await said(org, field, ('numbering = "series"', 'numbering = "key"'))
    assert found.startswith("source.write_back.invoice_number: Sixteen__c holds 16 characters, too few.")


async def test_a_console_address_with_xero_in_it_is_refused(org: SalesforceClient) -> None:
    found = await check(parse(EXAMPLE), org, Books(), console_url="https://Xero-time.example.com")
    assert [item.text() for item in found] == [
        (
            'HOURSTREAM_CONSOLE_URL: https://Xero-time.example.com contains "xero", and Xero refuses a document whose '
            "link does. Give the console an address without that word."
        )
    ]


async def test_the_field_service_preset_names_what_has_to_be_added_to_the_org(org: SalesforceClient) -> None:
    found = preset("field-service")
    assert found is not None
    problems = await check(parse(found.text), org, Books())
    assert [item.key for item in errors(problems)] == [
        "source.write_back.invoice_number",
        "source.write_back.billed",
        "source.write_back.problem",
    ]


async def test_a_service_that_cannot_be_reached_is_no_problem_of_the_file(
    sandbox: Running, org: SalesforceClient
) -> None:
    gone = Settings(
        _env_file=None,
        salesforce_login_url="http://127.0.0.1:1",
        salesforce_client_id="x",
        salesforce_client_secret="y",
    )
    async with SalesforceClient.from_settings(gone, Limits(backoff_base=0.01), MemoryTokens()) as client:
        with pytest.raises(ServiceError):
            await check(parse(EXAMPLE), client, Books())
