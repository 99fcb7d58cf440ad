"""What people do in the company, and what befalls it: by name, for the control port and for tests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from sandbox.xero import allocations, contacts, documents, payments, wire
from sandbox.xero.contact_shapes import contact_shape
from sandbox.xero.documents import Author, Write
from sandbox.xero.errors import CallError, RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.records import Document, Kind
from sandbox.xero.shapes import allocation_shape, document_shape, payment_shape
from sandbox.xero.wire import Json

if TYPE_CHECKING:
    from sandbox.xero.company import XeroCompany

PERSON = Author("Pat Example")


def write_as_person(company: "XeroCompany", kind: Kind, body: Json, key: str = "") -> Document:
    """Write a document as somebody does in the browser: prices to 4 places, all of it or nothing. Raises RuleError."""
    before = company.books.shelves.copy()
    how = Write(kind, PERSON, unit_places=4, create_only=not key)
    try:
        return documents.write(company.books, Fields(_exact(body), "document"), how, key)
    except CallError as refused:
        company.books.shelves = before
        raise RuleError(str(refused.body.get("Message", refused))) from refused
    except RuleError:
        company.books.shelves = before
        raise


def _exact(body: Json) -> Json:
    decoded: Json = wire.decode(wire.encode(body))
    return decoded


def _write(company: "XeroCompany", body: Json, id: str = "", kind: Kind = "invoice") -> Json:
    document = write_as_person(company, kind, body, id)
    return document_shape(company.books, document, "single", 4)


def _status(status: str) -> Callable[..., Json]:
    def change(company: "XeroCompany", id: str, kind: Kind = "invoice") -> Json:
        return _write(company, {"Status": status}, id, kind)

    return change


def _pay(company: "XeroCompany", id: str, amount: str = "", account: str = "090") -> Json:
    invoice = documents.find(company.books, "invoice", id)
    body = {
        "Invoice": {"InvoiceID": invoice.id},
        "Account": {"Code": account},
        "Amount": amount or str(invoice.due_amount),
    }
    return payment_shape(company.books, payments.pay(company.books, Fields(body, "payment"), PERSON))


def _remove_payment(company: "XeroCompany", id: str) -> Json:
    gone = payments.remove(company.books, id, Fields({"Status": "DELETED"}, "payment"), PERSON)
    return payment_shape(company.books, gone)


def _allocate(company: "XeroCompany", credit_note: str, invoice: str, amount: str = "") -> Json:
    """Set a credit note against an invoice: by the amount, or by all that goes."""
    note, against = (
        documents.find(company.books, *key) for key in (("credit_note", credit_note), ("invoice", invoice))
    )
    body = {"Invoice": {"InvoiceID": against.id}, "Amount": amount or str(min(note.due_amount, against.due_amount))}
    made = allocations.allocate(company.books, note, Fields(body, "allocation"), PERSON)
    return allocation_shape(company.books, made)


def _remove_allocation(company: "XeroCompany", credit_note: str, id: str) -> Json:
    note = documents.find(company.books, "credit_note", credit_note)
    return allocation_shape(company.books, allocations.remove(company.books, note, id, PERSON))


def _tracking(company: "XeroCompany", category: str, option: str = "", status: str = "ARCHIVED") -> Json:
    """Archive (or take back) a tracking option, or without one the whole category, by name."""
    books = company.books
    found = next((one for one in books.tracking.values() if one.name == category), None)
    if found is None or (option and option not in {one.name for one in found.options}):
        raise RuleError(f"no tracking {category} {option}".rstrip())
    options = tuple(replace(one, status=status) if one.name == option else one for one in found.options)
    books.tracking[found.id] = replace(found, options=options, status=found.status if option else status)
    return {"category": category, "option": option, "status": status}


def _contact(company: "XeroCompany", body: Json, id: str = "") -> Json:
    written = contacts.write(company.books, Fields(_exact(body), "contact"), create_only=not id, target=id)
    return contact_shape(company.books, written, "single")


def _theme(company: "XeroCompany", id: str, theme: str) -> Json:
    """Choose the theme that a contact's invoices are printed with; through the API it can only be read."""
    books = company.books
    found = next((one.id for one in books.themes.values() if one.name == theme), None)
    if found is None:
        raise RuleError(f"no branding theme {theme}")
    books.shelves.contacts[id] = replace(contacts.find(books, id), theme=found, updated=books.moment())
    return contact_shape(books, books.shelves.contacts[id], "single")


def _merge(company: "XeroCompany", loser: str, winner: str) -> Json:
    return contact_shape(company.books, contacts.merge(company.books, loser, winner), "single")


def _account(company: "XeroCompany", code: str, status: str) -> Json:
    accounts = company.books.accounts
    if code not in accounts:
        raise RuleError(f"no account {code}")
    accounts[code] = replace(accounts[code], status=status)
    return {"code": code, "status": status}


def _organisation(company: "XeroCompany", **settings: Any) -> Json:
    """Change settings of the company by their names in `Organisation`; lock dates as ISO days or empty."""
    for name, value in settings.items():
        if not hasattr(company.books.organisation, name):
            raise RuleError(f"the organisation has no setting {name!r}")
        is_day = name in {"period_lock", "year_end_lock"}
        setattr(company.books.organisation, name, (date.fromisoformat(value) if value else None) if is_day else value)
    return {name: str(getattr(company.books.organisation, name)) for name in settings}


def _currencies(company: "XeroCompany", codes: list[str]) -> Json:
    company.books.currencies = {code: code for code in codes}
    return {"currencies": codes}


def _disconnect(company: "XeroCompany") -> Json:
    count = len(company.tokens.connections)
    company.tokens.connections.clear()
    return {"disconnected": count}


def _connect(company: "XeroCompany", client_id: str) -> Json:
    return {"connection": company.tokens.connect(client_id).id}


def _expire_tokens(company: "XeroCompany") -> Json:
    """Every access token given so far stops working as if its signature were unknown."""
    company.tokens.expire_access()
    return {}


def _scopes(company: "XeroCompany", client_id: str, scopes: str) -> Json:
    company.tokens.apps[client_id].scopes = frozenset(scopes.split())
    return {"scopes": scopes}


def _limits(company: "XeroCompany", **limits: int) -> Json:
    company.set_limits(**limits)
    return dict(limits)


def _calls(company: "XeroCompany") -> Json:
    """Every call of the API so far, with its key, the digest of its body and how it was answered."""
    return {"calls": [entry.as_json() for entry in company.requests.entries]}


def _clear_calls(company: "XeroCompany") -> Json:
    company.requests.clear()
    return {}


def _reset(company: "XeroCompany") -> Json:
    company.reset()
    return {"tenantId": company.tenant_id}


ACTIONS: dict[str, Callable[..., Json]] = {
    "write": _write,
    "draft": _status("DRAFT"),
    "submit": _status("SUBMITTED"),
    "approve": _status("AUTHORISED"),
    "void": _status("VOIDED"),
    "delete": _status("DELETED"),
    "pay": _pay,
    "remove-payment": _remove_payment,
    "allocate": _allocate,
    "remove-allocation": _remove_allocation,
    "tracking": _tracking,
    "contact": _contact,
    "contact-theme": _theme,
    "merge": _merge,
    "account": _account,
    "organisation": _organisation,
    "currencies": _currencies,
    "disconnect": _disconnect,
    "connect": _connect,
    "expire-tokens": _expire_tokens,
    "scopes": _scopes,
    "limits": _limits,
    "calls": _calls,
    "clear-calls": _clear_calls,
    "reset": _reset,
}
