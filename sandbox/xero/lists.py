"""The lists of the Accounting API: contacts, invoices, credit notes, payments, chosen, ordered and cut into pages."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from sandbox.xero.call import Call
from sandbox.xero.contact_shapes import View, contact_shape, summary_shape
from sandbox.xero.errors import bad_query
from sandbox.xero.header import FIELDS
from sandbox.xero.queries import Getter, Page, fold, names, ordered, read_page, where
from sandbox.xero.records import Contact, Document, Kind, Payment
from sandbox.xero.shapes import document_shape, payment_shape
from sandbox.xero.wire import Json, flag, is_guid, read_moment

Record = TypeVar("Record", Contact, Document, Payment)

CONTACT_FIELDS: dict[str, Getter] = {
    "ContactID": lambda contact: contact.id,
    "Name": lambda contact: contact.name,
    "EmailAddress": lambda contact: contact.email,
    "AccountNumber": lambda contact: contact.account_number,
    "ContactNumber": lambda contact: contact.number,
    "ContactStatus": lambda contact: contact.status,
    "IsCustomer": lambda contact: contact.is_customer,
    "IsSupplier": lambda contact: contact.is_supplier,
    "UpdatedDateUTC": lambda contact: contact.updated,
}
DOCUMENT_FIELDS: dict[str, Getter] = {
    "Type": lambda document: document.type,
    "Status": lambda document: document.status,
    "InvoiceID": lambda document: document.id,
    "CreditNoteID": lambda document: document.id,
    "InvoiceNumber": lambda document: document.number,
    "CreditNoteNumber": lambda document: document.number,
    "Reference": lambda document: document.reference,
    "CurrencyCode": lambda document: document.currency,
    "Contact.ContactID": lambda document: document.contact_id,
    "Date": lambda document: document.day,
    "DueDate": lambda document: document.due,
    "AmountDue": lambda document: document.due_amount,
    "AmountPaid": lambda document: document.paid,
    "Total": lambda document: document.total,
    "UpdatedDateUTC": lambda document: document.updated,
}


def list_contacts(call: Call) -> Json:
    """GET /Contacts."""
    query, page = call.query, read_page(call.query)
    found: Iterable[Contact] = call.books.shelves.contacts.values()
    ids, term = names(query, "ids"), fold(query.get("searchterm", ""))
    archived = flag(query.get("includearchived")) or bool(ids)
    tests: list[Callable[[Contact], bool]] = [_modified(call)]
    if not archived:
        tests.append(lambda contact: contact.status != "ARCHIVED")
    if ids:
        tests.append(lambda contact: contact.id in ids)
    if term:
        tests.append(lambda contact: term in fold(_searched(contact)))
    chosen = _chosen(call, found, tests, CONTACT_FIELDS)
    if flag(query.get("summaryonly")):
        return _listed(call, "Contacts", chosen, page, summary_shape)
    view: View = "list" if page is None else "page"
    return _listed(call, "Contacts", chosen, page, lambda contact: contact_shape(call.books, contact, view))


def list_documents(kind: Kind) -> Callable[[Call], Json]:
    """GET /Invoices or /CreditNotes."""

    def handle(call: Call) -> Json:
        naming, page = FIELDS[kind], read_page(call.query)
        chosen = _chosen(call, call.books.documents(kind), _document_tests(call, kind), DOCUMENT_FIELDS)
        view: View = "list" if page is None or flag(call.query.get("summaryonly")) else "page"

        def shape(document: Document) -> Json:
            return document_shape(call.books, document, view, call.unit_places)

        return _listed(call, naming.resource, chosen, page, shape)

    return handle


def list_payments(call: Call) -> Json:
    """GET /Payments."""
    found = [payment for payment in call.books.shelves.payments.values() if _modified(call)(payment)]
    return _listed(call, "Payments", found, read_page(call.query), lambda one: payment_shape(call.books, one))


def _modified(call: Call) -> Callable[[Contact | Document | Payment], bool]:
    """Changed since the header's second; whether that second counts itself is a switch."""
    since = read_moment(call.modified_since) if call.modified_since else None
    if since is None:
        return lambda _record: True
    if call.company.switches["modified_since"] == "exclusive":
        since += timedelta(seconds=1)
    return lambda record: record.updated >= since


def _searched(contact: Contact) -> str:
    parts = (contact.name, contact.first_name, contact.last_name, contact.number, contact.company_number, contact.email)
    return "\n".join(parts)


def _document_tests(call: Call, kind: Kind) -> list[Callable[[Document], bool]]:
    query = call.query
    chosen: list[Callable[[Document], bool]] = [_modified(call)]
    if kind == "credit_note":
        return chosen
    ids, numbers = names(query, "ids"), names(query, "invoicenumbers")
    for_contacts, statuses = names(query, "contactids"), names(query, "statuses")
    if ids and not all(is_guid(one) for one in ids):
        raise bad_query("IDs must be GUIDs")
    wanted: list[tuple[frozenset[str], Callable[[Document], str]]] = [
        (ids, lambda document: document.id),
        (numbers, lambda document: document.number.casefold()),
        (for_contacts, lambda document: document.contact_id),
        (statuses, lambda document: document.status.casefold()),
    ]
    for values, get in wanted:
        if values:
            chosen.append(_among(values, get))
    if flag(query.get("createdbymyapp")):
        chosen.append(lambda document: document.created_by == call.author.client_id)
    if term := fold(query.get("searchterm", "")):
        chosen.append(lambda document: term in fold(f"{document.number}\n{document.reference}"))
    return chosen


def _among(values: frozenset[str], get: Callable[[Document], str]) -> Callable[[Document], bool]:
    return lambda document: get(document) in values


def _chosen(
    call: Call, found: Iterable[Record], tests: Sequence[Callable[[Record], bool]], getters: dict[str, Getter]
) -> list[Record]:
    wanted = list(tests)
    if expression := call.query.get("where"):
        wanted.append(where(expression, getters))
    try:
        kept = [record for record in found if all(test(record) for test in wanted)]
        return ordered(kept, call.query.get("order", ""), getters, lambda record: (record.updated, record.id))
    except TypeError as error:
        raise bad_query("where compares values of different kinds") from error


def _listed(
    call: Call, resource: str, records: list[Record], page: Page | None, shape: Callable[[Record], Json]
) -> Json:
    if page is None:
        return call.envelope(resource, [shape(record) for record in records])
    return call.envelope(resource, [shape(record) for record in page.cut(records)], page.facts(len(records)))
