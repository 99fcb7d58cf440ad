"""Each entry is placed, waits with a reason a person can act on, or is out."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_support import ACME, ADA, BOLT, BRIDGE, TOWER, company, contact, entry, judge, placed, rules

from worker.billing.assess import follow
from worker.billing.keys import invoice_key
from worker.billing.model import Account, Out, Posting, Waiting
from worker.billing.rules import PersonRate

GATED = {"approved_values": ("Approved",), "withdrawn_values": ("Rejected",)}
BILLED = [Posting(unit="u", document="KKKKKKKK/1", contact=ACME)]


@pytest.mark.parametrize(
    ("changes", "setup", "reason"),
    [
        ({"deleted": True, "billable": False}, {}, "deleted"),
        ({"worked_on": date(2026, 10, 31)}, {}, "before-start"),
        ({"already_billed": "INV-7"}, {}, "already-billed"),
        ({"billable": False}, {}, "not-billable"),
        ({"seconds": Decimal(0)}, {}, "zero"),
        ({}, {"bill_listed_only": True}, "person-not-listed"),
        ({}, {"people": (PersonRate(id=ADA, bill=False),)}, "person-not-billed"),
        (
            {},
            {"bill_listed_only": True, "people": (PersonRate(id=ADA, since=date(2026, 12, 1)),)},
            "person-not-listed",
        ),
    ],
)
def test_an_entry_that_is_not_to_be_billed_is_out(changes: dict[str, Any], setup: dict[str, Any], reason: str) -> None:
    verdict = judge(entry(**changes), rules(**setup))
    assert isinstance(verdict, Out)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("changes", "reason", "cause"),
    [
        ({"unreadable": "its project cannot be seen"}, "unreadable", "entry"),
        ({"worked_on": None}, "no-date", "entry"),
        ({"hours": None}, "no-hours", "entry"),
        ({"hours": "24.01"}, "too-many-hours", "entry"),
        ({"hours": "-25"}, "too-many-hours", "entry"),
        ({"xero_contact": ""}, "no-contact", f"contact:project:{TOWER}"),
        ({"xero_contact": "", "project": ""}, "no-contact", "entry"),
        ({"rates": ("", "", "")}, "no-rate", f"rate:person:{ADA}"),
        ({"currency": "CHF"}, "unknown-currency", "currency:CHF"),
    ],
)
def test_what_the_entry_or_its_project_must_mend_is_its_cause(changes: dict[str, Any], reason: str, cause: str) -> None:
    verdict = judge(entry(**changes))
    assert isinstance(verdict, Waiting)
    assert (verdict.reason, verdict.cause) == (reason, cause)
    assert verdict.text.endswith(".")


@pytest.mark.parametrize(
    ("client", "reason", "cause"),
    [
        (None, "unknown-contact", f"contact:{ACME}"),
        (contact(status="ARCHIVED"), "contact-archived", f"contact:{ACME}"),
        (contact(status="GDPRREQUEST"), "contact-blocked", f"contact:{ACME}"),
        (contact(status="ARCHIVED", merged_to=BOLT), "contact-merged", f"contact:{BOLT}"),
        (contact(account="999"), "account-invalid", "account:999"),
        (contact(account="202"), "account-invalid", "account:202"),
        (contact(account="400"), "account-invalid", "account:400"),
        (contact(tax_type="OLDOUTPUT"), "tax-type-invalid", "tax:OLDOUTPUT"),
        (contact(tax_type="INPUT2"), "tax-type-invalid", "tax:INPUT2"),
        (contact(tax_type="NOSUCH"), "tax-type-invalid", "tax:NOSUCH"),
        (contact(currency="EUR"), "unknown-currency", "currency:EUR"),
    ],
)
def test_what_xero_would_refuse_waits_first(client: Any, reason: str, cause: str) -> None:
    verdict = judge(entry(), contact=client)
    assert isinstance(verdict, Waiting)
    assert (verdict.reason, verdict.cause) == (reason, cause)


def test_without_any_revenue_account_the_entry_waits() -> None:
    verdict = judge(entry(), rules(revenue_account=""))
    assert isinstance(verdict, Waiting)
    assert verdict.cause == "account:none"


def test_an_account_without_tax_leaves_the_tax_type_to_be_set() -> None:
    verdict = judge(entry(), company=company(accounts=(Account("200", "Sales", "REVENUE"),)))
    assert isinstance(verdict, Waiting)
    assert (verdict.reason, verdict.cause) == ("no-tax-type", "account:200")


@pytest.mark.parametrize(
    ("approval", "postings", "billed"),
    [
        ("Approved", [], True),
        ("Submitted", [], False),
        ("", [], False),
        ("Rejected", [], False),
        ("Submitted", BILLED, True),
        ("Rejected", BILLED, False),
        ("", BILLED, False),
    ],
)
def test_once_billed_only_withdrawal_takes_an_approval_back(
    approval: str, postings: list[Posting], billed: bool
) -> None:
    verdict = judge(entry(approval=approval), rules(**GATED), postings=postings)
    assert isinstance(verdict, Waiting) is not billed
    assert billed or verdict.reason == "not-approved"  # type: ignore[union-attr] # it waits


def test_without_withdrawn_values_any_other_approval_takes_it_back() -> None:
    verdict = judge(entry(approval="Submitted"), rules(approved_values=("Approved",)), postings=BILLED)
    assert isinstance(verdict, Waiting)


@pytest.mark.parametrize(
    ("client", "setup", "firm", "account", "tax_type", "amounts"),
    [
        ({}, {}, {}, "200", "OUTPUT2", "exclusive"),
        ({"account": "201"}, {}, {}, "201", "ZERORATEDOUTPUT", "exclusive"),
        ({"tax_type": "ZERORATEDOUTPUT"}, {"tax_type": "OUTPUT2"}, {}, "200", "ZERORATEDOUTPUT", "exclusive"),
        ({}, {"tax_type": "RROUTPUT"}, {}, "200", "RROUTPUT", "exclusive"),
        ({"amounts": "INCLUSIVE"}, {"amounts": "exclusive"}, {}, "200", "OUTPUT2", "inclusive"),
        ({}, {"amounts": "inclusive"}, {}, "200", "OUTPUT2", "inclusive"),
        ({}, {}, {"default_amounts": "Tax Inclusive"}, "200", "OUTPUT2", "inclusive"),
        ({}, {}, {"default_amounts": "No Tax"}, "200", "NONE", "no-tax"),
        ({"amounts": "NONE"}, {}, {}, "200", "NONE", "no-tax"),
        (
            {},
            {},
            {"default_amounts": "", "pays_tax": False, "accounts": (Account("200", "Sales", "SALES"),)},
            "200",
            "NONE",
            "no-tax",
        ),
    ],
    ids=[
        "company",
        "export contact's account",
        "zero-rated contact",
        "setup's tax",
        "inclusive contact",
        "setup's amounts",
        "inclusive company",
        "company without tax",
        "contact without tax",
        "company not registered",
    ],
)
def test_account_tax_and_amounts_are_the_contacts_else_the_setups_else_the_companys(
    client: dict[str, Any], setup: dict[str, Any], firm: dict[str, Any], account: str, tax_type: str, amounts: str
) -> None:
    verdict = placed(entry(), rules(**setup), contact=contact(**client), company=company(**firm))
    assert (verdict.account, verdict.tax_type, verdict.amounts) == (account, tax_type, amounts)


@pytest.mark.parametrize(
    ("own", "client", "currency"), [("", "", "GBP"), ("", "USD", "USD"), ("USD", "", "USD"), ("GBP", "USD", "GBP")]
)
def test_the_currency_is_the_entrys_else_the_contacts_else_the_companys(own: str, client: str, currency: str) -> None:
    assert placed(entry(currency=own), contact=contact(currency=client)).currency == currency


def test_an_entry_belongs_on_the_invoice_of_its_client_and_month() -> None:
    verdict = placed(entry())
    assert verdict.key == invoice_key(rules().org, "TimeEntry__c", ACME, (), "2026-11", "GBP")
    assert (verdict.period, verdict.contact, verdict.group) == ("2026-11", ACME, ())


def test_invoices_split_by_the_names_of_invoice_per_by_id() -> None:
    setup = rules(invoice_per=("xero_contact", "project", "po"))
    verdict = placed(entry(extra={"po": "PO-1"}), setup)
    assert verdict.group == (("po", "PO-1"), ("project", TOWER))
    renamed = placed(entry(extra={"po": "PO-1"}, project_name="Renamed"), setup)
    assert renamed.key == verdict.key
    assert placed(entry(project=BRIDGE, extra={"po": "PO-1"}), setup).key != verdict.key


@pytest.mark.parametrize(
    ("setup", "changes", "same"),
    [
        ({}, {"project_name": "Renamed"}, True),
        ({}, {"project": BRIDGE}, False),
        ({}, {"rates": ("130", "", "")}, False),
        ({"line_per": ("project",)}, {"person": "005000000000002AAA"}, True),
        ({"line_per": ("project", "day")}, {"worked_on": date(2026, 11, 6)}, False),
        ({"line_per": ("po",)}, {"extra": {"po": "PO-1"}}, False),
        ({"line_per": ("description",)}, {"description": "Review"}, False),
    ],
)
def test_a_line_groups_by_ids_and_never_mixes_rates(setup: dict[str, Any], changes: dict[str, Any], same: bool) -> None:
    one, other = placed(entry(), rules(**setup)), placed(entry(**changes), rules(**setup))
    assert (one.line == other.line) is same


def test_a_line_per_entry_is_one_line_for_each() -> None:
    setup = rules(line_per=("entry",))
    assert placed(entry(1), setup).line != placed(entry(2), setup).line


@pytest.mark.parametrize(
    ("template", "changes", "text"),
    [
        ("{project} · {person}", {}, "Tower · Ada"),
        ("{project} · {person}", {"project_name": "", "project": ""}, "Ada"),
        ("{day}: {description}", {"description": "Plans"}, "2026-11-05: Plans"),
        ("{po} {period}", {"extra": {"po": "PO-1"}}, "PO-1 2026-11"),
        ("{nothing}", {}, "Time"),
        ("{description}", {"description": "word " * 1000}, ("word " * 800)[:3999].rstrip() + "…"),
    ],
)
def test_descriptions_are_filled_in_from_the_template(template: str, changes: dict[str, Any], text: str) -> None:
    assert placed(entry(**changes), rules(description=template)).description == text


def test_late_time_goes_to_the_earliest_period_that_is_not_closed() -> None:
    assert placed(entry(), closed={"2026-11", "2026-12"}).period == "2027-01"
    assert placed(entry(), closed={"2026-12"}).period == "2026-11"


def test_what_is_on_an_open_document_stays_there_when_its_period_closes() -> None:
    before = placed(entry())
    on_it = [Posting(unit=entry().id, document=f"{before.key}/1", contact=ACME)]
    assert placed(entry(), postings=on_it, closed={"2026-11"}).key == before.key
    fixed = [Posting(unit=entry().id, document=f"{before.key}/1", contact=ACME, state="fixed")]
    assert placed(entry(), postings=fixed, closed={"2026-11"}).period == "2026-12"


def test_a_date_moved_to_another_open_month_moves_the_entry() -> None:
    on_it = [Posting(unit=entry().id, document=f"{placed(entry()).key}/1", contact=ACME)]
    assert placed(entry(worked_on=date(2026, 12, 1)), postings=on_it).period == "2026-12"


def test_a_contact_that_was_merged_is_followed_and_keeps_the_open_draft() -> None:
    contacts = {ACME: contact(status="ARCHIVED", merged_to=BOLT), BOLT: contact(BOLT)}
    before = placed(entry())
    on_it = [Posting(unit=entry().id, document=f"{before.key}/1", contact=ACME)]
    verdict = placed(entry(), contact=follow(ACME, contacts), postings=on_it)
    assert (verdict.contact, verdict.key) == (BOLT, before.key)
    assert placed(entry(), contact=follow(ACME, contacts)).key != before.key
    assert follow("unknown", contacts) is None


@pytest.mark.parametrize("client", [None, contact(status="ARCHIVED"), contact(account="999"), contact(currency="EUR")])
def test_trouble_outside_the_entry_leaves_what_is_on_its_clients_draft_where_it_is(client: Any) -> None:
    verdict = judge(entry(), contact=client, postings=BILLED)
    assert isinstance(verdict, Waiting)
    assert verdict.holds


def test_trouble_with_another_client_does_not_keep_time_on_the_former_clients_draft() -> None:
    moved = entry(xero_contact=BOLT)
    verdict = judge(moved, contact=contact(BOLT, status="ARCHIVED"), postings=BILLED)
    assert isinstance(verdict, Waiting)
    assert not verdict.holds


@pytest.mark.parametrize("changes", [{"rates": ("", "", "")}, {"hours": None}, {"xero_contact": ""}])
def test_trouble_of_the_entry_itself_takes_it_off_the_draft(changes: dict[str, Any]) -> None:
    verdict = judge(entry(**changes), postings=BILLED)
    assert isinstance(verdict, Waiting)
    assert not verdict.holds
