"""Changing documents: who a line is, which statuses follow which, what locks and payments forbid."""

from typing import Any

import pytest
from xero_support import Xero, invoice, line

WRONG_STATUS = "Invoice not of valid status for modification"


async def with_status(xero: Xero, status: str) -> dict[str, Any]:
    contact = await xero.contact(f"Client {status}")
    made = await xero.draft(contact["ContactID"])
    steps = {
        "DRAFT": [],
        "SUBMITTED": ["SUBMITTED"],
        "AUTHORISED": ["AUTHORISED"],
        "VOIDED": ["AUTHORISED", "VOIDED"],
        "DELETED": ["DELETED"],
    }
    for step in steps[status]:
        answer = await xero.update(InvoiceID=made["InvoiceID"], Status=step)
        assert answer.row["StatusAttributeString"] == "OK", answer.body
    return made


async def status_of(xero: Xero, made: dict[str, Any]) -> str:
    row = (await xero.api("GET", f"Invoices/{made['InvoiceID']}")).row
    return str(row["Status"])


@pytest.mark.parametrize("target", ["DRAFT", "SUBMITTED", "AUTHORISED", "VOIDED", "DELETED"])
@pytest.mark.parametrize("start", ["DRAFT", "SUBMITTED", "AUTHORISED", "VOIDED", "DELETED"])
async def test_only_xeros_status_changes_are_allowed(xero: Xero, start: str, target: str) -> None:
    allowed = {
        "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
        "SUBMITTED": {"SUBMITTED", "AUTHORISED", "DRAFT", "DELETED"},
        "AUTHORISED": {"AUTHORISED", "VOIDED"},
    }
    made = await with_status(xero, start)
    answer = await xero.update(InvoiceID=made["InvoiceID"], Status=target)
    if target in allowed.get(start, set()):
        assert await status_of(xero, made) == target
    else:
        assert answer.messages == [WRONG_STATUS]
        assert answer.row["Status"] == target, "an error element echoes what was asked for"
        assert await status_of(xero, made) == start


async def test_lines_with_their_id_stay_lines_without_are_new_and_missing_ones_go(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("1"), line("2"), line("3"))
    first, second, _ = made["LineItems"]
    changed = (
        await xero.update(
            InvoiceID=made["InvoiceID"],
            LineItems=[
                line("5", LineItemID=second["LineItemID"]),
                line("1", LineItemID=first["LineItemID"]),
                line("9"),
            ],
        )
    ).row
    ids = [one["LineItemID"] for one in changed["LineItems"]]
    assert ids[:2] == [second["LineItemID"], first["LineItemID"]]
    assert ids[2] not in {one["LineItemID"] for one in made["LineItems"]}
    assert [one["Quantity"] for one in changed["LineItems"]] == [5, 1, 9]


async def test_a_line_id_of_nobody_is_refused_or_new_by_switch(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    stray = line(LineItemID="00000000-0000-0000-0000-00000000000a")
    assert "could not be found" in (await xero.update(InvoiceID=made["InvoiceID"], LineItems=[stray])).messages[0]
    xero.company.switches["unknown_line"] = "new"
    changed = (await xero.update(InvoiceID=made["InvoiceID"], LineItems=[stray])).row
    assert changed["LineItems"][0]["LineItemID"] != stray["LineItemID"]


async def test_fields_missing_from_a_kept_line_are_empty_or_kept_by_switch(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("4"))
    only_words = {"LineItemID": made["LineItems"][0]["LineItemID"], "Description": "Renamed"}
    xero.company.switches["partial_line"] = "keeps"
    kept = (await xero.update(InvoiceID=made["InvoiceID"], LineItems=[only_words])).row
    assert (kept["LineItems"][0]["Description"], kept["LineItems"][0]["Quantity"]) == ("Renamed", 4)
    xero.company.switches["partial_line"] = "replaces"
    emptied = (await xero.update(InvoiceID=made["InvoiceID"], LineItems=[only_words])).row
    assert "Quantity" not in emptied["LineItems"][0]


async def test_a_status_only_update_keeps_or_recreates_lines_by_switch(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], line("100", "1.005"))
    line_id = made["LineItems"][0]["LineItemID"]
    kept = (await xero.api("POST", "Invoices", {"InvoiceID": made["InvoiceID"], "Status": "SUBMITTED"})).row
    assert (kept["LineItems"][0]["LineItemID"], kept["SubTotal"]) == (line_id, made["SubTotal"])
    xero.company.switches["status_only"] = "recreates-lines"
    same = (await xero.update(InvoiceID=made["InvoiceID"], Status="DRAFT")).row
    assert same["LineItems"][0]["LineItemID"] != line_id
    assert same["SubTotal"] == made["SubTotal"], "with unitdp=4 the price survives"
    lost = (await xero.api("POST", "Invoices", {"InvoiceID": made["InvoiceID"], "Status": "SUBMITTED"})).row
    assert lost["SubTotal"] == 101, "without it, the price is cut to two places"


@pytest.mark.parametrize(("policy", "lines"), [("refused", 1), ("ignored", 1), ("deleted", 0)])
async def test_an_empty_list_of_lines_is_refused_ignored_or_taken_by_switch(
    xero: Xero, policy: str, lines: int
) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    xero.company.switches["empty_lines"] = policy
    answer = await xero.update(InvoiceID=made["InvoiceID"], LineItems=[])
    assert bool(answer.messages) is (policy == "refused")
    assert len((await xero.api("GET", f"Invoices/{made['InvoiceID']}")).row["LineItems"]) == lines


async def test_an_update_moves_its_time_of_update(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    same = (await xero.update(InvoiceID=made["InvoiceID"], Reference="October")).row
    assert same["UpdatedDateUTC"] != made["UpdatedDateUTC"]
    xero.company.switches["unchanged_update"] = "stays"
    still = (await xero.update(InvoiceID=made["InvoiceID"], Reference="October")).row
    assert still["UpdatedDateUTC"] == same["UpdatedDateUTC"]


async def test_the_url_is_writable_on_create_only_or_always_by_switch(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], Url="http://localhost:8400/i/ABC/1")
    later = "http://localhost:8400/i/ABC/2"
    assert (await xero.update(InvoiceID=made["InvoiceID"], Url=later)).row["Url"] == made["Url"]
    xero.company.switches["url_writable"] = "always"
    assert (await xero.update(InvoiceID=made["InvoiceID"], Url=later)).row["Url"] == later


async def test_a_number_is_unique_among_sales_invoices(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], InvoiceNumber="TT-00001")
    again = await xero.api("PUT", "Invoices", invoice(contact["ContactID"], InvoiceNumber="tt-00001"))
    assert again.messages == ["Invoice # must be unique."]
    other = await xero.draft(contact["ContactID"])
    renamed = await xero.update(InvoiceID=other["InvoiceID"], InvoiceNumber="TT-00001")
    assert renamed.messages == ["Invoice # must be unique."]
    assert made["InvoiceNumber"] == "TT-00001"


async def test_posting_a_number_that_exists_overwrites_that_invoice(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], InvoiceNumber="TT-00001")
    posted = await xero.api(
        "POST", "Invoices", invoice(contact["ContactID"], line("7"), InvoiceNumber="TT-00001"), unitdp=4
    )
    assert posted.row["InvoiceID"] == made["InvoiceID"]
    assert posted.row["LineItems"][0]["Quantity"] == 7
    fresh = await xero.api("POST", "Invoices", invoice(contact["ContactID"], InvoiceNumber="TT-00002"))
    assert fresh.row["InvoiceID"] != made["InvoiceID"]


@pytest.mark.parametrize(("ended", "switch"), [("VOIDED", "voided_number"), ("DELETED", "deleted_number")])
async def test_the_number_of_an_ended_invoice_is_taken_or_free_by_switch(xero: Xero, ended: str, switch: str) -> None:
    made = await with_status(xero, ended)
    number, contact_id = made["InvoiceNumber"], made["Contact"]["ContactID"]
    body = invoice(contact_id, InvoiceNumber=number)
    xero.company.switches[switch] = "taken"
    assert (await xero.api("PUT", "Invoices", body)).messages == ["Invoice # must be unique."]
    assert (await xero.api("POST", "Invoices", body)).messages == [WRONG_STATUS]
    xero.company.switches[switch] = "free"
    again = (await xero.api("PUT", "Invoices", body)).row
    assert again["InvoiceID"] != made["InvoiceID"]
    assert (await xero.api("GET", f"Invoices/{number}")).row["InvoiceID"] == again["InvoiceID"]


async def test_numbers_given_by_the_company_skip_those_in_use(xero: Xero) -> None:
    contact = await xero.contact()
    await xero.draft(contact["ContactID"], InvoiceNumber="INV-0002")
    numbers = [(await xero.draft(contact["ContactID"]))["InvoiceNumber"] for _ in range(2)]
    assert len({*numbers, "INV-0002"}) == 3


async def test_an_unknown_invoice_is_refused_in_a_batch_and_not_found_in_the_address(xero: Xero) -> None:
    nobody = "00000000-0000-0000-0000-00000000000a"
    assert (await xero.update(InvoiceID=nobody)).messages == [f"Invoice {nobody} could not be found"]
    answer = await xero.api("POST", f"Invoices/{nobody}", {"Reference": "x"})
    assert (answer.status, answer.headers["Content-Type"], answer.raw) == (404, "text/html; charset=utf-8", b"")


async def test_an_invoice_can_be_addressed_by_id_or_number(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    changed = await xero.api("POST", f"Invoices/{made['InvoiceNumber']}", {"Reference": "PO 7"})
    assert (changed.row["InvoiceID"], changed.row["Reference"]) == (made["InvoiceID"], "PO 7")


async def test_drafts_live_in_a_locked_period_but_approval_is_refused(xero: Xero) -> None:
    contact = await xero.contact()
    for lock, name in (("period_lock", "period lock date"), ("year_end_lock", "end of year lock date")):
        xero.company.act("organisation", {"period_lock": "", "year_end_lock": ""})
        made = await xero.draft(contact["ContactID"])
        xero.company.act("organisation", {lock: "2026-11-30"})
        assert (await xero.update(InvoiceID=made["InvoiceID"], Reference="x")).messages == []
        assert (await xero.update(InvoiceID=made["InvoiceID"], Status="SUBMITTED")).messages == []
        refused = await xero.update(InvoiceID=made["InvoiceID"], Status="AUTHORISED")
        assert refused.messages == [f"The document date cannot be before the {name}, 30 November 2026."]


async def test_an_approved_invoice_in_a_locked_period_cannot_be_changed_or_voided(xero: Xero) -> None:
    made = await with_status(xero, "AUTHORISED")
    xero.company.act("organisation", {"period_lock": "2026-11-30"})
    for change in ({"Reference": "x"}, {"Status": "VOIDED"}, {"Date": "2026-12-05"}):
        assert "period lock date" in (await xero.update(InvoiceID=made["InvoiceID"], **change)).messages[0]


async def test_a_payment_in_full_makes_an_invoice_paid_and_its_removal_opens_it(xero: Xero) -> None:
    made = await with_status(xero, "AUTHORISED")
    pay = {"Invoice": {"InvoiceID": made["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-12-01"}
    part = (await xero.api("PUT", "Payments", pay | {"Amount": 20})).row
    assert await status_of(xero, made) == "AUTHORISED"
    await xero.api("PUT", "Payments", {"Payments": [pay | {"Amount": 100}]})
    shown = (await xero.api("GET", f"Invoices/{made['InvoiceID']}")).row
    assert (shown["Status"], shown["AmountDue"], shown["AmountPaid"]) == ("PAID", 0, 120)
    assert len(shown["Payments"]) == 2
    assert shown["FullyPaidOnDate"] == "/Date(1796083200000+0000)/"
    removed = await xero.api("POST", f"Payments/{part['PaymentID']}", {"Status": "DELETED"})
    assert removed.row["Status"] == "DELETED"
    assert await status_of(xero, made) == "AUTHORISED"
    assert [one["Status"] for one in (await xero.api("GET", "Payments")).rows] == ["DELETED", "AUTHORISED"]


async def test_an_invoice_with_a_payment_keeps_its_money_but_not_its_words(xero: Xero) -> None:
    made = await with_status(xero, "AUTHORISED")
    xero.company.act("pay", {"id": made["InvoiceID"], "amount": "1"})
    held = "This document cannot be edited as it has a payment or credit note allocated to it."
    same = line(LineItemID=made["LineItems"][0]["LineItemID"], Description="Advice", AccountCode="201")
    dearer = line("2", LineItemID=made["LineItems"][0]["LineItemID"])
    assert (await xero.update(InvoiceID=made["InvoiceID"], Reference="x", LineItems=[same])).messages == []
    for change in ({"LineItems": [dearer]}, {"Status": "VOIDED"}, {"Date": "2026-11-29"}):
        assert (await xero.update(InvoiceID=made["InvoiceID"], **change)).messages == [held]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Account": {"Code": "200"}}, "The account of a payment must be a bank account"),
        ({"Amount": 121}, "Payment amount must be above zero and not exceed the amount outstanding on this document"),
        ({"Amount": 0}, "Payment amount must be above zero and not exceed the amount outstanding on this document"),
        ({"Invoice": {"InvoiceNumber": "?"}}, "The invoice of the payment could not be found"),
        ({"Invoice": None}, "The invoice of a payment must be specified"),
    ],
)
async def test_payments_that_break_a_rule_are_refused(xero: Xero, change: dict[str, Any], message: str) -> None:
    made = await with_status(xero, "AUTHORISED")
    pay = {"Invoice": {"InvoiceID": made["InvoiceID"]}, "Account": {"Code": "090"}, "Amount": 1}
    answer = await xero.api("PUT", "Payments", pay | change)
    assert answer.messages == [message]


async def test_only_approved_invoices_can_be_paid(xero: Xero) -> None:
    made = await with_status(xero, "DRAFT")
    pay = {"Invoice": {"InvoiceID": made["InvoiceID"]}, "Account": {"Code": "090"}, "Amount": 1}
    assert (await xero.api("PUT", "Payments", pay)).messages == [
        "Payments can only be made against Authorised documents"
    ]


async def test_history_tells_what_happened_and_takes_notes(xero: Xero) -> None:
    made = await with_status(xero, "AUTHORISED")
    path = f"Invoices/{made['InvoiceID']}/History"
    await xero.api("PUT", path, {"HistoryRecords": [{"Details": "Hours checked by Pat"}]})
    rows = (await xero.api("GET", path)).rows
    assert [row["Changes"] for row in rows] == ["Note", "Approved", "Created"]
    assert rows[0]["Details"] == "Hours checked by Pat"
    long = await xero.api("PUT", path, {"HistoryRecords": [{"Details": "x" * 2501}]})
    assert long.status == 400


async def test_credit_notes_are_written_like_invoices(xero: Xero) -> None:
    contact = await xero.contact()
    body = {
        "Type": "ACCRECCREDIT",
        "Contact": {"ContactID": contact["ContactID"]},
        "CreditNoteNumber": "TT-CN-1",
        "LineItems": [line("0.5", "100.1234")],
    }
    made = (await xero.api("PUT", "CreditNotes", {"CreditNotes": [body]}, unitdp=4)).row
    assert (made["Status"], made["SubTotal"], made["RemainingCredit"]) == ("DRAFT", *[made["SubTotal"], made["Total"]])
    again = await xero.api("PUT", "CreditNotes", body)
    assert again.messages == ["Credit note # must be unique."]
    xero.company.switches["credit_note_number"] = "repeatable"
    assert (await xero.api("PUT", "CreditNotes", body)).status == 200
    approved = await xero.api("POST", f"CreditNotes/{made['CreditNoteID']}", {"Status": "AUTHORISED"}, unitdp=4)
    assert approved.row["Status"] == "AUTHORISED"
    listed = await xero.api("GET", "CreditNotes", page=1, where='CreditNoteNumber=="TT-CN-1"')
    assert len(listed.rows) == 2
    discount = body | {"CreditNoteNumber": "TT-CN-2", "LineItems": [line(DiscountRate=5)]}
    assert (await xero.api("PUT", "CreditNotes", discount)).messages == ["Discounts cannot be given on credit notes"]
