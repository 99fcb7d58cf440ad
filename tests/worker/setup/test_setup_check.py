"""A setup file is checked against the org (the stand-in, through the real client)."""

import pytest

from sandbox.serve import Running
from tests.worker.setup.setup_books import Books, said
from tests.worker.setup.setup_support import EXAMPLE
from worker.errors import ServiceError
from worker.limits import Limits
from worker.salesforce.auth import MemoryTokens
from worker.salesforce.client import SalesforceClient
from worker.settings import Settings
from worker.setup import parse
from worker.setup.check import check, errors
from worker.setup.presets import preset


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
    ],
)
async def test_what_does_not_fit_the_org_is_told_with_the_remedy(
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
