"""The records of the company, immutable: contacts, documents (invoices and credit notes) with all that is on them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

Kind = Literal["invoice", "credit_note"]

LIVE = frozenset({"DRAFT", "SUBMITTED", "AUTHORISED", "PAID"})
APPROVED = frozenset({"AUTHORISED", "PAID"})


@dataclass(frozen=True)
class ContactPerson:
    """Somebody at a contact who gets mail as well."""

    first_name: str
    last_name: str
    email: str
    include_in_emails: bool


@dataclass(frozen=True)
class Contact:
    """A customer or supplier. `addresses` and `phones` are by type: API field → text."""

    id: str
    name: str
    updated: datetime
    status: str = "ACTIVE"
    merged_to: str = ""
    number: str = ""
    account_number: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    company_number: str = ""
    tax_number: str = ""
    bank_account: str = ""
    currency: str = ""
    sales_tax: str = ""
    purchases_tax: str = ""
    sales_account: str = ""
    sales_amounts: str = ""
    terms: tuple[int, str] | None = None
    theme: str = ""
    website: str = ""
    sales_tracking: tuple[tuple[str, str], ...] = ()
    persons: tuple[ContactPerson, ...] = ()
    addresses: dict[str, dict[str, str]] = field(default_factory=dict)
    phones: dict[str, dict[str, str]] = field(default_factory=dict)
    is_customer: bool = False
    is_supplier: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a document. Without quantity and price it is only a description; amounts are 2 dp, the price 4 dp.

    `tracking` holds pairs of category id and option id.
    """

    id: str
    description: str
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    line_amount: Decimal = Decimal(0)
    tax_type: str = ""
    tax_amount: Decimal = Decimal(0)
    account_code: str = ""
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    tracking: tuple[tuple[str, str], ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the line only says something and charges nothing."""
        return self.quantity is None


@dataclass(frozen=True)
class Payment:
    """Money against an invoice."""

    id: str
    invoice_id: str
    account_code: str
    day: date
    amount: Decimal
    reference: str
    updated: datetime
    status: str = "AUTHORISED"


@dataclass(frozen=True)
class Allocation:
    """A part of a credit note set against an invoice."""

    id: str
    credit_note_id: str
    invoice_id: str
    amount: Decimal
    day: date


@dataclass(frozen=True)
class Attachment:
    """A file on a document; `online`: the client sees it with the online invoice."""

    id: str
    name: str
    content_type: str
    content: bytes
    online: bool = False


@dataclass(frozen=True)
class Note:
    """One line of a document's history."""

    at: datetime
    changes: str
    user: str
    details: str


@dataclass(frozen=True)
class Document:
    """An invoice, a bill or a credit note. `created_by` is the client id of the app, empty for a person.

    `credited`: what credit notes took off an invoice, or what of a credit note is allocated.
    """

    id: str
    kind: Kind
    type: str
    number: str
    contact_id: str
    day: date
    due: date | None
    amounts: str
    currency: str
    currency_rate: Decimal
    status: str
    lines: tuple[Line, ...]
    updated: datetime
    reference: str = ""
    url: str = ""
    theme: str = ""
    sent: bool = False
    created_by: str = ""
    paid: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    paid_on: date | None = None

    @property
    def tax(self) -> Decimal:
        """Total tax: the lines' rounded tax, added up."""
        return sum((line.tax_amount for line in self.lines), Decimal(0))

    @property
    def subtotal(self) -> Decimal:
        """Total before tax."""
        net = sum((line.line_amount for line in self.lines), Decimal(0))
        return net - self.tax if self.amounts == "Inclusive" else net

    @property
    def total(self) -> Decimal:
        """What the client owes in all."""
        return self.subtotal + self.tax

    @property
    def due_amount(self) -> Decimal:
        """What is still to be paid, or of a credit note what remains."""
        return self.total - self.paid - self.credited
