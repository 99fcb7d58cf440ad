"""What stands above the lines of a document: contact, currency, dates, reference."""

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from worker.billing import periods, words
from worker.billing.model import Company, Contact, Document, Line, Placed
from worker.billing.resolve import terms_for
from worker.billing.rules import Rules


def new_document(
    sequence: int,
    lines: tuple[Line, ...],
    held: Sequence[Placed],
    rules: Rules,
    company: Company,
    contact: Contact | None,
    today: date | None,
) -> Document:
    first = held[0]
    day = periods.invoice_date(rules.invoice_date, first.period, (each.worked_on for each in held), today)
    assert day is not None  # there is at least one unit, and it has a day
    return Document(
        key=first.key,
        sequence=sequence,
        contact=first.contact,
        currency=first.currency,
        period=first.period,
        amounts=first.amounts,
        date=day.isoformat(),
        due_date=periods.due_date(day, terms_for(contact, rules, company)).isoformat(),
        reference=_reference(held, rules),
        branding=branding_of(held),
        lines=in_amounts(lines, first.amounts),
        rules_version=rules.version,
    )


def redated(
    document: Document, held: Sequence[Placed], rules: Rules, company: Company, contact: Contact | None
) -> Document:
    """The date follows the last entry where the setup says so and nobody chose another one in Xero."""
    if rules.invoice_date != "last-entry" or "date" in document.kept or not held:
        return document
    day = max(each.worked_on for each in held)
    if day.isoformat() == document.date:
        return document
    dated = replace(document, date=day.isoformat())
    if "due_date" in document.kept:
        return dated
    return replace(dated, due_date=periods.due_date(day, terms_for(contact, rules, company)).isoformat())


def lock_dated(document: Document, rules: Rules, company: Company, contact: Contact | None) -> Document:
    """The first open day where the document is dated in a locked period, the setup says so, and Xero shows our date."""
    if rules.lock_date != "next-open-day" or "date" in document.kept or not _in_locked_period(document, company):
        return document
    day = date.fromisoformat(company.locked_until) + timedelta(days=1)
    moved = replace(document, date=day.isoformat())
    if "due_date" in document.kept:
        return moved
    return replace(moved, due_date=periods.due_date(day, terms_for(contact, rules, company)).isoformat())


def lock_note(document: Document, company: Company) -> str:
    """What to know about a document that is dated in a locked period; "" when it is not."""
    if not _in_locked_period(document, company):
        return ""
    return (
        f"It is dated {document.date}, and the books are locked up to {company.locked_until}: Xero will refuse to "
        "approve it. Give it a later date, or move the lock date, before approving."
    )


def branding_of(held: Sequence[Placed]) -> str:
    """The branding theme of a document of these units: of the first that names one, by id of the unit."""
    return next((each.branding for each in held if each.branding), "")


def in_amounts(lines: Sequence[Line], amounts: str) -> tuple[Line, ...]:
    """Lines as a document of this amounts type can hold them: without tax there is no tax type but NONE."""
    if amounts != "no-tax":
        return tuple(lines)
    return tuple(replace(line, tax_type="NONE") if line.shares and line.tax_type != "NONE" else line for line in lines)


def _in_locked_period(document: Document, company: Company) -> bool:
    """Xero: nothing on or before the lock date can be approved or changed. Days compare as text."""
    return bool(company.locked_until) and document.date <= company.locked_until


def _reference(held: Sequence[Placed], rules: Rules) -> str:
    """The reference template over all entries: each different text once. `{period}` is the invoice's."""
    named = [each.names | ({} if each.period in periods.WITHOUT_DAYS else {"period": each.period}) for each in held]
    texts = words.distinct(words.render(rules.reference, names) for names in named)
    return words.cut(", ".join(sorted(texts)), words.REFERENCE_LIMIT)
