"""The life of a document, from the audit trail, in words."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from console import trail, words
from worker.store.audit import AuditEntry

WRITES: Final = {
    "create": "Created in Xero",
    "update": "Updated in Xero",
    "delete": "Deleted in Xero, because nothing was left on it",
}
FAILED: Final = {"create": "Creating it", "update": "Updating it", "delete": "Deleting it"}
FILED: Final = {
    "csv": "The timesheet was attached (CSV)",
    "html": "The timesheet was attached (to read)",
    "note": "A note was written to its history",
}
MERGED: Final = {
    "open": "Changed by a person in Xero: what they did is kept",
    "awaiting-approval": "Submitted for approval by a person in Xero",
    "approved": "Approved in Xero",
    "paid": "Paid",
    "voided": "Voided by a person in Xero",
    "deleted": "Deleted by a person in Xero",
}
ACTS: Final = {
    "draft.created": "Asked for from the preview",
    "draft.withdrawn": "Withdrawn",
    "decision.accept": "A correction was accepted",
    "decision.ignore": "A correction was ignored",
}


class Moment(Struct, frozen=True):
    """Something that happened to a document; `detail` is for whoever wants to know exactly."""

    at: str
    text: str
    detail: str = ""


def life(entries: Iterable[AuditEntry], document: str) -> Iterator[Moment]:
    """What happened to this document ("{key}/{sequence}"), latest first; `entries` are the latest first too."""
    for entry in entries:
        if (text := _said(entry, document)) is not None:
            detail = f"{entry.what} · {entry.who} · {entry.subject}"
            more = trail.said(entry)
            yield Moment(entry.at, text, f"{detail} · {more}" if more else detail)


def _said(entry: AuditEntry, document: str) -> str | None:
    detail = entry.detail
    if entry.what in ("xero PUT", "xero POST"):
        return _written(entry, document)
    if entry.what.startswith("xero ") and detail.get("document") == document:
        what = FILED.get(entry.what.removeprefix("xero "), "Something was added to it")
        return f"{what}." if detail.get("outcome") == "answered" else f"{what.replace(' was ', ' could not be ', 1)}."
    if entry.what == "merge" and entry.subject == document:
        notes = " ".join(str(each) for each in detail.get("notes", []))
        text = MERGED.get(str(detail.get("status")), "Changed in Xero")
        return f"{text}. {notes}".rstrip()
    if entry.what in ACTS and document in (entry.subject, detail.get("document")):
        by = f" by {entry.who}" if entry.what != "decision.accept" or entry.who != "auto" else " by itself, once ripe"
        reason = f": {detail['reason']}" if detail.get("reason") else ""
        return f"{ACTS[entry.what]}{by}{reason}."
    if entry.what == "waits" and entry.subject == f"invoice {document.partition('/')[0]}":
        return str(detail.get("text", "")) or f"Waits: {words.reason(str(detail.get('reason')))}."
    return None


def _written(entry: AuditEntry, document: str) -> str | None:
    """A call may have written up to fifty documents: "update KEY/1 TT-00042"."""
    for each in entry.detail.get("documents", []):
        operation, _, rest = str(each).partition(" ")
        if rest.partition(" ")[0] == document:
            outcome = entry.detail.get("outcome")
            if outcome == "answered":
                return f"{WRITES.get(operation, operation.capitalize())}."
            return (
                f"{FAILED.get(operation, operation)} got no clear answer ({outcome}): Xero is asked what became of it."
            )
    return None
