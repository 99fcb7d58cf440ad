"""The content of a document as one text: the same for what we send and for what Xero answers to it.

Two documents with the same canonical text say the same to the client, whatever their ids, states and dates. The text
carries its version: when a rule below changes, texts stored before compare as different once, and are merged.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Final
from unicodedata import normalize

from msgspec.structs import replace

from worker.billing import words
from worker.billing.model import Document, Found, FoundLine, Line
from worker.billing.money import half_up

VERSION: Final = 1
KEPT_DIGESTS: Final = 3


def canonical(document: Document | Found, follow: Mapping[str, str] = {}) -> str:
    """The content of `document`: contact, currency, amounts type, and its lines in no particular order.

    `follow` maps contacts that Xero merged into others to those.
    """
    amounts = words.amounts(document.amounts) or document.amounts
    content = {
        "v": VERSION,
        "contact": followed(document.contact, follow),
        "currency": document.currency,
        "amounts": amounts,
        "lines": sorted(line_content(line, taxed=amounts != "no-tax") for line in document.lines),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def digest(canonical: str) -> str:
    """A short name for a canonical text."""
    return sha256(canonical.encode()).hexdigest()[:32]


def line_content(line: Line | FoundLine, *, taxed: bool = True) -> str:
    """The content of one line. A line without quantity and price is a text; a tax type counts where one was sent."""
    quantity, price = line.quantity or Decimal(0), line.unit_amount or Decimal(0)
    description = normalize("NFC", words.fold(line.description))
    if not quantity and not price:
        return json.dumps([description], ensure_ascii=False)
    tax_type = line.tax_type if taxed and line.account else ""
    numbers = [_places(quantity), _places(price), _places(line.discount or Decimal(0))]
    return json.dumps(
        [description, *numbers, line.account, tax_type, sorted(line.tracking)],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def followed(contact: str, follow: Mapping[str, str]) -> str:
    """The contact that `contact` is now, lower case: followed through merges, which may be chained."""
    seen: set[str] = set()
    current = contact.lower()
    while current in follow and current not in seen:
        seen.add(current)
        current = follow[current].lower()
    return current


def remember(document: Document, body: str) -> Document:
    """`document` with `body` among those that may still arrive late: of an intent dropped with its outcome unknown."""
    kept = tuple(dict.fromkeys((digest(body), *document.digests)))
    return replace(document, digests=kept[:KEPT_DIGESTS])


def _places(value: Decimal) -> str:
    return str(half_up(value, 4) + 0)  # + 0: no negative zero
