"""Contacts as the API answers them."""

from decimal import Decimal
from typing import Literal

from sandbox.xero.amounts import cents
from sandbox.xero.books import Books
from sandbox.xero.fields import Fields
from sandbox.xero.records import Contact
from sandbox.xero.wire import Json, ms_date, number

NO_ID = "00000000-0000-0000-0000-000000000000"
# list: without page; page: with page; single: one by id; write: the answer to a write, or inside a document.
View = Literal["list", "page", "single", "write"]

_ECHOED = ("Name", "ContactNumber", "AccountNumber", "FirstName", "LastName", "EmailAddress", "ContactStatus")
# API field, our attribute; left out while empty
_OPTIONAL = (
    ("ContactNumber", "number"),
    ("AccountNumber", "account_number"),
    ("FirstName", "first_name"),
    ("LastName", "last_name"),
    ("CompanyNumber", "company_number"),
    ("EmailAddress", "email"),
    ("TaxNumber", "tax_number"),
    ("AccountsReceivableTaxType", "sales_tax"),
    ("AccountsPayableTaxType", "purchases_tax"),
    ("DefaultCurrency", "currency"),
)
# These are answered only for one contact, or with paging.
_PAGED = (
    ("SalesDefaultAccountCode", "sales_account"),
    ("SalesDefaultLineAmountType", "sales_amounts"),
    ("Website", "website"),
    ("MergedToContactID", "merged_to"),
)


def contact_stub(contact: Contact) -> Json:
    """A contact inside a listed document: its id and name only."""
    return {
        "ContactID": contact.id,
        "Name": contact.name,
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def contact_shape(books: Books, contact: Contact, view: View) -> Json:
    """A contact in one of Xero's views; inside a document it looks as in the answer to a write."""
    written = view == "write"
    shown: Json = {
        "ContactID": contact.id,
        "ContactStatus": contact.status,
        "Name": contact.name,
        **{field: value for field, attribute in _OPTIONAL if (value := getattr(contact, attribute))},
        "Addresses": _addresses(books, contact, written),
        "Phones": _phones(contact, written),
        "UpdatedDateUTC": ms_date(contact.updated),
        "ContactGroups": [],
        "IsSupplier": contact.is_supplier,
        "IsCustomer": contact.is_customer,
        "ContactPersons": [] if view == "list" else _persons(contact),
        "HasValidationErrors": False,
    }
    if not contact.currency and books.switches["default_currency_null"] == "yes":
        shown["DefaultCurrency"] = ""
    if written or contact.bank_account:
        shown["BankAccountDetails"] = contact.bank_account
    if written or (contact.sales_tracking and view != "list"):
        shown["SalesTrackingCategories"] = [_tracking(names) for names in contact.sales_tracking]
        shown["PurchasesTrackingCategories"] = []
    if not written:
        shown["HasAttachments"] = False
    if view == "single":
        shown["Attachments"] = []
    return shown | (_paged_only(books, contact) if view in {"page", "single"} else {})


def summary_shape(contact: Contact) -> Json:
    """A contact under summaryOnly=true: addresses, persons and roles are missing."""
    named = {field: value for field, attribute in _OPTIONAL if (value := getattr(contact, attribute))}
    return {
        "ContactID": contact.id,
        "ContactStatus": contact.status,
        "Name": contact.name,
        **named,
        "UpdatedDateUTC": ms_date(contact.updated),
        "HasValidationErrors": False,
    }


def contact_echo(body: Fields, messages: tuple[str, ...]) -> Json:
    """A refused contact: what was asked for, with a zero id for one that was to be created."""
    texts = {field: body.text(field) for field in _ECHOED if body.has(field)}
    return {
        "ContactID": body.guid("ContactID") or NO_ID,
        **texts,
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": True,
        "ValidationErrors": [{"Message": message} for message in messages],
    }


def _addresses(books: Books, contact: Contact, written: bool) -> list[Json]:
    kinds = ["STREET", "POBOX"] if written else ["POBOX", "STREET"]
    if books.switches["delivery_address"] == "yes":
        kinds.append("DELIVERY")
    blank = dict.fromkeys(("City", "Region", "PostalCode", "Country"), "") if written else {}
    return [{"AddressType": kind, **blank, **contact.addresses.get(kind, {})} for kind in kinds]


def _phones(contact: Contact, written: bool) -> list[Json]:
    """All four kinds, always; in lists an unused one has nothing but its type."""
    kinds = ("DEFAULT", "DDI", "FAX", "MOBILE") if written else ("DDI", "DEFAULT", "FAX", "MOBILE")
    blank = dict.fromkeys(("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode"), "") if written else {}
    return [{"PhoneType": kind, **blank, **contact.phones.get(kind, {})} for kind in kinds]


def _persons(contact: Contact) -> list[Json]:
    return [
        {
            "FirstName": person.first_name,
            "LastName": person.last_name,
            "EmailAddress": person.email,
            "IncludeInEmails": person.include_in_emails,
        }
        for person in contact.persons
    ]


def _tracking(names: tuple[str, str]) -> Json:
    return {"TrackingCategoryName": names[0], "TrackingOptionName": names[1]}


def _paged_only(books: Books, contact: Contact) -> Json:
    shown: Json = {field: value for field, attribute in _PAGED if (value := getattr(contact, attribute))}
    if contact.terms is not None:
        shown["PaymentTerms"] = {"Sales": {"Day": contact.terms[0], "Type": contact.terms[1]}}
    if contact.theme:
        shown["BrandingTheme"] = {"BrandingThemeID": contact.theme, "Name": books.themes[contact.theme].name}
    if contact.is_customer and (balances := _balances(books, contact)):
        shown["Balances"] = balances
    return shown


def _balances(books: Books, contact: Contact) -> Json:
    today = books.today()
    owed = [
        document
        for document in books.documents("invoice")
        if document.contact_id == contact.id and document.type == "ACCREC" and document.status == "AUTHORISED"
    ]
    if not owed:
        return {}
    outstanding = sum((document.due_amount for document in owed), Decimal(0))
    overdue = sum((document.due_amount for document in owed if document.due and document.due < today), Decimal(0))
    receivable = {"Outstanding": number(cents(outstanding)), "Overdue": number(cents(overdue))}
    return {
        "AccountsReceivable": receivable,
        "AccountsPayable": {"Outstanding": Decimal("0.0"), "Overdue": Decimal("0.0")},
    }
