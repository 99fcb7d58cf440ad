"""A setup file is edited as by hand: one thing changes, everything else stays as it stands."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from console.editing import PersonRow, edited, people_of, with_people
from worker.setup import parse

EXAMPLE = (Path(__file__).parents[2] / "docs" / "setup-example.toml").read_text("utf-8")
ADA, BOB = "005000000000001AAA", "005000000000002AAA"


def lines_changed(before: str, after: str) -> list[str]:
    return [line for line in after.splitlines() if line not in before.splitlines()]


def test_one_value_changes_one_line_and_keeps_its_comment() -> None:
    after = edited(EXAMPLE, {("billing", "period"): "week"})
    [line] = lines_changed(EXAMPLE, after)
    assert line.startswith('period = "week"')
    assert "#" in line
    assert parse(after).billing.period == "week"


def test_a_value_that_is_there_already_changes_nothing() -> None:
    assert edited(EXAMPLE, {("billing", "period"): "month", ("schedule", "settle"): "5s"}) == EXAMPLE


def test_lists_days_and_new_tables_are_written_as_the_parser_reads_them() -> None:
    after = edited(
        EXAMPLE,
        {
            ("billing", "start"): date(2026, 12, 1),
            ("billing", "line_per"): ["project", "day"],
            ("billing", "tracking", "Region"): "project",
            ("source", "approved", "values"): ["Approved", "Signed"],
        },
    )
    setup = parse(after)
    assert (setup.billing.start, setup.billing.line_per) == (date(2026, 12, 1), ("project", "day"))
    assert setup.billing.tracking == {"Region": "project"}
    assert setup.source.approved is not None
    assert setup.source.approved.values == ("Approved", "Signed")


def test_a_key_is_taken_out_and_one_that_is_not_there_is_no_matter() -> None:
    after = edited(EXAMPLE, {("source", "fields", "description"): None, ("nowhere", "at", "all"): None})
    assert parse(after).source.fields.description is None
    assert "nowhere" not in after


def test_a_new_rate_is_a_dated_row_beside_those_that_were() -> None:
    before = people_of(EXAMPLE)
    row = PersonRow(id=ADA, rate=Decimal("130.00"), currency="GBP", since=date(2027, 1, 1))
    after = with_people(EXAMPLE, [row])
    assert people_of(after) == [*before, row]
    assert len(parse(after).people.person) == len(before) + 1


@pytest.mark.parametrize(
    "text", [EXAMPLE, EXAMPLE[: EXAMPLE.index("[people]")] + EXAMPLE[EXAMPLE.index("[contacts]") :]]
)
def test_a_row_of_the_same_person_currency_and_day_is_replaced(text: str) -> None:
    first, second = PersonRow(id=BOB, rate=Decimal(90)), PersonRow(id=BOB, bill=False)
    once = with_people(text, [first])
    twice = with_people(once, [second])
    assert [row for row in people_of(twice) if row.id == BOB] == [second]
    assert people_of(with_people(twice, [], removed=[second])) == people_of(text)
    assert [row.bill for row in parse(twice).people.person if row.id == BOB] == [False]
