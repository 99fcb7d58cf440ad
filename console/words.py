"""The words for reasons to wait, and sentences that count by them: one vocabulary for the browser and the terminal."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

REASONS = {
    "already-billed": "Billed elsewhere",
    "before-start": "Worked on before the start",
    "below-minimum": "Below the least invoice",
    "deleted": "Deleted in Salesforce",
    "due": "On its way",
    "kept": "Kept as it was",
    "moving": "On its way to another invoice",
    "negative-invoice": "Credit waits for time",
    "only-zeros": "Only lines of zero",
    "not-billable": "Not billable",
    "person-not-billed": "Person is not billed",
    "person-not-listed": "Person is not listed",
    "zero": "Zero hours",
    "account-invalid": "Revenue account cannot be used",
    "contact-archived": "Xero contact is archived",
    "contact-blocked": "Xero contact is blocked",
    "contact-merged": "Xero contact was merged",
    "correction": "Proposed correction",
    "given-up": "Stopped by hand",
    "held-by-hand": "Held by hand",
    "in-doubt": "May be billed already",
    "no-account": "No revenue account",
    "no-contact": "No Xero contact",
    "no-currency": "No currency",
    "no-date": "No day",
    "no-hours": "No hours",
    "no-rate": "No rate",
    "no-tax-type": "No tax type",
    "not-approved": "Not approved",
    "not-readable": "Cannot be read",
    "rate-currency": "Rate is in another currency",
    "rate-unreadable": "Rate is no number",
    "suspended": "Taken off in Xero",
    "tax-type-invalid": "Tax type cannot be used",
    "too-many-hours": "More than 24 hours",
    "unknown-contact": "Xero contact is not known",
    "unknown-currency": "Currency is not in Xero",
    "unreadable": "Cannot be read",
}


def reason(code: str) -> str:
    """The words for a reason to wait."""
    return REASONS.get(code, code.replace("-", " ").capitalize())


def by_reason(counts: Mapping[str, int]) -> str:
    """Counts with their reasons, the most frequent first: "2 no rate, 1 not approved"."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{count:,} {_within(reason(code))}" for code, count in ordered)


def by_reason_hours(hours: Mapping[str, Decimal]) -> str:
    """Hours with their reasons, the most first: "4.5 h not approved, 2 h no rate"."""
    ordered = sorted(hours.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{value.normalize():f} h {_within(reason(code))}" for code, value in ordered)


def _within(words: str) -> str:
    """Words within a sentence: what is no name begins small."""
    return words if words.startswith("Xero") else words[:1].lower() + words[1:]


def count(number: int, one: str, many: str) -> str:
    """A number with its word, thousands apart."""
    return f"{number:,} {one if number == 1 else many}"


def tally(codes: Iterable[str]) -> dict[str, int]:
    """How often each code occurs."""
    found: dict[str, int] = {}
    for code in codes:
        found[code] = found.get(code, 0) + 1
    return found
