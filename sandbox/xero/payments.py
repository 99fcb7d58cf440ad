"""Recording and removing payments, so that invoices become PAID and open again."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from sandbox.xero import documents
from sandbox.xero.amounts import cents
from sandbox.xero.books import Books
from sandbox.xero.documents import Author
from sandbox.xero.errors import MissingError, RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.records import Document, Note, Payment


def pay(books: Books, body: Fields, author: Author) -> Payment:
    """Record a payment on an approved invoice. Raises RuleError."""
    invoice = _invoice(books, body)
    code = _account_code(books, body.inner("Account"))
    if code not in books.accounts or books.accounts[code].type != "BANK":
        raise RuleError("The account of a payment must be a bank account")
    amount = cents(body.decimal("Amount") or Decimal(0))
    if invoice.status != "AUTHORISED":
        raise RuleError("Payments can only be made against Authorised documents")
    if amount <= 0 or amount > invoice.due_amount:
        raise RuleError("Payment amount must be above zero and not exceed the amount outstanding on this document")
    day = body.day("Date") or books.today()
    documents.check_locks(books, day, "payment")
    payment = Payment(
        id=str(uuid4()),
        invoice_id=invoice.id,
        account_code=code,
        day=day,
        amount=amount,
        reference=body.text("Reference") or "",
        updated=books.moment(),
    )
    books.shelves.payments[payment.id] = payment
    _settle(books, replace(invoice, paid=invoice.paid + amount), payment, author, "Paid")
    return payment


def remove(books: Books, payment_id: str, body: Fields, author: Author) -> Payment:
    """Delete a payment (status DELETED): its invoice is open again. Raises MissingError, RuleError."""
    payment = books.shelves.payments.get(payment_id.lower())
    if payment is None:
        raise MissingError(payment_id)
    if body.text("Status") != "DELETED" or payment.status == "DELETED":
        raise RuleError("A payment can only be changed by setting its status to DELETED, once")
    documents.check_locks(books, payment.day, "payment")
    removed = replace(payment, status="DELETED", updated=books.moment())
    books.shelves.payments[payment.id] = removed
    invoice = books.shelves.documents[payment.invoice_id]
    _settle(books, replace(invoice, paid=invoice.paid - payment.amount), payment, author, "Payment removed")
    return removed


def _invoice(books: Books, body: Fields) -> Document:
    named = body.inner("Invoice")
    key = (named.text("InvoiceID") or named.text("InvoiceNumber")) if named else body.text("InvoiceNumber")
    if not key:
        raise RuleError("The invoice of a payment must be specified")
    try:
        return documents.find(books, "invoice", key)
    except MissingError as missing:
        raise RuleError("The invoice of the payment could not be found") from missing


def _account_code(books: Books, account: Fields | None) -> str:
    if account is None:
        return ""
    account_id = account.guid("AccountID")
    named = next((known.code for known in books.accounts.values() if known.id == account_id), "")
    return account.text("Code") or named


def _settle(books: Books, invoice: Document, payment: Payment, author: Author, changes: str) -> None:
    covered = invoice.due_amount == 0
    settled = replace(
        invoice,
        status="PAID" if covered else "AUTHORISED",
        paid_on=payment.day if covered else None,
        updated=books.moment(),
    )
    details = f"{invoice.currency} {payment.amount:.2f} on {payment.day.isoformat()}"
    books.store(settled, Note(books.clock.now(), changes, author.name, details))
