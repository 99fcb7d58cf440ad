"""Builders for billing tests. The office that puts them to work is in `billing_office`.

The arithmetic here is written down a second time on purpose (with fractions), so that the product's is compared with
something that does not share its mistakes.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import count
from math import floor
from typing import Any

from msgspec.structs import replace

from worker.billing.assess import assess
from worker.billing.compose import Composition, compose
from worker.billing.corrections import Verdict
from worker.billing.merge import accept
from worker.billing.model import (
    Account,
    Company,
    Contact,
    Document,
    Entry,
    Found,
    FoundLine,
    Invoice,
    Line,
    Placed,
    Posting,
    TaxRate,
)
from worker.billing.postings import postings_of
from worker.billing.rules import Rules

ACME = "0a0a0a0a-0000-4000-8000-00000000ac3e"
BOLT = "0a0a0a0a-0000-4000-8000-000000000b01"
ADA = "005000000000001AAA"
BOB = "005000000000002AAA"
TOWER = "a01000000000001AAA"
BRIDGE = "a01000000000002AAA"
UNIT = "TimeEntry__c:a02{:012d}AAA#0"
RATES = {"OUTPUT2": Decimal(20), "ZERORATEDOUTPUT": Decimal(0), "RROUTPUT": Decimal("12.5"), "NONE": Decimal(0)}


def rules(**changes: Any) -> Rules:
    """The setup of the example file: monthly, per client, a line per project and person, rates on the entry."""
    base = Rules(
        org="00D000000000001EAA",
        source="TimeEntry__c",
        start=date(2026, 11, 1),
        rate_paths=("Rate__c", "people", "Project__r.Hourly_Rate__c"),
        revenue_account="200",
        version=1,
    )
    return replace(base, **changes)


def company(**changes: Any) -> Company:
    """A British company that pays tax, prices exclusive of it."""
    base = Company(
        tenant="7e7a",
        name="Hours & Sons",
        base_currency="GBP",
        default_amounts="Tax Exclusive",
        accounts=(
            Account("200", "Sales", "REVENUE", "OUTPUT2"),
            Account("201", "Export sales", "SALES", "ZERORATEDOUTPUT"),
            Account("202", "Old sales", "REVENUE", "OUTPUT2", "ARCHIVED"),
            Account("400", "Advertising", "EXPENSE", "INPUT2"),
        ),
        tax_rates=(
            TaxRate("OUTPUT2", "20% (VAT on Income)", Decimal(20)),
            TaxRate("ZERORATEDOUTPUT", "Zero Rated Income", Decimal(0)),
            TaxRate("RROUTPUT", "5%", Decimal("12.5")),
            TaxRate("INPUT2", "20% (VAT on Expenses)", Decimal(20), can_apply_to_revenue=False),
            TaxRate("OLDOUTPUT", "17.5%", Decimal("17.5"), "ARCHIVED"),
        ),
        currencies=("GBP", "USD"),
    )
    return replace(base, **changes)


def contact(contact_id: str = ACME, **changes: Any) -> Contact:
    """A client with no defaults of its own."""
    return replace(Contact(id=contact_id, name="Acme" if contact_id == ACME else "Bolt"), **changes)


def entry(number: int = 1, hours: str | None = "1", **changes: Any) -> Entry:
    """Ada's work on Acme's tower, at 120.00 an hour."""
    base = Entry(
        id=UNIT.format(number),
        record=UNIT.format(number).split(":")[1].split("#")[0],
        seconds=None if hours is None else Decimal(hours) * 3600,
        worked_on=date(2026, 11, 5),
        person=ADA,
        person_name="Ada",
        project=TOWER,
        project_name="Tower",
        xero_contact=ACME,
        rates=("120.00", "", ""),
    )
    return replace(base, **changes)


def placed(one: Entry, setup: Rules | None = None, **judged: Any) -> Placed:
    """The placement of an entry that is expected to have one."""
    verdict = judge(one, setup, **judged)
    assert isinstance(verdict, Placed), verdict
    return verdict


def judge(one: Entry, setup: Rules | None = None, **judged: Any) -> Verdict:
    """`assess` with the usual client and company."""
    given: dict[str, Any] = {"contact": contact(), "company": company(), **judged}
    return assess(one, setup or rules(), **given)


def invoice_of(*documents: Document) -> Invoice:
    """The ledger's record of the documents of one invoice."""
    first = documents[0]
    return Invoice(
        key=first.key, contact=first.contact, currency=first.currency, period=first.period, documents=documents
    )


def postings_by_unit(documents: Iterable[Document]) -> dict[str, list[Posting]]:
    """All postings of some documents, by unit."""
    by_unit: dict[str, list[Posting]] = defaultdict(list)
    for document in documents:
        for posting in postings_of(document):
            by_unit[posting.unit].append(posting)
    return by_unit


def drafted(*entries: Entry, setup: Rules | None = None, **judged: Any) -> Document:
    """The draft of some entries as it is after Xero's answer."""
    placements = [placed(each, setup, **judged) for each in entries]
    client = judged.get("contact") or contact()
    made = compose(None, placements, {}, setup or rules(), judged.get("company") or company(), client)
    assert made.document is not None
    return accept(made.document, echo(made.document))


def recomposed(document: Document, *entries: Entry, setup: Rules | None = None, **more: Any) -> Composition:
    """What the invoice of `document` should be with these entries."""
    postings = postings_by_unit([document])
    placements = [placed(each, setup, postings=postings[each.id]) for each in entries]
    return compose(invoice_of(document), placements, postings, setup or rules(), company(), contact(), **more)


# ---- Xero, as far as billing sees it -------------------------------------------------------------------------------

_ids = count(1)


def round2(value: Fraction) -> Decimal:
    """Two places, ties away from zero."""
    cents = floor(abs(value) * 100 + Fraction(1, 2))
    return Decimal(cents if value >= 0 else -cents).scaleb(-2)


def echo(document: Document, *, status: str = "DRAFT", before: Found | None = None) -> Found:
    """What Xero answers to a write of `document`: ids, its own arithmetic, a new time."""
    amounts = {"exclusive": "Exclusive", "inclusive": "Inclusive", "no-tax": "NoTax"}[document.amounts]
    base = Found(
        id=document.xero_id or f"invoice-{next(_ids)}",
        number=document.number or f"TT-{next(_ids):05}",
        status=status,
        contact=document.contact,
        currency=document.currency,
        amounts=amounts,
        reference=document.reference,
        date=document.date,
        due_date=document.due_date,
        lines=tuple(_echo_line(line) for line in document.lines),
    )
    if before is not None:
        base = replace(base, id=before.id, number=before.number, reference=before.reference)
    return computed(base)


def computed(found: Found) -> Found:
    """A document with line amounts, tax and totals as Xero computes them, and a new UpdatedDateUTC."""
    lines = tuple(replace(line, amount=_amount(line), tax_amount=_tax(line, found.amounts)) for line in found.lines)
    lines_sum = sum((line.amount or Decimal(0) for line in lines), Decimal("0.00"))
    tax = sum((line.tax_amount or Decimal(0) for line in lines), Decimal("0.00"))
    sub_total = lines_sum - tax if found.amounts == "Inclusive" else lines_sum
    return replace(
        found, lines=lines, sub_total=sub_total, total_tax=tax, total=sub_total + tax, updated=f"time-{next(_ids)}"
    )


def edited(found: Found, index: int = 0, **changes: Any) -> Found:
    """A person changes one line in Xero."""
    lines = list(found.lines)
    lines[index] = replace(lines[index], **changes)
    return computed(replace(found, lines=tuple(lines)))


def _echo_line(line: Line) -> FoundLine:
    return FoundLine(
        id=line.id or f"line-{next(_ids)}",
        description=line.description,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        discount=line.discount,
        account=line.account,
        tax_type=line.tax_type,
        tracking=line.tracking,
    )


def _amount(line: FoundLine) -> Decimal:
    gross = Fraction(line.quantity or 0) * Fraction(line.unit_amount or 0)
    return round2(gross * (100 - Fraction(line.discount or 0)) / 100)


def _tax(line: FoundLine, amounts: str) -> Decimal:
    percent = Fraction(RATES.get(line.tax_type, Decimal(0)))
    amount = Fraction(_amount(line))
    match amounts:
        case "Exclusive":
            return round2(amount * percent / 100)
        case "Inclusive":
            return round2(amount - amount / (1 + percent / 100))
    return Decimal("0.00")
