"""Is every billable entry on exactly one line, and every contact in Salesforce? Asked of the stand-ins' own state.

Nothing of the ledger is looked at: what the entries say is summed here by the demo's own rules, line by line, and
compared with the lines that Xero holds.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from worker.setup import Setup

LineKey = tuple[str, str, Decimal]  # Xero contact, description, unit price

GONE = {"DELETED", "VOIDED"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a line should say: how many hours, of which entries."""

    hours: Decimal
    entries: tuple[str, ...]


def billable(records: Mapping[str, list[dict[str, Any]]], setup: Setup) -> list[dict[str, Any]]:
    """Entries that must be on an invoice: live, billable, approved, with hours, on or after the start."""
    return [
        entry
        for entry in records["TimeEntry__c"]
        if not entry["IsDeleted"]
        and entry["Billable__c"]
        and entry["Status__c"] == "Approved"
        and Decimal(str(entry["Hours__c"] or 0))
        and date.fromisoformat(entry["Work_Date__c"]) >= setup.billing.start
    ]


def expected_lines(records: Mapping[str, list[dict[str, Any]]], setup: Setup) -> dict[LineKey, Expected]:
    """What the entries make, grouped as the demo's setup says: by Xero contact, project, person and rate."""
    by_id = {name: {row["Id"]: row for row in records[name]} for name in ("Project__c", "User", "Xero_Contact__c")}
    rates = {person.id: person.rate for person in setup.people.person}
    hours: dict[LineKey, Decimal] = defaultdict(Decimal)
    entries: dict[LineKey, list[str]] = defaultdict(list)
    for entry in billable(records, setup):
        project, person = by_id["Project__c"][entry["Project__c"]], by_id["User"][entry["OwnerId"]]
        contact = by_id["Xero_Contact__c"][project["Xero_Contact__c"]]["Contact_ID__c"].lower()
        offered = (entry["Rate__c"], rates.get(entry["OwnerId"]), project["Hourly_Rate__c"])
        rate = next(Decimal(str(value)) for value in offered if value is not None)
        key = (contact, f"{project['Name']} · {person['Name']}", rate.normalize())
        hours[key] += Decimal(str(entry["Hours__c"]))
        entries[key].append(entry["Id"])
    return {key: Expected(hours[key], tuple(entries[key])) for key in hours}


def held_lines(xero: Mapping[str, Any]) -> dict[LineKey, list[Decimal]]:
    """The hours of each line on a live invoice in Xero."""
    found: dict[LineKey, list[Decimal]] = defaultdict(list)
    for document in xero["invoices"]:
        if document["Status"] in GONE:
            continue
        for line in document["LineItems"]:
            price = Decimal(str(line.get("UnitAmount") or 0)).normalize()
            key = (document["Contact"]["ContactID"].lower(), line["Description"], price)
            found[key].append(Decimal(str(line.get("Quantity") or 0)))
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
    arrived = {(row["Contact_ID__c"] or "").lower() for row in records["Xero_Contact__c"] if not row["IsDeleted"]}
    missing = [contact for contact in xero["contacts"] if contact["ContactID"].lower() not in arrived]
    found += [f"The Xero contact {contact['Name']} is not in Salesforce" for contact in missing]
    return found
