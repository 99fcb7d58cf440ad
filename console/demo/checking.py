"""Is every billable entry on exactly one line, and every contact in Salesforce? Asked of the stand-ins' own state.

Nothing of the ledger is looked at: what the entries say is summed here by the demo's own rules, line by line, and
compared with the lines that Xero holds. People may leave anything empty: such an entry is simply not billable yet.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from worker.setup import Setup

Records = Mapping[str, list[dict[str, Any]]]
LineKey = tuple[str, str, Decimal]  # Xero contact, description, unit price

GONE = {"DELETED", "VOIDED"}
LONGEST = 24  # hours on one day; more waits for a person


@dataclass(frozen=True, slots=True)
class Expected:
    """What a line should say: how many hours, of which entries."""

    hours: Decimal
    entries: tuple[str, ...]


def billable(records: Records, setup: Setup) -> list[dict[str, Any]]:
    """Entries that must be on an invoice: live, billable, approved, with hours, a client, a rate, a day in time."""
    lines = _Lines(records, setup)
    return [entry for entry in records.get("TimeEntry__c", []) if lines.of(entry) is not None]


def expected_lines(records: Records, setup: Setup) -> dict[LineKey, Expected]:
    """What the entries make, grouped as the demo's setup says: by Xero contact, project, person and rate."""
    lines = _Lines(records, setup)
    hours: dict[LineKey, Decimal] = defaultdict(Decimal)
    entries: dict[LineKey, list[str]] = defaultdict(list)
    for entry in records.get("TimeEntry__c", []):
        key = lines.of(entry)
        if key is not None:
            hours[key] += _number(entry.get("Hours__c")) or 0
            entries[key].append(str(entry.get("Id")))
    return {key: Expected(hours[key], tuple(entries[key])) for key in hours}


class _Lines:
    """On which line an entry must be, by what the records say now."""

    def __init__(self, records: Records, setup: Setup) -> None:
        self._by_id = {
            name: {row.get("Id"): row for row in records.get(name, []) if not row.get("IsDeleted")}
            for name in ("Project__c", "User", "Xero_Contact__c")
        }
        self._rates = {person.id: person.rate for person in setup.people.person}
        self._start = setup.billing.start

    def of(self, entry: Mapping[str, Any]) -> LineKey | None:
        """None for an entry that is not billable, or not yet."""
        if not self._passes(entry):
            return None
        project = self._by_id["Project__c"].get(entry.get("Project__c"), {})
        contact = self._by_id["Xero_Contact__c"].get(project.get("Xero_Contact__c"), {}).get("Contact_ID__c")
        person = self._by_id["User"].get(entry.get("OwnerId"), {})
        offered = (entry.get("Rate__c"), self._rates.get(str(entry.get("OwnerId"))), project.get("Hourly_Rate__c"))
        rate = next((_number(value) for value in offered if value not in (None, "")), None)
        if not contact or rate is None:
            return None
        return str(contact).lower(), f"{project.get('Name')} · {person.get('Name')}", rate.normalize()

    def _passes(self, entry: Mapping[str, Any]) -> bool:
        hours, day = _number(entry.get("Hours__c")), _day(entry.get("Work_Date__c"))
        said = not entry.get("IsDeleted") and entry.get("Billable__c") and entry.get("Status__c") == "Approved"
        return bool(said and hours and abs(hours) <= LONGEST and day and day >= self._start)


def _number(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def held_lines(xero: Mapping[str, Any]) -> dict[LineKey, list[Decimal]]:
    """The hours of each line on a live invoice in Xero."""
    found: dict[LineKey, list[Decimal]] = defaultdict(list)
    for document in xero.get("invoices", []):
        if document.get("Status") in GONE:
            continue
        for line in document.get("LineItems", []):
            price = (_number(line.get("UnitAmount")) or Decimal(0)).normalize()
            contact = str(document.get("Contact", {}).get("ContactID", "")).lower()
            key = (contact, str(line.get("Description") or ""), price)
            found[key].append(_number(line.get("Quantity")) or Decimal(0))
    return found


def problems(salesforce: Mapping[str, Any], xero: Mapping[str, Any], setup: Setup) -> list[str]:
    """Every difference, as a sentence; empty when all is well."""
    records = salesforce["records"]
    expected, held = expected_lines(records, setup), held_lines(xero)
    found = []
    for key, line in expected.items():
        there = held.get(key, [])
        if there != [line.hours]:
            found.append(f"{key[1]} at {key[2]:f}: Salesforce has {line.hours} h in {len(line.entries)} entries, "
                         f"Xero has {', '.join(str(hours) for hours in there) or 'no such line'}")  # fmt: skip
    found += [f"{key[1]} at {key[2]:f} is in Xero, but no entry says so" for key in held if key not in expected]
    there_already = [row for row in records.get("Xero_Contact__c", []) if not row.get("IsDeleted")]
    arrived = {str(row.get("Contact_ID__c") or "").lower() for row in there_already}
    missing = [contact for contact in xero.get("contacts", []) if contact["ContactID"].lower() not in arrived]
    found += [f"The Xero contact {contact.get('Name')} is not in Salesforce" for contact in missing]
    return found
