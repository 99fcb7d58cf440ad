"""Credit notes, tracking, states and numbers: what the client writes is what the company holds."""

from decimal import Decimal

import msgspec
import pytest
from xero_standin import TIME, Company

from worker.billing.model import Document, Found, Line, Status

REGION = (("Region", "North"),)


def correction(**given: object) -> Line:
    return msgspec.structs.replace(TIME, quantity=Decimal(1), unit_amount=Decimal("360.37"), **given)


async def found(xero: Company, note: Found | Document) -> Found:
    identity = note.id if isinstance(note, Found) else note.xero_id
    (one,) = (await xero.client.invoices(kind="ACCRECCREDIT", ids=[identity])).items
    return one


def numbered(xero: Company, number: str = "TT-CN-00001") -> Document:
    return xero.bill(correction(tracking=REGION), type="ACCRECCREDIT", number=number, due_date="")


async def update(xero: Company, made: Found, *lines: Line, status: Status = "open") -> Found:
    draft = xero.bill(*lines, type=made.type, xero_id=made.id, status=status)
    answer = await xero.write(draft, create=False)
    assert answer.outcome == "answered"
    return answer.elements[0]


async def test_a_credit_note_is_made_changed_submitted_and_deleted(xero: Company) -> None:
    (made,) = await xero.created(numbered(xero))
    assert (made.type, made.status, made.number, made.url, made.due_date) == (
        "ACCRECCREDIT", "DRAFT", "TT-CN-00001", "", "",
    )  # fmt: skip
    assert (made.date, made.total, made.lines[0].tracking) == ("2026-11-30", Decimal("432.44"), REGION)
    line = correction(id=made.lines[0].id, tracking=REGION)
    more = await update(xero, made, line, correction(description="Another correction"))
    assert [one.id == made.lines[0].id for one in more.lines] == [True, False]
    assert (await update(xero, made, line, status="awaiting-approval")).status == "SUBMITTED"
    assert (await update(xero, made, line, status="open")).status == "DRAFT"
    assert (await update(xero, made, status="deleted")).status == "DELETED"
    assert (await found(xero, made)).status == "DELETED"


async def test_an_approved_credit_note_is_not_taken_back(xero: Company) -> None:
    (made,) = await xero.created(numbered(xero))
    xero.company.act("approve", {"id": made.id, "kind": "credit_note"})
    refused = await update(xero, made, correction(id=made.lines[0].id))
    assert (refused.outcome, refused.errors) == ("ERROR", ("Credit note not of valid status for modification",))
    assert refused.status == ""  # the echo of a refused element says nothing about the state
    assert (await found(xero, made)).status == "AUTHORISED"


async def test_a_credit_set_against_an_invoice_shows_on_both(xero: Company) -> None:
    (note,), (invoice,) = await xero.created(numbered(xero)), await xero.created(xero.bill())
    xero.company.act("approve", {"id": note.id, "kind": "credit_note"})
    xero.company.act("approve", {"id": invoice.id})
    xero.company.act("allocate", {"credit_note": note.id, "invoice": invoice.id})
    assert (await found(xero, note)).status == "PAID"
    (billed,) = (await xero.client.invoices(ids=[invoice.id])).items
    assert billed.total is not None
    assert (billed.status, billed.amount_due) == ("AUTHORISED", billed.total - Decimal("432.44"))


@pytest.mark.parametrize(("answer", "outcomes"), [("unique", ["ERROR"]), ("repeatable", ["OK"])])
async def test_whether_a_second_credit_note_of_a_number_is_refused_is_open(
    xero: Company, answer: str, outcomes: list[str]
) -> None:
    xero.company.switches["credit_note_number"] = answer
    await xero.created(numbered(xero))
    again = await xero.write(numbered(xero), key="another")
    assert [element.outcome for element in again.elements] == outcomes
    listed = await xero.client.invoices(kind="ACCRECCREDIT", numbers=["TT-CN-00001"])
    assert len(listed.items) == len(outcomes) + (answer == "repeatable")


async def test_invoices_and_credit_notes_of_one_number_do_not_mix(xero: Company) -> None:
    (invoice,) = await xero.created(xero.bill(number="TT-00001"))
    (note,) = await xero.created(numbered(xero, "TT-00001"))
    assert [one.id for one in (await xero.client.invoices(numbers=["TT-00001"])).items] == [invoice.id]
    listed = await xero.client.invoices(kind="ACCRECCREDIT", numbers=["TT-00001"])
    assert [one.id for one in listed.items] == [note.id]


@pytest.mark.parametrize("answer", ["replaces", "keeps"])
async def test_tracking_that_the_setup_no_longer_asks_for_leaves_the_line(xero: Company, answer: str) -> None:
    xero.company.switches["partial_line"] = answer
    (made,) = await xero.created(xero.bill(msgspec.structs.replace(TIME, tracking=REGION)))
    assert made.lines[0].tracking == REGION
    bare = await update(xero, made, msgspec.structs.replace(TIME, id=made.lines[0].id))
    assert bare.lines[0].tracking == ()


async def test_an_archived_option_is_an_error_of_that_invoice_alone(xero: Company) -> None:
    xero.company.act("tracking", {"category": "Region", "option": "North"})
    tracked = xero.bill(msgspec.structs.replace(TIME, tracking=REGION), number="TT-1")
    answer = await xero.write(tracked, xero.bill(number="TT-2", sequence=2))
    assert [element.outcome for element in answer.elements] == ["ERROR", "OK"]
    assert answer.elements[0].errors == ("The tracking option 'North' does not exist in 'Region'",)


async def test_without_a_number_of_ours_the_companys_next_one_is_answered(xero: Company) -> None:
    made = await xero.created(xero.bill(number=""), xero.bill(number="", sequence=2))
    numbers = [one.number for one in made]
    assert all(numbers)
    assert len(set(numbers)) == 2
    assert [one.number for one in (await xero.client.invoices(numbers=numbers)).items] == numbers
    assert made[1].url == "https://time.example/i/K7Q2M4X9A1B/2"


async def test_a_draft_in_a_locked_period_is_written_and_its_approval_refused(xero: Company) -> None:
    xero.company.act("organisation", {"period_lock": "2026-11-30"})
    (made,) = await xero.created(xero.bill())
    assert (await update(xero, made, msgspec.structs.replace(TIME, id=made.lines[0].id))).outcome == "OK"
    with pytest.raises(ValueError, match="lock date"):
        xero.company.act("approve", {"id": made.id})
    assert (await xero.client.company()).locked_until == "2026-11-30"
