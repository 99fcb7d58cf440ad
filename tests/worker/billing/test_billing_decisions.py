"""Of several decisions about one thing the last one counts, and each about no more than it was made about."""

from decimal import Decimal

import pytest
from billing_office import Office, open_drafts
from billing_support import BOLT, BRIDGE, company, contact, entry, judge, rules
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.billing import decisions as decided
from worker.billing.keys import document_id
from worker.billing.model import Decision, DecisionKind, Out, Placed, Posting, Waiting

UNIT = entry(1).id
HERE = "ABCDEFGH/1"
HOUR = Decimal(3600)


def said(*kinds: DecisionKind, document: str = "", seconds: Decimal = Decimal(0)) -> list[Decision]:
    return [Decision(unit=UNIT, kind=kind, document=document, seconds=seconds, by="Carol") for kind in kinds]


def on(state: str = "open") -> Posting:
    return Posting(unit=UNIT, document=HERE, seconds=HOUR, amount=Decimal("120.00"), state=state)  # type: ignore[arg-type]  # one of the states


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (("elsewhere",), "billed-elsewhere"),
        (("dont-bill",), "dont-bill"),
        (("elsewhere", "dont-bill"), "dont-bill"),
        (("dont-bill", "bill"), ""),
        (("bill", "elsewhere"), "billed-elsewhere"),
        (("keep",), ""),
    ],
)
def test_the_last_word_about_an_entry_counts(kinds: tuple[DecisionKind, ...], reason: str) -> None:
    verdict = judge(entry(1), decisions=said(*kinds))
    assert (verdict.reason if isinstance(verdict, Out) else "") == reason


def test_a_decision_says_who_and_why() -> None:
    (one,) = said("elsewhere")
    verdict = judge(entry(1), decisions=[replace(one, reason="on INV-7")])
    assert isinstance(verdict, Out)
    assert verdict.text == "Marked as billed elsewhere by Carol (on INV-7)."


def test_bill_lifts_over_24_hours_but_not_what_is_wrong() -> None:
    assert isinstance(judge(entry(1, "25")), Waiting)
    assert isinstance(judge(entry(1, "25"), decisions=said("bill")), Placed)
    assert isinstance(judge(entry(1, rates=()), decisions=said("bill")), Waiting)
    assert isinstance(judge(entry(1, billable=False), decisions=said("bill")), Out)


@pytest.mark.parametrize("reason", ["too-many-hours", "in-doubt", "flipping"])
def test_bill_lifts_these_reasons_while_it_is_the_last_word(reason: str) -> None:
    waiting = Waiting(reason, "")
    assert decided.lifted(said("bill"), waiting)
    assert not decided.lifted([], waiting)
    assert not decided.lifted(said("bill", "dont-bill"), waiting)
    assert not decided.lifted(said("bill", document=HERE), waiting)
    assert not decided.lifted(said("bill"), Waiting("no-rate", ""))


@pytest.mark.parametrize("state", ["open", "fixed"])
def test_kept_is_kept_whatever_the_entry_says_until_it_is_to_be_billed(state: str) -> None:
    changed = entry(1, "2", project=BRIDGE, xero_contact=BOLT)
    kept = judge(changed, contact=contact(BOLT), postings=[on(state)], decisions=said("keep"))
    assert isinstance(kept, Waiting)
    assert (kept.reason, kept.holds) == ("kept", True)
    assert isinstance(
        judge(changed, contact=contact(BOLT), postings=[on(state)], decisions=said("keep", "bill")), Placed
    )


def test_keep_says_nothing_about_time_that_is_on_no_document() -> None:
    assert isinstance(judge(entry(1), decisions=said("keep")), Placed)
    assert isinstance(judge(entry(1), postings=[on("suspended")], decisions=said("keep")), Placed)


def test_what_is_out_by_itself_keeps_its_own_reason() -> None:
    verdict = judge(entry(1, deleted=True), postings=[on("fixed")], decisions=said("dont-bill"))
    assert isinstance(verdict, Out)
    assert verdict.reason == "deleted"


def test_an_approval_taken_back_after_the_lock_is_still_proposed_when_it_is_not_to_be_billed() -> None:
    setup = rules(approved_values=("Approved",))
    one = entry(1, approval="Rejected")
    locked = judge(one, setup, postings=[on("fixed")], decisions=said("dont-bill"))
    assert isinstance(locked, Waiting)
    assert isinstance(judge(one, setup, decisions=said("dont-bill")), Out)


def test_keeping_an_entry_leaves_the_draft_as_it_is() -> None:
    office = Office()
    office.put(entry(1, "10"))
    office.put(entry(2, "1"))
    office.settle()
    office.decide(UNIT, "keep")
    office.put(entry(1, "2"))
    office.put(entry(2, "3"))
    office.settle()
    assert open_drafts(office)[0].lines[0].quantity == Decimal(13)
    office.decide(UNIT, "bill")
    office.settle()
    assert open_drafts(office)[0].lines[0].quantity == Decimal(5)


# ---- time that was taken off ---------------------------------------------------------------------------------------


def test_time_is_billed_again_as_far_as_somebody_said_so_and_never_more() -> None:
    again = said("bill", document=HERE, seconds=HOUR)
    assert decided.released(again, HERE, 3 * HOUR) == HOUR
    assert decided.released([*again, *again], HERE, HOUR) == HOUR
    assert decided.released(again, "OTHERDOC/1", HOUR) == 0
    assert decided.released(again, HERE, -3 * HOUR) == -HOUR
    elsewhere = said("elsewhere", document=HERE, seconds=HOUR)
    assert decided.released([*again, *elsewhere], HERE, HOUR) == 0
    assert decided.released([*again, *elsewhere], HERE, 2 * HOUR) == HOUR
    assert decided.released([*again, *elsewhere, *again], HERE, HOUR) == HOUR


def test_a_decision_settles_as_much_as_it_was_made_about() -> None:
    elsewhere = said("elsewhere", document=HERE, seconds=HOUR)
    assert decided.settlement(elsewhere, HERE, HOUR) == "elsewhere"
    assert decided.settlement(elsewhere, HERE, HOUR / 2) == "elsewhere"
    assert decided.settlement(elsewhere, HERE, 2 * HOUR) is None
    assert decided.settlement([*elsewhere, *said("dont-bill", document=HERE, seconds=HOUR)], HERE, HOUR) == "dont-bill"
    assert decided.settlement(said("elsewhere", seconds=HOUR), HERE, HOUR) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["bill", "elsewhere", "dont-bill"]), st.decimals(-9000, 9000, places=0)), max_size=6
    ),
    st.decimals(-9000, 9000, places=0),
)
def test_what_is_released_is_never_beyond_what_was_taken_off(
    kinds: list[tuple[DecisionKind, Decimal]], suspended: Decimal
) -> None:
    made = [Decision(unit=UNIT, kind=kind, document=HERE, seconds=seconds) for kind, seconds in kinds]
    released = decided.released(made, HERE, suspended)
    assert abs(released) <= abs(suspended)
    assert released * suspended >= 0


def test_time_taken_off_twice_waits_twice() -> None:
    office = Office()
    office.put(entry(1, "10"))
    office.settle()
    (draft,) = open_drafts(office)
    name = document_id(draft.key, draft.sequence)
    for times in (1, 2):
        at = (draft.key, draft.sequence)
        found = office.xero[at]
        office.xero[at] = replace(found, lines=(), updated=f"{found.updated}-{times}")
        office.settle()
        assert office.waiting[UNIT].reason == "suspended"
        office.decide(UNIT, "bill", name, seconds=10 * HOUR)
        office.settle()
        assert office.waiting == {}
        assert open_drafts(office)[0].lines[-1].amount == Decimal("1200.00")


# ---- proposals -----------------------------------------------------------------------------------------------------


def test_a_proposal_is_answered_only_by_a_decision_about_just_it() -> None:
    yes = Decision(unit=UNIT, kind="accept", document=HERE, seconds=HOUR, amount=Decimal("120.00"))
    no = replace(yes, kind="ignore")
    asked = (HERE, HOUR, Decimal("120.00"))
    assert decided.on_proposal([yes], *asked) == "accept"
    assert decided.on_proposal([yes, no], *asked) == "ignore"
    assert decided.on_proposal([yes], HERE, HOUR, Decimal("120.01")) is None
    assert decided.on_proposal([yes, replace(no, amount=Decimal(1))], *asked) is None
    assert decided.on_proposal([yes], "OTHERDOC/1", HOUR, Decimal("120.00")) is None
    assert decided.was_ignored([no, replace(yes, amount=Decimal(1))], *asked)
    assert not decided.was_ignored([no, yes], *asked)


def test_hours_after_an_ignored_move_are_corrected_where_they_were_billed() -> None:
    office = Office()
    office.put(entry(1, "10"))
    office.settle()
    office.move(open_drafts(office)[0], "AUTHORISED")
    moved = entry(1, "10", project=BRIDGE, project_name="Bridge", xero_contact=BOLT)
    office.put(moved)
    office.settle()
    office.answer("ignore")
    office.settle()
    assert (office.corrections, office.waiting) == ([], {})
    office.put(replace(moved, seconds=12 * HOUR))
    office.settle()
    assert [each.amount for each in office.corrections] == [Decimal("240.00")]
    assert company().base_currency == "GBP"
