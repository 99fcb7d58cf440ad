"""Contacts as Xero answers them, made into `Contact` and into flat fields for Salesforce."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from worker.billing.model import Contact, Terms, Tracking
from worker.xero.pages import ContactPage, Odd, page_numbers, records
from worker.xero.values import Json, guid, iso, items, nested, text, updated, whole

_NAMED_BY = ("PhoneType", "AddressType")  # a list's entries are told apart by these, else by their place


def contact_page(envelope: Any, *, page: int, date: str) -> ContactPage:
    """One page of contacts.

    Raises:
        Unreadable: the answer holds no such list.
    """
    raw = records(envelope, "Contacts")
    readable = [record for record in raw if isinstance(record, Mapping) and guid(record, "ContactID")]
    odd = [_odd(record) for record in raw if not (isinstance(record, Mapping) and guid(record, "ContactID"))]
    number, count = page_numbers(envelope, page, len(raw))
    return ContactPage(
        items=tuple(contact(record) for record in readable),
        fields=tuple(dict(_flat(record)) for record in readable),
        odd=tuple(odd),
        page=number,
        page_count=count,
        date=date,
    )


def contact(record: Json) -> Contact:
    """What billing needs of a contact; what Xero left out is empty."""
    return Contact(
        id=guid(record, "ContactID"),
        name=text(record, "Name"),
        status=text(record, "ContactStatus") or "ACTIVE",
        merged_to=guid(record, "MergedToContactID"),
        email=text(record, "EmailAddress"),
        account_number=text(record, "AccountNumber"),
        tax_type=text(record, "AccountsReceivableTaxType"),
        account=text(record, "SalesDefaultAccountCode"),
        amounts=text(record, "SalesDefaultLineAmountType"),
        currency=text(record, "DefaultCurrency"),
        terms=terms(nested(record, "PaymentTerms")),
        tracking=_tracking(record),
        branding=guid(nested(record, "BrandingTheme"), "BrandingThemeID"),
        updated=updated(record),
    )


def _tracking(record: Json) -> Tracking:
    """The options that the contact's sales are tracked by."""
    named = (
        (text(each, "TrackingCategoryName"), text(each, "TrackingOptionName"))
        for each in items(record, "SalesTrackingCategories")
    )
    return tuple(sorted((category, option) for category, option in named if category and option))


def terms(record: Json) -> Terms | None:
    """The payment terms for sales, None where there are none."""
    sales = nested(record, "Sales")
    day, kind = whole(sales, "Day"), text(sales, "Type")
    return Terms(day, kind) if day is not None and kind else None


def _odd(record: Any) -> Odd:
    return Odd("", "has no ContactID" if isinstance(record, Mapping) else "is no object")


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{prefix}.{_label(inner, place)}")
    elif isinstance(value, bool):
        yield prefix, str(value).lower()
    elif isinstance(value, str | int | Decimal):
        yield prefix, iso(str(value))


def _label(entry: Any, place: int) -> str:
    if not isinstance(entry, Mapping):
        return str(place)
    return next((text(entry, name) for name in _NAMED_BY if text(entry, name)), str(place))
