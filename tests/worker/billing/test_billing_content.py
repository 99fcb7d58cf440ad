"""Long documents are gathered until they fit; what is not worth an invoice waits; dates keep clear of locked books."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_support import company, contact, drafted, entry, placed, recomposed, rules
from msgspec.structs import replace

from worker.billing.content import Content, content_of, noticed, unworthy
from worker.billing.folding import fold
from worker.billing.heading import lock_dated, lock_note
from worker.billing.members import Member, member_of
from worker.billing.model import Entry, Line, Terms
from worker.billing.periods import CREDIT, first_day, last_day, next_period, open_periods
from worker.billing.rules import Rules, Surcharge


def members(*entries: Entry, setup: Rules) -> list[Member]:
    return [member_of(each, each.seconds, each.worked) for each in (placed(one, setup) for one in entries)]


def content(*entries: Entry, setup: Rules, existing: tuple[Line, ...] = ()) -> Content:
    return content_of(members(*entries, setup=setup), existing, setup)


def office(people: int, projects: int, **changes: Any) -> list[Entry]:
    """One hour of each person on each project."""
    return [
        entry(
            1 + person * projects + project,
            person=f"005{person:012d}AAA",
            person_name=f"P{person:03}",
            project=f"a01{project:012d}AAA",
            project_name=f"J{project:03}",
            **changes,
        )
        for person in range(people)
        for project in range(projects)
    ]


# ---- long documents -------------------------------------------------------------------------------------------------


def test_up_to_200_lines_stay_as_they_are() -> None:
    made = content(*office(20, 10), setup=rules())
    assert (len(made.lines), made.notes) == (200, ())


def test_more_than_200_lines_are_gathered_by_less_and_it_says_so() -> None:
    made = content(*office(21, 10), setup=rules())
    assert [line.description for line in made.lines] == [f"J{number:03}" for number in range(10)]
    assert {line.quantity for line in made.lines} == {Decimal("21.0000")}
    assert made.notes == ("It would have 210 lines of time, more than 200: they are gathered by project.",)


def test_what_a_line_never_mixes_stays_apart_however_long_it_gets() -> None:
    entries = [entry(number, rates=(str(number), "", "")) for number in range(1, 251)]
    made = content(*entries, setup=rules(line_per=("entry",)))
    assert len(made.lines) == 250
    assert made.notes[0].endswith("they are gathered as far as rates, accounts and taxes allow.")


def test_a_line_per_entry_becomes_one_line_that_prints_each_text_once() -> None:
    setup = rules(line_per=("project", "entry"), description="{project}: {description}")
    entries = [entry(number, "1", description=f"Task {number % 3}") for number in range(1, 202)]
    (line,) = content(*entries, setup=setup).lines
    assert sorted(line.description.split("\n")) == ["Tower: Task 0", "Tower: Task 1", "Tower: Task 2"]


def test_no_cent_and_no_second_is_lost_in_gathering() -> None:
    setup = rules()
    entries = office(30, 9, rates=("33.3333", "", ""), seconds=Decimal(1201))
    made = content(*entries, setup=setup).lines
    shares = [share for line in made for share in line.shares]
    assert sorted(share.unit for share in shares) == sorted(each.id for each in entries)
    assert sum(share.seconds for share in shares) == 270 * 1201
    assert all(sum(share.amount for share in line.shares) == line.amount for line in made)


def test_lines_that_are_there_already_and_surcharges_take_room_too() -> None:
    theirs = Line(id="t", description="Travel", amount=Decimal(5), foreign=True)
    entries = office(20, 10)
    assert content(*entries, setup=rules(), existing=(theirs,)).notes != ()
    assert content(*entries[1:], setup=rules(), existing=(theirs,)).notes == ()
    charged = rules(surcharges=(Surcharge(name="Travel", percent=Decimal(5)),))
    assert content(*entries, setup=charged).notes != ()


def test_gathered_lines_keep_their_ids_when_composed_again() -> None:
    entries = office(21, 10)
    first = content(*entries, setup=rules()).lines
    numbered = tuple(replace(line, id=f"line-{place}") for place, line in enumerate(first))
    assert content(*entries, setup=rules(), existing=numbered).lines == numbered


def test_a_unit_of_unknown_group_stays_as_it_is() -> None:
    (known,) = members(entry(), setup=rules())
    unknown = replace(known, unit="other", group="line:7", held=True)
    folded = fold([known, unknown], rules(), room=1)
    assert [member.group for member in folded.members][1] == "line:7"


def test_a_text_is_never_longer_than_xero_takes_with_its_mark() -> None:
    long = entry(project_name="x" * 5000)
    text = placed(long, closed={"2026-11"}).description
    assert len(text) <= 4000
    assert text.endswith("… (2026-11)")


# ---- what is worth an invoice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "minimum", "reason"),
    [("1", "0", None), ("1", "120.00", None), ("1", "120.01", "below-minimum"), ("0.00001", "0", "only-zeros")],
)
def test_an_invoice_below_the_minimum_or_of_nothing_is_not_made(hours: str, minimum: str, reason: str | None) -> None:
    setup = rules(minimum_invoice=Decimal(minimum))
    found = unworthy(content(entry(1, hours), setup=setup).lines, "2026-11", setup)
    assert (found.reason if found else None) == reason
    assert found is None or found.cause == "period:2026-11", "the end of the period lets it go on"


def test_the_minimum_is_told_with_both_amounts() -> None:
    setup = rules(minimum_invoice=Decimal("150.5"))
    found = unworthy(content(entry(), setup=setup).lines, "2026-11", setup)
    assert found is not None
    assert found.text.startswith("The invoice would be 120.00, less than the smallest one of 150.5:")


def test_a_draft_that_fell_below_the_minimum_stays_until_its_period_closes_and_then_its_time_goes_on() -> None:
    setup = rules(minimum_invoice=Decimal(150))
    document = drafted(entry(1, "2"), setup=setup)
    smaller = recomposed(document, entry(1), setup=setup)
    assert (smaller.delete, smaller.waiting) == (False, {})
    over = recomposed(document, entry(1), setup=setup, closed={"2026-11"})
    assert (over.delete, over.departed, over.submit) == (True, (entry(1).id,), False)
    assert over.waiting[entry(1).id].reason == "below-minimum"
    assert placed(entry(1), setup, closed={"2026-11"}).period == "2026-12"
    enough = recomposed(document, entry(1, "2"), setup=setup, closed={"2026-11"})
    assert not enough.delete


def test_a_line_of_a_persons_own_is_worth_keeping() -> None:
    setup = rules(minimum_invoice=Decimal(500))
    theirs = Line(id="t", description="Travel", amount=Decimal(5), foreign=True)
    assert unworthy((theirs,), "2026-11", setup) is None


def test_time_that_is_shown_at_zero_does_not_wait_for_money() -> None:
    setup = rules(show_non_billable="line")
    made = members(entry(1, billable=False), entry(2, rates=("0", "", "")), setup=setup)
    held = unworthy(content_of(made, (), setup).lines, "2026-11", setup)
    assert held is not None
    assert set(noticed(made, held)) == {entry(2).id}


# ---- locked books ---------------------------------------------------------------------------------------------------

LOCKED = company(locked_until="2026-11-30")
TERMS = contact(terms=Terms(20, "OFFOLLOWINGMONTH"))


def test_a_draft_in_a_locked_period_says_that_approving_will_be_refused() -> None:
    document = drafted(entry())
    assert lock_dated(document, rules(), LOCKED, TERMS) == document
    assert lock_note(document, LOCKED) == (
        "It is dated 2026-11-30, and the books are locked up to 2026-11-30: Xero will refuse to approve it. "
        "Give it a later date, or move the lock date, before approving."
    )


def test_it_may_move_to_the_next_open_day_and_its_due_date_with_it() -> None:
    setup = rules(lock_date="next-open-day")
    moved = lock_dated(drafted(entry()), setup, LOCKED, TERMS)
    assert (moved.date, moved.due_date) == ("2026-12-01", "2027-01-20")
    assert lock_note(moved, LOCKED) == ""
    assert lock_dated(moved, setup, LOCKED, TERMS) == moved


@pytest.mark.parametrize(
    ("kept", "dates"),
    [(("date",), ("2026-11-30", "2026-11-30")), (("due_date",), ("2026-12-01", "2026-11-30"))],
)
def test_a_date_that_a_person_chose_stays(kept: tuple[str, ...], dates: tuple[str, str]) -> None:
    document = replace(drafted(entry()), kept=kept)
    moved = lock_dated(document, rules(lock_date="next-open-day"), LOCKED, TERMS)
    assert (moved.date, moved.due_date) == dates


@pytest.mark.parametrize("lock", ["", "2026-11-29"])
def test_books_that_are_open_change_nothing(lock: str) -> None:
    document = drafted(entry())
    firm = company(locked_until=lock)
    assert lock_dated(document, rules(lock_date="next-open-day"), firm, TERMS) == document
    assert lock_note(document, firm) == ""


# ---- the period of credit notes --------------------------------------------------------------------------------------


def test_the_period_of_credit_notes_has_no_days_and_is_never_over() -> None:
    assert (first_day(CREDIT), last_day(CREDIT), next_period(CREDIT)) == (None, None, CREDIT)
    assert open_periods(CREDIT, {CREDIT}) == [CREDIT]
    assert first_day("2026-11") == date(2026, 11, 1)
