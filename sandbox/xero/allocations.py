"""Setting a credit note against an invoice, and taking that back: both may become PAID by it, or open again."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from sandbox.xero import documents
from sandbox.xero.amounts import CENT, cents
from sandbox.xero.books import Books
from sandbox.xero.documents import Author
from sandbox.xero.errors import MissingError, RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.records import Allocation, Document, Note

_CREDITS = {"ACCREC": "ACCRECCREDIT", "ACCPAY": "ACCPAYCREDIT"}


def allocate(books: Books, credit_note: Document, body: Fields, author: Author) -> Allocation:
    """Set a part of an approved credit note against an approved invoice of the same contact. Raises RuleError."""
    invoice = _invoice(books, body)
    day = body.day("Date") or books.today()
    amount = cents(body.decimal("Amount") or Decimal(0))
    documents.check_locks(books, day, "allocation")
    if problem := _refusal(credit_note, invoice, amount):
        raise RuleError(problem)
    made = Allocation(str(uuid4()), credit_note.id, invoice.id, amount, day)
    books.shelves.allocations[made.id] = made
    _apply(books, made, amount, author, "Credit Applied")
    return made


def remove(books: Books, credit_note: Document, allocation_id: str, author: Author) -> Allocation:
    """Take an allocation back. Raises MissingError."""
    made = books.shelves.allocations.get(allocation_id.lower())
    if made is None or made.credit_note_id != credit_note.id:
        raise MissingError(allocation_id)
    documents.check_locks(books, made.day, "allocation")
    del books.shelves.allocations[made.id]
    _apply(books, made, -made.amount, author, "Credit Removed")
    return made


def creditable(books: Books, credit_note: Document) -> list[Document]:
    """The invoices that a document, if it is a credit note with something left, may be set against."""
    if credit_note.kind != "credit_note":
        return []
    return [invoice for invoice in books.documents("invoice") if not _refusal(credit_note, invoice, CENT)]


def _invoice(books: Books, body: Fields) -> Document:
    named = body.inner("Invoice")
    key = (named.text("InvoiceID") or named.text("InvoiceNumber")) if named else None
    if not key:
        raise RuleError("The invoice of an allocation must be specified")
    try:
        return documents.find(books, "invoice", key)
    except MissingError as missing:
        raise RuleError("The invoice of the allocation could not be found") from missing


def _refusal(credit_note: Document, invoice: Document, amount: Decimal) -> str:
    """Why these two do not go together, by that amount; empty when they do."""
    rules: tuple[tuple[bool, str], ...] = (
        (credit_note.status != "AUTHORISED", "Only an authorised credit note with credit remaining can be allocated"),
        (invoice.status != "AUTHORISED", "Credit can only be allocated to authorised invoices"),
        (_CREDITS[invoice.type] != credit_note.type, "The credit note is not of the type of the invoice"),
        (invoice.contact_id != credit_note.contact_id, "The invoice is not for the contact of the credit note"),
        (invoice.currency != credit_note.currency, "The invoice is not in the currency of the credit note"),
        (amount <= 0, "The amount of an allocation must be above zero"),
        (amount > credit_note.due_amount, "The amount is more than the remaining credit of the credit note"),
        (amount > invoice.due_amount, "The amount is more than the amount outstanding on this document"),
    )
    return next((text for broken, text in rules if broken), "")


def _apply(books: Books, made: Allocation, amount: Decimal, author: Author, changes: str) -> None:
    note, invoice = books.shelves.documents[made.credit_note_id], books.shelves.documents[made.invoice_id]
    for document, other in ((note, invoice), (invoice, note)):
        changed = replace(document, credited=document.credited + amount, updated=books.moment())
        covered = changed.due_amount == 0
        settled = replace(changed, status="PAID" if covered else "AUTHORISED", paid_on=made.day if covered else None)
        details = f"{document.currency} {made.amount:.2f} with {other.number}"
        books.store(settled, Note(books.clock.now(), changes, author.name, details))
