"""The fields of a document above its lines: reading and checking them."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sandbox.xero.books import Books
from sandbox.xero.chart import CURRENCY_RATES
from sandbox.xero.errors import RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.records import APPROVED, Document, Kind

MAX_TEXT = 255
AMOUNTS = frozenset({"Exclusive", "Inclusive", "NoTax"})


@dataclass(frozen=True)
class Naming:
    """What Xero calls a kind of document and its fields."""

    resource: str
    id: str
    number: str
    noun: str
    types: frozenset[str]


FIELDS: dict[Kind, Naming] = {
    "invoice": Naming("Invoices", "InvoiceID", "InvoiceNumber", "Invoice", frozenset({"ACCREC", "ACCPAY"})),
    "credit_note": Naming(
        "CreditNotes", "CreditNoteID", "CreditNoteNumber", "Credit note", frozenset({"ACCRECCREDIT", "ACCPAYCREDIT"})
    ),
}


def apply(books: Books, document: Document, body: Fields, *, creating: bool) -> Document:
    """The document with the header fields of a body. Raises RuleError with every problem found."""
    problems: list[str] = []
    changes: dict[str, Any] = {}
    for read in (_number, _reference, _theme, _currency, _url, _sent):
        try:
            changes |= read(books, document, body, creating)
        except RuleError as refused:
            problems.extend(refused.messages)
    if problems:
        raise RuleError(*problems)
    changes["day"] = body.day("Date") or document.day
    changes["due"] = body.day("DueDate") or document.due
    changes["amounts"] = body.choice("LineAmountTypes", AMOUNTS) or document.amounts
    return replace(document, **changes)


def _number(books: Books, document: Document, body: Fields, _creating: bool) -> dict[str, Any]:
    number = body.text(FIELDS[document.kind].number)
    if not number:
        return {}
    if len(number) > MAX_TEXT or not (number.isascii() and number.isprintable()):
        raise RuleError(f"The number must be at most {MAX_TEXT} printable ASCII characters")
    sells = document.type.startswith("ACCREC")
    if sells and books.number_is_taken(document.kind, number, except_id=document.id):
        noun = FIELDS[document.kind].noun
        raise RuleError(f"{noun} # must be unique.")
    return {"number": number}


def _reference(_books: Books, _document: Document, body: Fields, _creating: bool) -> dict[str, Any]:
    reference = body.text("Reference")
    if reference is None:
        return {}
    if len(reference) > MAX_TEXT:
        raise RuleError(f"Reference is longer than {MAX_TEXT} characters")
    return {"reference": reference}


def _theme(books: Books, _document: Document, body: Fields, _creating: bool) -> dict[str, Any]:
    theme = body.guid("BrandingThemeID")
    if not theme:
        return {}
    if theme not in books.themes:
        raise RuleError("The branding theme could not be found")
    return {"theme": theme}


def _currency(books: Books, document: Document, body: Fields, creating: bool) -> dict[str, Any]:
    currency = body.text("CurrencyCode") or document.currency
    if currency not in books.currencies:
        raise RuleError(f"Organisation is not subscribed to currency {currency}")
    rate = body.decimal("CurrencyRate")
    if currency == books.organisation.base_currency:
        return {"currency": currency, "currency_rate": Decimal(1)}
    if rate is None and (creating or currency != document.currency):
        rate = CURRENCY_RATES.get(currency, Decimal(1))
    return {"currency": currency} if rate is None else {"currency": currency, "currency_rate": round(rate, 6)}


def _url(books: Books, document: Document, body: Fields, creating: bool) -> dict[str, Any]:
    url = body.text("Url")
    if not url or document.kind != "invoice":
        return {}
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.netloc:
        raise RuleError("Url is not a valid address")
    if "xero" in url.lower():
        raise RuleError("Url must not contain 'xero'")
    return {"url": url} if creating or books.switches["url_writable"] == "always" else {}


def _sent(_books: Books, document: Document, body: Fields, _creating: bool) -> dict[str, Any]:
    sent = body.boolean("SentToContact")
    if sent is None:
        return {}
    if sent and document.status not in APPROVED:
        raise RuleError("SentToContact can be set only on approved documents")
    return {"sent": sent}
