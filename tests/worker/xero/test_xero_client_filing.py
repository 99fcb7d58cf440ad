"""What is added to documents: files and notes, each sent once, each outcome told."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xero_doubles import DROP, OpenGovernor, RawServer, TokensInMemory, answer, connected, permit
from xero_standin import Company, its_config

from sandbox.faults import Fault
from sandbox.xero.company import CLIENT_ID
from worker.billing.model import DocumentType
from worker.limits import Limits
from worker.xero.answers import WriteAnswer
from worker.xero.client import XeroClient
from worker.xero.errors import MissingScope, Refused, Unreadable
from worker.xero.filing import (
    FILE_BYTES,
    NOTE_LENGTH,
    Attachment,
    HistoryNote,
    attachments,
    bad_file,
    history,
    note_body,
)

CSV = "day;hours;person\n2026-11-02;7.5;Zoë\n".encode()
ID = "430fa14a-f945-44d3-9f97-5df5e28441b8"
KINDS: list[DocumentType] = ["ACCREC", "ACCRECCREDIT"]
MISSING = {"WWW_Authenticate": 'Bearer error="insufficent_scope"'}


async def locked(xero: Company, kind: DocumentType = "ACCREC") -> str:
    """An approved document of ours, by its id."""
    (made,) = await xero.created(xero.bill(type=kind, number="TT-CN-00001" if kind == "ACCRECCREDIT" else "TT-00001"))
    xero.company.act("approve", {"id": made.id, "kind": "invoice" if kind == "ACCREC" else "credit_note"})
    return made.id


async def attach(
    xero: Company,
    document: str,
    kind: DocumentType = "ACCREC",
    name: str = "a.csv",
    content: bytes = CSV,
    key: str = "f1",
) -> WriteAnswer:
    return await xero.client.attach(document, kind, name, "text/csv", content, key, permit=await permit(xero.client))


async def note(
    xero: Company, document: str, kind: DocumentType = "ACCREC", text: str = "Timesheet", key: str = "n1"
) -> WriteAnswer:
    return await xero.client.note(document, kind, text, key, permit=await permit(xero.client))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_and_a_note_are_put_on_a_locked_document(xero: Company, kind: DocumentType) -> None:
    document = await locked(xero, kind)
    name = "Timesheet TT-00001 März 2026.csv"
    assert (await attach(xero, document, kind, name)).outcome == "answered"
    (file,) = await xero.client.attachments(document, kind)
    assert (file.name, file.content_type, file.length, file.online) == (name, "text/csv", len(CSV), False)
    assert xero.company.snapshot()["attachments"][document][0]["text"] == CSV.decode()
    assert (await note(xero, document, kind, "7.5 h · 2026-11 „Größe“")).outcome == "answered"
    newest = (await xero.client.history(document, kind))[0]
    assert (newest.text, newest.what) == ("7.5 h · 2026-11 „Größe“", "Note")
    assert newest.at.endswith("Z")


async def test_a_client_may_see_the_file_with_the_online_invoice(xero: Company) -> None:
    document = await locked(xero)
    sent = await xero.client.attach(
        document, "ACCREC", "a.html", "text/html", b"<p>", "k", permit=await permit(xero.client), online=True
    )
    assert sent.outcome == "answered"
    (file,) = await xero.client.attachments(document, "ACCREC")
    assert (file.content_type, file.online) == ("text/html", True)


async def test_the_same_file_sent_twice_is_there_once(xero: Company) -> None:
    document = await locked(xero)
    assert [(await attach(xero, document, key=key)).outcome for key in ("f1", "f1", "f2")] == ["answered"] * 3
    assert len(await xero.client.attachments(document, "ACCREC")) == 1


async def test_a_note_under_the_same_key_is_there_once(xero: Company) -> None:
    document = await locked(xero)
    assert [(await note(xero, document)).outcome for _ in range(2)] == ["answered"] * 2
    notes = [one for one in await xero.client.history(document, "ACCREC") if one.what == "Note"]
    assert [one.text for one in notes] == ["Timesheet"]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("error-500-cached", "cached-error"),
        ("error-500-cached-after", "cached-error"),
        ("503-html", "unknown"),
        ("429-minute", "limited"),
        ("drop-after", "unknown"),
        ("drop-before", "unknown"),
    ],
)
async def test_every_fault_has_its_outcome(xero: Company, kind: str, outcome: str) -> None:
    document = await locked(xero)
    for write in (attach, note):
        xero.faults.add(Fault(kind))
        assert (await write(xero, document)).outcome == outcome


async def test_what_can_be_refused_is_refused_for_good_and_says_why(xero: Company) -> None:
    xero.company.switches["attachment_types"] = "listed"
    document = await locked(xero)
    refused = await attach(xero, document, name="a.html")
    assert (refused.outcome, refused.problem) == ("refused", "Files of the type html are not supported")
    gone = await attach(xero, "00000000-0000-0000-0000-00000000000a", key="f2")
    assert (gone.outcome, gone.status) == ("refused", 404)
    assert (await note(xero, "00000000-0000-0000-0000-00000000000a")).outcome == "refused"


async def test_without_the_scope_files_are_not_taken_and_notes_are(xero: Company) -> None:
    document = await locked(xero)
    assert await xero.client.can_attach()
    app = xero.company.tokens.apps[CLIENT_ID]
    app.scopes = app.scopes - {"accounting.attachments"}
    async with XeroClient(
        its_config(xero.client._config.api_url), TokensInMemory(), OpenGovernor(), Limits()
    ) as client:
        await client.connect()
        assert not await client.can_attach()
        assert await client.missing_scopes() == ("accounting.attachments",)
        sent = await client.attach(document, "ACCREC", "a.csv", "text/csv", CSV, "f", permit=await permit(client))
        assert (sent.outcome, sent.missing_scope) == ("auth", True)
        noted = await client.note(document, "ACCREC", "Timesheet", "n", permit=await permit(client))
        assert noted.outcome == "answered"
        assert (await client.invoices(ids=[document])).items
        app.scopes = app.scopes - {"accounting.attachments.read"}
        with pytest.raises(MissingScope):
            await client.attachments(document, "ACCREC")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_dropped_file_or_note_leaves_once(server: RawServer, kind: DocumentType) -> None:
    server.script = [DROP] * 6
    async with connected(server.url) as client:
        file = await client.attach(ID, kind, "a.csv", "text/csv", CSV, "f1", permit=await permit(client))
        text = await client.note(ID, kind, "Timesheet", "n1", permit=await permit(client))
    assert (file.outcome, text.outcome) == ("unknown", "unknown")
    first, second = server.requests
    resource = "Invoices" if kind == "ACCREC" else "CreditNotes"
    assert first.target == f"/api.xro/2.0/{resource}/{ID}/Attachments/a.csv?IncludeOnline=false"
    assert (first.method, first.body, first.headers["content-type"]) == ("PUT", CSV, "text/csv")
    assert (first.headers["idempotency-key"], first.headers["accept"]) == ("f1", "application/json")
    assert (second.method, second.target) == ("PUT", f"/api.xro/2.0/{resource}/{ID}/History")
    assert (second.body, second.headers["content-type"]) == (note_body("Timesheet"), "application/json")
    assert second.headers["idempotency-key"] == "n1"


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (answer(200, {"Attachments": []}), "unknown"),
        (answer(200, b"<html>"), "unknown"),
        (answer(200, {"Invoices": [{}]}), "unknown"),
        (answer(200, {"Attachments": [{"FileName": "a.csv"}]}), "answered"),
        (answer(200, {"Attachments": [{"ValidationErrors": [{"Message": "Too large"}]}]}), "refused"),
        (answer(400, {"Elements": [{"ValidationErrors": [{"Message": "Too large"}]}]}), "refused"),
        (answer(401, b"", **MISSING), "auth"),
        (answer(403), "auth"),
        (answer(429), "limited"),
        (answer(500), "cached-error"),
        (answer(502), "unknown"),
    ],
)
async def test_an_answer_is_read_as_those_to_other_writes(server: RawServer, given: bytes, outcome: str) -> None:
    server.script = [given]
    async with connected(server.url) as client:
        sent = await client.attach(ID, "ACCREC", "a.csv", "text/csv", CSV, "f1", permit=await permit(client))
    assert (sent.outcome, sent.elements) == (outcome, ())
    assert sent.missing_scope == (b"insufficent" in given)
    if outcome == "refused":
        assert sent.problem == "Too large"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x" * (FILE_BYTES + 1), "is larger than 3,000,000 bytes"),
        ("../a.csv", CSV, "not one that Xero takes"),
        ("a.csv?IncludeOnline=true", CSV, "not one that Xero takes"),
        ("timesheet", CSV, "not one that Xero takes"),
        ("a\n.csv", CSV, "not one that Xero takes"),
        ("", CSV, "not one that Xero takes"),
    ],
)
async def test_a_file_that_xero_would_not_take_is_not_sent(
    server: RawServer, name: str, content: bytes, said: str
) -> None:
    governor = OpenGovernor()
    async with connected(server.url, governor=governor) as client:
        sent = await client.attach(ID, "ACCREC", name, "text/csv", content, "f1", permit=await permit(client))
    assert (sent.outcome, said in sent.problem) == ("refused", True)
    assert (server.requests, governor.given_back) == ([], ["permit-1"])


@pytest.mark.parametrize("text", ["", " \n", "x" * (NOTE_LENGTH + 1)])
async def test_a_note_that_xero_would_not_take_is_not_sent(server: RawServer, text: str) -> None:
    governor = OpenGovernor()
    async with connected(server.url, governor=governor) as client:
        sent = await client.note(ID, "ACCREC", text, "n1", permit=await permit(client))
    assert sent.outcome == "refused"
    assert (server.requests, governor.given_back) == ([], ["permit-1"])


async def test_reading_what_is_not_there_says_so(server: RawServer) -> None:
    server.script = [answer(404), answer(200, {"Attachments": None})]
    async with connected(server.url) as client:
        with pytest.raises(Refused):
            await client.attachments(ID, "ACCREC")
        with pytest.raises(Unreadable):
            await client.attachments(ID, "ACCREC")


def test_lists_of_files_and_notes_are_read_tolerantly() -> None:
    file = {"AttachmentID": ID.upper(), "FileName": "a.csv", "ContentLength": "12", "IncludeOnline": None}
    assert attachments({"Attachments": [file, None, {}]}) == (
        Attachment(id=ID, name="a.csv", length=12),
        Attachment(id="", name=""),
    )
    row = {"Changes": "Note", "User": "Pat", "Details": "x", "DateUTC": "/Date(1795996800000+0000)/"}
    assert history({"HistoryRecords": [row, 7]}) == (
        HistoryNote(text="x", what="Note", by="Pat", at="2026-11-30T00:00:00Z"),
    )


@given(st.text(min_size=1))
def test_a_note_arrives_as_it_was_meant(text: str) -> None:
    encodable = text.encode("utf-8", "ignore").decode()
    assert msgspec.json.decode(note_body(encodable)) == {"HistoryRecords": [{"Details": encodable}]}


@given(st.text(max_size=300))
def test_a_name_is_judged_whatever_it_holds(name: str) -> None:
    problem = bad_file(name, b"x")
    assert problem == "" or "file name" in problem
    assert problem or not {"/", "?", "#", "%"} & set(name)
