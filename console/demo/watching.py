"""What people do in the two stand-ins while the demo runs, told as news."""

from collections.abc import Iterator, Mapping
from typing import Any

OURS = "Hourstream"  # how the stand-in's Xero app is called in the history of a document
WATCHED = {"TimeEntry__c": "The time entry", "Project__c": "The project"}
_SYSTEM = frozenset({"Id", "Name", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById",
                     "SystemModstamp"})  # fmt: skip
_WRITTEN_BACK = "Xero_Invoice", "Xero_Billed", "Xero_Problem"


class Watching:
    """Compares the stand-ins' state with what it was at the last look. `own`: entries that the demo itself logs."""

    def __init__(self) -> None:
        self.own: set[str] = set()
        self._rows: dict[tuple[str, str], dict[str, Any]] | None = None
        self._notes: dict[str, int] = {}

    def news(self, salesforce: Mapping[str, Any], xero: Mapping[str, Any]) -> list[str]:
        """What people did since the last look, as sentences; nothing at the first look."""
        rows = {
            (name, str(row.get("Id"))): row for name in WATCHED for row in salesforce.get("records", {}).get(name, [])
        }
        notes = xero.get("history", {})
        first = self._rows is None
        found = [] if first else [*self._in_salesforce(rows), *self._in_xero(xero, notes)]
        self._rows, self._notes = rows, {document: len(said) for document, said in notes.items()}
        return found

    def _in_salesforce(self, rows: Mapping[tuple[str, str], dict[str, Any]]) -> Iterator[str]:
        for (name, id_), row in rows.items():
            before = (self._rows or {}).get((name, id_))
            what = f"{WATCHED[name]} {row.get('Name') or id_}"
            if before is None:
                if id_ not in self.own:
                    yield f"You, in Salesforce: {what[0].lower()}{what[1:]} is new"
            elif bool(row.get("IsDeleted")) != bool(before.get("IsDeleted")):
                yield f"You, in Salesforce: {what[0].lower()}{what[1:]} is {_gone(row)}"
            elif changes := "; ".join(_changes(before, row)):
                yield f"You, in Salesforce: {what[0].lower()}{what[1:]}: {changes}"

    def _in_xero(self, xero: Mapping[str, Any], notes: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
        numbers = {each.get("InvoiceID"): each.get("InvoiceNumber") for each in xero.get("invoices", [])}
        for document, said in notes.items():
            for note in said[self._notes.get(document, 0) :]:
                if not str(note.get("user", "")).startswith(OURS):
                    change = str(note.get("changes", "")).lower() or "changed"
                    yield f"You, in Xero: {numbers.get(document) or document} was {change}"


def _gone(row: Mapping[str, Any]) -> str:
    return "deleted" if row.get("IsDeleted") else "back"


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, value in now.items():
        if name in _SYSTEM or name.startswith(_WRITTEN_BACK) or value == before.get(name):
            continue
        label = name.removesuffix("__c").replace("_", " ").lower()
        yield f"{label} {_shown(before.get(name))} → {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "empty" if value in (None, "") else str(value)
