"""What a failing history prints: the faults in order, and all that is known of the documents it is about."""

import json
import re
import traceback
from collections.abc import Sequence

from tests.faults.deployment import Deployment
from tests.faults.people import People

LOG_LINES = 40
AUDIT_LINES = 120  # first and last ones
_NAMED = re.compile(r"[0-9A-HJKMNP-TV-Z]{10,26}/\d+|TT-(?:CN-)?\d{5}|TimeEntry__c:\w{18}#0|a\w{17}")


def timeline(office: Deployment, people: People, faults: Sequence[str], error: Exception) -> str:
    """The whole story."""
    said = "".join(traceback.format_exception(error)) if not isinstance(error, AssertionError) else f"{error}"
    names = set(_NAMED.findall(said))
    parts = {
        "what is wrong": [said, traceback.format_tb(error.__traceback__)[-1]],
        "faults, in order": list(faults),
        "what happened": people.told,
        "processes that ended": office.ends,
        "in the audit trail": _audited(office, names),
        "in Xero": _in_xero(office, names),
        f"last warnings, in {office.data}": _warnings(office),
    }
    return "\n".join(line for title, lines in parts.items() for line in (f"-- {title}", *lines))


def _audited(office: Deployment, names: set[str]) -> list[str]:
    lines = [line for file in sorted((office.data / "audit").glob("*.jsonl")) for line in file.read_text().splitlines()]
    about = [line for line in lines if not names or any(name in line for name in names)]
    return about if len(about) <= AUDIT_LINES else [*about[: AUDIT_LINES // 2], "…", *about[-AUDIT_LINES // 2 :]]


def _in_xero(office: Deployment, names: set[str]) -> list[str]:
    found = office.stand.xero.snapshot()
    lines = []
    for one in [*found["invoices"], *found["creditNotes"]]:
        number = one.get("CreditNoteNumber") or one["InvoiceNumber"]
        if names and not any(name in f"{number} {one.get('Url', '')}" for name in names):
            continue
        id_ = one.get("InvoiceID") or one["CreditNoteID"]
        lines.append(f"{number} {one['Status']} {one.get('Url', '')} total {one['Total']}")
        lines += [
            f"    {line.get('Quantity')} x {line.get('UnitAmount')} {line.get('Description')}"
            for line in one["LineItems"]
        ]
        lines += [
            f"    {note['at']} {note['changes']} by {note['user']}: {note['details']}"
            for note in found["history"].get(id_, [])
        ]
    return lines


def _warnings(office: Deployment) -> list[str]:
    lines = (office.data / "processes.log").read_text(errors="replace").splitlines()
    return [line for line in lines if not _is_quiet(line)][-LOG_LINES:]


def _is_quiet(line: str) -> bool:
    try:
        return json.loads(line).get("level") in ("info", "debug")
    except ValueError:
        return False
