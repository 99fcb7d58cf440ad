"""Reading what Xero answers: odd values cost nothing, odd records cost themselves, and no amount is guessed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.billing.model import Account, Found, FoundLine, TaxRate, Terms
from worker.xero.company import company
from worker.xero.contacts import contact_page
from worker.xero.errors import Unreadable
from worker.xero.pages import LOOP_BYTES, InvoicePage, Odd, parsed
from worker.xero.parse import invoice_page, read, written
from worker.xero.values import since

ID = "430fa14a-f945-44d3-9f97-5df5e28441b8"
OTHER = "6b0dd7b4-1a3f-4c0e-8f0e-2f0c0a6d1e57"
LINE = "52208ff9-528a-4985-a9ad-b2b1d4210e38"
INVOICE: dict[str, Any] = {
    "Type": "ACCREC",
    "InvoiceID": ID,
    "InvoiceNumber": "TT-00001",
    "Reference": "2026-11",
    "AmountDue": Decimal("468.48"),
    "AmountPaid": Decimal("0.0"),
    "Url": "https://time.example/i/K/1",
    "Contact": {"ContactID": LINE.upper(), "Name": "Ridgeway University", "Phones": None},
    "DateString": "2026-11-30T00:00:00",
    "Date": "/Date(1795996800000+0000)/",
    "DueDate": "/Date(1797206400000+0000)/",
    "Status": "DRAFT",
    "LineAmountTypes": "Exclusive",
    "LineItems": [
        {
            "LineItemID": LINE,
            "Description": "Billing engine",
            "Quantity": Decimal("3.25"),
            "UnitAmount": Decimal("120.1234"),
            "LineAmount": Decimal("390.40"),
            "TaxAmount": Decimal("78.08"),
            "TaxType": "OUTPUT2",
            "AccountCode": 200,
            "DiscountRate": None,
            "Tracking": [{"Name": "Team", "Option": "B"}, {"Name": "Region", "Option": "North"}, None],
            "ValidationErrors": [],
        }
    ],
    "SubTotal": Decimal("390.40"),
    "TotalTax": Decimal("78.08"),
    "Total": Decimal("468.48"),
    "UpdatedDateUTC": "/Date(1789378199100+0000)/",
    "UpdatedDateUTCString": "2026-09-14T09:29:59Z",
    "CurrencyCode": "GBP",
}


def page(*records: Any, **envelope: Any) -> InvoicePage:
    return invoice_page({"Invoices": list(records)} | envelope, "ACCREC", page=1, date="2026-11-25T03:04:05Z")


def test_an_invoice_is_read_whole() -> None:
    assert page(INVOICE).items == (
        Found(
            id=ID,
            number="TT-00001",
            status="DRAFT",
            contact=LINE,
            contact_name="Ridgeway University",
            currency="GBP",
            amounts="Exclusive",
            reference="2026-11",
            url="https://time.example/i/K/1",
            date="2026-11-30",
            due_date="2026-12-14",
            lines=(
                FoundLine(
                    id=LINE,
                    description="Billing engine",
                    quantity=Decimal("3.25"),
                    unit_amount=Decimal("120.1234"),
                    amount=Decimal("390.40"),
                    tax_amount=Decimal("78.08"),
                    account="200",
                    tax_type="OUTPUT2",
                    tracking=(("Region", "North"), ("Team", "B")),
                ),
            ),
            sub_total=Decimal("390.40"),
            total_tax=Decimal("78.08"),
            total=Decimal("468.48"),
            amount_paid=Decimal("0.0"),
            amount_due=Decimal("468.48"),
            updated="/Date(1789378199100+0000)/",
        ),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"Status": "SOMETHING NEW"},
        {"CurrencyCode": ""},
        {"CurrencyCode": None},
        {"Contact": None},
        {"Url": None},
        {"DueDate": "/Date(99999999999999999+0000)/"},
        {"Date": "soon", "DateString": 7},
        {"Type": None},
        {"AmountPaid": None},
        {"SubTotal": "12.50"},
        {"StatusAttributeString": None},
    ],
)
def test_odd_values_are_taken_as_they_are(change: dict[str, Any]) -> None:
    found = page(INVOICE | change)
    assert (len(found.items), found.odd) == (1, ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Total": "a lot"}, "Total is not a number"),
        ({"Total": Decimal("NaN")}, "Total is not a number"),
        ({"Total": True}, "Total is not a number"),
        ({"LineItems": [{"Quantity": {}}]}, "line 1: Quantity is not a number"),
        ({"LineItems": [None]}, "LineItems holds something that is no line"),
        ({"LineItems": None}, "came without its lines"),
    ],
)
def test_what_cannot_be_read_without_guessing_is_named_and_costs_nothing_else(
    change: dict[str, Any], reason: str
) -> None:
    found = page(INVOICE | change, INVOICE)
    assert found.odd == (Odd(ID, reason, "TT-00001"),)
    assert len(found.items) == 1


def test_records_without_an_id_are_odd() -> None:
    assert page(None, {"Status": "DRAFT"}, 7).odd == (
        Odd("", "is no object"),
        Odd("", "has no InvoiceID"),
        Odd("", "is no object"),
    )


def test_a_deleted_invoice_may_come_without_lines() -> None:
    gone = {name: value for name, value in INVOICE.items() if name != "LineItems"} | {"Status": "DELETED"}
    assert page(gone).items[0].lines == ()


def test_bills_are_not_ours() -> None:
    found = page(INVOICE | {"Type": "ACCPAY"}, INVOICE)
    assert (len(found.items), found.odd) == (1, ())


def test_credit_notes_are_read_by_their_own_names() -> None:
    note = INVOICE | {"Type": "ACCRECCREDIT", "CreditNoteID": ID, "CreditNoteNumber": "TT-C1"}
    (found,) = invoice_page({"CreditNotes": [note]}, "ACCRECCREDIT", page=1, date="").items
    assert (found.type, found.id, found.number) == ("ACCRECCREDIT", ID, "TT-C1")


@pytest.mark.parametrize("answer", [{}, [], None, {"Invoices": None}, {"Invoices": {}}, {"Contacts": []}])
def test_an_answer_without_a_list_is_never_taken_for_an_empty_one(answer: Any) -> None:
    with pytest.raises(Unreadable, match="no list of Invoices"):
        invoice_page(answer, "ACCREC", page=1, date="")


def test_xero_says_how_many_pages_there_are_or_a_full_page_lets_another_follow() -> None:
    told = {"pagination": {"page": 1, "pageSize": 100, "pageCount": 2, "itemCount": 101}}
    assert page(INVOICE, **told).more
    assert not page(INVOICE, pagination={"page": 2, "pageCount": 2}).more
    assert page(*[INVOICE] * 100).more
    assert not page(*[INVOICE] * 99).more


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*INVOICE, "Message"]), inner),
    max_leaves=12,
)


@given(record=st.dictionaries(st.sampled_from([*INVOICE, "ValidationErrors", "CreditNoteID"]), values) | values)
def test_no_record_whatsoever_breaks_reading(record: Any) -> None:
    assert isinstance(read(record, "ACCREC"), Found | Odd)
    assert isinstance(written(record, "ACCRECCREDIT"), Found | Odd)


CONTACT: dict[str, Any] = {
    "ContactID": ID.upper(),
    "Name": "Ridgeway University",
    "ContactStatus": "ACTIVE",
    "EmailAddress": "a@example.com",
    "AccountNumber": "A1",
    "AccountsReceivableTaxType": "OUTPUT2",
    "SalesDefaultAccountCode": "200",
    "SalesDefaultLineAmountType": "EXCLUSIVE",
    "DefaultCurrency": "GBP",
    "PaymentTerms": {"Sales": {"Day": 14, "Type": "DAYSAFTERBILLDATE"}},
    "Phones": [{"PhoneType": "MOBILE", "PhoneNumber": "07"}, {"PhoneType": "FAX"}],
    "ContactPersons": [{"FirstName": "Ada"}],
    "IsCustomer": True,
    "UpdatedDateUTC": "/Date(1789378199100+0000)/",
}


def test_a_contact_is_read_for_billing_and_flat_for_salesforce() -> None:
    found = contact_page({"Contacts": [CONTACT]}, page=1, date="")
    (contact,), (fields,) = found.items, found.fields
    assert (contact.id, contact.terms, contact.tax_type) == (ID, Terms(14, "DAYSAFTERBILLDATE"), "OUTPUT2")
    assert contact.updated == "/Date(1789378199100+0000)/"
    assert fields["Phones.MOBILE.PhoneNumber"] == "07"
    assert fields["ContactPersons.0.FirstName"] == "Ada"
    assert fields["PaymentTerms.Sales.Day"] == "14"
    assert fields["IsCustomer"] == "true"
    assert fields["UpdatedDateUTC"] == "2026-09-14T09:29:59.100000Z"


@pytest.mark.parametrize(
    "change",
    [
        {"Phones": None},
        {"DefaultCurrency": None},
        {"DefaultCurrency": "ZMK"},
        {"ContactStatus": "SOMETHING NEW"},
        {"Name": None},
        {"AccountNumber": "x" * 500},
        {"PaymentTerms": {"Sales": None}},
        {"PaymentTerms": {"Sales": {"Day": "late"}}},
        {"Addresses": [{"AddressType": "DELIVERY"}, None]},
    ],
)
def test_odd_contacts_are_taken_as_they_are(change: dict[str, Any]) -> None:
    found = contact_page({"Contacts": [CONTACT | change]}, page=1, date="")
    assert (len(found.items), len(found.fields), found.odd) == (1, 1, ())


def test_the_options_a_contacts_sales_are_tracked_by_are_read_by_name() -> None:
    named = [
        {"TrackingCategoryName": "Region", "TrackingOptionName": "North"},
        {"TrackingCategoryName": "Department", "TrackingOptionName": "Support"},
        {"TrackingCategoryName": "Team", "TrackingOptionName": ""},
        None,
    ]
    found = contact_page({"Contacts": [CONTACT | {"SalesTrackingCategories": named}, CONTACT]}, page=1, date="")
    first, second = found.items
    assert first.tracking == (("Department", "Support"), ("Region", "North"))
    assert second.tracking == ()


def test_a_contact_without_an_id_costs_only_itself() -> None:
    found = contact_page({"Contacts": [{"Name": "x"}, None, CONTACT]}, page=1, date="")
    assert [odd.reason for odd in found.odd] == ["has no ContactID", "is no object"]
    assert [contact.name for contact in found.items] == ["Ridgeway University"]


@given(record=st.dictionaries(st.sampled_from([*CONTACT, "Balances"]), values))
def test_no_contact_whatsoever_breaks_reading(record: Any) -> None:
    found = contact_page({"Contacts": [record]}, page=1, date="")
    assert len(found.items) + len(found.odd) == 1


def test_the_company_is_put_together_from_five_answers() -> None:
    about = {
        "Name": "Demo Company (UK)",
        "BaseCurrency": "GBP",
        "PaysTax": True,
        "DefaultSalesTax": "Tax Exclusive",
        "IsDemoCompany": True,
        "Timezone": "GMTSTANDARDTIME",
        "PaymentTerms": {"Sales": {"Day": 20, "Type": "OFFOLLOWINGMONTH"}},
        "PeriodLockDate": "/Date(1759190400000+0000)/",
        "EndOfYearLockDate": None,
    }
    accounts = [{"Code": "200", "Name": "Sales", "Type": "REVENUE", "TaxType": "OUTPUT2", "Status": "ACTIVE"}, {}, None]
    rates = [
        {"TaxType": "OUTPUT2", "Name": "20%", "EffectiveRate": Decimal("20.0")},
        {"TaxType": "X", "EffectiveRate": []},
    ]
    categories = [
        {"Name": "Region", "Options": [{"Name": "North"}, {"Name": "South", "Status": "ARCHIVED"}, None, {}]},
        {"Name": "Team", "Status": "ARCHIVED", "Options": [{"Name": "Ada", "Status": "ACTIVE"}]},
        {"Name": "Empty", "Status": "ACTIVE"},
        None,
    ]
    themes = [
        {"BrandingThemeID": ID.upper(), "Name": "Projects", "SortOrder": 1},
        {"BrandingThemeID": OTHER, "Name": "Standard", "SortOrder": 0},
        {"Name": "Nameless"},
        None,
    ]
    found = company(
        "tenant",
        {"Organisations": [about]},
        {"Accounts": accounts},
        {"TaxRates": rates},
        {"Currencies": [{"Code": "GBP"}, {"Code": "XCG"}]},
        {"TrackingCategories": categories},
        {"BrandingThemes": themes},
        read_at="2026-11-25T03:04:05Z",
    )
    assert (found.name, found.demo, found.terms) == ("Demo Company (UK)", True, Terms(20, "OFFOLLOWINGMONTH"))
    assert found.accounts == (Account("200", "Sales", "REVENUE", "OUTPUT2"),)
    assert found.tax_rates == (TaxRate("OUTPUT2", "20%", Decimal("20.0")), TaxRate("X", "", Decimal(0)))
    assert found.currencies == ("GBP", "XCG")
    assert found.tracking == (("Region", ("North",)), ("Empty", ()))
    assert found.themes == ((OTHER, "Standard"), (ID, "Projects"))
    assert found.locked_until == "2025-09-30"


@pytest.mark.parametrize("organisation", [{"Organisations": []}, {"Organisations": [None]}, {}])
def test_a_company_that_was_not_answered_is_not_made_up(organisation: Any) -> None:
    with pytest.raises(Unreadable):
        company(
            "t",
            organisation,
            {"Accounts": []},
            {"TaxRates": []},
            {"Currencies": []},
            {"TrackingCategories": []},
            {"BrandingThemes": []},
            read_at="",
        )


def test_tracking_categories_that_were_not_answered_are_not_taken_for_none() -> None:
    about = {"Organisations": [{"Name": "Demo"}]}
    with pytest.raises(Unreadable):
        company(
            "t", about, {"Accounts": []}, {"TaxRates": []}, {"Currencies": []}, {}, {"BrandingThemes": []}, read_at=""
        )


@pytest.mark.parametrize("large", [False, True])
async def test_bodies_small_and_large_are_parsed_alike(large: bool) -> None:
    body = b'{"Contacts":[{"ContactID":"%s","Name":"%s"}]}' % (ID.encode(), b"n" * (LOOP_BYTES if large else 9))
    found = await parsed(body, lambda answer: contact_page(answer, page=1, date=""))
    assert found.items[0].id == ID
    with pytest.raises(Unreadable, match="not JSON"):
        await parsed(body[:-1], lambda answer: answer)


def test_changed_since_is_written_as_xero_reads_it() -> None:
    assert since(datetime(2026, 11, 25, 3, 4, 5, 999999, tzinfo=UTC)) == "2026-11-25T03:04:05"
    assert since("2026-11-25T16:04:05+13:00") == "2026-11-25T03:04:05"
    with pytest.raises(ValueError, match="no zone"):
        since("2026-11-25T03:04:05")
