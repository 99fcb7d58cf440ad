"""The worked cases of docs/billing.md, each executed as it stands there."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from billing_support import RATES, company, contact, entry, judge, rules
from msgspec.structs import replace

from worker.billing.compose import compose
from worker.billing.model import Contact, Entry, PersonRate, Placed
from worker.billing.money import totals

DOCUMENT = Path(__file__).parents[3] / "docs" / "billing.md"
SETUP = rules(
    people=(
        PersonRate(id=entry().person, rate=Decimal(90)),
        PersonRate(id=entry().person, rate=Decimal(95), since=date(2026, 11, 15)),
    )
)
CLIENTS = {
    "": contact(),
    "export": contact(tax_type="ZERORATEDOUTPUT"),
    "inclusive": contact(amounts="INCLUSIVE"),
    "no-tax": contact(amounts="NONE"),
}
ENTRY = re.compile(
    r"(?P<time>-?[0-9.]+) (?P<unit>h|s)(?: on (?P<day>[0-9-]+))?(?: @ (?P<rate>\S+))?(?: to (?P<client>\S+))?"
)


def cases() -> list[list[str]]:
    """The rows of the table under "Worked cases"."""
    table = DOCUMENT.read_text(encoding="utf-8").partition("## Worked cases")[2]
    rows = [line.strip().strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def entries(text: str) -> tuple[list[Entry], Contact]:
    """The entries of a case, and its client."""
    made, client = [], ""
    for number, described in enumerate(text.split("; "), 1):
        form = ENTRY.fullmatch(described)
        assert form, described
        rate = {"people": "", None: "120"}.get(form["rate"], form["rate"])
        seconds = Decimal(form["time"]) * (3600 if form["unit"] == "h" else 1)
        day = date.fromisoformat(form["day"] or "2026-11-05")
        made.append(replace(entry(number, rates=(rate, "", ""), worked_on=day), seconds=seconds))
        client = form["client"] or client
    return made, CLIENTS[client]


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case[0]))
def test_the_worked_case_is_what_the_document_says(case: list[str]) -> None:
    _, described, lines, *sums = case
    made, client = entries(described)
    verdicts = [judge(one, SETUP, contact=client) for one in made]
    placements = [verdict for verdict in verdicts if isinstance(verdict, Placed)]
    document = compose(None, placements, {}, SETUP, company(), client).document
    if not lines:
        assert document is None
        return
    assert document is not None
    wanted = [tuple(map(Decimal, line.split(" × "))) for line in lines.split("; ")]
    assert sorted((line.quantity, line.unit_amount) for line in document.lines) == sorted(wanted)
    computed = totals(document.lines, RATES, document.amounts)
    assert [computed.sub_total, computed.tax, computed.total] == [Decimal(text) for text in sums]


def test_the_table_is_found() -> None:
    assert len(cases()) >= 16
