"""Invoices and credit notes as Xero answers them, made into `Found`.

Tolerant: absent, null and unknown values are taken as they are, and one odd record costs only itself. Strict where
guessing would cost money: an amount that is no number, or a live document without its lines, makes the record odd.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.billing.model import DocumentType, Found, FoundLine, Tracking
from worker.xero.pages import InvoicePage, Odd, page_numbers, records
from worker.xero.values import BadValueError, Json, day, guid, items, nested, number, text, updated

RESOURCE: dict[DocumentType, str] = {"ACCREC": "Invoices", "ACCRECCREDIT": "CreditNotes"}
ID: dict[DocumentType, str] = {"ACCREC": "InvoiceID", "ACCRECCREDIT": "CreditNoteID"}
NUMBER: dict[DocumentType, str] = {"ACCREC": "InvoiceNumber", "ACCRECCREDIT": "CreditNoteNumber"}

_GONE = {"DELETED", "VOIDED"}  # only these may come without lines


def invoice_page(envelope: Any, kind: DocumentType, *, page: int, date: str) -> InvoicePage:
    """One page of a list. Documents of another type (bills, for one) are left out.

    Raises:
        Unreadable: the answer holds no such list.
    """
    raw = records(envelope, RESOURCE[kind])
    results = [read(record, kind) for record in raw if not _other_type(record, kind)]
    number_, count = page_numbers(envelope, page, len(raw))
    return InvoicePage(
        items=tuple(result for result in results if isinstance(result, Found)),
        odd=tuple(result for result in results if isinstance(result, Odd)),
        page=number_,
        page_count=count,
        date=date,
    )


def read(record: Any, kind: DocumentType) -> Found | Odd:
    """One document, or why it cannot be read."""
    if not isinstance(record, Mapping):
        return Odd("", "is no object")
    identity, number_ = guid(record, ID[kind]), text(record, NUMBER[kind])
    if not identity:
        return Odd("", f"has no {ID[kind]}", number_)
    if text(record, "Status") not in _GONE and not isinstance(record.get("LineItems"), list):
        return Odd(identity, "came without its lines", number_)
    try:
        return _found(record, kind)
    except BadValueError as error:
        return Odd(identity, str(error), number_)


def written(record: Any, kind: DocumentType) -> Found | Odd:
    """One element of the answer to a write.

    An element in error echoes what was sent: only its id, number and errors are taken from it (Xero:
    summarizeErrors=false).
    """
    if not isinstance(record, Mapping):
        return Odd("", "is no object")
    outcome, errors = text(record, "StatusAttributeString").upper(), messages(record)
    if outcome == "ERROR" or (errors and not outcome):
        return refused(record, kind)
    return read(record, kind)


def refused(record: Json, kind: DocumentType) -> Found:
    """An element of which nothing was written."""
    return Found(
        type=kind,
        id=guid(record, ID[kind]),
        number=text(record, NUMBER[kind]),
        outcome="ERROR",
        errors=messages(record),
    )


def messages(record: Json) -> tuple[str, ...]:
    """What Xero says is wrong with an element, its lines' complaints with the line's place; each once."""
    found = _messages(record)
    for place, line in enumerate(items(record, "LineItems"), start=1):
        found += [f"Line {place}: {message}" for message in _messages(line)]
    found += _messages(nested(record, "Contact"))
    return tuple(dict.fromkeys(found))


def _messages(record: Json) -> list[str]:
    said = (text(error, "Message") or text(error, "Description") for error in items(record, "ValidationErrors"))
    return [message.strip() for message in said if message.strip()]


def _other_type(record: Any, kind: DocumentType) -> bool:
    return isinstance(record, Mapping) and text(record, "Type") not in {"", kind}


def _found(record: Json, kind: DocumentType) -> Found:
    contact = nested(record, "Contact")
    return Found(
        type=kind,
        id=guid(record, ID[kind]),
        number=text(record, NUMBER[kind]),
        status=text(record, "Status"),
        contact=guid(contact, "ContactID"),
        contact_name=text(contact, "Name"),
        currency=text(record, "CurrencyCode"),
        amounts=text(record, "LineAmountTypes"),
        reference=text(record, "Reference"),
        url=text(record, "Url"),
        date=day(record, "Date"),
        due_date=day(record, "DueDate"),
        lines=tuple(_line(line, place) for place, line in enumerate(_lines(record), start=1)),
        sub_total=number(record, "SubTotal"),
        total_tax=number(record, "TotalTax"),
        total=number(record, "Total"),
        currency_rate=number(record, "CurrencyRate"),
        amount_paid=number(record, "AmountPaid"),
        amount_due=number(record, "AmountDue"),
        updated=updated(record),
        outcome=text(record, "StatusAttributeString") or "OK",
    )


def _lines(record: Json) -> list[Json]:
    lines = record.get("LineItems") or []
    if not isinstance(lines, list) or not all(isinstance(line, Mapping) for line in lines):
        raise BadValueError("LineItems holds something that is no line")
    return lines


def _line(line: Json, place: int) -> FoundLine:
    try:
        return FoundLine(
            id=guid(line, "LineItemID"),
            description=text(line, "Description"),
            quantity=number(line, "Quantity"),
            unit_amount=number(line, "UnitAmount"),
            discount=number(line, "DiscountRate"),
            amount=number(line, "LineAmount"),
            tax_amount=number(line, "TaxAmount"),
            account=text(line, "AccountCode"),
            tax_type=text(line, "TaxType"),
            tracking=_tracking(line),
            item=text(line, "ItemCode"),
        )
    except BadValueError as error:
        raise BadValueError(f"line {place}: {error}") from error


def _tracking(line: Json) -> Tracking:
    return tuple(sorted((text(option, "Name"), text(option, "Option")) for option in items(line, "Tracking")))
