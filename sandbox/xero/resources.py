"""The handlers of the Accounting API: one function per method and resource."""

from collections.abc import Callable

from sandbox.xero import chart, contacts, documents, payments
from sandbox.xero.batches import write_all
from sandbox.xero.call import Call
from sandbox.xero.contact_shapes import contact_echo, contact_shape
from sandbox.xero.documents import Write
from sandbox.xero.errors import MissingError
from sandbox.xero.fields import Fields
from sandbox.xero.header import FIELDS
from sandbox.xero.organisation import organisation_shape
from sandbox.xero.records import Contact, Document, Kind, Payment
from sandbox.xero.shapes import document_echo, document_shape, payment_shape
from sandbox.xero.wire import Json, flag, ms_date


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


def get_contact(call: Call) -> Json:
    """GET /Contacts/{ContactID or ContactNumber}."""
    return call.envelope("Contacts", [contact_shape(call.books, contacts.find(call.books, call.key), "single")])


def write_contacts(call: Call) -> Json:
    """PUT /Contacts, POST /Contacts and POST /Contacts/{ContactID}."""

    def write(body: Fields) -> Contact:
        return contacts.write(call.books, body, create_only=call.method == "PUT", target=call.key)

    return write_all(call, "Contacts", write, lambda contact: contact_shape(call.books, contact, "write"), contact_echo)


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


def write_payments(call: Call) -> Json:
    """PUT or POST /Payments, and POST /Payments/{PaymentID} to delete one."""

    def write(body: Fields) -> Payment:
        if call.key:
            return payments.remove(call.books, call.key, body, call.author)
        return payments.pay(call.books, body, call.author)

    def echo(_body: Fields, messages: tuple[str, ...]) -> Json:
        return {"HasValidationErrors": True, "ValidationErrors": [{"Message": message} for message in messages]}

    return write_all(call, "Payments", write, lambda payment: payment_shape(call.books, payment), echo)
