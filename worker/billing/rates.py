"""At which rate a unit is billed.

The setup names places in order; the first that is not empty gives the rate ("0" is a rate, absence is not). A rate is
never converted: one in another currency waits. What a unit was billed at is a snapshot with its *basis*: as long as the
entry's own rate fields, person, project, day and currency stay what they were, the snapshot is used again, whatever
else changed.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from msgspec import Struct

from worker.billing.model import Entry, Posting, Waiting
from worker.billing.money import half_up
from worker.billing.rules import PersonRate, Rules

PEOPLE = "people"
DEFAULT = "default_rate"


class Rate(Struct, frozen=True):
    """An hourly rate at four decimal places, where it came from, and what it is good for."""

    amount: Decimal
    currency: str
    source: str
    basis: str


class Basis(Struct, frozen=True):
    """The parts of a basis, each a short digest: which of them changed tells whether the entry's own record did."""

    rate: str = ""
    person: str = ""
    project: str = ""
    day: str = ""
    currency: str = ""

    def text(self) -> str:
        return "-".join((self.rate, self.person, self.project, self.day, self.currency))


def parse_basis(text: str) -> Basis | None:
    """The parts of a stored basis; None when it is not known (restored from elsewhere)."""
    parts = text.split("-")
    return Basis(*parts) if len(parts) == 5 else None


def basis_of(entry: Entry, rules: Rules, currency: str, *, note: str = "") -> Basis:
    """What a rate found for this entry now is a snapshot for; `note`: what else of its own record decides the rate."""
    own = [text for path, text in zip(rules.rate_paths, entry.rates, strict=False) if _own(path)]
    return Basis(
        rate=_short("|".join([*(_plain(text) for text in own), *([note] if note else [])])),
        person=_short(entry.person),
        project=_short(entry.project),
        day=_short(entry.worked_on.isoformat() if entry.worked_on else ""),
        currency=_short(entry.currency or currency),
    )


def rate_for(entry: Entry, rules: Rules, *, currency: str = "", postings: Sequence[Posting] = ()) -> Rate | Waiting:
    """The rate of an entry that is invoiced in `currency` (default: the entry's own), or why it waits.

    `postings` are the unit's: one with an equal basis gives its snapshot.
    """
    currency = currency or entry.currency
    basis = basis_of(entry, rules, currency).text()
    for posting in reversed(postings):
        if posting.basis == basis and posting.currency == currency and not posting.surcharge:
            return Rate(posting.rate, currency, posting.rate_source, basis)
    for path, text in zip(rules.rate_paths, _padded(entry.rates, len(rules.rate_paths)), strict=True):
        found = _from_people(entry, rules, currency) if path == PEOPLE else _from_field(entry, path, text)
        if isinstance(found, Waiting):
            return found
        if found is not None:
            return Rate(half_up(found, 4), currency, path, basis)
    if rules.default_rate is not None:
        return Rate(half_up(rules.default_rate, 4), currency, DEFAULT, basis)
    return _no_rate(entry)


def rows_on(people: Sequence[PersonRate], person: str, day: date | None) -> list[PersonRate]:
    """The rows of a person that are in force on a day, the latest first."""
    rows = [row for row in people if same_id(row.id, person) and (row.since is None or (day and row.since <= day))]
    return sorted(rows, key=lambda row: row.since or date.min, reverse=True)


def same_id(one: str, other: str) -> bool:
    """Whether two Salesforce ids name one record: the 18-character form is the 15-character one and a checksum."""
    if len(one) in {15, 18} and len(other) in {15, 18}:
        return one[:15] == other[:15]
    return one == other


def _from_people(entry: Entry, rules: Rules, currency: str) -> Decimal | Waiting | None:
    rows = [row for row in rows_on(rules.people, entry.person, entry.worked_on) if row.rate is not None]
    usable = [row for row in rows if row.currency in {"", currency}]
    if usable:
        newest = [row for row in usable if row.since == usable[0].since]
        return next((row for row in newest if row.currency), newest[0]).rate
    if rows:
        return Waiting(
            "rate-currency",
            f"The rate of {_who(entry)} is in {rows[0].currency}, but this time is invoiced in {currency}: "
            f"give {_who(entry)} a rate in {currency} in the setup, because a rate is never converted.",
            f"rate:person:{entry.person}",
        )
    return None


def _from_field(entry: Entry, path: str, text: str) -> Decimal | Waiting | None:
    if not text.strip():
        return None
    try:
        rate = Decimal(text.strip())
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or rate < 0:
        return Waiting("rate-unreadable", f"{path} says {text!r}, which is no hourly rate: correct it there.", "entry")
    return rate


def _no_rate(entry: Entry) -> Waiting:
    return Waiting(
        "no-rate",
        f"No hourly rate for {_who(entry)}: give one on the entry, on its project, or on the People page.",
        f"rate:person:{entry.person}",
    )


def _who(entry: Entry) -> str:
    return entry.person_name or entry.person or "this person"


def _own(path: str) -> bool:
    return path != PEOPLE and "." not in path


def _padded(texts: Sequence[str], length: int) -> list[str]:
    return [*texts[:length], *[""] * (length - len(texts))]


def _plain(text: str) -> str:
    try:
        return str(Decimal(text.strip()).normalize())
    except InvalidOperation:
        return text.strip()


def _short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:6]
