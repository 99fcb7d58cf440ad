"""The timesheet says every entry with its hours, rate and source, and adds up to the document."""

import csv
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from billing_support import BOB, BRIDGE, entry, placed, rules
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.billing import zones
from worker.billing.content import content_of
from worker.billing.members import member_of
from worker.billing.model import Document, Entry, Line
from worker.billing.rules import Rules, Surcharge
from worker.billing.timesheet import as_csv, as_html, prints_descriptions

ENTRIES = (
    entry(2, "1.5", person=BOB, person_name="Bob", rates=("", "", "90"), description="=1+1"),
    entry(1, "2", description="Drew\nthe <plan>"),
    entry(3, "0.3", project=BRIDGE, project_name="Bridge"),
)
SETUP = rules(
    surcharges=(Surcharge(name="Travel", percent=Decimal(5)),), round_minutes=15, round_mode="up", number_prefix="TT-"
)


def document(*entries: Entry, setup: Rules = SETUP, more: tuple[Line, ...] = ()) -> Document:
    members = [member_of(each, each.seconds, each.worked) for each in (placed(one, setup) for one in entries)]
    lines = (*content_of(members, (), setup).lines, *more)
    return Document(key="K", sequence=1, number="TT-00042", reference="2026-11 & more", lines=lines)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def by_unit(*entries: Entry) -> dict[str, Entry]:
    return {each.id: each for each in entries}


def test_every_entry_has_a_row_with_hours_rate_and_source() -> None:
    found = table(as_csv(document(*ENTRIES), by_unit(*ENTRIES)))
    assert list(found[0]) == ["Date", "Person", "Project", "Hours", "Worked", "Rate", "Rate from", "Amount", "Entry"]
    assert [tuple(row.values()) for row in found] == [
        ("2026-11-05", "Ada", "Bridge", "0.5000", "0.3000", "120.0000", "Rate__c", "60.00", ENTRIES[2].record),
        ("2026-11-05", "Ada", "Tower", "2.0000", "", "120.0000", "Rate__c", "240.00", ENTRIES[1].record),
        (
            "2026-11-05",
            "Bob",
            "Tower",
            "1.5000",
            "",
            "90.0000",
            "Project__r.Hourly_Rate__c",
            "135.00",
            ENTRIES[0].record,
        ),
        ("", "", "Travel (5%)", "", "", "", "surcharge", "21.75", ""),
    ]


def test_it_adds_up_to_the_document_whatever_people_wrote_in_xero() -> None:
    theirs = Line(id="t", description="Train\nto Leeds", amount=Decimal("48.20"), foreign=True)
    made = document(*ENTRIES, more=(theirs,))
    off = made.lines[0]
    cut = replace(off, amount=off.amount - 10, fixed=True, write_on=Decimal(-10))
    made = replace(made, lines=(cut, *made.lines[1:]))
    found = table(as_csv(made, by_unit(*ENTRIES)))
    assert sum(Decimal(row["Amount"]) for row in found) == sum(line.amount for line in made.lines)
    assert {row["Rate from"] for row in found} >= {"written off in Xero", "added in Xero", "surcharge"}
    assert "Train to Leeds" in {row["Project"] for row in found}


def test_descriptions_are_there_only_when_asked_and_never_as_a_formula() -> None:
    made, entries = document(*ENTRIES), by_unit(*ENTRIES)
    assert "Drew" not in as_csv(made, entries)
    assert "Drew" not in as_html(made, entries)
    found = table(as_csv(made, entries, descriptions=True))
    assert [row["Description"] for row in found] == ["", "Drew the <plan>", "'=1+1", ""]


@pytest.mark.parametrize(
    ("setup", "printed"),
    [
        ({}, False),
        ({"description": "{project}: {description}"}, True),
        ({"reference": "{description}"}, True),
    ],
)
def test_the_setup_says_whether_descriptions_are_for_the_client(setup: dict[str, str], printed: bool) -> None:
    assert prints_descriptions(rules(**setup)) is printed


def test_the_page_to_read_has_a_total_and_nothing_in_it_is_code() -> None:
    page = as_html(document(*ENTRIES), by_unit(*ENTRIES), descriptions=True)
    assert "<title>Timesheet TT-00042</title>" in page
    assert "2026-11 &amp; more" in page
    assert "Drew the &lt;plan&gt;" in page
    assert '<td>Total</td><td></td><td></td><td></td><td class="n">4.0000</td>' in page
    assert '<td class="n">456.75</td>' in page
    assert "http" not in page


def test_an_entry_that_is_no_longer_known_keeps_its_row() -> None:
    (row, _) = table(as_csv(document(ENTRIES[1]), {}))
    assert (row["Hours"], row["Amount"], row["Entry"], row["Person"]) == ("2.0000", "240.00", ENTRIES[1].record, "")


def test_rates_of_people_and_the_default_are_named_in_words() -> None:
    setup = rules(rate_paths=(), default_rate=Decimal(80))
    (row,) = table(as_csv(document(entry(), setup=setup), by_unit(entry())))
    assert (row["Rate"], row["Rate from"]) == ("80.0000", "the default")


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_people_write_it_stays_a_table(name: str, text: str) -> None:
    one = entry(1, person_name=name, description=text)
    made = document(one)
    rows = table(as_csv(made, by_unit(one), descriptions=True))
    assert sum(Decimal(row["Amount"]) for row in rows) == sum(line.amount for line in made.lines)
    page = as_html(made, by_unit(one), descriptions=True)
    assert page.count("<tr>") == len(rows) + 2


# ---- time zones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", zones.ZONES)
def test_every_zone_xero_names_is_one_that_python_knows(name: str) -> None:
    assert zones.known(name)
    assert ZoneInfo(zones.iana(name)).key == zones.iana(name)


@pytest.mark.parametrize(
    ("xero", "iana"),
    [
        ("GMTSTANDARDTIME", "Europe/London"),
        ("NEWZEALANDSTANDARDTIME", "Pacific/Auckland"),
        ("AUSEASTERNSTANDARDTIME", "Australia/Sydney"),
        ("SINGAPORESTANDARDTIME", "Asia/Singapore"),
        ("", "UTC"),
        ("MARSSTANDARDTIME", "UTC"),
        ("Europe/Paris", "Europe/Paris"),
    ],
)
def test_a_zone_of_xeros_has_its_iana_name(xero: str, iana: str) -> None:
    assert zones.iana(xero) == iana
