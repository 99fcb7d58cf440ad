"""The company in a browser."""

from typing import Any

import pytest
from xero_support import Xero, line


async def page(xero: Xero, path: str) -> str:
    async with xero.http.get(xero.url + path) as answer:
        assert answer.status == 200
        return await answer.text()


async def shown(xero: Xero, made: dict[str, Any]) -> dict[str, Any]:
    return dict((await xero.api("GET", f"Invoices/{made['InvoiceID']}", unitdp=4)).row)


async def test_a_newcomer_finds_the_invoice_its_lines_and_the_way_back(xero: Xero) -> None:
    contact = await xero.contact("Ridgeway University")
    made = await xero.draft(
        contact["ContactID"],
        line("7.5", "120.1234", Description="Website · Zoë", Tracking=[{"Name": "Region", "Option": "North"}]),
        {"Description": "Thank you"},
        Url="http://localhost:8400/i/ABC/1",
        Reference="2026-11",
    )
    overview = await page(xero, "/")
    assert "Xero stand-in, for trying out" in overview
    assert "Ridgeway University" in overview
    assert "Draft 1" in overview
    text = await page(xero, f"/invoices/{made['InvoiceID']}")
    for expected in ("Website · Zoë", "Region: North", "7.5", "120.1234", "900.93", "1,081.12", "2026-11", "Thank you"):
        assert expected in text
    assert 'href="http://localhost:8400/i/ABC/1" rel="noreferrer">Go to Hourstream</a>' in text


async def test_pages_load_nothing_from_elsewhere_and_run_no_scripts(xero: Xero) -> None:
    contact = await xero.contact("<script>alert(1)</script>")
    made = await xero.draft(contact["ContactID"], line(Description='"><img src=x>'))
    for path in ("/invoices", f"/invoices/{made['InvoiceID']}", "/contacts", "/credit-notes"):
        async with xero.http.get(xero.url + path) as answer:
            text = await answer.text()
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "<script" not in text
        assert "<img" not in text
        assert "http://" not in text.replace(xero.url, "")
    assert "--ink" in await page(xero, "/style.css")


async def test_invoices_are_listed_by_status(xero: Xero) -> None:
    contact = await xero.contact()
    draft = await xero.draft(contact["ContactID"], InvoiceNumber="TT-DRAFT")
    await xero.draft(contact["ContactID"], InvoiceNumber="TT-DONE", Status="AUTHORISED")
    assert "TT-DONE" not in await page(xero, "/invoices?status=DRAFT")
    assert "TT-DRAFT" not in await page(xero, "/invoices?status=AUTHORISED")
    assert draft["InvoiceNumber"] in await page(xero, "/invoices")


async def test_a_person_edits_deletes_and_adds_lines(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(
        contact["ContactID"],
        line("1", "100.1234", Tracking=[{"Name": "Region", "Option": "North"}], DiscountRate=10),
        line("2", "50"),
    )
    first, second = [one["LineItemID"] for one in made["LineItems"]]
    sent = await xero.form(
        f"/invoices/{made['InvoiceID']}/lines",
        **{
            f"description-{first}": "Advice",
            f"quantity-{first}": "3",
            f"price-{first}": "100.1234",
            f"account-{first}": "201",
            f"tax-{first}": "RROUTPUT",
            f"delete-{second}": "yes",
            "description-new": "Travel",
            "quantity-new": "1",
            "price-new": "12.50",
            "account-new": "260",
        },
    )
    assert (sent.status, sent.headers["Location"]) == (303, f"/invoices/{made['InvoiceID']}")
    kept, new = (await shown(xero, made))["LineItems"]
    assert (kept["LineItemID"], kept["Description"], kept["Quantity"]) == (first, "Advice", 3)
    assert (kept["AccountCode"], kept["TaxType"], kept["DiscountRate"]) == ("201", "RROUTPUT", 10)
    assert str(kept["UnitAmount"]) == "100.1234"
    assert kept["Tracking"][0]["Option"] == "North"
    assert (new["Description"], str(new["LineAmount"]), new["AccountCode"]) == ("Travel", "12.5", "260")


async def test_lines_nobody_edited_stay_as_they_were(xero: Xero) -> None:
    contact = await xero.contact()
    two_lines = line(
        "0.3333", "100.1234", Description="Website\nFirst part", Tracking=[{"Name": "Region", "Option": "North"}]
    )
    made = await xero.draft(contact["ContactID"], two_lines, {"Description": "Thank you"})
    first, second = [one["LineItemID"] for one in made["LineItems"]]
    fields = {f"description-{first}": "Website\r\nFirst part", f"quantity-{first}": "0.3333"}
    fields |= {f"price-{first}": "100.1234", f"account-{first}": "200", f"tax-{first}": "OUTPUT2"}
    fields |= {f"description-{second}": "Thank you", f"quantity-{second}": "", f"price-{second}": ""}
    await xero.form(f"/invoices/{made['InvoiceID']}/lines", **fields)
    assert (await shown(xero, made))["LineItems"][0] == made["LineItems"][0]
    assert (await shown(xero, made))["LineItems"][1] == made["LineItems"][1]


async def test_a_person_takes_a_draft_through_its_life(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    path = f"/invoices/{made['InvoiceID']}"
    await xero.form(f"{path}/reference", reference="PO 7")
    for status in ("SUBMITTED", "AUTHORISED"):
        await xero.form(f"{path}/status", status=status)
        assert (await shown(xero, made))["Status"] == status
    assert "Record payment" in await page(xero, path)
    assert (await xero.form(f"{path}/payments", amount="20")).status == 303
    assert "Still due" in await page(xero, path)
    await xero.form(f"{path}/payments")
    paid = await shown(xero, made)
    assert (paid["Status"], paid["Reference"]) == ("PAID", "PO 7")
    assert "Save lines" not in await page(xero, path)


@pytest.mark.parametrize(
    ("path", "fields", "reason"),
    [
        ("status", {"status": "VOIDED"}, "not of valid status"),
        ("status", {"status": "DANCED"}, "Choose what should become"),
        ("payments", {"amount": "1"}, "only be made against Authorised"),
        ("payments", {"amount": "lots"}, "not a number"),
        ("lines", {"description-new": "x", "quantity-new": "many"}, "not a number"),
        ("reference", {"reference": "x" * 256}, "longer than 255"),
    ],
)
async def test_what_the_rules_refuse_is_refused_in_the_browser_too(
    xero: Xero, path: str, fields: dict[str, str], reason: str
) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    sent = await xero.form(f"/invoices/{made['InvoiceID']}/{path}", **fields)
    assert sent.status == 400
    assert reason in sent.raw.decode()
    assert await shown(xero, made) == await shown(xero, made)
    assert (await shown(xero, made))["UpdatedDateUTC"] == made["UpdatedDateUTC"]


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_forms_from_other_pages_are_refused(xero: Xero, origin: str | None) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    sent = await xero.form(f"/invoices/{made['InvoiceID']}/status", origin, status="DELETED")
    assert sent.status == 403
    assert (await shown(xero, made))["Status"] == "DRAFT"


async def test_contacts_are_added_and_archived(xero: Xero) -> None:
    await xero.form("/contacts", name="Boom FM", email="a@example.com")
    assert "Boom FM" in await page(xero, "/contacts")
    again = await xero.form("/contacts", name="Boom FM")
    assert again.status == 400
    (contact,) = (await xero.api("GET", "Contacts")).rows
    await xero.form(f"/contacts/{contact['ContactID']}/archive")
    assert "Archived" in await page(xero, "/contacts")


async def test_what_is_not_there_says_so(xero: Xero) -> None:
    async with xero.http.get(f"{xero.url}/invoices/none") as answer:
        assert answer.status == 404
    assert (await xero.form("/invoices/none/status", status="DELETED")).status == 404


async def test_a_credit_note_is_approved_and_set_against_an_invoice_by_hand(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], InvoiceNumber="TT-00001", Status="AUTHORISED")
    await xero.draft((await xero.contact("Boom FM"))["ContactID"], InvoiceNumber="TT-00002", Status="AUTHORISED")
    body = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": contact["ContactID"]}, "LineItems": [line("1", "20")]}
    note = (await xero.api("PUT", "CreditNotes", body | {"CreditNoteNumber": "TT-CN-00001"})).row
    path = f"/credit-notes/{note['CreditNoteID']}"
    assert "TT-CN-00001" in await page(xero, "/credit-notes")
    assert "Allocate credit" not in await page(xero, path)
    assert (await xero.form(f"{path}/status", status="AUTHORISED")).status == 303
    text = await page(xero, path)
    assert "TT-00001, 120.00 due" in text
    assert "TT-00002" not in text
    refused = await xero.form(f"{path}/allocations", invoice=made["InvoiceID"], amount="25")
    assert (refused.status, b"more than the remaining credit" in refused.raw) == (400, True)
    assert (await xero.form(f"{path}/allocations", invoice=made["InvoiceID"], amount="many")).status == 400
    assert (await xero.form(f"{path}/allocations", invoice="x", amount="1")).status == 400
    done = await xero.form(f"{path}/allocations", invoice=made["InvoiceID"], amount="24")
    assert (done.status, done.headers["Location"]) == (303, path)
    text = await page(xero, path)
    assert "Paid" in text
    assert f'Set against <a href="/invoices/{made["InvoiceID"]}">TT-00001</a>' in text
    assert "Credit Applied" in text
    text = await page(xero, f"/invoices/{made['InvoiceID']}")
    assert f'Credited by <a href="{path}">TT-CN-00001</a>' in text
    assert "96.00" in text
    assert (await shown(xero, made))["AmountDue"] == 96


async def test_files_and_notes_of_a_document_are_shown_and_files_only_saved(xero: Xero) -> None:
    made = await xero.draft((await xero.contact())["ContactID"])
    path = f"Invoices/{made['InvoiceID']}"
    headers = {"Content-Type": "text/html"}
    await xero.api("PUT", f"{path}/Attachments/Timesheet.html", b"<script>alert(1)</script>", headers=headers)
    await xero.api("PUT", f"{path}/History", {"HistoryRecords": [{"Details": "Timesheet of <7.5 h>"}]})
    text = await page(xero, f"/invoices/{made['InvoiceID']}")
    assert "Timesheet.html" in text
    assert "Timesheet of &lt;7.5 h&gt;" in text
    (file,) = (await xero.api("GET", f"{path}/Attachments")).rows
    address = f"/invoices/{made['InvoiceID']}/files/{file['AttachmentID']}"
    assert f'href="{address}" download="Timesheet.html"' in text
    async with xero.http.get(xero.url + address) as answer:
        assert await answer.read() == b"<script>alert(1)</script>"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    async with xero.http.get(f"{xero.url}/invoices/{made['InvoiceID']}/files/none") as answer:
        assert answer.status == 404
