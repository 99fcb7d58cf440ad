"""Creating and changing invoices and credit notes, by Xero's rules on numbers, statuses, lines, locks and payments."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

from sandbox.xero import contacts, header
from sandbox.xero.books import Books
from sandbox.xero.errors import MissingError, RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.lines import LineRules, read_lines, recompute
from sandbox.xero.records import APPROVED, LIVE, Document, Kind, Line, Note

TRANSITIONS = {
    "DRAFT": frozenset({"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"}),
    "SUBMITTED": frozenset({"SUBMITTED", "AUTHORISED", "DRAFT", "DELETED"}),
    "AUTHORISED": frozenset({"AUTHORISED", "VOIDED"}),
    "PAID": frozenset({"PAID"}),
}
STATUSES = LIVE | {"VOIDED", "DELETED"}
HAS_PAYMENT = "This document cannot be edited as it has a payment or credit note allocated to it."
_CHANGES = {"SUBMITTED": "Submitted", "AUTHORISED": "Approved", "VOIDED": "Voided", "DELETED": "Deleted"}


@dataclass(frozen=True)
class Author:
    """Who writes: an app by its client id, or a person in the browser (no client id)."""

    name: str
    client_id: str = ""


@dataclass(frozen=True)
class Write:
    """How a call wants its documents written. `create_only` is PUT; prices are kept to `unit_places`."""

    kind: Kind
    author: Author
    create_only: bool = False
    unit_places: int = 2


def write(books: Books, body: Fields, how: Write, target: str = "") -> Document:
    """Create or change the document a body speaks of; `target` is the id or number in the address.

    Raises RuleError (validation), MissingError (an address without a document).
    """
    found = _find(books, body, how, target)
    return _create(books, body, how) if found is None else _update(books, found, body, how)


def find(books: Books, kind: Kind, key: str) -> Document:
    """A document by id or number; a live one first. Raises MissingError."""
    found = books.shelves.documents.get(key.lower())
    if found is not None and found.kind == kind:
        return found
    numbered = books.numbered(kind, key)
    if not numbered:
        raise MissingError(key)
    return _best(numbered)


def _best(documents: list[Document]) -> Document:
    live = [document for document in documents if document.status in LIVE]
    return (live or documents)[-1]


def _find(books: Books, body: Fields, how: Write, target: str) -> Document | None:
    if target:
        return find(books, how.kind, target)
    if how.create_only:
        return None
    field = header.FIELDS[how.kind]
    if document_id := body.guid(field.id):
        found = books.shelves.documents.get(document_id)
        if found is None or found.kind != how.kind:
            raise RuleError(f"{field.noun} {document_id} could not be found")
        return found
    number = body.text(field.number)
    numbered = books.numbered(how.kind, number) if number else []
    # A number that is free again makes a new document; one that is still taken leads to its document.
    return _best(numbered) if number and books.number_is_taken(how.kind, number) else None


def _create(books: Books, body: Fields, how: Write) -> Document:
    field = header.FIELDS[how.kind]
    kind_of = body.choice("Type", field.types)
    if kind_of is None:
        raise RuleError("Type is required")
    status = body.choice("Status", STATUSES) or "DRAFT"
    if status not in {"DRAFT", "SUBMITTED", "AUTHORISED"}:
        raise RuleError(f"A document cannot be created with the status {status}")
    contact = contacts.for_document(books, body.inner("Contact"))
    today = books.today()
    blank = Document(
        id=str(uuid4()),
        kind=how.kind,
        type=kind_of,
        number="",
        contact_id=contact.id,
        day=body.day("Date") or today,
        due=None,
        amounts="Exclusive",
        currency=books.organisation.base_currency,
        currency_rate=Decimal(1),
        status=status,
        lines=(),
        updated=books.clock.now(),
        theme=next(iter(books.themes)),
        created_by=how.author.client_id,
    )
    document = header.apply(books, blank, body, creating=True)
    if document.due is None and how.kind == "invoice" and books.switches["due_date"] == "date":
        document = replace(document, due=document.day)
    rows = body.rows("LineItems")
    if not rows:
        raise RuleError("One or more line items must be specified")
    document = replace(document, lines=read_lines(books, rows, _rules(document, how, {})))
    _check(books, document)
    number = document.number or books.next_number(how.kind)
    document = replace(document, number=number, updated=books.moment())
    contacts.apply_extras(books, contact, body.inner("Contact"), document)
    return books.store(document, _note(books, how.author, "Created", document))


def _update(books: Books, old: Document, body: Fields, how: Write) -> Document:
    status = body.choice("Status", STATUSES) or old.status
    if status not in TRANSITIONS.get(old.status, frozenset()):
        raise RuleError(HAS_PAYMENT if old.paid or old.credited else wrong_status(old))
    if status in {"DELETED", "VOIDED"}:
        return _end(books, old, status, how.author)
    sent = body.inner("Contact")
    contact = contacts.for_document(books, sent) if sent is not None else books.shelves.contacts[old.contact_id]
    changed = header.apply(books, replace(old, contact_id=contact.id, status=status), body, creating=False)
    changed = _with_lines(books, changed, body, how)
    if old.paid or old.credited:
        _check_paid(old, changed)
    _check(books, changed, was=old)
    if changed == old and books.switches["unchanged_update"] == "stays":
        return old
    contacts.apply_extras(books, contact, sent, changed)
    note = _CHANGES.get(status, "Edited") if status != old.status else "Edited"
    return books.store(replace(changed, updated=books.moment()), _note(books, how.author, note, changed))


def _with_lines(books: Books, document: Document, body: Fields, how: Write) -> Document:
    rows = body.rows("LineItems")
    if rows is None:
        recreate = books.switches["status_only"] == "recreates-lines"
        lines = tuple(_recreated(books, line, document, how) for line in document.lines) if recreate else document.lines
        return replace(document, lines=lines)
    if not rows:
        return _without_lines(books, document)
    known = {line.id: line for line in document.lines}
    return replace(document, lines=read_lines(books, rows, _rules(document, how, known)))


def _without_lines(books: Books, document: Document) -> Document:
    policy = books.switches["empty_lines"]
    if policy == "refused":
        raise RuleError("One or more line items must be specified")
    return document if policy == "ignored" else replace(document, lines=())


def _recreated(books: Books, line: Line, document: Document, how: Write) -> Line:
    return replace(recompute(books, line, document.amounts, how.unit_places), id=str(uuid4()))


def _end(books: Books, old: Document, status: str, author: Author) -> Document:
    if old.paid or old.credited:
        raise RuleError(HAS_PAYMENT)
    if old.status in APPROVED:
        check_locks(books, old.day)
    ended = replace(old, status=status, updated=books.moment())
    return books.store(ended, _note(books, author, _CHANGES[status], ended))


def _rules(document: Document, how: Write, known: dict[str, Line]) -> LineRules:
    return LineRules(document.type, document.amounts, how.unit_places, document.status in APPROVED, known)


def _check(books: Books, document: Document, was: Document | None = None) -> None:
    """What must hold of a document as a whole, whoever wrote it."""
    if document.total < 0 and books.switches["negative_total"] == "refused":
        raise RuleError("The total of the document must not be below zero")
    if document.status not in APPROVED:
        return
    if document.due is None and document.kind == "invoice":
        raise RuleError("Due date must be specified")
    if any(not line.account_code for line in document.lines if not line.is_text):
        raise RuleError("Account code must be specified")
    check_locks(books, document.day)
    if was is not None and was.status in APPROVED:
        check_locks(books, was.day)


def wrong_status(document: Document) -> str:
    """Xero's words for a document that may not be changed (any more)."""
    return f"{header.FIELDS[document.kind].noun} not of valid status for modification"


def check_locks(books: Books, day: date, what: str = "document") -> None:
    """Nothing that counts in the books is written on or before a lock date. Raises RuleError."""
    locks = (("period", books.organisation.period_lock), ("end of year", books.organisation.year_end_lock))
    for name, lock in locks:
        if lock is not None and day <= lock:
            shown = f"{lock.day} {lock:%B %Y}"
            raise RuleError(f"The {what} date cannot be before the {name} lock date, {shown}.")


def _check_paid(old: Document, changed: Document) -> None:
    """Once something is paid, only what does not move money may change."""

    def money(document: Document) -> tuple[object, ...]:
        lines = [(line.id, line.quantity, line.unit_amount, line.line_amount, line.tax_type) for line in document.lines]
        return document.day, document.amounts, document.currency, document.status, lines

    if money(old) != money(changed):
        raise RuleError(HAS_PAYMENT)


def _note(books: Books, author: Author, changes: str, document: Document) -> Note:
    details = f"{document.number} for {document.currency} {document.total:.2f}"
    return Note(books.clock.now(), changes, author.name, details)
