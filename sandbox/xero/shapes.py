"""Documents and payments as the API answers them: each of its views leaves out and adds fields of its own."""

from decimal import Decimal
from urllib.parse import quote

from sandbox.xero.amounts import cents
from sandbox.xero.books import Books
from sandbox.xero.contact_shapes import NO_ID, View, contact_shape, contact_stub
from sandbox.xero.fields import Fields
from sandbox.xero.header import FIELDS
from sandbox.xero.records import Allocation, Attachment, Document, Kind, Line, Payment
from sandbox.xero.wire import Json, day_pair, number, updated_pair


def document_shape(books: Books, document: Document, view: View, unit_places: int) -> Json:
    """An invoice or credit note in one of Xero's views."""
    naming = FIELDS[document.kind]
    optional: Json = {"Url": document.url} if document.url else {}
    return {
        "Type": document.type,
        naming.id: document.id,
        naming.number: document.number,
        "Reference": document.reference,
        **_money_facts(books, document, view),
        "SentToContact": document.sent,
        "CurrencyRate": number(document.currency_rate),
        "HasErrors": False,
        **updated_pair(document.updated),
        "Contact": _contact(books, document, view),
        **day_pair("Date", document.day),
        **day_pair("DueDate", document.due),
        "BrandingThemeID": document.theme,
        "Status": document.status,
        "LineAmountTypes": document.amounts,
        "LineItems": [] if view == "list" else [_line(books, line, view, unit_places) for line in document.lines],
        "SubTotal": number(cents(document.subtotal)),
        "TotalTax": number(cents(document.tax)),
        "Total": number(cents(document.total)),
        "CurrencyCode": document.currency,
        **optional,
        **({"FullyPaidOnDate": day_pair("D", document.paid_on)["D"]} if document.paid_on else {}),
    }


def _money_facts(books: Books, document: Document, view: View) -> Json:
    """Payments, credits and what is due: lists name every kind, other answers only what there is."""
    payments = _payments(books, document) if document.paid else []
    listed = view in {"list", "page"}
    shown: Json = {"Payments": payments} if payments or listed else {}
    if listed:
        shown["InvoiceAddresses"] = []
    files = books.shelves.attachments.get(document.id, ())
    if view != "write":
        shown["HasAttachments"] = bool(files)
    if document.kind == "credit_note":
        allocations = [_allocation(books, one) for one in books.allocations(document)]
        remaining = number(cents(document.due_amount))
        return shown | {"ID": document.id, "RemainingCredit": remaining, "Allocations": allocations}
    credits = [_credit_stub(books, one) for one in books.allocations(document)]
    if credits or listed:
        shown["CreditNotes"] = credits
    if view != "write":
        shown["AmountCredited"] = number(cents(document.credited))
    return shown | {
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": number(cents(document.due_amount)),
        "AmountPaid": number(cents(document.paid)),
        "IsDiscounted": any(line.discount_rate or line.discount_amount for line in document.lines),
        "InvoicePaymentServices": [],
        **({"Attachments": [attachment_shape(document, one) for one in files]} if view == "single" else {}),
    }


def _allocation(books: Books, allocation: Allocation) -> Json:
    """An allocation inside its credit note."""
    invoice = books.shelves.documents[allocation.invoice_id]
    empty: Json = {"Payments": [], "CreditNotes": [], "Prepayments": [], "Overpayments": []}
    named: Json = {"InvoiceID": invoice.id, "InvoiceNumber": invoice.number}
    return {
        "AllocationID": allocation.id,
        "Amount": number(allocation.amount),
        "Date": day_pair("Date", allocation.day)["Date"],
        "Invoice": named | empty | {"HasErrors": False, "IsDiscounted": False, "LineItems": [], "ValidationErrors": []},
        "ValidationErrors": [],
    }


def allocation_shape(books: Books, allocation: Allocation) -> Json:
    """An allocation as the API answers it."""
    note = books.shelves.documents[allocation.credit_note_id]
    named: Json = {"CreditNoteID": note.id, "CreditNoteNumber": note.number, "ID": note.id, "LineItems": []}
    return _allocation(books, allocation) | {"CreditNote": named}


def _credit_stub(books: Books, allocation: Allocation) -> Json:
    """A credit note inside the invoice it was set against."""
    note = books.shelves.documents[allocation.credit_note_id]
    return {
        "CreditNoteID": note.id,
        "CreditNoteNumber": note.number,
        "ID": note.id,
        "HasErrors": False,
        "AppliedAmount": number(allocation.amount),
        **day_pair("Date", note.day),
        "LineItems": [],
        "Total": number(cents(note.total)),
    }


def _payments(books: Books, document: Document) -> list[Json]:
    return [
        _payment_stub(payment)
        for payment in books.shelves.payments.values()
        if payment.invoice_id == document.id and payment.status != "DELETED"
    ]


def attachment_shape(document: Document, attachment: Attachment) -> Json:
    """A file as the API tells about it."""
    resource = FIELDS[document.kind].resource
    address = f"https://api.xero.com/api.xro/2.0/{resource}/{document.id}/Attachments/{quote(attachment.name)}"
    return {
        "AttachmentID": attachment.id,
        "FileName": attachment.name,
        "Url": address,
        "MimeType": attachment.content_type,
        "ContentLength": len(attachment.content),
        "IncludeOnline": attachment.online,
    }


def _contact(books: Books, document: Document, view: View) -> Json:
    contact = books.shelves.contacts[document.contact_id]
    return contact_stub(contact) if view in {"list", "page"} else contact_shape(books, contact, "write")


def _line(books: Books, line: Line, view: View, unit_places: int) -> Json:
    tracking = [_tracking(books, pair, view) for pair in line.tracking]
    if line.is_text:
        return {"Description": line.description, "Tracking": tracking, "LineItemID": line.id}
    assert line.quantity is not None
    assert line.unit_amount is not None
    unit = line.unit_amount if unit_places == 4 else cents(line.unit_amount)
    coded: Json = {}
    if line.account_code:
        coded = {"AccountCode": line.account_code, "AccountID": books.accounts[line.account_code].id}
    discount: Json = {}
    if line.discount_rate is not None:
        discount["DiscountRate"] = number(line.discount_rate)
    if line.discount_amount is not None:
        discount["DiscountAmount"] = number(line.discount_amount)
    return {
        "Description": line.description,
        "UnitAmount": number(unit),
        "TaxType": line.tax_type,
        "TaxAmount": number(line.tax_amount),
        "LineAmount": number(line.line_amount),
        **coded,
        **discount,
        "Tracking": tracking,
        "Quantity": number(line.quantity),
        "LineItemID": line.id,
        **({"ValidationErrors": []} if view in {"single", "write"} else {}),
    }


def _tracking(books: Books, pair: tuple[str, str], view: View) -> Json:
    category = books.tracking[pair[0]]
    option = next(option for option in category.options if option.id == pair[1])
    named: Json = {"Name": category.name, "Option": option.name, "TrackingCategoryID": category.id}
    told: Json = {"Options": []} if view in {"list", "page"} else {"TrackingOptionID": option.id}
    return named | told


def _payment_stub(payment: Payment) -> Json:
    return {
        "PaymentID": payment.id,
        "Date": day_pair("Date", payment.day)["Date"],
        "Amount": number(payment.amount),
        "Reference": payment.reference,
        "CurrencyRate": Decimal("1.0"),
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def payment_shape(books: Books, payment: Payment) -> Json:
    """A payment as the API answers it."""
    invoice = books.shelves.documents[payment.invoice_id]
    account = books.accounts[payment.account_code]
    return {
        "PaymentID": payment.id,
        "Date": day_pair("Date", payment.day)["Date"],
        "BankAmount": number(payment.amount),
        "Amount": number(payment.amount),
        "Reference": payment.reference,
        "CurrencyRate": number(invoice.currency_rate),
        "PaymentType": "ACCRECPAYMENT" if invoice.type == "ACCREC" else "ACCPAYPAYMENT",
        "Status": payment.status,
        **updated_pair(payment.updated),
        "HasAccount": True,
        "IsReconciled": False,
        "Account": {"AccountID": account.id, "Code": account.code},
        "Invoice": {
            "Type": invoice.type,
            "InvoiceID": invoice.id,
            "InvoiceNumber": invoice.number,
            "Contact": contact_stub(books.shelves.contacts[invoice.contact_id]),
            "LineItems": [],
            "HasErrors": False,
            "CurrencyCode": invoice.currency,
        },
        "HasValidationErrors": False,
    }


_ECHOED_LINE = ("Description", "TaxType", "AccountCode", "LineItemID")
_ECHOED_NUMBERS = ("Quantity", "UnitAmount", "LineAmount", "TaxAmount")


def document_echo(kind: Kind, body: Fields, target_id: str, messages: tuple[str, ...]) -> Json:
    """A refused element: Xero answers what was *asked for*, not what it holds."""
    naming = FIELDS[kind]
    contact = body.inner("Contact")
    texts = {
        field: body.text(field)
        for field in ("Type", naming.number, "Reference", "Url", "Status", "LineAmountTypes", "CurrencyCode")
        if body.has(field)
    }
    lists: Json = {"Payments": []}
    if kind == "invoice":
        lists |= {"CreditNotes": [], "Prepayments": [], "Overpayments": [], "IsDiscounted": False}
    return {
        naming.id: target_id or body.guid(naming.id) or NO_ID,
        **texts,
        **lists,
        "InvoiceAddresses": [],
        "HasErrors": True,
        **({"Contact": _contact_echo(contact)} if contact else {}),
        **day_pair("Date", body.day("Date")),
        **day_pair("DueDate", body.day("DueDate")),
        "LineItems": [_line_echo(row) for row in body.rows("LineItems") or []],
        "ValidationErrors": [{"Message": message} for message in messages],
    }


def _contact_echo(contact: Fields) -> Json:
    return {
        "ContactID": contact.guid("ContactID") or NO_ID,
        **({"Name": contact.text("Name")} if contact.has("Name") else {}),
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
        "ValidationErrors": [],
    }


def _line_echo(row: Fields) -> Json:
    shown: Json = {field: row.text(field) for field in _ECHOED_LINE if row.has(field)}
    for field in _ECHOED_NUMBERS:
        value = row.decimal(field)
        if value is not None:
            shown[field] = number(value)
    return shown | {"Tracking": [], "ValidationErrors": []}
