"""What a person did in Xero, row by row."""

from decimal import Decimal
from typing import Any

import pytest
from billing_support import ACME, BOLT, BRIDGE, RATES, computed, drafted, echo, edited, entry, recomposed
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.billing.canonical import canonical, digest, remember
from worker.billing.merge import accept, classify, difference, matches, merge
from worker.billing.model import Document, Found, FoundLine
from worker.billing.money import totals
from worker.billing.postings import postings_of

TRAVEL = FoundLine(
    id="travel", description="Travel", quantity=Decimal(1), unit_amount=Decimal(50), account="200", tax_type="OUTPUT2"
)


def draft() -> tuple[Document, Found]:
    """Our draft with two lines, and what Xero holds a moment after our last answer (a later time, nothing edited)."""
    document = drafted(entry(1, "10"), entry(2, "2", project=BRIDGE, project_name="Bridge"))
    return document, echo(document)


def states(document: Document) -> dict[str, str]:
    return {posting.unit: posting.state for posting in postings_of(document)}


# ---- which class -----------------------------------------------------------------------------------------------------


def test_the_time_of_our_last_answer_or_an_equal_content_is_untouched() -> None:
    document, found = draft()
    assert classify(document, found) == "untouched"
    assert classify(document, replace(edited(found, description="Odd"), updated=document.updated)) == "untouched"
    assert classify(document, replace(found, reference="PO", date="2026-12-24", number="X-1")) == "untouched"


def test_an_older_body_of_ours_arrived_late() -> None:
    document, older = draft()
    newer = recomposed(document, entry(1, "11"), entry(2, "2", project=BRIDGE, project_name="Bridge")).document
    assert newer is not None
    accepted = accept(newer, echo(newer))
    assert classify(accepted, older) == "late-own"
    merged = merge(accepted, older)
    assert merged.document.lines == accepted.lines
    assert (merged.fixed, merged.suspended, merged.notes) == ((), (), ())
    again = recomposed(merged.document, entry(1, "11"), entry(2, "2", project=BRIDGE, project_name="Bridge"))
    assert again.changed
    assert again.document is not None
    rewritten = accept(again.document, echo(again.document))
    assert not recomposed(rewritten, entry(1, "11"), entry(2, "2", project=BRIDGE, project_name="Bridge")).changed


def test_a_body_that_was_dropped_with_its_outcome_unknown_is_recognised_when_it_arrives() -> None:
    document, found = draft()
    dropped = edited(found, quantity=Decimal(4))
    assert classify(document, dropped) == "edited"
    assert classify(remember(document, canonical(dropped)), dropped) == "late-own"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"status": "SUBMITTED"}, "locked"),
        ({"status": "AUTHORISED"}, "locked"),
        ({"status": "PAID"}, "locked"),
        ({"status": "VOIDED"}, "gone"),
        ({"status": "DELETED"}, "gone"),
        ({"contact": BOLT}, "locked"),
        ({"currency": "USD"}, "locked"),
        ({"amounts": "Inclusive"}, "locked"),
        ({"lines": ()}, "edited"),
    ],
)
def test_state_client_currency_and_amounts_type_decide_the_class(change: dict[str, Any], kind: str) -> None:
    document, found = draft()
    assert classify(document, replace(found, **change)) == kind


def test_a_contact_that_xero_merged_is_no_change() -> None:
    document, found = draft()
    merged = replace(found, contact=BOLT)
    assert classify(document, merged, {ACME: BOLT}) == "untouched"
    assert merge(document, merged, {ACME: BOLT}).document.contact == BOLT


def test_an_unknown_state_is_an_error_and_not_a_guess() -> None:
    document, found = draft()
    with pytest.raises(ValueError, match="BILLED"):
        classify(document, replace(found, status="BILLED"))


# ---- the rows --------------------------------------------------------------------------------------------------------


def test_header_fields_are_theirs_and_no_touch() -> None:
    document, found = draft()
    merged = merge(document, replace(found, reference="PO-7", number="INV-9", date="2026-12-01", due_date="2027-01-01"))
    after = merged.document
    assert (after.reference, after.number, after.date, after.due_date) == ("PO-7", "INV-9", "2026-12-01", "2027-01-01")
    assert after.kept == ("date", "due_date")
    assert set(states(after).values()) == {"open"}
    assert after.lines == document.lines


def test_a_line_we_never_wrote_is_kept_and_sent_back_with_its_id() -> None:
    document, found = draft()
    merged = merge(document, computed(replace(found, lines=(TRAVEL, *found.lines))))
    assert [line.foreign for line in merged.document.lines] == [True, False, False]
    later = recomposed(merged.document, entry(1, "12"), entry(2, "2", project=BRIDGE, project_name="Bridge"))
    assert later.document is not None
    kept = later.document.lines[0]
    assert (kept.id, kept.description, kept.amount) == ("travel", "Travel", Decimal("50.00"))
    assert "added" in merged.notes[0]


def test_what_a_person_made_of_a_line_is_told_as_people_write_numbers() -> None:
    document, found = draft()
    merged = merge(document, edited(found, quantity=Decimal("2.0"), unit_amount=Decimal("95.1250")))
    (note,) = merged.notes
    assert note.endswith("from 2 x 120.00 = 240.00 to 2 x 95.125 = 190.25.")


def test_a_persons_own_line_follows_what_the_person_makes_of_it_and_may_go() -> None:
    document, found = draft()
    first = merge(document, computed(replace(found, lines=(*found.lines, TRAVEL)))).document
    dearer = computed(replace(found, lines=(*found.lines, replace(TRAVEL, unit_amount=Decimal(70)))))
    second = merge(first, dearer).document
    assert second.lines[-1].amount == Decimal("70.00")
    third = merge(second, computed(found))
    assert len(third.document.lines) == 2
    assert (third.fixed, third.suspended) == ((), ())


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Consulting"},
        {"account": "201"},
        {"tax_type": "ZERORATEDOUTPUT"},
        {"tracking": (("Region", "North"),)},
    ],
)
def test_texts_and_codes_on_our_line_are_theirs_and_quantity_goes_on_following(change: dict[str, Any]) -> None:
    document, found = draft()
    merged = merge(document, edited(found, 1, **change))
    after = merged.document
    (name,) = change
    assert after.lines[1].kept == (name,)
    assert set(states(after).values()) == {"open"}
    later = recomposed(after, entry(1, "12"), entry(2, "2", project=BRIDGE, project_name="Bridge")).document
    assert later is not None
    assert getattr(later.lines[1], name) == change[name]
    assert later.lines[1].quantity == Decimal("12.0000")
    assert merged.notes


@pytest.mark.parametrize(
    ("change", "write_on"),
    [
        ({"quantity": Decimal(9)}, "-120.00"),
        ({"quantity": Decimal(11)}, "120.00"),
        ({"unit_amount": Decimal(100)}, "-200.00"),
        ({"discount": Decimal(10)}, "-120.00"),
    ],
)
def test_numbers_on_our_line_fix_it_at_our_amounts(change: dict[str, Any], write_on: str) -> None:
    document, found = draft()
    merged = merge(document, edited(found, 1, **change))
    line = merged.document.lines[1]
    assert (line.fixed, line.write_on) == (True, Decimal(write_on))
    assert sum(share.amount for share in line.shares) == Decimal("1200.00") == line.amount - line.write_on
    assert [posting.unit for posting in merged.fixed] == [entry(1).id]
    assert states(merged.document) == {entry(1).id: "fixed", entry(2).id: "open"}
    again = merge(merged.document, edited(found, 1, **change))
    assert again.fixed == ()
    assert again.document.lines == merged.document.lines


def test_a_fixed_line_edited_again_is_measured_from_our_amount() -> None:
    document, found = draft()
    nine = merge(document, edited(found, 1, quantity=Decimal(9))).document
    eight = merge(nine, edited(found, 1, quantity=Decimal(8))).document
    assert eight.lines[1].write_on == Decimal("-240.00")
    back = merge(eight, edited(found, 1, quantity=Decimal(10))).document
    assert (back.lines[1].fixed, back.lines[1].write_on) == (True, Decimal("0.00"))


def test_our_line_taken_out_suspends_its_postings() -> None:
    document, found = draft()
    merged = merge(document, computed(replace(found, lines=found.lines[:1])))
    assert [posting.unit for posting in merged.suspended] == [entry(1).id]
    assert states(merged.document) == {entry(1).id: "suspended", entry(2).id: "open"}
    again = recomposed(merged.document, entry(1, "10"), entry(2, "2", project=BRIDGE, project_name="Bridge"))
    assert not again.changed
    assert again.waiting[entry(1).id].reason == "suspended"


def test_a_line_recreated_with_another_id_is_still_ours() -> None:
    document, found = draft()
    renewed = replace(found, lines=tuple(replace(line, id=f"new {line.id}") for line in found.lines))
    merged = merge(document, renewed)
    assert merged.suspended == ()
    assert [line.id for line in merged.document.lines] == [line.id for line in renewed.lines]
    with_travel = computed(replace(renewed, lines=(*renewed.lines, TRAVEL)))
    assert merge(document, with_travel).suspended == ()


@pytest.mark.parametrize(
    "change",
    [{"status": "SUBMITTED"}, {"status": "AUTHORISED"}, {"contact": BOLT}, {"currency": "USD"}, {"amounts": "NoTax"}],
)
def test_another_head_or_state_fixes_the_whole_document_for_good(change: dict[str, Any]) -> None:
    document, found = draft()
    merged = merge(document, replace(found, **change))
    assert set(states(merged.document).values()) == {"fixed"}
    assert len(merged.fixed) == 2
    assert merged.notes
    back = merge(merged.document, replace(found, updated="back to draft"))
    assert back.document.status == "open"
    assert set(states(back.document).values()) == {"fixed"}
    later = recomposed(back.document, entry(3))
    assert later.document is not None
    assert later.document.sequence == 2


def test_an_edit_made_while_approving_is_a_write_off_too() -> None:
    document, found = draft()
    merged = merge(document, replace(edited(found, 1, quantity=Decimal(9)), status="AUTHORISED")).document
    assert merged.lines[1].write_on == Decimal("-120.00")
    paid = merge(merged, replace(edited(found, 1, quantity=Decimal(9)), status="PAID"))
    assert paid.document.status == "paid"
    assert paid.fixed == ()


@pytest.mark.parametrize(("status", "word"), [("DELETED", "deleted"), ("VOIDED", "voided")])
def test_a_document_that_a_person_deleted_or_voided_suspends_all_its_postings(status: str, word: str) -> None:
    document, found = draft()
    merged = merge(document, replace(found, status=status))
    assert merged.document.status == word
    assert set(states(merged.document).values()) == {"suspended"}
    assert len(merged.suspended) == 2


def test_a_person_going_back_to_what_we_wrote_before_the_edit_is_believed() -> None:
    document, found = draft()
    nine = merge(document, edited(found, 1, quantity=Decimal(9))).document
    assert classify(nine, replace(found, updated="reverted")) == "edited"


def test_what_a_person_wrote_is_never_taken_for_an_older_body_of_ours() -> None:
    document, found = draft()
    theirs = edited(found, 1, quantity=Decimal(9))
    nine = merge(document, theirs).document
    wanted = recomposed(nine, entry(1, "10"), entry(2, "3", project=BRIDGE, project_name="Bridge")).document
    assert wanted is not None
    accepted = accept(wanted, echo(wanted))
    assert classify(accepted, replace(theirs, updated="again")) == "edited"


def test_a_create_that_was_never_answered_is_merged_by_the_places_of_its_lines() -> None:
    document, found = draft()
    sent = replace(document, xero_id="", updated="", lines=tuple(replace(line, id="") for line in document.lines))
    merged = merge(sent, edited(found, 1, quantity=Decimal(9)))
    assert [line.foreign for line in merged.document.lines] == [False, False]
    assert merged.document.lines[1].write_on == Decimal("-120.00")
    assert merged.suspended == ()


def test_the_text_of_an_emptied_draft_may_be_changed_or_turned_into_a_charge() -> None:
    document = drafted(entry(1))
    emptied = recomposed(document).document
    assert emptied is not None
    kept = accept(emptied, echo(emptied))
    texted = merge(kept, edited(echo(kept), description="Nothing this month")).document
    assert (texted.lines[0].kept, texted.lines[0].foreign) == (("description",), False)
    charged = merge(kept, edited(echo(kept), quantity=Decimal(1), unit_amount=Decimal(5))).document
    assert charged.lines[0].foreign


# ---- our own writes --------------------------------------------------------------------------------------------------


def test_an_accepted_write_takes_ids_number_totals_and_time() -> None:
    document, found = draft()
    assert (document.xero_id, document.number, document.status) == (found.id, found.number, "open")
    assert (document.total, document.total_tax) == (Decimal("1728.00"), Decimal("288.00"))
    assert all(line.id for line in document.lines)
    assert document.body == canonical(found)
    assert document.digests == ()


def test_each_accepted_write_moves_the_body_before_it_to_the_digests() -> None:
    document, _ = draft()
    bodies = []
    for hours in ("11", "12", "13", "14"):
        bodies.append(digest(document.body))
        wanted = recomposed(document, entry(1, hours), entry(2, "2", project=BRIDGE, project_name="Bridge")).document
        assert wanted is not None
        document = accept(wanted, echo(wanted))
    assert document.digests == tuple(reversed(bodies[1:]))
    again = accept(document, echo(document))
    assert again.digests == document.digests


def test_lines_with_the_same_content_get_different_ids() -> None:
    document, _ = draft()
    twin = replace(document.lines[0], id="")
    answered = echo(replace(document, lines=(twin, twin)))
    accepted = accept(replace(document, lines=(twin, twin)), answered)
    assert [line.id for line in accepted.lines] == [line.id for line in answered.lines]
    assert len({line.id for line in accepted.lines}) == 2


def test_a_text_that_xero_normalises_does_not_unsettle_the_lines() -> None:
    document, _ = draft()
    wanted = replace(document, lines=tuple(replace(line, id="") for line in document.lines))
    answered = edited(echo(wanted), description="Bridge - Ada")
    accepted = accept(wanted, answered)
    assert [line.id for line in accepted.lines] == [line.id for line in answered.lines]
    assert classify(accepted, replace(answered, updated="later")) == "untouched"


def test_a_document_that_we_deleted_or_submitted_holds_nothing_or_stays_fixed() -> None:
    document, _ = draft()
    assert postings_of(accept(document, echo(document, status="DELETED"))) == ()
    submitted = accept(document, echo(document, status="SUBMITTED"))
    assert (submitted.status, submitted.fixed) == ("awaiting-approval", True)


def test_only_the_intents_own_content_is_adopted() -> None:
    document, found = draft()
    assert matches(document, found)
    assert not matches(document, edited(found, quantity=Decimal(3)))
    assert matches(document, replace(found, contact=BOLT), {ACME: BOLT})


# ---- the cents ------------------------------------------------------------------------------------------------------


def test_equal_cents_are_no_difference() -> None:
    document, found = draft()
    assert difference(document, found) is None
    assert difference(document, found, RATES) is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sub_total": Decimal("1440.01")}, "sum of the lines"),
        ({"total_tax": Decimal("287.99")}, "tax"),
        ({"total": Decimal("1")}, "total"),
    ],
)
def test_a_cent_of_difference_is_said(change: dict[str, Any], word: str) -> None:
    document, found = draft()
    said = difference(document, replace(found, **change), RATES)
    assert said is not None
    assert word in said


def test_a_line_that_xero_computes_differently_is_named() -> None:
    document, found = draft()
    lines = (replace(found.lines[0], amount=Decimal("240.01")), found.lines[1])
    said = difference(document, replace(found, lines=lines))
    assert said is not None
    assert "Bridge" in said


@given(
    st.lists(st.tuples(st.integers(1, 86_400), st.decimals(0, 400, places=4)), min_size=1, max_size=8),
    st.sampled_from(["exclusive", "inclusive", "no-tax"]),
)
def test_our_totals_are_those_that_xero_answers(times: list[tuple[int, Decimal]], amounts: Any) -> None:
    entries = [
        replace(entry(number, rates=(str(rate), "", ""), person=f"005{number:015}"), seconds=Decimal(seconds))
        for number, (seconds, rate) in enumerate(times, 1)
    ]
    document = replace(drafted(entry(99), *entries), amounts=amounts)
    found = echo(document)
    assert difference(document, found, RATES) is None
    assert totals(document.lines, RATES, amounts).total == found.total
