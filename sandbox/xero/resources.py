"""The handlers of the Accounting API: one function per method and resource."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from sandbox.xero import chart, contacts, documents, payments
from sandbox.xero.batches import write_all
from sandbox.xero.call import Call
from sandbox.xero.contact_shapes import contact_echo, contact_shape, summary_shape
from sandbox.xero.documents import Write
from sandbox.xero.errors import MissingError, bad_query
from sandbox.xero.fields import Fields
from sandbox.xero.header import FIELDS
from sandbox.xero.organisation import organisation_shape
from sandbox.xero.queries import Getter, Page, fold, names, ordered, read_page, where
from sandbox.xero.records import Contact, Document, Kind, Payment
from sandbox.xero.shapes import document_echo, document_shape, payment_shape
from sandbox.xero.wire import Json, flag, is_guid, ms_date, read_moment

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


def organisation(call: Call) -> Json:
    """GET /Organisation."""
    return call.envelope("Organisations", [organisation_shape(call.books)])


def accounts(call: Call) -> Json:
    """GET /Accounts."""
    books = call.books
    made = ms_date(books.created)
    base = books.organisation.base_currency
    return call.envelope("Accounts", [chart.account_shape(one, made, base) for one in books.accounts.values()])


def account(call: Call) -> Json:
    """GET /Accounts/{AccountID}."""
    found = [row for row in accounts(call)["Accounts"] if call.key.lower() == row["AccountID"]]
    if not found:
        raise MissingError(call.key)
    return call.envelope("Accounts", found)


def tax_rates(call: Call) -> Json:
    """GET /TaxRates."""
    return call.envelope("TaxRates", [chart.tax_rate_shape(rate) for rate in call.books.tax_rates.values()])


def tracking_categories(call: Call) -> Json:
    """GET /TrackingCategories: the active ones, archived ones too with includeArchived."""
    every = flag(call.query.get("includearchived"))
    categories = [one for one in call.books.tracking.values() if every or one.status == "ACTIVE"]
    return call.envelope("TrackingCategories", [chart.tracking_shape(category) for category in categories])


def currencies(call: Call) -> Json:
    """GET /Currencies."""
    rows: list[Json] = [{"Code": code, "Description": name} for code, name in call.books.currencies.items()]
    return call.envelope("Currencies", rows)


def branding_themes(call: Call) -> Json:
    """GET /BrandingThemes."""
    made = ms_date(call.books.created)
    return call.envelope("BrandingThemes", [chart.theme_shape(theme, made) for theme in call.books.themes.values()])


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
    return _listed(
        call, "Contacts", chosen, page, lambda contact: contact_shape(call.books, contact, paged=page is not None)
    )


def get_contact(call: Call) -> Json:
    """GET /Contacts/{ContactID or ContactNumber}."""
    return call.envelope("Contacts", [contact_shape(call.books, contacts.find(call.books, call.key))])


def write_contacts(call: Call) -> Json:
    """PUT /Contacts, POST /Contacts and POST /Contacts/{ContactID}."""

    def write(body: Fields) -> Contact:
        return contacts.write(call.books, body, create_only=call.method == "PUT", target=call.key)

    return write_all(call, "Contacts", write, lambda contact: contact_shape(call.books, contact), contact_echo)


def list_documents(kind: Kind) -> Callable[[Call], Json]:
    """GET /Invoices or /CreditNotes."""

    def handle(call: Call) -> Json:
        naming, page = FIELDS[kind], read_page(call.query)
        chosen = _chosen(call, call.books.documents(kind), _document_tests(call, kind), DOCUMENT_FIELDS)
        view = "list" if page is None or flag(call.query.get("summaryonly")) else "page"
        return _listed(
            call,
            naming.resource,
            chosen,
            page,
            lambda document: document_shape(call.books, document, view, call.unit_places),  # type: ignore[arg-type]  # mypy widens the conditional's literals
        )

    return handle


def get_document(kind: Kind) -> Callable[[Call], Json]:
    """GET /Invoices/{InvoiceID or InvoiceNumber}, likewise credit notes."""

    def handle(call: Call) -> Json:
        document = documents.find(call.books, kind, call.key)
        return call.envelope(FIELDS[kind].resource, [document_shape(call.books, document, "single", call.unit_places)])

    return handle


def write_documents(kind: Kind) -> Callable[[Call], Json]:
    """PUT and POST /Invoices, POST /Invoices/{InvoiceID}, likewise credit notes."""

    def handle(call: Call) -> Json:
        how = Write(kind, call.author, create_only=call.method == "PUT", unit_places=call.unit_places)
        target = documents.find(call.books, kind, call.key).id if call.key else ""

        def write(body: Fields) -> Document:
            return documents.write(call.books, body, how, target)

        def echo(body: Fields, messages: tuple[str, ...]) -> Json:
            return document_echo(kind, body, target, messages)

        def shape(document: Document) -> Json:
            return document_shape(call.books, document, "write", call.unit_places)

        return write_all(call, FIELDS[kind].resource, write, shape, echo)

    return handle


def list_payments(call: Call) -> Json:
    """GET /Payments."""
    found = [payment for payment in call.books.shelves.payments.values() if _modified(call)(payment)]
    return _listed(call, "Payments", found, read_page(call.query), lambda one: payment_shape(call.books, one))


def write_payments(call: Call) -> Json:
    """PUT /Payments (one or many), and POST /Payments/{PaymentID} to delete one."""

    def write(body: Fields) -> Payment:
        if call.key:
            return payments.remove(call.books, call.key, body, call.author)
        return payments.pay(call.books, body, call.author)

    def echo(_body: Fields, messages: tuple[str, ...]) -> Json:
        return {"HasValidationErrors": True, "ValidationErrors": [{"Message": message} for message in messages]}

    return write_all(call, "Payments", write, lambda payment: payment_shape(call.books, payment), echo)


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
    query, tests = call.query, [_modified(call)]
    chosen: list[Callable[[Document], bool]] = list(tests)
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


def _chosen(call: Call, found: Iterable, tests: list, getters: dict[str, Getter]) -> list:  # type: ignore[type-arg]  # one walk for contacts and documents alike
    if expression := call.query.get("where"):
        tests = [*tests, where(expression, getters)]
    try:
        kept = [record for record in found if all(test(record) for test in tests)]
        return ordered(kept, call.query.get("order", ""), getters, lambda record: (record.updated, record.id))
    except TypeError as error:
        raise bad_query("where compares values of different kinds") from error


def _listed(call: Call, resource: str, records: list, page: Page | None, shape: Callable) -> Json:  # type: ignore[type-arg]  # any record with its own shape
    if page is None:
        return call.envelope(resource, [shape(record) for record in records])
    return call.envelope(resource, [shape(record) for record in page.cut(records)], page.facts(len(records)))
