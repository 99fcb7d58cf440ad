"""The month-end statement: where each hour is, and a difference only where something is wrong."""

from datetime import date
from decimal import Decimal

import pytest
from billing_office import Office, open_drafts
from billing_support import ACME, computed, edited, entry, rules
from msgspec.structs import replace

from worker.billing.model import Line
from worker.billing.statement import Statement, as_csv, statement

HOUR = Decimal(3600)


def hours(made: Statement) -> dict[str, str]:
    """Where the hours are, by place and reason."""
    found: dict[str, Decimal] = {}
    for part in made.parts:
        name = f"{part.where} {part.reason}".strip()
        found[name] = found.get(name, Decimal(0)) + part.seconds / HOUR
    return {name: f"{each.normalize() + 0:f}" for name, each in found.items()}


def busy_office() -> Office:
    office = Office(rules(start=date(2026, 11, 3)))
    office.put(entry(1, "10"))
    office.settle()
    office.move(open_drafts(office)[0], "AUTHORISED")
    office.put(entry(2, "2"))
    office.put(entry(3, "3", rates=()))
    office.put(entry(4, "4", billable=False))
    office.put(entry(5, "5", worked_on=date(2026, 11, 1)))
    office.put(entry(6, "6"))
    office.put(entry(7, "7", worked_on=date(2026, 12, 1)))
    office.put(entry(8, "1"))
    office.put(entry(1, "12"))
    office.decide(entry(6).id, "dont-bill")
    office.decide(entry(8).id, "elsewhere")
    office.settle()
    return office


def test_every_logged_hour_is_in_one_place() -> None:
    made = busy_office().month()
    assert hours(made) == {
        "approved": "10",
        "before-start before-start": "5",
        "dont-bill dont-bill": "6",
        "drafts": "2",
        "elsewhere billed-elsewhere": "1",
        "not-billable not-billable": "4",
        "waiting correction": "2",
        "waiting no-rate": "3",
    }
    assert made.logged == 33 * HOUR
    assert (made.difference, made.difference_seconds, made.unexplained) == (Decimal("0.00"), Decimal(0), ())
    assert made.amount("approved", "GBP") == Decimal("1200.00")
    assert made.amount("waiting", "GBP", "correction") == Decimal("240.00")
    assert made.reasons == {"correction": 2 * HOUR, "no-rate": 3 * HOUR}
    assert [(part.contact, part.reason) for part in made.unbilled] == [(ACME, "no-rate"), (ACME, "correction")]


@pytest.mark.parametrize(
    ("now", "answer", "there"),
    [
        ("10", "", {"drafts": "10", "write-ons": "0"}),
        ("9", "", {"drafts": "10", "write-ons": "-1"}),
        ("8", "", {"drafts": "10", "waiting correction": "-1", "write-ons": "-1"}),
        ("8", "ignore", {"drafts": "10", "ignored": "-1", "write-ons": "-1"}),
        ("8", "accept", {"drafts": "9", "write-ons": "-1"}),
    ],
)
def test_what_a_person_wrote_off_explains_hours_and_money(now: str, answer: str, there: dict[str, str]) -> None:
    office = Office()
    office.put(entry(1, "10"))
    office.settle()
    (draft,) = open_drafts(office)
    at = (draft.key, draft.sequence)
    office.xero[at] = edited(office.xero[at], 0, quantity=Decimal(9))
    office.put(entry(1, now))
    office.settle()
    if answer:
        office.answer(answer)  # type: ignore[arg-type]  # accept or ignore
        office.settle()
    made = office.month()
    assert hours(made) == there
    assert made.amount("write-ons", "GBP") == Decimal("-120.00")
    assert (made.difference, made.difference_seconds) == (Decimal("0.00"), Decimal(0))


@pytest.mark.parametrize(("status", "told"), [("DRAFT", True), ("AUTHORISED", True), ("VOIDED", False)])
def test_a_persons_own_line_is_told_with_its_client_in_the_month_of_its_document_alone(status: str, told: bool) -> None:
    office = Office()
    office.put(entry(1, "2"))
    office.put(entry(2, "1", worked_on=date(2026, 12, 1)))
    office.settle()
    first = next(each for each in open_drafts(office) if each.period == "2026-11")
    found = office.xero[first.key, first.sequence]
    own = replace(found.lines[0], id="theirs", description="Train", quantity=Decimal(1), unit_amount=Decimal("31.40"))
    office.xero[first.key, first.sequence] = computed(replace(found, lines=(*found.lines, own)))
    office.settle()
    office.move(first, status)
    office.settle()
    made = office.month()
    rows = [
        (part.contact, part.currency, part.seconds, part.amount) for part in made.parts if part.where == "own-lines"
    ]
    assert rows == ([(ACME, "GBP", Decimal(0), Decimal("31.40"))] if told else [])
    assert (made.difference, made.difference_seconds) == (Decimal("0.00"), Decimal(0))
    assert [part for part in office.month("2026-12").parts if part.where == "own-lines"] == []
    assert office.month("2026-Q4").amount("own-lines", "GBP") == (Decimal("31.40") if told else 0)


def test_a_document_that_is_not_the_sum_of_its_parts_is_a_difference_with_its_name() -> None:
    office = busy_office()
    document = open_drafts(office)[0]
    foreign = Line(description="?", quantity=Decimal(1), unit_amount=Decimal(5), amount=Decimal(5), account="200")
    office._put(replace(document, lines=(replace(document.lines[0], amount=Decimal("999.00")), foreign)))
    made = office.month()
    assert made.difference == Decimal("5.00")  # Xero's total lacks the line
    assert made.unexplained == (document.number,)


def test_a_unit_that_nothing_explains_is_a_difference_with_its_name() -> None:
    office = busy_office()
    office.answer("accept")
    office.settle()
    assert office.month().difference_seconds == 0
    wrong = [
        replace(one, entry=replace(one.entry, seconds=15 * HOUR)) if one.unit == entry(1).id else one
        for one in office.reckoned()
    ]
    made = statement("2026-11", wrong, office.documents(), office.setup)
    assert made.difference_seconds == 3 * HOUR
    assert made.unexplained == (entry(1).id,)


def test_numbers_are_in_order_with_their_gaps() -> None:
    office = busy_office()
    first, second, third = office.documents()
    for document, number in ((first, "TT-00001"), (second, "TT-00004"), (third, "TT-00003")):
        office._put(replace(document, number=number))
    made = statement("2026-11", office.reckoned(), office.documents(), office.setup, explained={"TT-00002": "burned"})
    assert [(each.number, each.status, each.text) for each in made.numbers] == [
        ("TT-00001", "approved", ""),
        ("TT-00002", "", "burned"),
        ("TT-00003", "open", ""),
        ("TT-00004", "open", ""),
    ]


def test_a_jump_that_a_person_made_in_the_series_is_one_row() -> None:
    office = busy_office()
    first, second, third = office.documents()
    for document, number in ((first, "TT-00001"), (second, "TT-4000000000"), (third, "TT-00002")):
        office._put(replace(document, number=number))
    made = statement("2026-11", office.reckoned(), office.documents(), office.setup)
    numbers = [each.number for each in made.numbers]
    assert numbers == ["TT-00001", "TT-00002", "TT-00003 to TT-3999999999", "TT-4000000000"]


def test_only_a_period_with_days_has_a_statement() -> None:
    with pytest.raises(ValueError, match="has no days"):
        statement("until-approved", [], [], rules())
    with pytest.raises(ValueError, match="names no billing period"):
        statement("soon", [], [], rules())
    assert statement("2026-11", [], [], rules()) == Statement(period="2026-11", logged=Decimal(0), parts=())


def test_as_csv_it_adds_up_and_is_safe_to_open() -> None:
    rows = as_csv(busy_office().month(), {ACME: "=Acme"}).split("\r\n")
    assert rows[0] == "period,where,reason,xero_contact_id,xero_contact,currency,hours,amount"
    assert f"2026-11,approved,,{ACME},'=Acme,GBP,10.0000,1200.00" in rows
    assert "2026-11,logged,,,,,33.0000," in rows
    assert "2026-11,difference,,,,,0.0000,0.00" in rows
    assert all(row.count(",") == 7 for row in rows if row)


def test_voided_documents_hold_nothing_and_their_time_waits() -> None:
    office = busy_office()
    first = office.documents()[0]
    office.xero[first.key, first.sequence] = computed(replace(office.xero[first.key, first.sequence], status="VOIDED"))
    office.settle()
    made = office.month()
    assert made.seconds("approved") == 0
    assert made.seconds("waiting", "suspended") == 10 * HOUR
    assert made.difference_seconds == 0


def test_what_a_person_wrote_off_a_line_of_two_months_adds_up_over_both() -> None:
    office = Office(rules(period="quarter"))
    office.put(entry(1, "1"))
    office.put(entry(2, "1", worked_on=date(2026, 12, 2)))
    office.settle()
    (document,) = office.documents()
    at = (document.key, document.sequence)
    office.xero[at] = edited(office.xero[at], 0, unit_amount=Decimal("119.975"))
    office.settle()
    off = [office.month(month).amount("write-ons", "GBP") for month in ("2026-11", "2026-12")]
    assert sorted(off) == [Decimal("-0.03"), Decimal("-0.02")]
