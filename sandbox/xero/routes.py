"""The addresses of the Accounting API: which handler answers which method, and which scope it takes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.xero import filing, history, lists, resources
from sandbox.xero.call import Call
from sandbox.xero.idempotency import Kept
from sandbox.xero.wire import Json

Handler = Callable[[Call], Json | Kept]


@dataclass(frozen=True)
class Route:
    """An address below the prefix, its scope's area and its handler per method."""

    pattern: re.Pattern[str]
    area: str
    handlers: dict[str, Handler]


def _route(pattern: str, area: str, **handlers: Handler) -> Route:
    """`{}` stands for the record an address names, `{part}` for what it names below it."""
    spelled = pattern.replace("{}", "(?P<key>[^/]+)").replace("{part}", "(?P<part>[^/]+)")
    return Route(re.compile(spelled), area, handlers)


ROUTES = (
    _route("Organisation", "settings", GET=resources.organisation),
    _route("Accounts", "settings", GET=resources.accounts),
    _route("Accounts/{}", "settings", GET=resources.account),
    _route("TaxRates", "settings", GET=resources.tax_rates),
    _route("TrackingCategories", "settings", GET=resources.tracking_categories),
    _route("Currencies", "settings", GET=resources.currencies),
    _route("BrandingThemes", "settings", GET=resources.branding_themes),
    _route(
        "Contacts",
        "contacts",
        GET=lists.list_contacts,
        PUT=resources.write_contacts,
        POST=resources.write_contacts,
    ),
    _route("Contacts/{}", "contacts", GET=resources.get_contact, POST=resources.write_contacts),
    _route(
        "Invoices",
        "invoices",
        GET=lists.list_documents("invoice"),
        PUT=resources.write_documents("invoice"),
        POST=resources.write_documents("invoice"),
    ),
    _route(
        "Invoices/{}",
        "invoices",
        GET=resources.get_document("invoice"),
        POST=resources.write_documents("invoice"),
    ),
    _route(
        "Invoices/{}/History",
        "invoices",
        GET=history.read_history("invoice"),
        PUT=history.add_history("invoice"),
    ),
    _route("Invoices/{}/Attachments", "attachments", GET=filing.list_attachments("invoice")),
    _route(
        "Invoices/{}/Attachments/{part}",
        "attachments",
        GET=filing.read_attachment("invoice"),
        PUT=filing.write_attachment("invoice"),
        POST=filing.write_attachment("invoice"),
    ),
    _route(
        "CreditNotes",
        "invoices",
        GET=lists.list_documents("credit_note"),
        PUT=resources.write_documents("credit_note"),
        POST=resources.write_documents("credit_note"),
    ),
    _route(
        "CreditNotes/{}",
        "invoices",
        GET=resources.get_document("credit_note"),
        POST=resources.write_documents("credit_note"),
    ),
    _route(
        "CreditNotes/{}/History",
        "invoices",
        GET=history.read_history("credit_note"),
        PUT=history.add_history("credit_note"),
    ),
    _route("CreditNotes/{}/Attachments", "attachments", GET=filing.list_attachments("credit_note")),
    _route(
        "CreditNotes/{}/Attachments/{part}",
        "attachments",
        GET=filing.read_attachment("credit_note"),
        PUT=filing.write_attachment("credit_note"),
        POST=filing.write_attachment("credit_note"),
    ),
    _route("CreditNotes/{}/Allocations", "invoices", PUT=filing.write_allocations),
    _route("CreditNotes/{}/Allocations/{part}", "invoices", DELETE=filing.delete_allocation),
    _route(
        "Payments", "payments", GET=lists.list_payments, PUT=resources.write_payments, POST=resources.write_payments
    ),
    _route("Payments/{}", "payments", POST=resources.write_payments),
)
