"""What the setup says: everything of it that decides what is billed, and how it reads. `worker.setup` makes it."""

from datetime import date
from decimal import Decimal

from msgspec import Struct


class PersonRate(Struct, frozen=True, kw_only=True):
    """One dated row of `[people]`: from `since` on (None: always) this person has this rate (None: no rate given)."""

    id: str
    rate: Decimal | None = None
    currency: str = ""
    since: date | None = None
    bill: bool = True


class Surcharge(Struct, frozen=True, kw_only=True):
    """A line of its own, `percent` of the time on the same document; empty account or tax type: the time's."""

    name: str
    percent: Decimal
    account: str = ""
    tax_type: str = ""


class Rules(Struct, frozen=True, kw_only=True):
    """Everything of the setup file that billing goes by."""

    org: str  # Salesforce org id, 18 characters
    source: str  # SObject name
    start: date
    rate_paths: tuple[str, ...] = ()  # as in `rates`; "people" stands for `people`
    default_rate: Decimal | None = None
    people: tuple[PersonRate, ...] = ()
    bill_listed_only: bool = False
    approved_values: tuple[str, ...] | None = None  # None: no gate
    withdrawn_values: tuple[str, ...] = ()
    invoice_per: tuple[str, ...] = ("xero_contact",)
    period: str = "month"
    invoice_date: str = "period-end"
    line_per: tuple[str, ...] = ("project", "person")
    description: str = "{project} · {person}"
    reference: str = "{period}"
    numbering: str = "series"
    number_prefix: str = "TT-"
    revenue_account: str = ""
    tax_type: str = ""
    amounts: str = ""
    branding: str = ""  # the name of a branding theme
    due_days: int | None = None
    close_after: int = 5 * 86_400  # seconds after the end of the period's last day
    lock_date: str = "warn"
    at_close: str = "draft"
    correct: str = "ask"
    correct_after: int = 86_400  # seconds
    decrease: str = "credit-note"
    round_minutes: int = 0
    round_mode: str = "nearest"
    round_per: str = "entry"
    minimum_invoice: Decimal = Decimal(0)
    show_non_billable: str = "no"
    attach_timesheet: bool = True
    tracking: tuple[tuple[str, str], ...] = ()  # Xero tracking category -> mapped name, or fixed text
    surcharges: tuple[Surcharge, ...] = ()
    timezone: str = "UTC"  # IANA name of the company's time zone
    version: int = 0  # the setup version these rules were made from
