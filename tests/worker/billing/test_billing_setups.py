"""Whatever the setup says and whatever is logged, at rest: every second is accounted for, every cent adds up."""

from datetime import date
from decimal import Decimal
from typing import Any

from billing_office import Office, open_drafts
from billing_support import ADA, BOB, BRIDGE, TOWER, entry, postings_by_unit, rules
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.billing.model import Document, Entry, Out, Placed, Waiting
from worker.billing.money import ZERO, half_up
from worker.billing.rounding import rounded
from worker.billing.rules import Rules, Surcharge

EXTRA = Surcharge(name="Travel", percent=Decimal("7.5"))

setups = st.fixed_dictionaries(
    {
        "line_per": st.sampled_from([("project", "person"), ("entry",), ("project", "day"), ("person",)]),
        "invoice_per": st.sampled_from([("xero_contact",), ("xero_contact", "project")]),
        "period": st.sampled_from(["month", "week", "day", "until-approved"]),
        "description": st.sampled_from(["{project} · {person}", "{project} {description}", "{period}"]),
        "round_minutes": st.sampled_from([0, 6, 15]),
        "round_mode": st.sampled_from(["nearest", "up", "down"]),
        "round_per": st.sampled_from(["entry", "day", "line"]),
        "minimum_invoice": st.sampled_from([Decimal(0), Decimal(100)]),
        "show_non_billable": st.sampled_from(["no", "line"]),
        "surcharges": st.sampled_from([(), (EXTRA,), (EXTRA, replace(EXTRA, name="Admin", account="201"))]),
    }
)
logs = st.lists(
    st.fixed_dictionaries(
        {
            "seconds": st.sampled_from([Decimal(n) for n in (300, 1200, 3601, 7200, 27_900, -600)]),
            "person": st.sampled_from([ADA, BOB]),
            "project": st.sampled_from([TOWER, BRIDGE]),
            "rate": st.sampled_from(["120.00", "33.3333", "0"]),
            "worked_on": st.sampled_from([date(2026, 11, 5), date(2026, 11, 20)]),
            "billable": st.sampled_from([True, True, True, False]),
        }
    ),
    max_size=7,
)


def logged(number: int, log: dict[str, Any]) -> Entry:
    names = {TOWER: "Tower", BRIDGE: "Bridge"}
    rate, rest = log["rate"], {name: value for name, value in log.items() if name != "rate"}
    return entry(number, project_name=names[log["project"]], rates=(rate, "", ""), **rest)


@settings(max_examples=150)
@given(setups, logs, logs)
def test_at_rest_every_second_and_cent_is_accounted_for(
    said: dict[str, Any], first: list[dict[str, Any]], then: list[dict[str, Any]]
) -> None:
    office = Office(rules(**said))
    for logs_now in (first, then):
        for number, log in enumerate(logs_now, 1):
            office.put(logged(number, log))
        office.settle()
        assert office.settle() == 0, "running again writes nothing"
        _every_unit_is_somewhere(office)
        for document in open_drafts(office):
            _adds_up(document, office.setup)


def _every_unit_is_somewhere(office: Office) -> None:
    postings, verdicts = postings_by_unit(office.documents()), office.verdicts()
    for unit, verdict in verdicts.items():
        time = [posting for posting in postings[unit] if not posting.surcharge]
        assert len(time) <= 1
        worked = sum((each.seconds if each.worked is None else each.worked for each in time), Decimal(0))
        if time:
            assert isinstance(verdict, Placed)
            assert worked == office.entries[unit].seconds
        else:
            free = isinstance(verdict, Placed) and verdict.rate_source == "not billable"
            assert free or isinstance(verdict, Out | Waiting) or unit in office.waiting, unit


def _adds_up(document: Document, by: Rules) -> None:
    for line in document.lines:
        assert sum((share.amount for share in line.shares), ZERO) == line.amount
    for surcharge in by.surcharges:
        lines = [line for line in document.lines if line.surcharge == surcharge.name]
        time = sum((line.amount for line in document.lines if not line.surcharge), ZERO)
        charged = sum((line.amount for line in lines), ZERO)
        cents = Decimal("0.01") * max(1, len({(each.account, each.tax_type) for each in document.lines}))
        assert abs(charged - half_up(time * surcharge.percent / 100, 2)) <= cents
    if by.round_per == "line" and by.round_minutes:
        for line in document.lines:
            assert line.surcharge or sum((each.seconds for each in line.shares), Decimal(0)) == _rounded_line(line, by)


def _rounded_line(line: Any, by: Rules) -> Decimal:
    worked = sum((each.seconds if each.worked is None else each.worked for each in line.shares), Decimal(0))
    return rounded(worked, by)
