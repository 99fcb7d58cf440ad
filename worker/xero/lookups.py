"""What is asked for in a list of contacts or documents: by ids, by numbers, changed since; cut so that it fits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from worker.billing.model import DocumentType
from worker.xero.pages import InvoicePage
from worker.xero.parse import ID, NUMBER
from worker.xero.values import since

CHUNK = 50  # ids or numbers in one address (2.2 kB): as many as one write takes


def mine(kind: DocumentType, created_by_my_app: bool) -> dict[str, Any]:
    """Only what this app made, where Xero can tell: not of credit notes."""
    return {"created_by_my_app": True} if created_by_my_app and kind == "ACCREC" else {}


def lookups(kind: DocumentType, ids: Sequence[str] | None, numbers: Sequence[str] | None) -> list[dict[str, Any]]:
    """The queries for a look-up. Lists of credit notes take no ids: they are asked for one by one."""
    if kind == "ACCRECCREDIT":
        by_id = [{"where": f'{ID[kind]}==guid("{value}")'} for value in ids or ()]
        return by_id + [{"where": f'{NUMBER[kind]}=="{value}"'} for value in numbers or ()]
    by_ids = [{"i_ds": chunk} for chunk in chunks(ids or (), CHUNK)]
    return by_ids + [{"invoice_numbers": chunk} for chunk in chunks(numbers or (), CHUNK)]


def changed(modified_since: datetime | str | None) -> dict[str, Any]:
    """Only what changed since then."""
    return {} if modified_since is None else {"if_modified_since": since(modified_since)}


def chunks(values: Sequence[str], size: int) -> list[list[str]]:
    """The values, each once, in lists of at most `size`."""
    unique = list(dict.fromkeys(values))
    return [unique[start : start + size] for start in range(0, len(unique), size)]


def merged(pages: Sequence[InvoicePage]) -> InvoicePage:
    """Several answers as one; its date is the first one's, so that a read that goes on from there misses nothing."""
    return InvoicePage(
        items=tuple(item for page in pages for item in page.items),
        odd=tuple(odd for page in pages for odd in page.odd),
        date=pages[0].date if pages else "",
    )
