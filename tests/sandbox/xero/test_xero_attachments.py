"""Files on documents: put there, replaced, listed, read, refused."""

from typing import Any

import pytest
from xero_support import Answer, Xero, line

from sandbox.xero.company import CLIENT_ID

CSV = b"day;hours\n2026-11-02;7.5\n"


async def put(
    xero: Xero, document: str, name: str = "timesheet.csv", content: bytes = CSV, method: str = "PUT", **query: Any
) -> Answer:
    headers = {"Content-Type": query.pop("content_type", "text/csv")}
    return await xero.api(method, f"{document}/Attachments/{name}", content, headers=headers, **query)


async def billed(xero: Xero, **fields: Any) -> str:
    made = await xero.draft((await xero.contact())["ContactID"], **fields)
    return f"Invoices/{made['InvoiceID']}"


async def test_a_file_is_put_on_an_invoice_listed_and_read(xero: Xero) -> None:
    path = await billed(xero, Status="AUTHORISED")
    assert (await xero.api("GET", path)).row["HasAttachments"] is False
    made = (await put(xero, path)).row
    assert (made["FileName"], made["MimeType"], made["ContentLength"]) == ("timesheet.csv", "text/csv", len(CSV))
    assert made["IncludeOnline"] is False
    listed = (await xero.api("GET", f"{path}/Attachments")).rows
    assert listed == [made]
    for key in ("timesheet.csv", made["AttachmentID"]):
        read = await xero.api("GET", f"{path}/Attachments/{key}")
        assert (read.status, read.raw, read.headers["Content-Type"]) == (200, CSV, "text/csv")
    found = (await xero.api("GET", path)).row
    assert (found["HasAttachments"], [one["FileName"] for one in found["Attachments"]]) == (True, ["timesheet.csv"])
    assert (await xero.api("GET", f"{path}/History")).rows[0]["Details"] == "timesheet.csv"


async def test_credit_notes_take_files_too(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": contact["ContactID"]}, "LineItems": [line()]}
    note = (await xero.api("PUT", "CreditNotes", body)).row
    path = f"CreditNotes/{note['CreditNoteID']}"
    made = (await put(xero, path, IncludeOnline="true")).row
    assert (made["IncludeOnline"], made["Url"].split("2.0/")[1]) == (True, f"{path}/Attachments/timesheet.csv")
    assert (await xero.api("GET", path)).row["HasAttachments"] is True
    assert (await xero.api("GET", f"Invoices/{note['CreditNoteID']}/Attachments")).status == 404


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_file_of_the_same_name_takes_the_others_place(xero: Xero, method: str) -> None:
    path = await billed(xero)
    first = (await put(xero, path, IncludeOnline="true")).row
    again = (await put(xero, path, "Timesheet.csv", b"new", method)).row
    assert (again["AttachmentID"], again["ContentLength"]) == (first["AttachmentID"], 3)
    assert again["IncludeOnline"] is True
    assert (await xero.api("GET", f"{path}/Attachments/{first['AttachmentID']}")).raw == b"new"
    assert len((await xero.api("GET", f"{path}/Attachments")).rows) == 1


async def test_the_same_key_puts_a_file_there_once(xero: Xero) -> None:
    path = await billed(xero)
    answers = [await xero.api("PUT", f"{path}/Attachments/a.csv", CSV, key="k1") for _ in range(2)]
    assert answers[0].raw == answers[1].raw
    assert (await xero.api("PUT", f"{path}/Attachments/a.csv", b"other", key="k1")).status == 400


async def test_a_document_holds_ten_files(xero: Xero) -> None:
    path = await billed(xero)
    for number in range(10):
        assert (await put(xero, path, f"{number}.csv")).status == 200
    refused = await put(xero, path, "10.csv")
    assert (refused.status, refused.messages) == (400, ["A document can have at most 10 attachments"])
    assert (await put(xero, path, "9.csv", b"replaced")).status == 200


async def test_how_large_a_file_may_be_is_a_switch(xero: Xero) -> None:
    path = await billed(xero)
    large = b"x" * 10_000_001
    assert (await put(xero, path, content=large)).messages == ["The file is larger than 10 MB"]
    xero.company.switches["attachment_megabytes"] = "25"
    assert (await put(xero, path, content=large)).status == 200
    xero.company.switches["attachment_megabytes"] = "3"
    assert (await put(xero, path, content=b"x" * 3_000_001)).messages == ["The file is larger than 3 MB"]


async def test_whether_other_types_than_listed_are_taken_is_a_switch(xero: Xero) -> None:
    path = await billed(xero)
    assert (await put(xero, path, "timesheet.html", b"<p>", content_type="text/html")).status == 200
    xero.company.switches["attachment_types"] = "listed"
    refused = await put(xero, path, "other.html", b"<p>", content_type="text/html")
    assert refused.messages == ["Files of the type html are not supported"]
    assert (await put(xero, path)).status == 200


@pytest.mark.parametrize(("name", "content", "said"), [("a.csv", b"", "empty"), ("timesheet", CSV, "name")])
async def test_a_file_needs_a_content_and_an_ending(xero: Xero, name: str, content: bytes, said: str) -> None:
    answer = await put(xero, await billed(xero), name, content)
    assert (answer.status, said in answer.messages[0]) == (400, True)


async def test_nothing_is_put_on_a_document_that_is_gone(xero: Xero) -> None:
    path = await billed(xero)
    await xero.api("POST", path, {"Status": "DELETED"})
    assert (await put(xero, path)).messages == ["Invoice not of valid status for modification"]
    assert (await put(xero, "Invoices/00000000-0000-0000-0000-00000000000a")).status == 404
    assert (await xero.api("GET", f"{path}/Attachments/none.csv")).status == 404


async def test_files_take_a_scope_of_their_own_and_notes_do_not(xero: Xero) -> None:
    path = await billed(xero)
    app = xero.company.tokens.apps[CLIENT_ID]
    app.scopes = app.scopes - {"accounting.attachments"}
    await xero.authenticate()
    refused = await put(xero, path)
    assert (refused.status, "insufficent_scope" in refused.headers["WWW-Authenticate"]) == (401, True)
    assert (await xero.api("GET", f"{path}/Attachments")).rows == []
    noted = await xero.api("PUT", f"{path}/History", {"HistoryRecords": [{"Details": "Timesheet"}]})
    assert noted.status == 200


@pytest.mark.parametrize(("answer", "moved"), [("stays", False), ("moves", True)])
async def test_whether_a_file_or_note_moves_the_documents_time_is_a_switch(
    xero: Xero, answer: str, moved: bool
) -> None:
    xero.company.switches["added_to"] = answer
    path = await billed(xero)
    times = [(await xero.api("GET", path)).row["UpdatedDateUTC"]]
    await put(xero, path)
    times.append((await xero.api("GET", path)).row["UpdatedDateUTC"])
    await xero.api("PUT", f"{path}/History", {"HistoryRecords": [{"Details": "Timesheet"}]})
    times.append((await xero.api("GET", path)).row["UpdatedDateUTC"])
    assert len(set(times)) == (3 if moved else 1)


async def test_the_control_port_tells_what_was_attached(xero: Xero) -> None:
    path = await billed(xero)
    await put(xero, path, IncludeOnline="True")
    await put(xero, path, "logo.png", b"\x89PNG", content_type="application/octet-stream")
    (files,) = xero.company.snapshot()["attachments"].values()
    assert files == [
        {"name": "timesheet.csv", "type": "text/csv", "length": len(CSV), "online": True, "text": CSV.decode()},
        {"name": "logo.png", "type": "image/png", "length": 4, "online": False},
    ]
