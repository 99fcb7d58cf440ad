"""Time is rounded alone, by person and day, or by line; the parts always add up to the rounded whole."""

from datetime import date
from decimal import Decimal

import pytest
from billing_support import ADA, BOB, BRIDGE, entry, placed, rules
from hypothesis import given
from hypothesis import strategies as st

from worker.billing.members import Member, member_of
from worker.billing.rounding import round_members, rounded
from worker.billing.rules import Rules

MINUTE = Decimal(60)


def setup(minutes: int = 15, mode: str = "nearest", per: str = "entry") -> Rules:
    return rules(round_minutes=minutes, round_mode=mode, round_per=per)


def member(number: int, minutes: str, by: Rules, **changes: object) -> Member:
    one = placed(entry(number, str(Decimal(minutes) / 60), **changes), by)
    return member_of(one, one.seconds, one.worked)


def billed(members: list[Member]) -> list[str]:
    """Minutes billed of each."""
    return [f"{round(each.seconds / MINUTE, 4).normalize():f}" for each in members]


@pytest.mark.parametrize(
    ("minutes", "mode", "time", "after"),
    [
        (15, "nearest", "7", "0"),
        (15, "nearest", "7.5", "15"),
        (15, "nearest", "22.49", "15"),
        (15, "up", "0.01", "15"),
        (15, "up", "30", "30"),
        (15, "down", "29.99", "15"),
        (6, "nearest", "20", "18"),
        (6, "nearest", "21", "24"),
        (0, "up", "20.3", "20.3"),
        (15, "nearest", "-7.5", "-15"),
        (15, "up", "-1", "-15"),
        (15, "down", "-29", "-15"),
    ],
)
def test_time_is_rounded_to_the_step(minutes: int, mode: str, time: str, after: str) -> None:
    assert rounded(Decimal(time) * MINUTE, setup(minutes, mode)) == Decimal(after) * MINUTE


@given(st.integers(-100_000, 100_000), st.sampled_from([1, 6, 15, 60]), st.sampled_from(["nearest", "up", "down"]))
def test_what_is_taken_off_is_rounded_like_what_was_added(seconds: int, minutes: int, mode: str) -> None:
    by = setup(minutes, mode)
    assert rounded(Decimal(-seconds), by) == -rounded(Decimal(seconds), by)
    assert abs(rounded(Decimal(seconds), by) - seconds) < minutes * 60


def test_an_entry_is_rounded_where_it_is_judged_and_what_was_worked_is_kept() -> None:
    one = placed(entry(1, "0.3"), setup())
    assert (one.seconds, one.worked) == (900, 1080)
    exact = placed(entry(1, "0.25"), setup())
    assert (exact.seconds, exact.worked) == (900, None)


def test_an_entry_rounded_to_nothing_still_has_its_place() -> None:
    one = placed(entry(1, "0.1"), setup(mode="down"))
    assert (one.seconds, one.worked) == (0, 360)


def test_a_persons_day_is_rounded_as_a_whole_across_projects() -> None:
    by = setup(mode="up", per="day")
    made = [
        member(1, "20", by),
        member(2, "20", by, project=BRIDGE),
        member(3, "20", by, person=BOB),
        member(4, "20", by, worked_on=date(2026, 11, 6)),
    ]
    assert billed(round_members(made, by)) == ["30", "15", "30", "30"]
    assert [each.worked for each in round_members(made, by)] == [1200] * 4


def test_a_line_is_rounded_as_a_whole() -> None:
    by = setup(mode="up", per="line")
    made = [member(1, "20", by), member(2, "20", by, worked_on=date(2026, 11, 6)), member(3, "20", by, person=BOB)]
    assert billed(round_members(made, by)) == ["30", "15", "30"]


def test_per_entry_nothing_is_rounded_twice() -> None:
    by = setup(mode="up")
    made = [member(1, "20", by), member(2, "20", by)]
    assert round_members(made, by) == made
    assert billed(made) == ["30", "30"]


def test_a_unit_that_stays_as_it_is_is_not_rounded_anew_by_day() -> None:
    by = setup(mode="up", per="day")
    held = Member(
        unit="TimeEntry__c:a#0",
        group="g",
        seconds=Decimal(600),
        worked=Decimal(700),
        rate=Decimal(1),
        rate_source="",
        basis="",
        description="",
        account="",
        tax_type="",
        held=True,
    )
    assert round_members([held], by) == [held]


times = st.lists(st.tuples(st.integers(-90, 600), st.sampled_from([ADA, BOB]), st.integers(1, 3)), max_size=8)


@given(times, st.sampled_from([6, 15]), st.sampled_from(["nearest", "up", "down"]), st.sampled_from(["day", "line"]))
def test_the_parts_add_up_to_the_rounded_whole(
    worked: list[tuple[int, str, int]], minutes: int, mode: str, per: str
) -> None:
    by = setup(minutes, mode, per)
    made = [
        member(number, str(time), by, person=who, worked_on=date(2026, 11, day))
        for number, (time, who, day) in enumerate(worked, 1)
        if time
    ]
    after = round_members(made, by)
    assert [each.unit for each in after] == [each.unit for each in made]
    for together in {(each.person, each.worked_on if per == "day" else None) for each in made}:
        mine = [
            (before.seconds, now.seconds)
            for before, now in zip(made, after, strict=True)
            if (before.person, before.worked_on if per == "day" else None) == together
        ]
        assert sum(now for _, now in mine) == rounded(sum((was for was, _ in mine), Decimal(0)), by)
    assert all((now.worked or now.seconds) == was.seconds for was, now in zip(made, after, strict=True))
