"""Which Xero contact a Salesforce record probably is: exact matches only, and only where there is one. Pure.

Looked at in this order: the client's number, the e-mail address, the name. A name is compared without accents, case,
punctuation and legal form ("Müller & Co. GmbH" is "muller and co"). Two contacts that match equally well are no match:
a person chooses.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from worker.billing.model import Contact

_LEGAL_FORMS: Final = (
    "ab", "ag", "aps", "as", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "incorporated", "kft", "kg",
    "limited", "llc", "llp", "lp", "ltd", "nv", "oy", "plc", "pty", "sa", "sarl", "sas", "sl", "spa", "srl", "sro",
)  # fmt: skip
_SPELLED: Final = {"&": " and ", "ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "đ": "d"}
_WORDS: Final = re.compile(r"[^\W_]+")


class Candidate(Struct, frozen=True, kw_only=True):
    """A Salesforce record that time hangs on, as far as it can be compared."""

    record: str
    name: str = ""
    numbers: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


class Match(Struct, frozen=True, kw_only=True):
    """A proposal; `reason` says what is the same."""

    record: str
    contact: str
    reason: str


def normalised(name: str) -> str:
    """A name as names are compared; "" where nothing is left of it.

    The legal form counts at the end only, and never as the whole name: "The Company Ltd" is "the", "AG" is "ag".
    """
    text = name.casefold()
    for sign, spelled in _SPELLED.items():
        text = text.replace(sign, spelled)
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    parts = _WORDS.findall(plain.replace(".", ""))
    while len(parts) > 1 and parts[-1] in _LEGAL_FORMS:
        parts.pop()
    return " ".join(parts)


def matches(candidates: Iterable[Candidate], contacts: Sequence[Contact]) -> Iterator[Match]:
    """The proposals for these records, in their order. Archived, merged and blocked contacts are never proposed."""
    usable = [contact for contact in contacts if contact.status == "ACTIVE" and not contact.merged_to]
    by_number = _by(usable, lambda contact: contact.account_number.strip().casefold())
    by_email = _by(usable, lambda contact: contact.email.strip().casefold())
    by_name = _by(usable, lambda contact: normalised(contact.name))
    for candidate in candidates:
        found = (
            _only(by_number, (text.strip().casefold() for text in candidate.numbers), "the same number")
            or _only(by_email, (text.strip().casefold() for text in candidate.emails), "the same e-mail address")
            or _only(by_name, (normalised(candidate.name),), "the same name")
        )
        if found is not None:
            contact, reason = found
            yield Match(record=candidate.record, contact=contact, reason=reason)


def _by(contacts: Iterable[Contact], key: Callable[[Contact], str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for contact in contacts:
        if text := key(contact):
            found.setdefault(text, set()).add(contact.id)
    return found


def _only(known: Mapping[str, set[str]], texts: Iterable[str], reason: str) -> tuple[str, str] | None:
    """The one contact that these texts name together."""
    named = set[str]().union(*(known.get(text, set()) for text in texts if text))
    return (named.pop(), reason) if len(named) == 1 else None
