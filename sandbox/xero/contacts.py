"""Creating, changing, archiving and merging contacts."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from sandbox.xero.books import Books
from sandbox.xero.errors import MissingError, RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.records import Contact, ContactPerson, Document

ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)
STATUSES = frozenset({"ACTIVE", "ARCHIVED", "GDPRREQUEST"})
ADDRESS_TYPES = frozenset({"POBOX", "STREET", "DELIVERY"})
PHONE_TYPES = frozenset({"DEFAULT", "DDI", "MOBILE", "FAX", "OFFICE"})
SALES_AMOUNTS = frozenset({"INCLUSIVE", "EXCLUSIVE", "NONE"})
TERMS = frozenset({"DAYSAFTERBILLDATE", "DAYSAFTERBILLMONTH", "OFCURRENTMONTH", "OFFOLLOWINGMONTH"})
MAX_PERSONS = 5

# API field, our attribute, longest text
_TEXTS = (
    ("Name", "name", 255),
    ("ContactNumber", "number", 50),
    ("AccountNumber", "account_number", 50),
    ("FirstName", "first_name", 255),
    ("LastName", "last_name", 255),
    ("EmailAddress", "email", 255),
    ("CompanyNumber", "company_number", 50),
    ("TaxNumber", "tax_number", 50),
    ("BankAccountDetails", "bank_account", 255),
    ("AccountsReceivableTaxType", "sales_tax", 50),
    ("AccountsPayableTaxType", "purchases_tax", 50),
    ("SalesDefaultAccountCode", "sales_account", 10),
)
_ADDRESS_FIELDS = (
    ("AddressLine1", 500),
    ("AddressLine2", 500),
    ("AddressLine3", 500),
    ("AddressLine4", 500),
    ("City", 255),
    ("Region", 255),
    ("PostalCode", 50),
    ("Country", 50),
    ("AttentionTo", 255),
)
_PHONE_FIELDS = (("PhoneNumber", 50), ("PhoneAreaCode", 10), ("PhoneCountryCode", 20))


def write(books: Books, body: Fields, *, create_only: bool, target: str = "") -> Contact:
    """Create or change the contact a body speaks of. Raises RuleError, MissingError."""
    old = find(books, target) if target else None if create_only else _matching(books, body)
    if old is None:
        return _create(books, body)
    if old.status == "ARCHIVED" and body.choice("ContactStatus", STATUSES) != "ACTIVE":
        raise RuleError(ARCHIVED)
    return _put_away(books, _changed(books, old, body))


def find(books: Books, key: str) -> Contact:
    """A contact by ContactID or ContactNumber. Raises MissingError."""
    contact = books.shelves.contacts.get(key.lower())
    if contact is None:
        contact = next((contact for contact in books.shelves.contacts.values() if contact.number == key), None)
    if contact is None:
        raise MissingError(key)
    return contact


def for_document(books: Books, body: Fields | None) -> Contact:
    """The contact a document is for, by id, number or name; an unknown name makes a new contact. Raises RuleError."""
    found = _matching(books, body) if body is not None else None
    if found is None:
        if body is None or not body.text("Name"):
            raise RuleError("A Contact must be specified for this type of transaction")
        return _create(books, body)
    if found.status != "ACTIVE":
        raise RuleError(ARCHIVED)
    return found


def apply_extras(books: Books, contact: Contact, body: Fields | None, document: Document) -> None:
    """What writing a document does to its contact: it becomes a customer, and fields sent with it are taken over."""
    contact = books.shelves.contacts[contact.id]
    if body is not None:
        changed = _changed(books, contact, body)
        contact = contact if changed == contact else _put_away(books, changed)
    sells = document.type.startswith("ACCREC")
    # A role changes without touching UpdatedDateUTC: readers of changes do not see it.
    books.shelves.contacts[contact.id] = replace(
        contact, is_customer=contact.is_customer or sells, is_supplier=contact.is_supplier or not sells
    )


def merge(books: Books, loser_id: str, winner_id: str) -> Contact:
    """A person merges one contact into another: the first is archived and points at the second, documents move."""
    loser, winner = find(books, loser_id), find(books, winner_id)
    if loser.id == winner.id or winner.status != "ACTIVE":
        raise RuleError("A contact can be merged only into another active contact")
    for document in list(books.shelves.documents.values()):
        if document.contact_id == loser.id:
            moved = replace(document, contact_id=winner.id, updated=books.moment())
            books.shelves.documents[document.id] = moved
    return _put_away(books, replace(loser, status="ARCHIVED", merged_to=winner.id))


def _matching(books: Books, body: Fields) -> Contact | None:
    contacts = books.shelves.contacts
    if contact_id := body.guid("ContactID"):
        if contact_id not in contacts:
            raise RuleError(f"The contact {contact_id} could not be found")
        return contacts[contact_id]
    if number := body.text("ContactNumber"):
        found = next((contact for contact in contacts.values() if contact.number == number), None)
        if found is not None:
            return found
    name = body.text("Name")
    return _named(books, name) if name else None


def _named(books: Books, name: str) -> Contact | None:
    wanted = name.strip().casefold()
    return next(
        (
            contact
            for contact in books.shelves.contacts.values()
            if contact.status == "ACTIVE" and contact.name.casefold() == wanted
        ),
        None,
    )


def _create(books: Books, body: Fields) -> Contact:
    if not (body.text("Name") or "").strip():
        raise RuleError("The contact name must be specified")
    blank = Contact(str(uuid4()), "", books.clock.now())
    return _put_away(books, _changed(books, blank, body))


def _put_away(books: Books, contact: Contact) -> Contact:
    stored = replace(contact, updated=books.moment())
    books.shelves.contacts[stored.id] = stored
    return stored


def _changed(books: Books, old: Contact, body: Fields) -> Contact:
    changes = _texts(body)
    status = body.choice("ContactStatus", STATUSES)
    if status:
        changes["status"] = status
    name = changes.get("name", old.name)
    if changes.get("status", old.status) == "ACTIVE":
        other = _named(books, name)
        if other is not None and other.id != old.id:
            raise RuleError(
                f"The contact name {name} is already assigned to another contact. "
                "The contact name must be unique across all active contacts."
            )
    return replace(old, **changes, **_defaults(books, body), **_details(body, old))


def _texts(body: Fields) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for field, attribute, longest in _TEXTS:
        text = body.text(field)
        if text is None or (field == "Name" and not text.strip()):
            continue
        if len(text) > longest:
            raise RuleError(f"{field} is longer than {longest} characters")
        changes[attribute] = text.strip() if field == "Name" else text
    return changes


def _defaults(books: Books, body: Fields) -> dict[str, Any]:
    """What documents for this contact start from in Xero's own screens."""
    changes: dict[str, Any] = {}
    if currency := body.text("DefaultCurrency"):
        if currency not in books.currencies:
            raise RuleError(f"Organisation is not subscribed to currency {currency}")
        changes["currency"] = currency
    if amounts := body.choice("SalesDefaultLineAmountType", SALES_AMOUNTS):
        changes["sales_amounts"] = amounts
    terms = body.inner("PaymentTerms")
    sales = terms.inner("Sales") if terms else None
    if sales is not None and (kind := sales.choice("Type", TERMS)):
        changes["terms"] = (int(sales.decimal("Day") or 0), kind)
    if (tracking := body.rows("SalesTrackingCategories")) is not None:
        changes["sales_tracking"] = tuple(
            (row.text("TrackingCategoryName") or "", row.text("TrackingOptionName") or "") for row in tracking
        )
    return changes


def _details(body: Fields, old: Contact) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if (rows := body.rows("ContactPersons")) is not None:
        if len(rows) > MAX_PERSONS:
            raise RuleError(f"A contact can have at most {MAX_PERSONS} contact persons")
        changes["persons"] = tuple(_person(row) for row in rows)
    if rows := body.rows("Addresses"):
        changes["addresses"] = old.addresses | _typed(rows, "AddressType", ADDRESS_TYPES, _ADDRESS_FIELDS)
    if rows := body.rows("Phones"):
        changes["phones"] = old.phones | _typed(rows, "PhoneType", PHONE_TYPES, _PHONE_FIELDS)
    return changes


def _person(row: Fields) -> ContactPerson:
    return ContactPerson(
        row.text("FirstName") or "",
        row.text("LastName") or "",
        row.text("EmailAddress") or "",
        bool(row.boolean("IncludeInEmails")),
    )


def _typed(
    rows: list[Fields], type_field: str, types: frozenset[str], fields: tuple[tuple[str, int], ...]
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        kind = row.choice(type_field, types)
        if kind is None:
            raise RuleError(f"{type_field} must be specified")
        found[kind] = {}
        for name, longest in fields:
            text = row.text(name)
            if text is not None and len(text) > longest:
                raise RuleError(f"{name} is longer than {longest} characters")
            if text is not None:
                found[kind][name] = text
    return found
