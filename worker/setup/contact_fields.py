"""The fields of a Xero contact that may be written to Salesforce (Xero Accounting API: Contacts).

Fields inside others are named with dots, lists by type or place: `Phones.DEFAULT.PhoneNumber`, `Addresses.STREET.City`.
"""

from __future__ import annotations

import re

TOP_LEVEL = frozenset(
    {
        "AccountNumber",
        "AccountsPayableTaxType",
        "AccountsReceivableTaxType",
        "Addresses",
        "Balances",
        "BankAccountDetails",
        "BatchPayments",
        "BrandingTheme",
        "CompanyNumber",
        "ContactGroups",
        "ContactID",
        "ContactNumber",
        "ContactPersons",
        "ContactStatus",
        "DefaultCurrency",
        "Discount",
        "EmailAddress",
        "FirstName",
        "HasAttachments",
        "IsCustomer",
        "IsSupplier",
        "LastName",
        "MergedToContactID",
        "Name",
        "PaymentTerms",
        "Phones",
        "PurchasesDefaultAccountCode",
        "PurchasesDefaultLineAmountType",
        "PurchasesTrackingCategories",
        "SalesDefaultAccountCode",
        "SalesDefaultLineAmountType",
        "SalesTrackingCategories",
        "TaxNumber",
        "TaxNumberType",
        "TrackingCategoryName",
        "TrackingCategoryOption",
        "UpdatedDateUTC",
        "Website",
        "XeroNetworkKey",
    }
)
NESTED = frozenset(
    {
        "Addresses",
        "Balances",
        "BatchPayments",
        "BrandingTheme",
        "ContactGroups",
        "ContactPersons",
        "PaymentTerms",
        "Phones",
        "PurchasesTrackingCategories",
        "SalesTrackingCategories",
    }
)

_INNER = re.compile(r"(?:\.[A-Za-z0-9]+)+")


def problem_with(name: str) -> str:
    """What is wrong with the name of a Xero contact field; "" when nothing is."""
    top, dot, rest = name.partition(".")
    if top not in TOP_LEVEL:
        return f'"{name}" is no field of a Xero contact'
    if top in NESTED and not (rest and _INNER.fullmatch(f".{rest}")):
        return f'"{name}" holds several fields'
    if top not in NESTED and dot:
        return f'"{name}" has no fields inside'
    return ""
