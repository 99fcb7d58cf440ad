"""Xero's words and ours: document states, amounts types, and the texts that are printed on documents."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from worker.billing.model import Amounts, Status

DESCRIPTION_LIMIT: Final = 4000  # characters of a line's description (Xero: invoices)
REFERENCE_LIMIT: Final = 255

STATUSES: Final[Mapping[str, Status]] = {
    "DRAFT": "open",
    "SUBMITTED": "awaiting-approval",
    "AUTHORISED": "approved",
    "PAID": "paid",
    "VOIDED": "voided",
    "DELETED": "deleted",
}
LOCKED: Final = frozenset({"awaiting-approval", "approved", "paid"})
GONE: Final = frozenset({"voided", "deleted"})

_AMOUNTS: Final[Mapping[str, Amounts]] = {
    "exclusive": "exclusive",
    "taxexclusive": "exclusive",
    "inclusive": "inclusive",
    "taxinclusive": "inclusive",
    "none": "no-tax",
    "notax": "no-tax",
}
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_EDGES = " \t\r\n·-–—,:;/|"


def status(xero: str) -> Status:
    """Our word for a document state of Xero's. Raises ValueError for one that Xero does not document."""
    try:
        return STATUSES[xero.upper()]
    except KeyError:
        raise ValueError(
            f"Xero answered the document status {xero!r}, which is none of {', '.join(STATUSES)}"
        ) from None


def amounts(text: str) -> Amounts | None:
    """An amounts type, however it is spelled ("EXCLUSIVE", "Tax Exclusive", "NoTax", …); None when it says none."""
    return _AMOUNTS.get(re.sub(r"[^a-z]", "", text.lower()))


def fold(text: str) -> str:
    """Text with every run of white space as one blank: how descriptions are compared."""
    return " ".join(text.split())


def cut(text: str, limit: int) -> str:
    """Text of at most `limit` characters: whole words, then an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    whole = head if text[limit - 1].isspace() else re.sub(r"\s+\S*$", "", head)
    return (whole if len(whole) > limit // 2 else head).rstrip() + "…"


def render(template: str, names: Mapping[str, str]) -> str:
    """A template of the setup filled in. A name without a value leaves nothing, nor a separator at either end."""
    return _PLACEHOLDER.sub(lambda found: names.get(found[1], ""), template).strip(_EDGES)


def placeholders(template: str) -> frozenset[str]:
    """The names a template prints."""
    return frozenset(_PLACEHOLDER.findall(template))


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts that say something, each once, in order."""
    return list(dict.fromkeys(text for text in texts if text))
