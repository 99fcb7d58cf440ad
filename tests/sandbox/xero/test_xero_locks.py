"""Lock dates and tracking: what the company refuses although the call is in order."""

from typing import Any

import pytest
from xero_support import Answer, Xero, invoice, line

LOCKED = "The document date cannot be before the period lock date, 30 November 2026."


async def lock(xero: Xero, **days: str) -> None:
    xero.company.act("organisation", days or {"period_lock": "2026-11-30"})


async def approve(xero: Xero, document: dict[str, Any]) -> Answer:
    return await xero.update(InvoiceID=document["InvoiceID"], Status="AUTHORISED")


async def test_drafts_are_written_submitted_and_deleted_in_a_locked_period_but_not_approved(xero: Xero) -> None:
    await lock(xero)
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"])
    edited = await xero.update(InvoiceID=made["InvoiceID"], Status="DRAFT", LineItems=[line("2", "50")])
    assert edited.row["StatusAttributeString"] == "OK"
    submitted = await xero.update(InvoiceID=made["InvoiceID"], Status="SUBMITTED")
    assert submitted.row["Status"] == "SUBMITTED"
    assert (await approve(xero, made)).messages == [LOCKED]
    assert (await xero.api("GET", f"Invoices/{made['InvoiceID']}")).row["Status"] == "SUBMITTED"
    assert (await xero.update(InvoiceID=made["InvoiceID"], Status="DELETED")).row["StatusAttributeString"] == "OK"


async def test_the_day_after_the_lock_date_is_open(xero: Xero) -> None:
    await lock(xero)
    made = await xero.draft((await xero.contact())["ContactID"], Date="2026-12-01")
    assert (await approve(xero, made)).row["Status"] == "AUTHORISED"


async def test_a_draft_moved_out_of_the_locked_period_can_be_approved(xero: Xero) -> None:
    await lock(xero)
    made = await xero.draft((await xero.contact())["ContactID"])
    await xero.update(InvoiceID=made["InvoiceID"], Status="DRAFT", Date="2026-12-01", DueDate="2026-12-15")
    assert (await approve(xero, made)).row["Status"] == "AUTHORISED"


async def test_the_end_of_the_year_locks_as_the_period_does(xero: Xero) -> None:
    await lock(xero, year_end_lock="2026-12-31")
    made = await xero.draft((await xero.contact())["ContactID"])
    assert "end of year lock date, 31 December 2026" in (await approve(xero, made)).messages[0]
    about = (await xero.api("GET", "Organisation")).row
    assert about["EndOfYearLockDate"].startswith("/Date(")
    assert "PeriodLockDate" not in about


async def test_what_was_approved_before_the_lock_stays_as_it_is(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], Status="AUTHORISED")
    await lock(xero)
    for change in ({"Status": "VOIDED"}, {"LineItems": [line("2", "50")]}, {"Date": "2026-12-05"}):
        answer = await xero.update(InvoiceID=made["InvoiceID"], **change)
        assert answer.messages == [LOCKED]
    created = await xero.api("PUT", "Invoices", invoice(contact["ContactID"], Status="AUTHORISED"))
    assert created.messages == [LOCKED]


async def test_money_moves_only_after_the_lock_date(xero: Xero) -> None:
    contact = await xero.contact()
    made = await xero.draft(contact["ContactID"], Status="AUTHORISED")
    note = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": contact["ContactID"]}, "Date": "2026-12-01"}
    note |= {"LineItems": [line()], "Status": "AUTHORISED"}
    credit = (await xero.api("PUT", "CreditNotes", note)).row
    await lock(xero)
    body = {"Invoice": {"InvoiceID": made["InvoiceID"]}, "Account": {"Code": "090"}, "Amount": 10}
    refused = await xero.api("PUT", "Payments", body | {"Date": "2026-11-30"})
    assert refused.messages == ["The payment date cannot be before the period lock date, 30 November 2026."]
    assert (await xero.api("PUT", "Payments", body | {"Date": "2026-12-01"})).status == 200
    path, one = (
        f"CreditNotes/{credit['CreditNoteID']}/Allocations",
        {"Invoice": {"InvoiceID": made["InvoiceID"]}, "Amount": 5},
    )
    refused = await xero.api("PUT", path, {"Allocations": [one | {"Date": "2026-11-30"}]})
    assert "allocation date" in refused.messages[0]
    allocated = await xero.api("PUT", path, {"Allocations": [one | {"Date": "2026-12-01"}]})
    await lock(xero, period_lock="2026-12-31")
    gone = await xero.api("DELETE", f"{path}/{allocated.row['AllocationID']}")
    assert (gone.status, "allocation date" in gone.messages[0]) == (400, True)


async def test_credit_notes_obey_the_lock_dates(xero: Xero) -> None:
    await lock(xero)
    body = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": (await xero.contact())["ContactID"]}, "Date": "2026-11-30"}
    made = (await xero.api("PUT", "CreditNotes", body | {"LineItems": [line()]})).row
    answer = await xero.api("POST", f"CreditNotes/{made['CreditNoteID']}", {"Status": "AUTHORISED"})
    assert answer.messages == [LOCKED]


async def test_a_person_is_held_by_the_lock_dates_too(xero: Xero) -> None:
    await lock(xero)
    made = await xero.draft((await xero.contact())["ContactID"])
    with pytest.raises(ValueError, match="lock date"):
        xero.company.act("approve", {"id": made["InvoiceID"]})


async def test_an_archived_option_or_category_takes_no_more_lines(xero: Xero) -> None:
    contact = await xero.contact()
    north = line(Tracking=[{"Name": "Region", "Option": "North"}])
    made = await xero.draft(contact["ContactID"], north)
    xero.company.act("tracking", {"category": "Region", "option": "North"})
    answer = await xero.api("PUT", "Invoices", invoice(contact["ContactID"], north))
    assert answer.messages == ["The tracking option 'North' does not exist in 'Region'"]
    assert (await xero.api("GET", f"Invoices/{made['InvoiceID']}")).row["LineItems"][0]["Tracking"][0][
        "Option"
    ] == "North"
    (region, _department) = (await xero.api("GET", "TrackingCategories")).rows
    assert {one["Name"]: one["Status"] for one in region["Options"]}["North"] == "ARCHIVED"
    xero.company.act("tracking", {"category": "Department"})
    team = line(Tracking=[{"Name": "Department", "Option": "Support"}])
    answer = await xero.api("PUT", "Invoices", invoice(contact["ContactID"], team))
    assert answer.messages == ["The tracking category 'Department' does not exist"]
    assert [one["Name"] for one in (await xero.api("GET", "TrackingCategories")).rows] == ["Region"]
    every = await xero.api("GET", "TrackingCategories", includeArchived=True)
    assert [one["Status"] for one in every.rows] == ["ACTIVE", "ARCHIVED"]
    xero.company.act("tracking", {"category": "Region", "option": "North", "status": "ACTIVE"})
    await xero.draft(contact["ContactID"], north)
    with pytest.raises(ValueError, match="no tracking Region West"):
        xero.company.act("tracking", {"category": "Region", "option": "West"})
