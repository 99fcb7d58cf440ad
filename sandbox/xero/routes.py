"""The addresses of the Accounting API: which handler answers which method, and which scope it takes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.xero import history, lists, resources
from sandbox.xero.call import Call
from sandbox.xero.wire import Json


@dataclass(frozen=True)
class Route:
    """An address below the prefix, its scope's area and its handler per method."""

    pattern: re.Pattern[str]
    area: str
    handlers: dict[str, Callable[[Call], Json]]


def _route(pattern: str, area: str, **handlers: Callable[[Call], Json]) -> Route:
    return Route(re.compile(pattern.replace("{}", "(?P<key>[^/]+)")), area, handlers)


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
    _route(
        "Payments", "payments", GET=lists.list_payments, PUT=resources.write_payments, POST=resources.write_payments
    ),
    _route("Payments/{}", "payments", POST=resources.write_payments),
)
