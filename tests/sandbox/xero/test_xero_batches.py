"""Writing many elements in one call, and knowing which of them were saved."""

from typing import Any

from xero_support import Xero, invoice, line

from sandbox.faults import Fault


async def batch(xero: Xero, *bodies: dict[str, Any], **query: Any) -> Any:
    return await xero.api("PUT", "Invoices", {"Invoices": list(bodies)}, **query)


async def test_summarised_errors_fail_the_call_and_save_nothing(xero: Xero) -> None:
    contact = await xero.contact()
    good, bad = invoice(contact["ContactID"]), invoice(contact["ContactID"], line(AccountCode="999"))
    answer = await batch(xero, good, bad)
    assert (answer.status, answer.body["ErrorNumber"], answer.body["Type"]) == (400, 10, "ValidationException")
    assert len(answer.body["Elements"]) == 1
    assert answer.body["Elements"][0]["HasErrors"] is True
    assert (await xero.api("GET", "Invoices")).rows == []


async def test_errors_per_element_save_the_good_ones_in_order(xero: Xero) -> None:
    contact = await xero.contact()
    good, bad = invoice(contact["ContactID"]), invoice(contact["ContactID"], line(AccountCode="999"), Reference="bad")
    answer = await batch(xero, good, bad, good, summarizeErrors=False)
    assert answer.status == 200
    assert [row["StatusAttributeString"] for row in answer.rows] == ["OK", "ERROR", "OK"]
    assert len((await xero.api("GET", "Invoices")).rows) == 2


async def test_an_error_element_echoes_the_request_under_a_zero_id(xero: Xero) -> None:
    contact = await xero.contact()
    bad = invoice(contact["ContactID"], line("3", "1.5", AccountCode="999"), InvoiceNumber="TT-1", Status="AUTHORISED")
    row = (await batch(xero, bad, summarizeErrors=False)).row
    assert row["InvoiceID"] == "00000000-0000-0000-0000-000000000000"
    assert (row["InvoiceNumber"], row["Status"]) == ("TT-1", "AUTHORISED")
    assert row["LineItems"][0]["Quantity"] == 3
    assert row["Contact"]["ContactID"] == contact["ContactID"]


async def test_the_flag_is_understood_in_any_spelling(xero: Xero) -> None:
    contact = await xero.contact()
    bad = invoice(contact["ContactID"], line(AccountCode="999"))
    for spelling in ("false", "False", "FALSE"):
        assert (await batch(xero, bad, summarizeErrors=spelling)).status == 200
    for spelling in ("true", "True"):
        assert (await batch(xero, bad, summarizeErrors=spelling)).status == 400


async def test_two_elements_with_one_number_collide_within_a_call(xero: Xero) -> None:
    contact = await xero.contact()
    same = invoice(contact["ContactID"], InvoiceNumber="TT-1")
    answer = await batch(xero, same, same, summarizeErrors=False)
    assert [row["StatusAttributeString"] for row in answer.rows] == ["OK", "ERROR"]
    assert answer.messages == ["Invoice # must be unique."]


async def test_a_call_without_elements_is_refused(xero: Xero) -> None:
    answer = await batch(xero)
    assert (answer.status, answer.body["Type"]) == (400, "NoDataProcessedException")


async def test_fifty_invoices_fit_into_one_call(xero: Xero) -> None:
    contact = await xero.contact()
    bodies = [invoice(contact["ContactID"], *[line() for _ in range(20)]) for _ in range(50)]
    answer = await batch(xero, *bodies, summarizeErrors=False)
    assert len({row["InvoiceNumber"] for row in answer.rows}) == 50
    assert xero.company.requests.entries[-1].elements == 50


async def test_a_500_in_mid_batch_leaves_what_was_written_before_it(xero: Xero) -> None:
    contact = await xero.contact()
    xero.faults.add(Fault("mid-batch-500", body="2", path=".*/Invoices"))
    bodies = [invoice(contact["ContactID"], InvoiceNumber=f"TT-{index}") for index in range(5)]
    answer = await batch(xero, *bodies, summarizeErrors=False)
    assert answer.status == 500
    assert [row["InvoiceNumber"] for row in (await xero.api("GET", "Invoices")).rows] == ["TT-0", "TT-1"]


async def test_duplicate_contact_names_are_refused_among_active_contacts(xero: Xero) -> None:
    await xero.contact("Boom FM")
    answer = await xero.api("PUT", "Contacts", {"Contacts": [{"Name": "boom fm"}]})
    assert answer.status == 400
    (message,) = answer.messages
    assert message.startswith("The contact name boom fm is already assigned to another contact.")
    assert answer.body["Elements"][0]["ContactID"] == "00000000-0000-0000-0000-000000000000"
