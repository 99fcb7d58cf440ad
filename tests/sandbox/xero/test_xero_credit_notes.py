"""Credit notes: written, numbered, ended, and set against invoices."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xero_support import Answer, Xero, line

from sandbox.clock import Clock
from sandbox.xero.company import XeroCompany

HAS_CREDIT = "This document cannot be edited as it has a payment or credit note allocated to it."


async def credit(xero: Xero, contact: dict[str, Any], *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": contact["ContactID"]}, "Date": "2026-11-30"}
    body |= {"LineItems": list(lines) or [line()]} | fields
    answer = await xero.api("PUT", "CreditNotes", {"CreditNotes": [body]}, unitdp=4)
    assert answer.status == 200, answer.body
    return answer.row


async def pair(xero: Xero, credited: str = "20", billed: str = "100", **fields: Any) -> tuple[str, str]:
    """An approved credit note and an approved invoice of one contact, by their ids."""
    contact = await xero.contact()
    note = await credit(xero, contact, line("1", credited), Status="AUTHORISED", **fields)
    made = await xero.draft(contact["ContactID"], line("1", billed), Status="AUTHORISED")
    return note["CreditNoteID"], made["InvoiceID"]


async def allocate(xero: Xero, note: str, invoice: str, amount: str = "24", **fields: Any) -> Answer:
    one = {"Invoice": {"InvoiceID": invoice}, "Amount": Decimal(amount), "Date": "2026-12-01"} | fields
    return await xero.api("PUT", f"CreditNotes/{note}/Allocations", {"Allocations": [one]})


async def shown(xero: Xero, note: str, invoice: str) -> tuple[dict[str, Any], dict[str, Any]]:
    documents = [await xero.api("GET", f"CreditNotes/{note}"), await xero.api("GET", f"Invoices/{invoice}")]
    return documents[0].row, documents[1].row


@pytest.mark.parametrize(
    ("path", "ends"),
    [
        (["SUBMITTED", "DRAFT", "DELETED"], True),
        (["SUBMITTED", "AUTHORISED", "VOIDED"], True),
        (["AUTHORISED", "DRAFT"], False),
        (["AUTHORISED", "DELETED"], False),
        (["DRAFT", "VOIDED"], False),
        (["DELETED", "DRAFT"], False),
    ],
)
async def test_credit_notes_go_through_the_states_of_invoices(xero: Xero, path: list[str], ends: bool) -> None:
    made = await credit(xero, await xero.contact())
    for status in path[:-1]:
        answer = await xero.api("POST", f"CreditNotes/{made['CreditNoteID']}", {"Status": status})
        assert (answer.status, answer.row["Status"]) == (200, status)
    last = await xero.api("POST", f"CreditNotes/{made['CreditNoteID']}", {"Status": path[-1]})
    assert (last.status == 200) is ends
    if not ends:
        assert last.messages == ["Credit note not of valid status for modification"]


async def test_an_update_that_says_draft_is_refused_once_somebody_approved(xero: Xero) -> None:
    made = await credit(xero, await xero.contact())
    xero.company.act("approve", {"id": made["CreditNoteID"], "kind": "credit_note"})
    body = {"CreditNoteID": made["CreditNoteID"], "Status": "DRAFT", "LineItems": made["LineItems"]}
    answer = await xero.api("POST", "CreditNotes", {"CreditNotes": [body]}, summarizeErrors=False, unitdp=4)
    assert (answer.status, answer.row["StatusAttributeString"]) == (200, "ERROR")
    assert answer.row["Status"] == "DRAFT"  # the echo of what was asked, never the state
    assert (await xero.api("GET", f"CreditNotes/{made['CreditNoteID']}")).row["Status"] == "AUTHORISED"


async def test_a_credit_note_carries_no_url_and_is_found_by_its_number(xero: Xero) -> None:
    made = await credit(xero, await xero.contact(), CreditNoteNumber="TT-CN-00001", Url="http://localhost:8400/i/A/1")
    assert "Url" not in made
    found = await xero.api(
        "GET", "CreditNotes", page=1, pageSize=100, unitdp=4, where='CreditNoteNumber=="TT-CN-00001"'
    )
    assert [row["CreditNoteID"] for row in found.rows] == [made["CreditNoteID"]]
    assert found.rows[0]["LineItems"][0]["LineItemID"] == made["LineItems"][0]["LineItemID"]


async def test_a_number_is_unique_among_credit_notes_unless_switched(xero: Xero) -> None:
    contact = await xero.contact()
    await xero.draft(contact["ContactID"], InvoiceNumber="TT-1")
    await credit(xero, contact, CreditNoteNumber="TT-1")
    body = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": contact["ContactID"]}, "LineItems": [line()]}
    again = await xero.api("PUT", "CreditNotes", body | {"CreditNoteNumber": "TT-1"})
    assert again.messages == ["Credit note # must be unique."]
    xero.company.switches["credit_note_number"] = "repeatable"
    await credit(xero, contact, CreditNoteNumber="TT-1")
    assert len((await xero.api("GET", "CreditNotes", where='CreditNoteNumber=="TT-1"')).rows) == 2


async def test_a_credit_set_against_an_invoice_lowers_what_is_due(xero: Xero) -> None:
    note, invoice = await pair(xero, credited="50")
    made = (await allocate(xero, note, invoice, "24")).row
    assert (made["Amount"], made["Invoice"]["InvoiceID"], made["CreditNote"]["CreditNoteID"]) == (24, invoice, note)
    credit_note, billed = await shown(xero, note, invoice)
    assert (credit_note["Status"], credit_note["RemainingCredit"]) == ("AUTHORISED", 36)
    assert [one["AllocationID"] for one in credit_note["Allocations"]] == [made["AllocationID"]]
    assert (billed["Status"], billed["AmountDue"], billed["AmountCredited"]) == ("AUTHORISED", 96, 24)
    assert [one["AppliedAmount"] for one in billed["CreditNotes"]] == [24]
    (listed,) = (await xero.api("GET", "Invoices", page=1, unitdp=4)).rows
    assert [one["CreditNoteID"] for one in listed["CreditNotes"]] == [note]


async def test_what_is_covered_in_full_is_paid_on_both_sides(xero: Xero) -> None:
    note, invoice = await pair(xero, credited="100")
    before = [row["UpdatedDateUTC"] for row in await shown(xero, note, invoice)]
    assert (await allocate(xero, note, invoice, "120")).status == 200
    both = await shown(xero, note, invoice)
    assert [row["Status"] for row in both] == ["PAID", "PAID"]
    assert all("FullyPaidOnDate" in row for row in both)
    assert before != [row["UpdatedDateUTC"] for row in both]


async def test_a_payment_and_a_credit_together_pay_an_invoice(xero: Xero) -> None:
    note, invoice = await pair(xero)
    await allocate(xero, note, invoice, "24")
    xero.company.act("pay", {"id": invoice, "amount": "96"})
    credit_note, billed = await shown(xero, note, invoice)
    assert (credit_note["Status"], billed["Status"]) == ("PAID", "PAID")
    assert (billed["AmountPaid"], billed["AmountCredited"], billed["AmountDue"]) == (96, 24, 0)


async def test_what_credit_is_set_against_is_neither_edited_nor_voided(xero: Xero) -> None:
    note, invoice = await pair(xero, credited="50")
    await allocate(xero, note, invoice)
    for path in (f"Invoices/{invoice}", f"CreditNotes/{note}"):
        assert (await xero.api("POST", path, {"Status": "VOIDED"})).messages == [HAS_CREDIT]
        changed = await xero.api("POST", path, {"LineItems": [line("1", "1")]})
        assert changed.messages == [HAS_CREDIT]


async def test_an_allocation_taken_back_opens_both_again(xero: Xero) -> None:
    note, invoice = await pair(xero, credited="100")
    made = (await allocate(xero, note, invoice, "120")).row
    gone = await xero.api("DELETE", f"CreditNotes/{note}/Allocations/{made['AllocationID']}")
    assert (gone.status, gone.body["IsDeleted"]) == (200, True)
    credit_note, billed = await shown(xero, note, invoice)
    assert [(row["Status"]) for row in (credit_note, billed)] == ["AUTHORISED", "AUTHORISED"]
    assert (credit_note["RemainingCredit"], billed["AmountDue"]) == (120, 120)
    assert (credit_note["Allocations"], billed.get("CreditNotes")) == ([], None)
    again = await xero.api("DELETE", f"CreditNotes/{note}/Allocations/{made['AllocationID']}")
    assert again.status == 404
    assert (await xero.api("POST", f"Invoices/{invoice}", {"Status": "VOIDED"})).status == 200


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("25", "more than the remaining credit"),
        ("0", "must be above zero"),
        ("-1", "must be above zero"),
    ],
)
async def test_no_more_is_allocated_than_there_is(xero: Xero, amount: str, said: str) -> None:
    note, invoice = await pair(xero)
    answer = await allocate(xero, note, invoice, amount)
    assert (answer.status, said in answer.messages[0]) == (400, True)


async def test_no_more_is_allocated_than_is_due(xero: Xero) -> None:
    note, invoice = await pair(xero, credited="200")
    assert "outstanding" in (await allocate(xero, note, invoice, "121")).messages[0]


async def test_an_allocation_needs_both_approved_of_one_contact_and_currency(xero: Xero) -> None:
    note, invoice = await pair(xero)
    other = await xero.contact("Boom FM")
    euro = await xero.draft(
        (await xero.api("GET", f"Invoices/{invoice}")).row["Contact"]["ContactID"], CurrencyCode="EUR"
    )
    xero.company.act("approve", {"id": euro["InvoiceID"]})
    theirs = await xero.draft(other["ContactID"], Status="AUTHORISED")
    draft = await xero.draft(other["ContactID"])
    refusals = [
        (draft["InvoiceID"], "authorised invoices"),
        (theirs["InvoiceID"], "not for the contact"),
        (euro["InvoiceID"], "not in the currency"),
        ("00000000-0000-0000-0000-00000000000a", "could not be found"),
    ]
    for target, said in refusals:
        assert said in (await allocate(xero, note, target, "1")).messages[0]
    unapproved = await credit(xero, other)
    answer = await allocate(xero, unapproved["CreditNoteID"], theirs["InvoiceID"], "1")
    assert "authorised credit note" in answer.messages[0]
    assert (await allocate(xero, "00000000-0000-0000-0000-00000000000a", invoice)).status == 404


async def test_a_repeat_under_the_same_key_allocates_once(xero: Xero) -> None:
    note, invoice = await pair(xero, credited="50")
    body = {"Allocations": [{"Invoice": {"InvoiceID": invoice}, "Amount": 10, "Date": "2026-12-01"}]}
    first = await xero.api("PUT", f"CreditNotes/{note}/Allocations", body, key="a1")
    second = await xero.api("PUT", f"CreditNotes/{note}/Allocations", body, key="a1")
    assert first.raw == second.raw
    assert len((await shown(xero, note, invoice))[0]["Allocations"]) == 1


async def test_allocations_of_one_call_count_together_and_are_all_or_nothing(xero: Xero) -> None:
    note, invoice = await pair(xero)
    halves = [{"Invoice": {"InvoiceID": invoice}, "Amount": amount, "Date": "2026-12-01"} for amount in (20, 5)]
    refused = await xero.api("PUT", f"CreditNotes/{note}/Allocations", {"Allocations": halves})
    assert (refused.status, len(refused.messages)) == (400, 1)
    assert [row["Status"] for row in await shown(xero, note, invoice)] == ["AUTHORISED", "AUTHORISED"]
    assert xero.company.snapshot()["allocations"] == []
    told = await xero.api("PUT", f"CreditNotes/{note}/Allocations", {"Allocations": halves}, summarizeErrors=False)
    assert [row["StatusAttributeString"] for row in told.rows] == ["OK", "ERROR"]
    assert (await shown(xero, note, invoice))[0]["RemainingCredit"] == 4
    empty = await xero.api("PUT", f"CreditNotes/{note}/Allocations", {"Allocations": []})
    assert empty.body["Type"] == "NoDataProcessedException"


@given(
    st.lists(
        st.tuples(st.sampled_from(["allocate", "remove", "pay", "remove-payment", "void"]), st.integers(1, 130)),
        max_size=12,
    )
)
def test_whatever_is_paid_and_credited_the_sums_hold(acts: list[tuple[str, int]]) -> None:
    company = XeroCompany(Clock(scale=1))
    contact = company.act("contact", {"body": {"Name": "Ridgeway"}})["ContactID"]
    head = {"Contact": {"ContactID": contact}, "Status": "AUTHORISED", "DueDate": "2026-12-31", "LineItems": [line()]}
    invoice = company.act("write", {"body": head | {"Type": "ACCREC"}})["InvoiceID"]
    note = company.act("write", {"body": head | {"Type": "ACCRECCREDIT"}, "kind": "credit_note"})["CreditNoteID"]
    for act, amount in acts:
        shelves = company.books.shelves
        allocations, live = (
            list(shelves.allocations),
            [one.id for one in shelves.payments.values() if one.status != "DELETED"],
        )
        params: dict[str, dict[str, str]] = {
            "allocate": {"credit_note": note, "invoice": invoice, "amount": str(amount)},
            "remove": {"credit_note": note, "id": next(iter(allocations), "none")},
            "pay": {"id": invoice, "amount": str(amount)},
            "remove-payment": {"id": next(iter(live), "none")},
            "void": {"id": invoice},
        }
        with contextlib.suppress(ValueError):
            company.act({"remove": "remove-allocation"}.get(act, act), params[act])
        check_sums(company, invoice, note)


def check_sums(company: XeroCompany, invoice: str, note: str) -> None:
    shelves = company.books.shelves
    allocated = sum((one.amount for one in shelves.allocations.values()), Decimal(0))
    paid = sum((one.amount for one in shelves.payments.values() if one.status != "DELETED"), Decimal(0))
    billed, credited = shelves.documents[invoice], shelves.documents[note]
    assert (billed.credited, credited.credited, billed.paid) == (allocated, allocated, paid)
    assert billed.due_amount == billed.total - allocated - paid >= 0
    assert credited.due_amount == credited.total - allocated >= 0
    for document in (billed, credited):
        assert (document.status == "PAID") == (document.due_amount == 0)
    assert billed.status != "VOIDED" or (allocated, paid) == (0, 0)


async def test_a_person_sets_a_credit_against_an_invoice_by_all_that_goes(xero: Xero) -> None:
    note, invoice = await pair(xero, credited="500")
    made = xero.company.act("allocate", {"credit_note": note, "invoice": invoice})
    assert made["Amount"] == "120.0"
    assert [row["Status"] for row in await shown(xero, note, invoice)] == ["AUTHORISED", "PAID"]
    xero.company.act("remove-allocation", {"credit_note": note, "id": made["AllocationID"]})
    assert [row["Status"] for row in await shown(xero, note, invoice)] == ["AUTHORISED", "AUTHORISED"]
    with pytest.raises(ValueError, match="must be above zero"):
        xero.company.act("allocate", {"credit_note": note, "invoice": invoice, "amount": "0"})
    assert xero.company.snapshot()["allocations"] == []


async def test_credit_notes_have_a_history_of_their_own(xero: Xero) -> None:
    note, invoice = await pair(xero)
    await allocate(xero, note, invoice)
    added = await xero.api("PUT", f"CreditNotes/{note}/History", {"HistoryRecords": [{"Details": "3 h taken off"}]})
    assert added.row["Details"] == "3 h taken off"
    rows = (await xero.api("GET", f"CreditNotes/{note}/History")).rows
    assert [row["Changes"] for row in rows] == ["Note", "Credit Applied", "Created"]
    assert (await xero.api("GET", f"Invoices/{note}/History")).status == 404
