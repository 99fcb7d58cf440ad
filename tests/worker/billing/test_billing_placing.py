"""With what time is billed and on which line: tracking, items, values of its own, late time, time shown at zero."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_support import TOWER, company, contact, drafted, echo, entry, judge, placed, recomposed, rules
from msgspec.structs import replace

from worker.billing.content import content_of
from worker.billing.members import member_of
from worker.billing.merge import accept
from worker.billing.merge_lines import foreign
from worker.billing.model import Decision, Entry, FoundLine, Line, Out, Placed, Posting, Terms, Waiting
from worker.billing.rules import Rules

DIVISIONS = company(tracking=(("Region", ("North", "South ")), ("Team", ("Ada", "Bob"))))
BY_AREA = {"tracking": (("Region", "area"),)}


def lines(*placements: Placed, setup: Rules) -> list[Line]:
    return list(content_of([member_of(each, each.seconds) for each in placements], (), setup).lines)


# ---- tracking, items, values of the entry's own ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "extra", "client", "tracked"),
    [
        ((("Region", "North"),), {}, (), (("Region", "North"),)),
        ((("region", "south"),), {}, (), (("Region", "South "),)),
        ((("Region", "area"),), {"area": "north"}, (), (("Region", "North"),)),
        ((("Region", "area"),), {"area": ""}, (), ()),
        ((("Region", "area"),), {"area": ""}, (("Region", "North"),), (("Region", "North"),)),
        ((("Region", "area"),), {"area": "South"}, (("Region", "North"),), (("Region", "South "),)),
        ((("Region", "South"),), {}, (("Region", "North"),), (("Region", "North"),)),
        ((), {}, (("Region", "North"),), (("Region", "North"),)),
        ((("Team", "person"), ("Region", "North")), {}, (), (("Region", "North"), ("Team", "Ada"))),
    ],
)
def test_tracking_is_the_mapped_value_else_the_clients_else_the_fixed_text(
    said: Any, extra: dict[str, str], client: Any, tracked: Any
) -> None:
    one = placed(entry(extra=extra), rules(tracking=said), company=DIVISIONS, contact=contact(tracking=client))
    assert one.tracking == tracked
    (line,) = lines(one, setup=rules(tracking=said))
    assert line.tracking == tracked


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ((("Region", "West"),), 'The tracking category Region has no active option "West" in Xero'),
        ((("Division", "North"),), "The Xero company has no active tracking category Division"),
        ((("Region", "person"),), 'The tracking category Region has no active option "Ada" in Xero'),
    ],
)
def test_an_option_that_is_archived_or_unknown_makes_the_time_wait(said: Any, text: str) -> None:
    on_draft = [Posting(unit=entry().id, document="K/1", contact=entry().xero_contact)]
    verdict = judge(entry(), rules(tracking=said), company=DIVISIONS, postings=on_draft)
    assert isinstance(verdict, Waiting)
    assert verdict.text.startswith(text)
    assert (verdict.reason, verdict.cause) == ("tracking-invalid", f"tracking:{said[0][0]}")
    assert verdict.holds, "what is on the draft stays there"


def test_a_line_never_mixes_tracking_items_accounts_or_tax_types() -> None:
    setup = rules(tracking=(("Region", "area"),), line_per=("project",))
    sorts = [
        {"area": "North"},
        {"area": "South"},
        {"item": "CONSULT"},
        {"revenue_account": "201"},
        {"tax_type": "ZERORATEDOUTPUT"},
        {},
    ]
    made = [placed(entry(n, extra={"area": "", **x}), setup, company=DIVISIONS) for n, x in enumerate(sorts, 1)]
    found = lines(*made, setup=setup)
    assert len(found) == len(sorts)
    assert {line.item for line in found} == {"", "CONSULT"}
    assert {(line.account, line.tax_type) for line in found} >= {("201", "ZERORATEDOUTPUT"), ("200", "ZERORATEDOUTPUT")}


@pytest.mark.parametrize(
    ("extra", "client", "setup", "sources"),
    [
        ({}, {}, {}, {"account": "the setup", "tax_type": "the account", "currency": "the company"}),
        ({}, {"account": "201"}, {"tax_type": "RROUTPUT"}, {"account": "the contact", "tax_type": "the setup"}),
        ({"revenue_account": "201", "tax_type": "NONE"}, {}, {}, {"account": "the entry", "tax_type": "the entry"}),
        ({}, {"tax_type": "NONE", "currency": "USD"}, {}, {"tax_type": "the contact", "currency": "the contact"}),
        ({}, {"amounts": "INCLUSIVE"}, {}, {"amounts": "the contact"}),
        ({}, {}, {"due_days": 0}, {"terms": "the setup"}),
        ({}, {"terms": Terms(20, "OFFOLLOWINGMONTH")}, {"due_days": 7}, {"terms": "the contact"}),
        ({"area": "North"}, {"tracking": (("Region", "South"),)}, BY_AREA, {"tracking Region": "the entry"}),
        ({"area": ""}, {"tracking": (("Region", "South"),)}, BY_AREA, {"tracking Region": "the contact"}),
        ({}, {}, {"tracking": (("Region", "North"),)}, {"tracking Region": "the setup"}),
    ],
)
def test_where_each_value_came_from_is_recorded(
    extra: dict[str, str], client: dict[str, Any], setup: dict[str, Any], sources: dict[str, str]
) -> None:
    one = placed(entry(extra=extra), rules(**setup), contact=contact(**client), company=DIVISIONS)
    assert sources.items() <= one.sources.items()
    (line,) = lines(one, setup=rules(**setup))
    assert line.sources == one.sources


def test_an_account_of_the_entrys_own_that_xero_refuses_makes_it_wait() -> None:
    verdict = judge(entry(extra={"revenue_account": "400"}))
    assert isinstance(verdict, Waiting)
    assert verdict.cause == "account:400"
    assert verdict.text.endswith("choose another one in the entry.")


def test_an_item_given_later_is_sent() -> None:
    document = drafted(entry())
    again = recomposed(document, entry(extra={"item": "CONSULT"}))
    assert again.changed
    assert again.document is not None
    assert [line.item for line in again.document.lines] == ["CONSULT"]
    kept = accept(again.document, echo(again.document))
    assert not recomposed(kept, entry(extra={"item": "CONSULT"})).changed


def test_a_persons_own_line_keeps_its_item() -> None:
    theirs = FoundLine(id="t", description="Hosting", quantity=Decimal(1), unit_amount=Decimal(9), item="HOST")
    assert foreign(theirs).item == "HOST"


# ---- late time ------------------------------------------------------------------------------------------------------


def test_late_time_has_a_line_of_its_own_marked_with_its_month() -> None:
    late, now = placed(entry(1), closed={"2026-11"}), placed(entry(2, worked_on=date(2026, 12, 3)))
    assert (late.key, late.period) == (now.key, "2026-12")
    found = lines(late, now, setup=rules())
    assert [line.description for line in found] == ["Tower · Ada", "Tower · Ada (2026-11)"]


def test_a_text_that_prints_the_period_says_it_once() -> None:
    setup = rules(description="{project} {period}")
    late = placed(entry(1), setup, closed={"2026-11"})
    now = placed(entry(2, worked_on=date(2026, 12, 3)), setup)
    assert [line.description for line in lines(late, now, setup=setup)] == ["Tower 2026-11", "Tower 2026-12"]


def test_time_on_its_own_periods_draft_is_never_late() -> None:
    key = placed(entry()).key
    on_draft = [Posting(unit=entry().id, document=f"{key}/1", contact=entry().xero_contact)]
    assert placed(entry(), closed={"2026-11"}, postings=on_draft).description == "Tower · Ada"


@pytest.mark.parametrize("period", ["day", "week", "fortnight", "quarter", "month"])
def test_late_time_is_marked_with_its_own_period_whatever_it_is(period: str) -> None:
    setup = rules(period=period)
    own = placed(entry(), setup).period
    late = placed(entry(), setup, closed={own})
    assert late.description == f"Tower · Ada ({own})"


def test_until_approved_nothing_is_ever_late() -> None:
    assert placed(entry(), rules(period="until-approved"), closed={"2026-11"}).description == "Tower · Ada"


# ---- shown at zero --------------------------------------------------------------------------------------------------

SHOWN = rules(show_non_billable="line")


def free(number: int = 1, hours: str = "2", **changes: Any) -> Entry:
    return entry(number, hours, billable=False, **changes)


def test_non_billable_time_is_shown_at_zero_when_asked_and_is_out_otherwise() -> None:
    assert isinstance(judge(free()), Out)
    made = lines(placed(free(), SHOWN), placed(entry(2), SHOWN), setup=SHOWN)
    assert [(line.description, str(line.quantity), str(line.amount)) for line in made] == [
        ("Tower · Ada", "1.0000", "120.00"),
        ("Tower · Ada (not billable)", "2.0000", "0.00"),
    ]


@pytest.mark.parametrize(
    "changes", [{"xero_contact": ""}, {"seconds": Decimal(0)}, {"worked_on": date(2026, 10, 1)}, {"deleted": True}]
)
def test_it_waits_for_nothing_and_is_out_where_it_cannot_be_shown(changes: dict[str, Any]) -> None:
    assert isinstance(judge(replace(free(), **changes), SHOWN), Out)


def test_it_needs_no_rate() -> None:
    assert placed(free(rates=("", "", "")), SHOWN).rate == 0


def test_made_billable_it_is_another_rate_of_its_own_record() -> None:
    shown, billed = placed(free(), SHOWN), placed(entry(1, "2"), SHOWN)
    assert shown.basis != billed.basis
    assert (shown.rate_source, shown.rate, billed.rate) == ("not billable", 0, 120)


def test_only_the_billable_field_is_shown_so_not_what_is_out_for_another_reason() -> None:
    assert isinstance(judge(replace(free(), already_billed="INV-7"), SHOWN), Out)


# ---- a day has 24 hours ---------------------------------------------------------------------------------------------


def test_one_entry_of_more_than_24_hours_waits_unless_a_person_says_bill() -> None:
    verdict = judge(entry(1, "24.01", project=TOWER))
    assert isinstance(verdict, Waiting)
    assert verdict.reason == "too-many-hours"
    assert not isinstance(judge(entry(1, "24")), Waiting)


def test_a_person_may_have_it_billed_anyway() -> None:
    billed = Decision(unit=entry(1).id, kind="bill")
    assert isinstance(judge(entry(1, "30"), decisions=[billed]), Placed)
    again = Decision(unit=entry(1).id, kind="dont-bill")
    assert isinstance(judge(entry(1, "30"), decisions=[billed, again]), Waiting | Out)
