"""A setup file is checked against what the company says: accounts, tax types, currencies, tracking, time zone."""

import pytest
from msgspec.structs import replace

from tests.worker.setup.setup_books import COMPANY, Books, said
from tests.worker.setup.setup_support import EXAMPLE
from worker.salesforce.client import SalesforceClient
from worker.setup import parse
from worker.setup.check import check


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
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
            'branding = ""',
            'branding = "Project"',
            ('billing.branding: the company Demo Ltd has no branding theme "Project". Themes: "Standard", "Projects".'),
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
async def test_what_does_not_fit_the_books_is_told_with_the_remedy(
    org: SalesforceClient, old: str, new: str, problem: str
) -> None:
    assert problem in await said(org, (old, new))


async def test_tracking_by_a_mapped_name_or_an_option_in_any_case_is_right(org: SalesforceClient) -> None:
    assert await said(org, ("[billing.tracking]", '[billing.tracking]\nRegion = "north"\nTeam = "project"')) == []


async def test_a_branding_theme_by_its_name_in_any_case_is_right(org: SalesforceClient) -> None:
    assert await said(org, ('branding = ""', 'branding = "projects"')) == []


async def test_without_the_scope_for_attachments_timesheets_are_a_warning(org: SalesforceClient) -> None:
    (found,) = await check(parse(EXAMPLE), org, Books(attaches=False))
    assert (found.key, found.severity) == ("billing.attach_timesheet", "warning")
    assert "Add the scope accounting.attachments" in found.remedy
    without = EXAMPLE.replace("attach_timesheet = true", "attach_timesheet = false")
    assert await check(parse(without), org, Books(attaches=False)) == []


async def test_a_time_zone_that_is_not_known_is_a_warning(org: SalesforceClient) -> None:
    company = replace(COMPANY, timezone="MARSSTANDARDTIME")
    (found,) = await check(parse(EXAMPLE), org, Books(company))
    assert (found.severity, "MARSSTANDARDTIME" in found.what) == ("warning", True)
