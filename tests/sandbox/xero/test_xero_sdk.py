"""The stand-in, used by Xero's own Python SDK: its strict deserialiser accepts every answer."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import urllib3
from xero_python.accounting import (
    Account,
    AccountingApi,
    Allocation,
    Allocations,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    CurrencyCode,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
    LineItemTracking,
    Payment,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions import AccountingBadRequestException, NotFoundException, RateLimitException
from xero_python.identity import IdentityApi
from xero_support import Xero

from sandbox.faults import Fault
from sandbox.xero.company import CLIENT_ID, CLIENT_SECRET

TIMEOUT = (5, 20)


@pytest.fixture
def client(xero: Xero) -> Iterator[ApiClient]:
    """An API client as the SDK's users make it, its hidden repeats switched off."""
    configuration = Configuration()
    configuration.oauth2_token = OAuth2Token(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    held = {
        "access_token": xero.token,
        "scope": ["accounting.invoices"],
        "expires_in": 1800,
        "expires_at": 4_000_000_000,
        "token_type": "Bearer",
    }
    made = ApiClient(configuration, oauth2_token_getter=lambda: held, oauth2_token_saver=lambda _token: None)
    pool = made.rest_client.pool_manager
    pool.connection_pool_kw["retries"] = urllib3.Retry(0, redirect=0, respect_retry_after_header=False)
    yield made
    pool.clear()


@pytest.fixture
def api(xero: Xero, client: ApiClient) -> AccountingApi:
    return AccountingApi(client, base_url=f"{xero.url}/api.xro/2.0")


async def call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call of the SDK, which is synchronous, in a thread. The tenant may be empty with a custom connection."""
    return await asyncio.to_thread(method, "", *args, _request_timeout=TIMEOUT, **kwargs)


async def test_the_sdk_finds_the_company(xero: Xero, client: ApiClient, api: AccountingApi) -> None:
    identity = IdentityApi(client, base_url=xero.url)
    (connection,) = await asyncio.to_thread(identity.get_connections, _request_timeout=TIMEOUT)
    assert str(connection.tenant_id) == xero.company.tenant_id
    (organisation,) = (await call(api.get_organisations)).organisations
    assert organisation.base_currency is CurrencyCode.GBP
    assert "200" in [account.code for account in (await call(api.get_accounts)).accounts]
    assert "OUTPUT2" in [rate.tax_type for rate in (await call(api.get_tax_rates)).tax_rates]
    assert len((await call(api.get_tracking_categories)).tracking_categories) == 2
    assert len((await call(api.get_currencies)).currencies) == 3
    assert len((await call(api.get_branding_themes)).branding_themes) == 2


async def test_the_sdk_writes_reads_and_ends_an_invoice(api: AccountingApi) -> None:
    (contact,) = (await call(api.create_contacts, Contacts(contacts=[Contact(name="Ridgeway")]))).contacts
    body = Invoice(
        type="ACCREC",
        contact=Contact(contact_id=contact.contact_id),
        date=date(2026, 11, 30),
        due_date=date(2026, 12, 14),
        line_amount_types=LineAmountTypes.EXCLUSIVE,
        invoice_number="TT-00001",
        url="http://localhost:8400/i/ABC/1",
        status="DRAFT",
        line_items=[
            LineItem(
                description="Consulting",
                quantity=Decimal("0.3333"),
                unit_amount=Decimal("100.1234"),
                account_code="200",
                tracking=[LineItemTracking(name="Region", option="North")],
            )
        ],
    )
    written = await call(
        api.create_invoices, Invoices(invoices=[body]), summarize_errors=False, unitdp=4, idempotency_key="k1"
    )
    (made,) = written.invoices
    assert (made.status_attribute_string, made.total) == ("OK", Decimal("40.04"))
    assert made.line_items[0].unit_amount == Decimal("100.1234")
    page = await call(api.get_invoices, page=1, page_size=100, unitdp=4, invoice_numbers=["TT-00001"])
    assert (page.pagination.item_count, page.invoices[0].date) == (1, date(2026, 11, 30))
    change = Invoice(invoice_id=made.invoice_id, status="AUTHORISED")
    (approved,) = (await call(api.update_invoice, made.invoice_id, Invoices(invoices=[change]), unitdp=4)).invoices
    assert approved.status == "AUTHORISED"
    note = HistoryRecords(history_records=[HistoryRecord(details="Checked")])
    await call(api.create_invoice_history, made.invoice_id, note)
    history = (await call(api.get_invoice_history, made.invoice_id)).history_records
    assert [record.changes for record in history] == ["Note", "Approved", "Created"]
    payment = Payment(invoice=Invoice(invoice_id=made.invoice_id), account=Account(code="090"), amount=Decimal("40.04"))
    await call(api.create_payment, payment)
    assert (await call(api.get_invoice, made.invoice_id)).invoices[0].status == "PAID"


async def test_the_sdk_understands_each_refusal(xero: Xero, api: AccountingApi) -> None:
    bare = Invoices(invoices=[Invoice(type="ACCREC", contact=Contact(name="Ridgeway"))])
    with pytest.raises(AccountingBadRequestException, match="One or more line items"):
        await call(api.create_invoices, bare, summarize_errors=True)
    (row,) = (await call(api.create_invoices, bare, summarize_errors=False)).invoices
    assert (row.status_attribute_string, row.has_errors) == ("ERROR", True)
    with pytest.raises(NotFoundException):
        await call(api.get_invoice, "00000000-0000-0000-0000-00000000000a")
    xero.faults.add(Fault("429-minute", delay=30))
    with pytest.raises(RateLimitException) as limited:
        await call(api.get_organisations)
    assert limited.value.headers["Retry-After"] == "30"


async def test_the_sdk_pages_through_contacts_changed_since(xero: Xero, api: AccountingApi) -> None:
    for name in ("A", "B", "C"):
        await xero.contact(name, Phones=[{"PhoneType": "MOBILE", "PhoneNumber": "07700"}])
    since = xero.clock.now() - timedelta(minutes=5)
    found = await call(
        api.get_contacts, if_modified_since=since, page=2, page_size=2, include_archived=True, order="Name ASC"
    )
    assert [contact.name for contact in found.contacts] == ["C"]
    assert found.pagination.page_count == 2


async def test_the_sdk_writes_a_credit_note(xero: Xero, api: AccountingApi) -> None:
    contact = await xero.contact()
    note = CreditNote(
        type="ACCRECCREDIT",
        contact=Contact(contact_id=contact["ContactID"]),
        line_items=[LineItem(description="Less", quantity=1, unit_amount=Decimal("12.5"), account_code="200")],
    )
    (made,) = (await call(api.create_credit_notes, CreditNotes(credit_notes=[note]), unitdp=4)).credit_notes
    assert (made.status, made.total, made.remaining_credit) == ("DRAFT", 15, 15)
    assert len((await call(api.get_credit_notes, page=1)).credit_notes) == 1


async def test_the_sdk_allocates_a_credit_note_and_takes_it_back(xero: Xero, api: AccountingApi) -> None:
    contact = await xero.contact()
    billed = await xero.draft(contact["ContactID"], Status="AUTHORISED")
    note = CreditNote(
        type="ACCRECCREDIT",
        status="AUTHORISED",
        contact=Contact(contact_id=contact["ContactID"]),
        line_items=[LineItem(description="Less", quantity=1, unit_amount=Decimal("12.5"), account_code="200")],
    )
    (made,) = (await call(api.create_credit_notes, CreditNotes(credit_notes=[note]), unitdp=4)).credit_notes
    wanted = Allocation(amount=Decimal("15"), date=date(2026, 12, 1), invoice=Invoice(invoice_id=billed["InvoiceID"]))
    written = await call(api.create_credit_note_allocation, made.credit_note_id, Allocations(allocations=[wanted]))
    (allocation,) = written.allocations
    assert (allocation.amount, allocation.credit_note.credit_note_id) == (15, made.credit_note_id)
    (invoice,) = (await call(api.get_invoice, billed["InvoiceID"])).invoices
    assert (invoice.amount_credited, invoice.amount_due) == (15, 105)
    assert [credit.applied_amount for credit in invoice.credit_notes] == [15]
    (paid,) = (await call(api.get_credit_note, made.credit_note_id)).credit_notes
    assert (paid.status, paid.remaining_credit, paid.allocations[0].amount) == ("PAID", 0, 15)
    gone = await call(api.delete_credit_note_allocations, made.credit_note_id, allocation.allocation_id)
    assert gone.is_deleted is True
    (again,) = (await call(api.get_credit_note, made.credit_note_id)).credit_notes
    assert (again.status, again.remaining_credit) == ("AUTHORISED", 15)
    record = HistoryRecords(history_records=[HistoryRecord(details="2 h taken off TT-00001")])
    await call(api.create_credit_note_history, made.credit_note_id, record)
    history = (await call(api.get_credit_note_history, made.credit_note_id)).history_records
    assert [one.changes for one in history] == ["Note", "Credit Removed", "Credit Applied", "Created"]


async def test_the_sdk_puts_files_on_documents(xero: Xero, api: AccountingApi) -> None:
    billed = await xero.draft((await xero.contact())["ContactID"])
    content = b"day;hours\n2026-11-02;7.5\n"
    written = await call(
        api.create_invoice_attachment_by_file_name, billed["InvoiceID"], "a.csv", content, include_online=True
    )
    (made,) = written.attachments
    assert (made.file_name, made.mime_type, made.content_length) == ("a.csv", "text/csv", len(content))
    (listed,) = (await call(api.get_invoice_attachments, billed["InvoiceID"])).attachments
    assert (listed.attachment_id, listed.include_online) == (made.attachment_id, True)
    (invoice,) = (await call(api.get_invoice, billed["InvoiceID"])).invoices
    assert (invoice.has_attachments, invoice.attachments[0].file_name) == (True, "a.csv")
