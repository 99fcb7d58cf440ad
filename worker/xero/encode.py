"""Documents as Xero reads them, made with the SDK's models and serialiser: the bytes that are stored, then sent.

What a body holds follows from what Xero does with it. A create names everything (Xero's API applies no defaults of the
contact). An update names the document, its state and all its lines: lines left out are deleted, lines without their
id are made anew, and whatever else is named would overwrite what a person changed. The contact is named by its id only:
other fields would change the contact.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct
from xero_python.accounting import Contact, CreditNote, Invoice, LineAmountTypes, LineItem
from xero_python.accounting import LineItemTracking as Tracking
from xero_python.api_client.serializer import serialize

from worker.billing.model import Document, DocumentType, Line
from worker.xero.errors import EncodingError

ELEMENTS = 50  # documents a call; Xero's advice
BYTES = 3_000_000  # a call; Xero takes 3.5 MB

_PLACES = 4  # decimals of quantities and unit prices (Xero: unitdp=4)
_RATE_PLACES = 6  # decimals of a currency rate (Xero: CurrencyRate)
_DIGITS = 15  # what a float carries exactly, and the SDK writes numbers as floats
_TEXTS = {"number": 255, "reference": 255}
_DESCRIPTION = 4000
_AMOUNTS = {"exclusive": "Exclusive", "inclusive": "Inclusive", "no-tax": "NoTax"}
_STATES = {"open": "DRAFT", "awaiting-approval": "SUBMITTED", "deleted": "DELETED"}


class Batch(Struct, frozen=True):
    """Documents that go in one call, and its body."""

    documents: tuple[Document, ...]
    body: bytes


class Batches(Struct, frozen=True):
    """What `split` made: the calls, and the documents that cannot be written with the reason."""

    calls: tuple[Batch, ...]
    refused: tuple[tuple[Document, EncodingError], ...]


def encode(
    documents: Sequence[Document], *, create: bool, console_url: str, moved: Container[tuple[str, int]] = ()
) -> bytes:
    """The body of one call that creates (PUT) or updates (POST) these documents, all of one type.

    A document's `status` says what becomes of it: "open" a draft, "awaiting-approval" submitted, "deleted" deleted.
    `moved` holds (key, sequence) of the updates that also set the dates.

    Raises:
        EncodingError: a document cannot be written; it names the document.
        ValueError: none, or documents of both types.
    """
    kinds = {document.type for document in documents}
    if len(kinds) != 1:
        raise ValueError("a call writes either invoices or credit notes, and at least one")
    return _body(kinds.pop(), [_element(document, create, console_url, moved) for document in documents])


def split(
    documents: Iterable[Document], *, create: bool, console_url: str, moved: Container[tuple[str, int]] = ()
) -> Batches:
    """As many calls as these documents need: one type each, at most 50 documents and 3 MB. Order is kept by type.

    A document that cannot be written holds back no other.
    """
    refused: list[tuple[Document, EncodingError]] = []
    ready: dict[DocumentType, list[tuple[Document, bytes]]] = {}
    for document in documents:
        try:
            element = _element(document, create, console_url, moved)
            if len(_body(document.type, [element])) > BYTES:
                raise _error(document, "is too large for one call.", "Bill it in shorter periods.")
            ready.setdefault(document.type, []).append((document, element))
        except EncodingError as error:
            refused.append((document, error))
    calls = [batch for kind, elements in ready.items() for batch in _batches(kind, elements)]
    return Batches(tuple(calls), tuple(refused))


def _batches(kind: DocumentType, elements: Sequence[tuple[Document, bytes]]) -> list[Batch]:
    groups: list[list[tuple[Document, bytes]]] = []
    size = 0
    for document, element in elements:
        size += len(element) + 1
        if not groups or len(groups[-1]) == ELEMENTS or size + 30 > BYTES:
            groups.append([])
            size = len(element) + 1
        groups[-1].append((document, element))
    return [
        Batch(tuple(document for document, _ in group), _body(kind, [element for _, element in group]))
        for group in groups
    ]


def _body(kind: DocumentType, elements: Sequence[bytes]) -> bytes:
    resource = b"Invoices" if kind == "ACCREC" else b"CreditNotes"
    return b'{"%s":[%s]}' % (resource, b",".join(elements))


def _element(document: Document, create: bool, console_url: str, moved: Container[tuple[str, int]]) -> bytes:
    """One document as JSON. The SDK checks what it writes: its complaints become ours, with the document's name."""
    _check(document, create)
    dated = create or (document.key, document.sequence) in moved
    try:
        fields = _header(document, console_url) if create else _reference(document)
        fields |= _dates(document) if dated else {}
        fields["line_items"] = [_line(document, line, create) for line in document.lines] or None
        made = serialize(_model(document.type, fields))
        if create:
            made["CurrencyCode"] = document.currency  # not through the SDK: its list of codes lags behind Xero's
        return json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError) as error:
        raise _error(document, f"cannot be written: {error}.") from error


def _check(document: Document, create: bool) -> None:
    if not document.lines and (create or document.status != "deleted"):
        raise _error(document, "has no lines.", "Xero keeps no document without one.")
    if document.status not in (_STATES if not create else ("open",)):
        raise _error(document, f"may not be {'created' if create else 'updated'} as {document.status}.")
    if create and document.type == "ACCRECCREDIT" and not document.number:
        # Credit notes take no Url: without its number nobody could tell whether it had arrived.
        raise _error(document, "is a credit note without a number.")
    if not create and not document.xero_id:
        raise _error(document, "is not known in Xero, so it cannot be updated.")
    for name, longest in _TEXTS.items():
        if len(getattr(document, name)) > longest:
            raise _error(document, f"its {name} is longer than {longest} characters.", "Shorten it in the setup.")
    if not (document.number.isascii() and document.number.isprintable()):
        raise _error(document, "its number holds characters that Xero does not take.", "Change the number prefix.")


def _model(kind: DocumentType, fields: dict[str, Any]) -> Any:
    # The SDK marks each document as without attachments and errors unless told not to.
    model = Invoice if kind == "ACCREC" else CreditNote
    return model(has_attachments=None, has_errors=None, **fields)


def _header(document: Document, console_url: str) -> dict[str, Any]:
    named = {
        "type": document.type,
        "contact": Contact(contact_id=document.contact, has_attachments=None, has_validation_errors=None),
        "reference": document.reference or None,
        "branding_theme_id": document.branding or None,
        "status": "DRAFT",
        "line_amount_types": LineAmountTypes(_AMOUNTS[document.amounts]),
    }
    if document.type == "ACCRECCREDIT":
        rate = None if document.currency_rate is None else round(document.currency_rate, _RATE_PLACES)
        return named | {"credit_note_number": document.number or None, "currency_rate": rate}
    url = f"{console_url}/i/{document.key}/{document.sequence}"
    return named | {"invoice_number": document.number or None, "url": url}


def _reference(document: Document) -> dict[str, Any]:
    identity = "invoice_id" if document.type == "ACCREC" else "credit_note_id"
    return {identity: document.xero_id, "status": _STATES[document.status]}


def _dates(document: Document) -> dict[str, Any]:
    due = document.due_date if document.type == "ACCREC" else ""  # a credit note is never due
    named = {"date": document.date, "due_date": due}
    return {name: date.fromisoformat(value) for name, value in named.items() if value}


def _line(document: Document, line: Line, create: bool) -> LineItem:
    if len(line.description) > _DESCRIPTION:
        raise _error(
            document, f"a line's description is longer than {_DESCRIPTION} characters.", "Bill fewer per line."
        )
    return LineItem(
        line_item_id=None if create else line.id or None,
        description=line.description or None,
        quantity=_exact(line.quantity, _PLACES),
        unit_amount=_exact(line.unit_amount, _PLACES),
        discount_rate=_exact(line.discount, _DIGITS),
        account_code=line.account or None,
        item_code=line.item or None,
        tax_type=line.tax_type or None,
        tracking=_tracking(line, create),
    )


def _tracking(line: Line, create: bool) -> list[Tracking] | None:
    """An update says so when a line carries none (any more); a line that only says something cannot carry any."""
    named = [Tracking(name=name, option=option) for name, option in line.tracking]
    return named or ([] if not create and line.id and line.quantity is not None else None)


def _exact(value: Decimal | None, places: int) -> Decimal | None:
    """The value, once it is sure to arrive as it is. Raises ValueError where the SDK's float would change it."""
    if value is None:
        return None
    if not value.is_finite():
        raise ValueError(f"{value} is no amount")
    plain = value.normalize() + 0  # never -0
    exponent = plain.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        raise ValueError(f"{value} has more than {places} decimals")
    if plain != value or len(plain.as_tuple().digits) > _DIGITS or abs(plain) >= 10**_DIGITS:
        raise ValueError(f"{value} has too many digits")
    return plain


def _error(document: Document, what: str, remedy: str = "") -> EncodingError:
    return EncodingError(document.key, document.sequence, what, remedy)
