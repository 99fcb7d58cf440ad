"""The worked cases of docs/billing.md, each executed as it stands there."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from billing_support import ADA, BOB, RATES, company, contact, entry, judge, rules
from msgspec import Struct
from msgspec.structs import replace

from worker.billing.compose import compose
from worker.billing.model import Company, Contact, Document, Entry, Placed, Terms, Waiting
from worker.billing.money import totals
from worker.billing.rules import PersonRate, Rules, Surcharge
from worker.setup import parse
from worker.setup.mapping import entry_from

DOCUMENT = Path(__file__).parents[3] / "docs" / "billing.md"
TRAVEL = Surcharge(name="Travel", percent=Decimal(5))
QUARTERS: dict[str, Any] = {"round_minutes": 15, "round_mode": "up"}
BY_AREA: dict[str, Any] = {"rules": {"tracking": (("Region", "area"),)}}
ADAS_RATES = (
    PersonRate(id=ADA, rate=Decimal(90)),
    PersonRate(id=ADA, rate=Decimal(95), since=date(2026, 11, 15)),
)

STARTED = """
[source]
sobject = "TimeEntry__c"
[source.fields]
start = "From__c"
end = "To__c"
worked_on = "Day__c"
person = "OwnerId"
xero_contact = "Contact__c"
[billing]
start = 2026-11-01
revenue_account = "200"
"""

# What each phrase under "given" stands for, by what it changes.
GIVEN: dict[str, dict[str, dict[str, Any]]] = {
    "": {},
    "default rate 80": {"rules": {"default_rate": Decimal(80)}},
    "Ada's rate is in USD": {"rules": {"people": (PersonRate(id=ADA, rate=Decimal(90), currency="USD"),)}},
    "Ada's rate: 90, from the 15th 95": {"rules": {"people": ADAS_RATES}},
    "non-billable shown": {"rules": {"show_non_billable": "line"}},
    "tax type OLDOUTPUT": {"rules": {"tax_type": "OLDOUTPUT"}},
    "account 202": {"rules": {"revenue_account": "202"}},
    "due in 14 days": {"rules": {"due_days": 14}},
    "dated by the last entry": {"rules": {"invoice_date": "last-entry"}},
    "books locked to 2026-11-30": {"company": {"locked_until": "2026-11-30"}},
    "next open day": {"rules": {"lock_date": "next-open-day"}},
    "November is closed": {"closed": {"2026-11": True}},
    "until approved": {"rules": {"period": "until-approved"}},
    "Region by the entry's area": BY_AREA,
    "quarters of an hour, up": {"rules": QUARTERS},
    "quarters of an hour, up, by day": {"rules": {**QUARTERS, "round_per": "day"}},
    "quarters of an hour, up, by line": {"rules": {**QUARTERS, "round_per": "line"}},
    "quarters of an hour, down": {"rules": {**QUARTERS, "round_mode": "down"}},
    "at least 150": {"rules": {"minimum_invoice": Decimal(150)}},
    "travel 5 %": {"rules": {"surcharges": (TRAVEL,)}},
    "travel 5 %, zero-rated on 201": {
        "rules": {"surcharges": (replace(TRAVEL, account="201", tax_type="ZERORATEDOUTPUT"),)}
    },
    "descriptions printed": {"rules": {"description": "{project}: {description}", "line_per": ("project",)}},
    "reference is the order number": {"rules": {"reference": "{po}"}},
    "only listed people, Ada is": {"rules": {"people": (PersonRate(id=ADA),), "bill_listed_only": True}},
    "Bob's time is not billed": {"rules": {"people": (PersonRate(id=BOB, bill=False),)}},
    "approval asked for": {"rules": {"approved_values": ("Approved",)}},
    "a line per entry": {"rules": {"line_per": ("project", "person", "entry")}},
    "hours to the nearest half": {"rules": {"round_minutes": 30}},
    "invoiced by the week": {"rules": {"period": "week"}},
    "invoiced by the fortnight": {"rules": {"period": "fortnight"}},
    "invoiced by the quarter": {"rules": {"period": "quarter"}},
    "invoiced by the day": {"rules": {"period": "day"}},
    "Region North by the setup": {"rules": {"tracking": (("Region", "North"),)}},
    "contact: Region South": {"contact": {"tracking": (("Region", "South"),)}},
    "company: 30 days after the bill": {"company": {"terms": Terms(30, "DAYSAFTERBILLDATE")}},
    "contact: 15th of the month": {"contact": {"terms": Terms(15, "OFCURRENTMONTH")}},
    "contact: 10 days after the month": {"contact": {"terms": Terms(10, "DAYSAFTERBILLMONTH")}},
    "company: no tax": {"company": {"pays_tax": False, "default_amounts": "No Tax"}},
    "contact: archived": {"contact": {"status": "ARCHIVED"}},
    "contact: inclusive": {"contact": {"amounts": "INCLUSIVE"}},
    "contact: no tax": {"contact": {"amounts": "NONE"}},
    "contact: account 201": {"contact": {"account": "201"}},
    "contact: ZERORATEDOUTPUT": {"contact": {"tax_type": "ZERORATEDOUTPUT"}},
    "contact: NONE": {"contact": {"tax_type": "NONE"}},
    "contact: USD": {"contact": {"currency": "USD"}},
    "contact: JPY": {"contact": {"currency": "JPY"}},
    "contact: 20th of the following month": {"contact": {"terms": Terms(20, "OFFOLLOWINGMONTH")}},
    "contact: 31st of the following month": {"contact": {"terms": Terms(31, "OFFOLLOWINGMONTH")}},
}
ENTRY = re.compile(
    r"(?:(?P<many>[0-9]+) times )?(?:(?P<time>-?[0-9.]+) (?P<unit>h|min|s)|(?P<start>[0-9:]+) to (?P<end>[0-9:]+))"
    r"(?P<free> not billable)?(?: on (?P<day>[0-9-]+))?(?: by (?P<who>Bob))?"
    r"(?: @ (?P<rate>\S+))?(?P<nobody> to nobody)?(?: in (?P<area>\S+))?(?: item (?P<item>\S+))?"
    r"(?: taxed (?P<tax>\S+))?(?: says (?P<text>\S+))?(?: order (?P<po>\S+))?(?: billed as (?P<billed>\S+))?"
)
SECONDS = {"h": 3600, "min": 60, "s": 1}


class Case(Struct, frozen=True):
    """One row of the table."""

    name: str
    given: str
    entries: str
    lines: str
    subtotal: str
    tax: str
    total: str
    besides: str


class Setting(Struct, frozen=True):
    """What a case is computed with."""

    rules: Rules
    company: Company
    contact: Contact
    closed: frozenset[str]


def cases() -> list[Case]:
    """The rows of the table under "Worked cases"."""
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Worked cases")[2].partition("\n## ")[0]
    rows = [line.strip().removeprefix("|").removesuffix("|").split("|") for line in section.splitlines() if "|" in line]
    return [Case(*(cell.strip() for cell in row)) for row in rows if row[0].strip() not in {"case", "---"}]


def setting(given: str) -> Setting:
    changes: dict[str, dict[str, Any]] = {"rules": {}, "company": {}, "contact": {}, "closed": {}}
    for phrase in given.split("; "):
        for part, change in GIVEN[phrase].items():
            changes[part] |= change
    firm = company(tracking=(("Region", ("North", "South")),), **changes["company"])
    return Setting(rules(**changes["rules"]), firm, contact(**changes["contact"]), frozenset(changes["closed"]))


def logged(entries: str) -> list[Entry]:
    """The entries of a case; "201 times 1 h" are as many."""
    found: list[Entry] = []
    for described in entries.split("; "):
        form = ENTRY.fullmatch(described)
        assert form, described
        found += [_logged(len(found) + 1 + number, form) for number in range(int(form["many"] or 1))]
    return found


def _logged(number: int, form: re.Match[str]) -> Entry:
    rate = {"none": "", None: "120"}.get(form["rate"], form["rate"])
    who = {"person": BOB, "person_name": "Bob"} if form["who"] else {}
    told = {"area": form["area"], "item": form["item"], "tax_type": form["tax"], "po": form["po"]}
    made = entry(
        number,
        worked_on=date.fromisoformat(form["day"] or "2026-11-05"),
        rates=(rate, "", ""),
        billable=not form["free"],
        description=form["text"] or "",
        already_billed=form["billed"] or "",
        extra={name: text or "" for name, text in told.items()},
        **who,
    )
    made = replace(made, seconds=_clocked(form) if form["start"] else Decimal(form["time"]) * SECONDS[form["unit"]])
    return replace(made, xero_contact="") if form["nobody"] else made


def _clocked(form: re.Match[str]) -> Decimal | None:
    """What passed between two times of London's clocks, as an entry in Salesforce has them."""
    times = {"From__c": f"{form['start']}:00.000Z", "To__c": f"{form['end']}:00.000Z"}
    record = {"Id": entry().record, **times, "Day__c": form["day"], "OwnerId": ADA, "Contact__c": None}
    read = entry_from(record, parse(STARTED), timezone="Europe/London")
    assert not read.unreadable
    return read.seconds


def beside(document: Document | None, notes: tuple[str, ...]) -> set[str]:
    """Everything there is to see on a document beside its amounts, as the table says it."""
    if document is None:
        return set()
    seen = {f"dated {document.date}", f"due {document.due_date}", f"reference {document.reference}"}
    seen |= {f"currency {document.currency}", *(f"says {note}" for note in notes)}
    for line in document.lines:
        seen |= {f"text {' / '.join(line.description.splitlines())}", f"tax type {line.tax_type}"}
        seen |= {f"account {line.account}", *(f"tracking {name} {option}" for name, option in line.tracking)}
    return seen


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_worked_case_is_what_the_document_says(case: Case) -> None:
    by = setting(case.given)
    entries = logged(case.entries)
    verdicts = [
        judge(one, by.rules, contact=by.contact, company=by.company, closed=by.closed)
        if one.xero_contact
        else judge(one, by.rules)
        for one in entries
    ]
    placements = [verdict for verdict in verdicts if isinstance(verdict, Placed)]
    assert len({placed.key for placed in placements}) <= 1, "a case is about one invoice"
    made = compose(None, placements, {}, by.rules, by.company, by.contact, closed=by.closed)
    _has_lines(case, made.document)
    held = [verdict for verdict in verdicts if not isinstance(verdict, Placed)] + list(made.waiting.values())
    reasons = sorted(f"{'waits' if isinstance(each, Waiting) else 'out'} {each.reason}" for each in held)
    besides = [text for text in case.besides.split("; ") if text]
    assert sorted(text for text in besides if text.split()[0] in {"waits", "out"}) == reasons
    seen = beside(made.document, made.notes)
    for text in besides:
        if text.split()[0] == "says":
            assert any(text.removeprefix("says ") in note for note in made.notes)
        elif text.split()[0] not in {"waits", "out"}:
            assert text in seen


def _has_lines(case: Case, document: Document | None) -> None:
    if not case.lines:
        assert document is None
        return
    assert document is not None
    wanted = [tuple(map(Decimal, line.split(" × "))) for line in case.lines.split("; ")]
    assert sorted((line.quantity, line.unit_amount) for line in document.lines) == sorted(wanted)
    computed = totals(document.lines, RATES, document.amounts)
    assert [computed.sub_total, computed.tax, computed.total] == [
        Decimal(case.subtotal),
        Decimal(case.tax),
        Decimal(case.total),
    ]


def test_the_table_is_found_and_uses_every_given() -> None:
    assert len(cases()) >= 50
    assert {phrase for case in cases() for phrase in case.given.split("; ")} == set(GIVEN)
