"""A surcharge is a line of its own, a percentage of the time beside it, and belongs to the units of that time."""

from decimal import Decimal
from typing import Any

import pytest
from billing_office import Office, open_drafts
from billing_support import BRIDGE, company, computed, edited, entry, judge, placed, rules
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.billing.content import content_of
from worker.billing.members import held_members, member_of
from worker.billing.model import Entry, Line, Posting, Share, Waiting
from worker.billing.money import ZERO, half_up
from worker.billing.rules import Rules, Surcharge
from worker.billing.surcharges import Taken, taken

TRAVEL = Surcharge(name="Travel", percent=Decimal(5))


def setup(*surcharges: Surcharge, **changes: Any) -> Rules:
    return rules(surcharges=surcharges or (TRAVEL,), **changes)


def lines(by: Rules, *entries: Entry, existing: tuple[Line, ...] = (), carried: Taken | None = None) -> list[Line]:
    made = [placed(each, by) for each in entries]
    members = [member_of(each, each.seconds, each.worked) for each in made]
    return list(content_of(members, existing, by, carried=carried or {}).lines)


def said(made: list[Line]) -> list[tuple[str, str, str]]:
    return [(line.description, str(line.amount), line.account) for line in made]


def numbered(made: list[Line]) -> tuple[Line, ...]:
    """Lines as Xero answered them, each with an id."""
    return tuple(replace(line, id=f"line-{number}") for number, line in enumerate(made))


def test_it_follows_the_time_as_a_line_of_its_own() -> None:
    made = lines(setup(), entry(1, "2"), entry(2, "1", project=BRIDGE, project_name="Bridge"))
    assert said(made) == [
        ("Bridge · Ada", "120.00", "200"),
        ("Tower · Ada", "240.00", "200"),
        ("Travel (5%)", "18.00", "200"),
    ]
    travel = made[-1]
    assert (travel.quantity, travel.unit_amount, travel.tax_type) == (1, 18, "OUTPUT2")
    assert [(share.unit, share.seconds, share.amount, share.rate) for share in travel.shares] == [
        (entry(1).id, 0, Decimal("12.00"), Decimal("6.000000")),
        (entry(2).id, 0, Decimal("6.00"), Decimal("6.000000")),
    ]


def test_it_may_have_an_account_and_a_tax_type_of_its_own() -> None:
    own = replace(TRAVEL, account="201", tax_type="ZERORATEDOUTPUT")
    travel = lines(setup(own), entry(1))[-1]
    assert (travel.account, travel.tax_type) == ("201", "ZERORATEDOUTPUT")


def test_two_surcharges_are_both_on_the_time_and_not_on_each_other() -> None:
    made = lines(setup(TRAVEL, Surcharge(name="Admin", percent=Decimal("2.5"))), entry(1, "10"))
    assert said(made)[1:] == [("Travel (5%)", "60.00", "200"), ("Admin (2.5%)", "30.00", "200")]


def test_cents_are_rounded_once_and_every_cent_belongs_to_a_unit() -> None:
    made = lines(setup(), *[entry(number, "0.3", rates=("33.33", "", "")) for number in (1, 2, 3)])
    assert (made[0].amount, made[1].amount) == (Decimal("30.00"), Decimal("1.50"))
    assert sum(share.amount for share in made[1].shares) == Decimal("1.50")


def test_time_at_zero_has_no_surcharge() -> None:
    assert len(lines(setup(), entry(1, rates=("0", "", "")))) == 1


def test_composed_again_the_line_keeps_its_place_id_and_what_a_person_chose() -> None:
    before = list(numbered(lines(setup(), entry(1))))
    before[1] = replace(before[1], description="Fares", kept=("description",))
    again = lines(setup(), entry(1, "2"), existing=(before[1], before[0]))
    assert [(line.id, line.description, line.amount) for line in again] == [
        ("line-1", "Fares", Decimal("12.00")),
        ("line-0", "Tower · Ada", Decimal("240.00")),
    ]


def test_without_the_surcharge_in_the_setup_its_line_goes() -> None:
    before = numbered(lines(setup(), entry(1)))
    assert said(lines(rules(), entry(1), existing=before)) == [("Tower · Ada", "120.00", "200")]


def test_what_a_fixed_surcharge_line_carries_is_not_charged_again() -> None:
    time, travel = numbered(lines(setup(), entry(1)))
    theirs = replace(travel, amount=Decimal("4.00"), fixed=True, write_on=Decimal("-2.00"))
    carried = taken(
        [
            Posting(unit=entry(1).id, document="K/1", surcharge="Travel", amount=Decimal("6.00"), state="fixed"),
            Posting(unit=entry(1).id, document="K/1", amount=Decimal("120.00"), state="open"),
        ],
        setup(),
    )
    same = lines(setup(), entry(1), existing=(time, theirs), carried=carried)
    assert [line.amount for line in same] == [Decimal("120.00"), Decimal("4.00")]
    grown = lines(setup(), entry(1, "3"), existing=(time, theirs), carried=carried)
    assert [line.amount for line in grown] == [Decimal("360.00"), Decimal("4.00"), Decimal("12.00")]


def test_it_is_on_fixed_time_too_at_our_amounts() -> None:
    time, _ = numbered(lines(setup(), entry(1, "10")))
    theirs = replace(time, quantity=Decimal(9), amount=Decimal(1080), fixed=True, write_on=Decimal(-120))
    made = content_of([], (theirs,), setup()).lines
    assert [line.amount for line in made] == [Decimal(1080), Decimal("60.00")]


def test_a_unit_that_is_held_is_held_by_its_time_and_the_surcharge_follows() -> None:
    before = numbered(lines(setup(), entry(1), entry(2)))
    held = held_members(before, {entry(2).id})
    assert [each.seconds for each in held] == [3600]
    made = content_of(held, before, setup()).lines
    assert [(line.id, line.amount) for line in made] == [("line-0", Decimal("120.00")), ("line-1", Decimal("6.00"))]


@pytest.mark.parametrize(
    ("change", "cause"),
    [({"account": "202"}, "account:202"), ({"account": "999"}, "account:999"), ({"tax_type": "INPUT2"}, "tax:INPUT2")],
)
def test_one_that_xero_would_refuse_makes_the_time_wait(change: dict[str, str], cause: str) -> None:
    verdict = judge(entry(1), setup(replace(TRAVEL, **change)), company=company())
    assert isinstance(verdict, Waiting)
    assert verdict.cause == cause
    assert 'the surcharge "Travel"' in verdict.text


@given(
    st.lists(st.tuples(st.decimals(0, 12, places=2), st.sampled_from(["120", "33.3333", "0.01"])), max_size=8),
    st.decimals("0.01", 50, places=2),
)
def test_it_is_the_percentage_of_the_time_to_the_cent(worked: list[tuple[Decimal, str]], percent: Decimal) -> None:
    by = setup(replace(TRAVEL, percent=percent))
    entries = [entry(number, str(time), rates=(rate, "", "")) for number, (time, rate) in enumerate(worked, 1) if time]
    made = lines(by, *entries)
    time = sum((line.amount for line in made if not line.surcharge), ZERO)
    extra = sum((line.amount for line in made if line.surcharge), ZERO)
    assert extra == half_up(time * percent / 100, 2)
    assert all(sum((share.amount for share in line.shares), ZERO) == line.amount for line in made)


def test_shares_of_a_surcharge_have_no_seconds() -> None:
    travel = lines(setup(), entry(1))[-1]
    (share,) = travel.shares
    assert share == Share(
        unit=entry(1).id,
        seconds=Decimal(0),
        amount=Decimal("6.00"),
        rate=Decimal("6.000000"),
        rate_source="surcharge Travel",
        basis=placed(entry(1)).basis,
    )


def test_time_whose_correction_is_on_another_draft_gets_its_surcharge_back_only_after_that_one() -> None:
    office = Office(setup())
    office.put(entry(1))
    office.settle()
    (draft,) = open_drafts(office)
    at = (draft.key, draft.sequence)
    office.xero[at] = computed(replace(office.xero[at], lines=office.xero[at].lines[:1]))  # without the surcharge
    office.settle()
    office.xero[at] = edited(office.xero[at], 0, quantity=Decimal(9))
    office.put(entry(1, "0"))
    office.settle()
    office.answer("accept")
    for unit, document, seconds in office.taken_off():
        office.decide(unit, "bill", document, seconds=seconds)
    office.settle()
    invoice, note = office.documents()
    assert [line.description for line in invoice.lines] == ["Tower · Ada"]
    office.move(note, "AUTHORISED")
    office.settle()
    assert [line.description for line in office.documents()[0].lines] == ["Tower · Ada", "Travel (5%)"]
    assert office.settle() == 0
