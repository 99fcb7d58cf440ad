"""The handlers of what hangs below a document besides its history: attachments, and the allocations of credit notes."""

from collections.abc import Callable
from decimal import Decimal

from sandbox.xero import allocations, attachments, documents
from sandbox.xero.amounts import cents
from sandbox.xero.attachments import Upload
from sandbox.xero.batches import write_all
from sandbox.xero.call import Call
from sandbox.xero.contact_shapes import NO_ID
from sandbox.xero.errors import RuleError, validation
from sandbox.xero.fields import Fields
from sandbox.xero.idempotency import Kept
from sandbox.xero.records import Allocation, Kind
from sandbox.xero.shapes import allocation_shape, attachment_shape
from sandbox.xero.wire import Json, flag


def list_attachments(kind: Kind) -> Callable[[Call], Json]:
    """GET …/{id}/Attachments."""

    def handle(call: Call) -> Json:
        document = documents.find(call.books, kind, call.key)
        rows = [attachment_shape(document, one) for one in attachments.held(call.books, document)]
        return call.envelope("Attachments", rows)

    return handle


def read_attachment(kind: Kind) -> Callable[[Call], Kept]:
    """GET …/{id}/Attachments/{AttachmentID or FileName}: the file itself."""

    def handle(call: Call) -> Kept:
        found = attachments.find(call.books, documents.find(call.books, kind, call.key), call.part)
        return Kept(200, found.content, {"Content-Type": found.content_type})

    return handle


def write_attachment(kind: Kind) -> Callable[[Call], Json]:
    """PUT and POST …/{id}/Attachments/{FileName}: a file of that name is replaced."""

    def handle(call: Call) -> Json:
        document = documents.find(call.books, kind, call.key)
        online = call.query.get("includeonline")
        upload = Upload(call.part, call.content_type, call.body, None if online is None else flag(online))
        try:
            made = attachments.put(call.books, document, upload, call.author)
        except RuleError as refused:
            messages = [{"Message": message} for message in refused.messages]
            raise validation([{"FileName": call.part, "ValidationErrors": messages}]) from refused
        return call.envelope("Attachments", [attachment_shape(document, made)])

    return handle


def write_allocations(call: Call) -> Json:
    """PUT /CreditNotes/{CreditNoteID}/Allocations."""
    note_id = documents.find(call.books, "credit_note", call.key).id

    def write(body: Fields) -> Allocation:
        return allocations.allocate(call.books, documents.find(call.books, "credit_note", note_id), body, call.author)

    def echo(body: Fields, messages: tuple[str, ...]) -> Json:
        named = body.inner("Invoice")
        return {
            "Amount": cents(body.decimal("Amount") or Decimal(0)),
            "Date": body.text("Date") or "",
            "Invoice": {"InvoiceID": (named.guid("InvoiceID") if named else None) or NO_ID, "LineItems": []},
            "ValidationErrors": [{"Message": message} for message in messages],
        }

    return write_all(call, "Allocations", write, lambda made: allocation_shape(call.books, made), echo)


def delete_allocation(call: Call) -> Json:
    """DELETE /CreditNotes/{CreditNoteID}/Allocations/{AllocationID}."""
    note = documents.find(call.books, "credit_note", call.key)
    try:
        gone = allocations.remove(call.books, note, call.part, call.author)
    except RuleError as refused:
        raise validation([{"ValidationErrors": [{"Message": str(refused)}]}]) from refused
    return allocation_shape(call.books, gone) | {"IsDeleted": True}
