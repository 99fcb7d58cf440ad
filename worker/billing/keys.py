"""Names of invoices: the key that is computed, the address that carries it, the number a person reads.

A key is a digest of what makes two invoices different, so any worker finds the same key for the same time, also after
every memory of it was lost.
"""

import json
import re
from collections.abc import Iterable
from hashlib import sha256

CROCKFORD = (
    "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: nothing in it spells "xero", which Xero refuses in a Url
)
LENGTH = 12  # characters of five bits each: 60 bits

_URL = re.compile(r"/i/([0-9A-HJKMNP-TV-Z]{8,})/([0-9]{1,9})(?:[/?#].*)?$", re.IGNORECASE)


def base32(data: bytes, length: int) -> str:
    """The first `length` characters of `data` in Crockford's base 32."""
    number = int.from_bytes(data, "big") >> (len(data) * 8 - length * 5)
    return "".join(CROCKFORD[number >> 5 * place & 31] for place in reversed(range(length)))


def invoice_key(
    org: str, source: str, contact: str, group: Iterable[tuple[str, str]], period: str, currency: str
) -> str:
    """The key of the invoice that time of this org, object, contact, group, period and currency belongs on."""
    parts = [org, source, contact.lower(), [list(pair) for pair in group], period, currency]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return base32(sha256(text.encode()).digest(), LENGTH)


def document_id(key: str, sequence: int) -> str:
    """How the ledger names one document of an invoice."""
    return f"{key}/{sequence}"


def key_of(document: str) -> str:
    """The invoice key in a document id."""
    return document.partition("/")[0]


def sequence_of(document: str) -> int:
    """The sequence in a document id."""
    return int(document.partition("/")[2] or 0)


def parse_url(url: str) -> tuple[str, int] | None:
    """(key, sequence) of a document of ours by its Url, whatever address is before `/i/`; None when it is not ours."""
    found = _URL.search(url)
    return (found[1].upper(), int(found[2])) if found else None


def number_by_key(prefix: str, key: str, sequence: int) -> str:
    """The document number under `numbering = "key"`."""
    return f"{prefix}{key}-{sequence}"


def correction_group(unit: str, document: str) -> str:
    """The group key of the line that corrects a document for a unit: a line of its own."""
    return json.dumps(["correction", unit, document], ensure_ascii=False)


def record_of(unit: str) -> str:
    """The Salesforce id in a unit's id ("TimeEntry__c:a00…AAA#0"); any other text as it is."""
    return unit.partition(":")[2].partition("#")[0] or unit
