"""The company's books: everything that is stored, and the few questions every rule asks of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid4, uuid5
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.xero import chart
from sandbox.xero.records import Allocation, Attachment, Contact, Document, Kind, Note, Payment
from sandbox.xero.switches import Switches

_PREFIX: dict[Kind, str] = {"invoice": "INV-", "credit_note": "CN-"}


@dataclass
class Organisation:
    """The settings of the company that the API shows."""

    name: str = "Demo Company (UK)"
    base_currency: str = "GBP"
    timezone: str = "GMTSTANDARDTIME"
    zone: str = "Europe/London"
    country: str = "GB"
    version: str = "UK"
    pays_tax: bool = True
    is_demo: bool = True
    default_sales_tax: str = "Tax Exclusive"
    default_purchases_tax: str = "Tax Exclusive"
    period_lock: date | None = None
    year_end_lock: date | None = None
    sales_terms: tuple[int, str] | None = (14, "DAYSAFTERBILLDATE")


@dataclass
class Shelves:
    """The records themselves; a copy of the shelves is a complete earlier state, as records never change."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    notes: dict[str, tuple[Note, ...]] = field(default_factory=dict)
    allocations: dict[str, Allocation] = field(default_factory=dict)
    attachments: dict[str, tuple[Attachment, ...]] = field(default_factory=dict)  # by document

    def copy(self) -> "Shelves":
        """A copy that later writes do not reach."""
        return Shelves(**{shelf.name: dict(getattr(self, shelf.name)) for shelf in fields(self)})


class Books:
    """All state of one company but its requests and tokens."""

    def __init__(self, clock: Clock, switches: Switches) -> None:
        self.clock = clock
        self.switches = switches
        self.currencies = dict(chart.CURRENCIES)
        self.organisation = Organisation()
        self.reset()

    def reset(self) -> None:
        """Become another, empty company: new ids for everything."""
        self.tenant_id = str(uuid4())
        self.created = self.clock.now()
        self._last_moment = self.created
        self.shelves = Shelves()
        self.accounts = chart.accounts(self.make_id)
        self.tax_rates = {rate.type: rate for rate in chart.TAX_RATES}
        self.tracking = chart.tracking(self.make_id)
        self.themes = chart.themes(self.make_id)

    def make_id(self, name: str) -> str:
        """An id that stays the same for this company and name."""
        return str(uuid5(NAMESPACE_URL, f"{self.tenant_id}/{name}"))

    def moment(self) -> datetime:
        """Now, in whole milliseconds and later than any moment given before: no two updates share one."""
        now = self.clock.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self._last_moment = max(now, self._last_moment + timedelta(milliseconds=1))
        return self._last_moment

    def today(self) -> date:
        """The day it is in the company's own timezone."""
        return self.clock.now().astimezone(ZoneInfo(self.organisation.zone)).date()

    def tax_percent(self, tax_type: str) -> Decimal:
        """The rate of a tax type in percent; 0 where there is none."""
        rate = self.tax_rates.get(tax_type)
        return rate.rate if rate else Decimal(0)

    def documents(self, kind: Kind) -> Iterator[Document]:
        """All documents of one kind, in the order they were created."""
        return (document for document in self.shelves.documents.values() if document.kind == kind)

    def numbered(self, kind: Kind, number: str) -> list[Document]:
        """The sales documents that carry a number, whatever their status."""
        wanted = number.casefold()
        return [
            document
            for document in self.documents(kind)
            if document.number.casefold() == wanted and document.type.startswith("ACCREC")
        ]

    def number_is_taken(self, kind: Kind, number: str, except_id: str = "") -> bool:
        """Whether a document that counts already has the number; voided and deleted ones count by switch."""
        if kind == "credit_note" and self.switches["credit_note_number"] == "repeatable":
            return False
        return any(self._holds_number(document) for document in self.numbered(kind, number) if document.id != except_id)

    def allocations(self, document: Document) -> list[Allocation]:
        """What of a credit note is set against invoices, or of credit notes against an invoice, oldest first."""
        every = self.shelves.allocations.values()
        return [one for one in every if document.id in {one.credit_note_id, one.invoice_id}]

    def next_number(self, kind: Kind) -> str:
        """The company's next number that no document carries."""
        used = {document.number for document in self.documents(kind)}
        count = len(used) + 1
        while (number := f"{_PREFIX[kind]}{count:04d}") in used:
            count += 1
        return number

    def store(self, document: Document, note: Note) -> Document:
        """Put a document away, with a line of history."""
        self.shelves.documents[document.id] = document
        self.add_note(document.id, note)
        return document

    def add_note(self, document_id: str, note: Note) -> None:
        """Add to a document's history."""
        self.shelves.notes[document_id] = (*self.shelves.notes.get(document_id, ()), note)

    def _holds_number(self, document: Document) -> bool:
        if document.status == "DELETED":
            return self.switches["deleted_number"] == "taken"
        if document.status == "VOIDED":
            return self.switches["voided_number"] == "taken"
        return True
