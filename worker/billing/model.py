"""The words of billing: immutable records that every other room passes around.

Money and hours are `Decimal`, days are `date`, times are ISO 8601 strings in UTC exactly as the service or Redis gave
them (they are compared for equality, never computed with). An identifier is a plain string. Nothing here does anything.
"""

from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

DocumentType = Literal["ACCREC", "ACCRECCREDIT"]
Status = Literal["preview", "open", "awaiting-approval", "approved", "paid", "voided", "deleted"]
PostingState = Literal["open", "fixed", "suspended"]
DecisionKind = Literal["bill", "elsewhere", "dont-bill", "keep", "accept", "ignore"]
Amounts = Literal["exclusive", "inclusive", "no-tax"]
Tracking = tuple[tuple[str, str], ...]  # sorted (category name, option name)


# ---- what Salesforce says ------------------------------------------------------------------------------------------


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One unit of time as Salesforce has it now, read through the setup's field mapping.

    `seconds` is exact (hours x 3600, minutes x 60, or end - start) and `None` when the quantity is empty. `rates` holds
    the value at each of the setup's rate paths in order, "" where empty and for the "people" place.
    """

    id: str  # "{source}:{record}#{component}", for example "TimeEntry__c:a00…AAA#0"
    record: str  # 18-character Salesforce id
    seconds: Decimal | None = None
    worked_on: date | None = None
    person: str = ""
    person_name: str = ""
    project: str = ""
    project_name: str = ""
    description: str = ""
    xero_contact: str = ""  # ContactID, lower case; "" when the path ends in nothing
    linked: str = ""  # the record whose link says the contact; "" where a path says it
    billable: bool = True
    currency: str = ""
    rates: tuple[str, ...] = ()
    approval: str = ""
    already_billed: str = ""
    extra: dict[str, str] = {}  # further mapped names -> text
    written: dict[str, str] = {}  # the write-back fields as read: invoice_id, invoice_number, …, billed, problem
    modified: str = ""  # SystemModstamp
    deleted: bool = False
    unreadable: str = ""  # why the record cannot be judged now; "" when it can


# ---- what Xero says ------------------------------------------------------------------------------------------------


class Terms(Struct, frozen=True):
    """Payment terms: `day` and `kind` as Xero names them (DAYSAFTERBILLDATE, DAYSAFTERBILLMONTH, OFCURRENTMONTH,
    OFFOLLOWINGMONTH)."""

    day: int
    kind: str


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A Xero contact, as far as billing needs it."""

    id: str
    name: str = ""
    status: str = "ACTIVE"
    merged_to: str = ""
    email: str = ""
    account_number: str = ""
    tax_type: str = ""  # AccountsReceivableTaxType
    account: str = ""  # SalesDefaultAccountCode
    amounts: str = ""  # SalesDefaultLineAmountType as Xero spells it: "EXCLUSIVE", "INCLUSIVE", "NONE", ""
    currency: str = ""
    terms: Terms | None = None
    tracking: Tracking = ()  # SalesTrackingCategories
    branding: str = ""  # BrandingTheme, by id
    updated: str = ""


class Account(Struct, frozen=True):
    """A ledger account of the company."""

    code: str
    name: str
    type: str
    tax_type: str = ""
    status: str = "ACTIVE"


class TaxRate(Struct, frozen=True):
    """A tax type of the company; `rate` is the effective percentage."""

    type: str
    name: str
    rate: Decimal
    status: str = "ACTIVE"
    can_apply_to_revenue: bool = True


class Company(Struct, frozen=True, kw_only=True):
    """The Xero company: what its settings, accounts, tax rates and currencies say."""

    tenant: str
    name: str = ""
    base_currency: str = ""
    timezone: str = ""  # as Xero names it, such as "GMTSTANDARDTIME"
    pays_tax: bool = True
    default_amounts: str = ""  # DefaultSalesTax as Xero spells it ("Tax Exclusive", "Tax Inclusive", "No Tax", …)
    terms: Terms | None = None  # PaymentTerms.Sales
    accounts: tuple[Account, ...] = ()
    tax_rates: tuple[TaxRate, ...] = ()
    currencies: tuple[str, ...] = ()
    tracking: tuple[tuple[str, tuple[str, ...]], ...] = ()  # active categories with their active options
    themes: tuple[tuple[str, str], ...] = ()  # id and name of each branding theme, the company's own first
    locked_until: str = ""  # the later of PeriodLockDate and EndOfYearLockDate, YYYY-MM-DD; "" for none
    demo: bool = False
    read_at: str = ""


class FoundLine(Struct, frozen=True, kw_only=True):
    """A line item as Xero answered it."""

    id: str = ""
    description: str = ""
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    discount: Decimal | None = None
    amount: Decimal | None = None
    tax_amount: Decimal | None = None
    account: str = ""
    tax_type: str = ""
    tracking: Tracking = ()
    item: str = ""  # Xero item code


class Found(Struct, frozen=True, kw_only=True):
    """A document as Xero answered it. `status` is in Xero's words: DRAFT, SUBMITTED, AUTHORISED, PAID, VOIDED, DELETED.

    `outcome` is the element's StatusAttributeString ("OK" where Xero gave none); an element with outcome "ERROR" echoes
    the request: nothing but `errors`, the id and the number may be read from it (Xero: summarizeErrors=false).
    """

    type: DocumentType = "ACCREC"
    id: str = ""
    number: str = ""
    status: str = ""
    contact: str = ""
    contact_name: str = ""
    currency: str = ""
    amounts: str = ""  # LineAmountTypes: Exclusive, Inclusive, NoTax
    reference: str = ""
    url: str = ""
    date: str = ""  # YYYY-MM-DD
    due_date: str = ""
    lines: tuple[FoundLine, ...] = ()
    sub_total: Decimal | None = None
    total_tax: Decimal | None = None
    total: Decimal | None = None
    currency_rate: Decimal | None = None  # CurrencyRate: units of this currency for one of the company's
    amount_paid: Decimal | None = None
    amount_due: Decimal | None = None
    updated: str = ""  # UpdatedDateUTC exactly as answered
    outcome: str = "OK"
    errors: tuple[str, ...] = ()


# ---- what billing makes of it --------------------------------------------------------------------------------------


class Posting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The fact that a unit is on a document. `amount` is the unit's share of its line, tax as the document has it."""

    unit: str
    document: str  # "{key}/{sequence}"
    line: str = ""  # LineItemID once known
    contact: str = ""
    currency: str = ""
    corrects: str = ""  # the document this corrects; "" for ordinary time
    write_on: Decimal = Decimal(0)  # what a person wrote on (+) or off (-) its whole line, of a fixed line
    surcharge: str = ""  # the name of the surcharge this is; its `seconds` are 0, its `rate` what it adds to an hour
    worked: Decimal | None = None  # seconds as worked, where `seconds` were rounded; None: the same
    rate: Decimal = Decimal(0)
    rate_source: str = ""
    basis: str = ""  # what the rate was snapshotted for: digest of own rate field, person, project, day, currency
    seconds: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    account: str = ""
    tax_type: str = ""
    state: PostingState = "open"


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person decided about a unit; of several about one thing the last one counts.

    `bill`, `elsewhere`, `dont-bill`: about time that waits. With `document`, about the time a person took off it, and
    then `seconds` of it (so that time taken off again waits again); without, about the unit as such. `keep`: leave its
    postings as they are. `accept`, `ignore`: about the proposed correction of `document`, and only while the proposal
    is these `seconds` and this `amount`.
    """

    unit: str
    kind: DecisionKind
    document: str = ""
    seconds: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    reason: str = ""
    by: str = ""
    at: str = ""  # ISO 8601 in UTC


class Waiting(Struct, frozen=True, tag="waiting"):
    """Why a unit (or an invoice) is not on a document now, and which cause's mending releases it.

    `reason` is a short code (`no-contact`, `no-rate`, `not-approved`, …), `text` the sentence for people: what, and
    what to do. `cause` names the thing to mend: `contact:{id}`, `rate:person:{id}`, `account:{code}`, `tax:{type}`,
    `currency:{code}`, `entry` (the entry itself), `document:{id}`, `decision:{unit}`.
    `holds`: a unit that is on an open document stays there as it is meanwhile (the trouble is not of its own record).
    """

    reason: str
    text: str
    cause: str = ""
    holds: bool = False


class Out(Struct, frozen=True, tag="out"):
    """The unit is not to be billed here, and nobody needs to act: `before-start`, `not-billable`, `deleted`, …"""

    reason: str
    text: str


class Placed(Struct, frozen=True, kw_only=True, tag="placed"):
    """Where a unit belongs: on the invoice `key`, on the line with these attributes, at this rate."""

    unit: str
    key: str
    contact: str
    currency: str
    group: tuple[tuple[str, str], ...]  # values of invoice_per beyond the contact, by id
    period: str
    seconds: Decimal
    rate: Decimal
    rate_source: str
    basis: str
    account: str
    tax_type: str
    amounts: Amounts
    line: str  # the group key of its line, by ids
    description: str  # what the line says
    tracking: Tracking = ()
    item: str = ""  # Xero item code
    person: str = ""  # who worked, by id
    mark: str = ""  # printed after the line's text: what sets it apart, such as the month of late time
    branding: str = ""  # the branding theme a new document is printed with, by id; "": the company's own
    sources: dict[str, str] = {}  # where account, tax_type, amounts, currency, terms, branding and tracking were found
    worked: Decimal | None = None  # seconds as worked, where `seconds` were rounded; None: the same
    corrects: str = ""  # the locked document whose accepted correction this is; `seconds` and `amount` are the change
    amount: Decimal | None = None  # of a correction, exactly
    used: Decimal = Decimal(0)  # of a correction: what write-ons and write-offs took of the change before it
    covered: Decimal = Decimal(0)  # the seconds that `used` stands for
    currency_rate: Decimal | None = None  # of a correction: of the document that it corrects
    stands: str = ""  # of a correction: digest of the fixed and suspended postings that it was computed from
    credit: bool = False  # a correction downwards that goes on a credit note
    worked_on: date
    names: dict[str, str] = {}  # project, person, period, … for the reference and description templates


class Share(Struct, frozen=True, kw_only=True):
    """A unit's part of a line."""

    unit: str
    seconds: Decimal
    amount: Decimal
    rate: Decimal
    rate_source: str = ""
    basis: str = ""
    worked: Decimal | None = None  # as in Posting


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of ours as sent (or to be sent). `fixed`: a person set its amounts, time no longer moves it.

    A line that carries no shares and `foreign=True` is a person's own line on our draft: kept and sent back untouched.
    """

    id: str = ""  # LineItemID
    group: str = ""  # Placed.line
    description: str = ""
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    discount: Decimal | None = None
    amount: Decimal = Decimal(0)
    account: str = ""
    tax_type: str = ""
    tracking: Tracking = ()
    item: str = ""  # Xero item code
    shares: tuple[Share, ...] = ()
    corrects: str = ""  # the document this line corrects
    surcharge: str = ""  # the name of the surcharge this line is
    fixed: bool = False
    foreign: bool = False
    kept: tuple[str, ...] = ()  # which of description, account, tax_type, tracking a person chose in Xero: theirs stay
    sources: dict[str, str] = {}  # where its values were found, as in Placed; not known of what a rebuild restored
    write_on: Decimal = Decimal(0)  # theirs - ours, of a fixed line: what a person wrote on (+) or off (-)


class Copy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document in Xero that has the address of one of ours and is not it."""

    id: str
    number: str = ""


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document of ours: what we sent last (or mean to send), and what Xero answered to it."""

    key: str
    sequence: int
    type: DocumentType = "ACCREC"
    number: str = ""
    contact: str = ""
    currency: str = ""
    period: str = ""  # "credit": the open draft credit note of its contact, group and currency, of no period
    group: tuple[tuple[str, str], ...] = ()  # as in Placed
    amounts: Amounts = "exclusive"
    date: str = ""
    due_date: str = ""
    reference: str = ""
    branding: str = ""  # the branding theme it was created with, by id; a person may change it afterwards
    lines: tuple[Line, ...] = ()
    xero_id: str = ""
    status: Status = "open"
    updated: str = ""  # UpdatedDateUTC of our last answer or of the last one we merged
    total: Decimal | None = None  # as Xero answered
    total_tax: Decimal | None = None
    currency_rate: Decimal | None = None  # as Xero answered; of a new credit note: that of what it corrects
    body: str = ""  # canonical form of the last content of ours, or as merged
    digests: tuple[str, ...] = ()  # of the three bodies of ours before it
    theirs: bool = False  # the body is a person's as merged, not one that we sent
    rewrite: bool = False  # Xero holds older content of ours, which arrived late: to be written again
    fixed: bool = (
        False  # no longer ours to change, for good (submitted, approved, or a person changed contact, currency …)
    )
    kept: tuple[str, ...] = ()  # which of date, due_date a person chose in Xero: theirs stay
    removed: tuple[Line, ...] = ()  # lines of ours a person took out: their postings are suspended
    rules_version: int = 0
    problem: str = ""  # what is wrong with this document, for people
    filed: tuple[str, ...] = ()  # what was added to it in Xero once it was locked: "csv", "html", "note"
    differs: str = ""  # what Xero computed otherwise at our last write, for people
    copies: tuple[Copy, ...] = ()  # other documents in Xero with this one's address: people delete them


class Invoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ledger's record of one invoice key: its documents in sequence (at most the last one is open)."""

    key: str
    contact: str
    contact_name: str = ""
    currency: str = ""
    period: str = ""
    group: tuple[tuple[str, str], ...] = ()
    documents: tuple[Document, ...] = ()


class Correction(Struct, frozen=True, kw_only=True):
    """A proposed change to time on a locked document: `amount` is what it would add (+) or take off (-)."""

    unit: str
    document: str
    seconds: Decimal  # difference
    amount: Decimal
    rate: Decimal
    text: str
