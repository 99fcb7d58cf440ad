"""Reading lists: pages, filters, order, changes since."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from xero_support import Xero, invoice, line

from sandbox.xero.company import WEB_CLIENT_ID


async def names(xero: Xero, path: str = "Contacts", field: str = "Name", **query: Any) -> list[str]:
    answer = await xero.api("GET", path, **query)
    assert answer.status == 200, answer.body
    return [row[field] for row in answer.rows]


async def test_pages_follow_the_time_of_update_and_tell_how_many_there_are(xero: Xero) -> None:
    for name in "CAB":
        await xero.contact(name)
    first = await xero.api("GET", "Contacts", page=1, pageSize=2)
    second = await xero.api("GET", "Contacts", page=2, pageSize=2)
    assert [row["Name"] for row in first.rows + second.rows] == ["C", "A", "B"]
    assert first.body["pagination"] == {"page": 1, "pageSize": 2, "pageCount": 2, "itemCount": 3}
    assert (await xero.api("GET", "Contacts", page=3, pageSize=2)).rows == []


@pytest.mark.parametrize(("asked", "given"), [("0", 1), ("5000", 1000), ("100", 100)])
async def test_page_sizes_out_of_range_are_clamped(xero: Xero, asked: str, given: int) -> None:
    assert (await xero.api("GET", "Contacts", page=1, pageSize=asked)).body["pagination"]["pageSize"] == given


async def test_lists_of_invoices_without_page_have_no_lines(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("100", "1.005"))
    plain = await xero.api("GET", "Invoices", IDs=made["InvoiceID"])
    assert plain.row["LineItems"] == []
    assert "pagination" not in plain.body
    paged = await xero.api("GET", "Invoices", page=1, unitdp=4)
    assert str(paged.row["LineItems"][0]["UnitAmount"]) == "1.005"
    assert set(paged.row["Contact"]) >= {"ContactID", "Name"}
    assert "EmailAddress" not in paged.row["Contact"]
    assert (await xero.api("GET", "Invoices", page=1, summaryOnly="true")).row["LineItems"] == []


async def test_each_view_of_an_invoice_leaves_out_what_xero_leaves_out(xero: Xero) -> None:
    contact = await xero.contact()
    written = await xero.draft(contact["ContactID"])
    single = (await xero.api("GET", f"Invoices/{written['InvoiceID']}")).row
    paged = (await xero.api("GET", "Invoices", page=1)).row
    assert not {"Payments", "CreditNotes", "AmountCredited", "HasAttachments"} & set(written)
    assert set(single) - set(written) == {"AmountCredited", "HasAttachments", "Attachments"}
    assert set(paged) - set(written) == {
        "AmountCredited",
        "HasAttachments",
        "Payments",
        "CreditNotes",
        "InvoiceAddresses",
    }
    assert "TrackingOptionID" not in str(paged)


async def test_contacts_without_page_lack_what_only_pages_carry(xero: Xero) -> None:
    terms = {"Sales": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}}
    contact = await xero.contact(PaymentTerms=terms, SalesDefaultAccountCode="201", DefaultCurrency="EUR")
    paged = (await xero.api("GET", "Contacts", page=1)).row
    assert (paged["PaymentTerms"], paged["SalesDefaultAccountCode"]) == (terms, "201")
    plain = (await xero.api("GET", "Contacts")).row
    assert "PaymentTerms" not in plain
    assert plain["DefaultCurrency"] == "EUR"
    summary = (await xero.api("GET", "Contacts", page=1, summaryOnly="true")).row
    assert not {"Addresses", "IsCustomer", "ContactPersons"} & set(summary)
    assert (await xero.api("GET", f"Contacts/{contact['ContactID']}")).row["PaymentTerms"] == terms


async def test_archived_contacts_are_listed_only_when_asked_for(xero: Xero) -> None:
    old = await xero.contact("Old")
    await xero.contact("New")
    await xero.api("POST", "Contacts", {"ContactID": old["ContactID"], "ContactStatus": "ARCHIVED"})
    assert await names(xero) == ["New"]
    assert await names(xero, includeArchived="True") == ["New", "Old"]
    assert await names(xero, IDs=old["ContactID"]) == ["Old"]


async def test_contacts_are_found_by_where_and_by_search_term(xero: Xero) -> None:
    await xero.contact("Café Zoë", EmailAddress="zoe@example.com", AccountNumber="A-7")
    await xero.contact("Boom FM")
    for where in ('Name=="cafe zoe"', 'EmailAddress=="ZOE@example.com"', 'AccountNumber="A-7" AND IsCustomer==false'):
        assert await names(xero, where=where) == ["Café Zoë"]
    assert await names(xero, searchTerm="fm") == ["Boom FM"]


@pytest.mark.parametrize("query", [{"where": "Name.Contains("}, {"where": 'Colour=="red"'}, {"order": "Colour"}])
async def test_what_cannot_be_read_as_a_query_is_refused(xero: Xero, query: dict[str, str]) -> None:
    answer = await xero.api("GET", "Contacts", **query)
    assert (answer.status, answer.body["Type"]) == (400, "QueryParseException")


async def test_lists_can_be_ordered(xero: Xero) -> None:
    for name in "CAB":
        await xero.contact(name)
    assert await names(xero, order="Name") == ["A", "B", "C"]
    assert await names(xero, order="Name DESC") == ["C", "B", "A"]


async def test_invoices_are_filtered_by_ids_numbers_contacts_and_statuses(xero: Xero) -> None:
    one, two = await xero.contact("One"), await xero.contact("Two")
    first = await xero.draft(one["ContactID"], InvoiceNumber="TT-1")
    second = await xero.draft(two["ContactID"], InvoiceNumber="TT-2", Status="AUTHORISED")
    third = await xero.draft(two["ContactID"], InvoiceNumber="TT-3")
    await xero.update(InvoiceID=third["InvoiceID"], Status="DELETED")

    async def numbers(**query: Any) -> list[str]:
        return await names(xero, "Invoices", "InvoiceNumber", **query)

    assert await numbers() == ["TT-1", "TT-2", "TT-3"], "deleted ones are listed too"
    assert await numbers(IDs=f"{first['InvoiceID']},{second['InvoiceID']}") == ["TT-1", "TT-2"]
    assert await numbers(InvoiceNumbers="TT-2,TT-3,TT-9", page=1) == ["TT-2", "TT-3"]
    assert await numbers(ContactIDs=two["ContactID"]) == ["TT-2", "TT-3"]
    assert await numbers(Statuses="DRAFT,DELETED") == ["TT-1", "TT-3"]
    assert await numbers(where='Type=="ACCREC" AND Status=="AUTHORISED"') == ["TT-2"]
    assert await numbers(where=f'Contact.ContactID==guid("{one["ContactID"]}")') == ["TT-1"]
    assert await numbers(where="Date>=DateTime(2026,12,01)") == []
    assert await numbers(where="AmountDue>0 && Date==DateTime(2026,11,30)") == ["TT-1", "TT-2", "TT-3"]
    assert await numbers(searchTerm="tt-3") == ["TT-3"]
    assert (await xero.api("GET", "Invoices", IDs="nonsense")).status == 400


async def test_created_by_my_app_leaves_out_what_people_and_other_apps_made(xero: Xero) -> None:
    contact = await xero.contact()
    mine = await xero.draft(contact["ContactID"])
    xero.company.act("write", {"body": invoice(contact["ContactID"])})
    assert len((await xero.api("GET", "Invoices")).rows) == 2
    assert (await xero.api("GET", "Invoices", createdByMyApp="True")).row["InvoiceID"] == mine["InvoiceID"]
    assert WEB_CLIENT_ID not in {one.created_by for one in xero.company.books.documents("invoice")}


async def test_changes_since_are_told_to_the_second(xero: Xero) -> None:
    await xero.contact("Before")
    xero.clock.advance(10)
    since = xero.clock.now()
    xero.clock.advance(10)
    await xero.contact("After")
    header = {"If-Modified-Since": since.strftime("%Y-%m-%dT%H:%M:%S")}
    answer = await xero.api("GET", "Contacts", headers=header)
    assert [row["Name"] for row in answer.rows] == ["After"]
    for malformed in ("yesterday", "Tue, 24 Nov 2026 10:00:00 GMT"):
        everything = await xero.api("GET", "Contacts", headers={"If-Modified-Since": malformed})
        assert len(everything.rows) == 2


@pytest.mark.parametrize(("switch", "count"), [("inclusive", 1), ("exclusive", 0)])
async def test_whether_the_named_second_is_included_is_a_switch(xero: Xero, switch: str, count: int) -> None:
    xero.company.switches["modified_since"] = switch
    await xero.contact()
    (contact,) = xero.company.books.shelves.contacts.values()
    header = {"If-Modified-Since": contact.updated.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
    assert len((await xero.api("GET", "Contacts", headers=header)).rows) == count


async def test_becoming_a_customer_does_not_move_the_time_of_update(xero: Xero) -> None:
    contact = await xero.contact()
    await xero.draft(contact["ContactID"], Status="AUTHORISED")
    shown = (await xero.api("GET", f"Contacts/{contact['ContactID']}")).row
    assert shown["IsCustomer"] is True
    assert shown["Balances"]["AccountsReceivable"]["Outstanding"] == 120
    assert shown["UpdatedDateUTC"] == contact["UpdatedDateUTC"]


async def test_the_date_header_follows_the_stand_ins_clock(xero: Xero) -> None:
    xero.clock.advance(3600)
    answer = await xero.api("GET", "Organisation")
    told = parsedate_to_datetime(answer.headers["Date"])
    assert abs(told - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=10)
