"""On locked documents only the unit's own record proposes a correction; people's write-offs are used up first."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_support import (
    BOB,
    BOLT,
    BRIDGE,
    company,
    contact,
    drafted,
    echo,
    edited,
    entry,
    invoice_of,
    judge,
    placed,
    postings_by_unit,
    recomposed,
    rules,
)
from msgspec.structs import replace

from worker.billing.compose import Composition, compose
from worker.billing.corrections import Verdict
from worker.billing.merge import merge
from worker.billing.model import Correction, Document, Entry, Placed
from worker.billing.postings import postings_of
from worker.billing.rules import Rules


def locked(*entries: Entry, status: str = "AUTHORISED", setup: Rules | None = None) -> Document:
    document = drafted(*entries, setup=setup)
    return merge(document, replace(echo(document), status=status)).document


def proposals(document: Document, one: Entry, setup: Rules | None = None, **judged: Any) -> tuple[Correction, ...]:
    """What the invoice of a document proposes for an entry as it is now."""
    return proposal(document, one, setup, **judged).corrections


def proposal(document: Document, one: Entry, setup: Rules | None = None, **judged: Any) -> Composition:
    postings = postings_by_unit([document])
    verdict: Verdict = judge(one, setup, postings=postings[one.id], **judged)
    if isinstance(verdict, Placed) and verdict.key == document.key:
        return recomposed(document, one, setup=setup)
    made = recomposed(document, setup=setup, others={one.id: verdict})
    if not isinstance(verdict, Placed):
        return made
    client = judged.get("contact") or contact()
    there = compose(None, [verdict], postings, setup or rules(), company(), client)
    assert there.corrections == ()  # proposed once, by the invoice that billed it
    return replace(there, corrections=made.corrections)


@pytest.mark.parametrize(
    ("hours", "seconds", "amount"),
    [("12", 7200, "240.00"), ("9", -3600, "-120.00"), ("9.5", -1800, "-60.00"), ("-1", -39600, "-1320.00")],
)
def test_other_hours_after_the_lock_are_the_difference_at_the_rate_billed(
    hours: str, seconds: int, amount: str
) -> None:
    (correction,) = proposals(locked(entry(1, "10")), entry(1, hours))
    assert (correction.seconds, correction.amount, correction.rate) == (seconds, Decimal(amount), Decimal(120))
    assert correction.text.endswith(".")


@pytest.mark.parametrize("status", ["SUBMITTED", "AUTHORISED", "PAID"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"description": "Another text"},
        {"person": BOB, "rates": ("120.00", "", "200")},
        {"project_name": "Renamed"},
        {"rates": ("120.00", "", "999")},
        {"unreadable": "no access"},
    ],
    ids=["nothing", "text", "owner transferred", "project renamed", "project's rate", "access lost"],
)
def test_what_is_not_of_the_units_own_record_never_reopens_a_locked_document(
    status: str, changes: dict[str, Any]
) -> None:
    assert proposals(locked(entry(1, "10"), status=status), entry(1, "10", **changes)) == ()


def test_a_contact_repointed_after_the_lock_changes_nothing() -> None:
    made = proposal(locked(entry(1, "10")), entry(1, "10", xero_contact=BOLT), contact=contact(BOLT))
    assert (made.corrections, made.document, dict(made.waiting)) == ((), None, {})


def test_a_setup_that_lists_people_takes_nothing_off_locked_documents() -> None:
    assert proposals(locked(entry(1, "10")), entry(1, "10"), rules(bill_listed_only=True)) == ()


def test_a_closed_period_changes_nothing_about_what_was_billed_in_it() -> None:
    made = proposal(locked(entry(1, "10")), entry(1, "10"), closed={"2026-11"})
    assert (made.corrections, made.document) == ((), None)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"deleted": True}, "deleted"),
        ({"billable": False}, "no longer billable"),
        ({"already_billed": "INV-1"}, "billed elsewhere"),
        ({"hours": "0"}, "no hours"),
        ({"worked_on": date(2026, 10, 1)}, "before the start"),
    ],
)
def test_a_unit_that_is_gone_takes_off_exactly_what_was_billed(changes: dict[str, Any], word: str) -> None:
    twenty = replace(entry(1), seconds=Decimal(1200))
    document = locked(twenty, entry(2, "0.3333"), entry(3, "0.3333"))
    billed = postings_by_unit([document])[twenty.id][0].amount
    gone = entry(**{"number": 1, "hours": "0.3333", **changes})
    (correction,) = proposals(document, gone)
    assert correction.amount == -billed
    assert correction.seconds == -1200
    assert word in correction.text


def test_an_approval_taken_back_after_the_lock_is_proposed() -> None:
    setup = rules(approved_values=("Approved",), withdrawn_values=("Rejected",))
    document = locked(entry(1, approval="Approved"), setup=setup)
    (correction,) = proposals(document, entry(1, approval="Rejected"), setup)
    assert correction.amount == Decimal("-120.00")
    assert proposals(document, entry(1, approval="Approved"), setup) == ()
    assert proposals(document, entry(1, approval="Submitted"), setup) == ()


def test_the_units_own_rate_changed_after_the_lock_is_proposed() -> None:
    (correction,) = proposals(locked(entry(1, "10")), entry(1, "10", rates=("130", "", "")))
    assert (correction.seconds, correction.amount) == (0, Decimal("100.00"))
    assert "130 instead of 120" in correction.text


def test_the_units_project_moved_to_another_client_waits_for_the_correction_first() -> None:
    document = locked(entry(1, "10"))
    moved = entry(1, "10", project=BRIDGE, project_name="Bridge", xero_contact=BOLT)
    made = proposal(document, moved, contact=contact(BOLT))
    assert [correction.amount for correction in made.corrections] == [Decimal("-1200.00")]
    assert made.waiting[moved.id].reason == "moved-after-lock"
    assert made.document is None


def test_once_the_former_client_is_corrected_the_time_is_billed_to_the_new_one() -> None:
    document = locked(entry(1, "10"))
    moved = entry(1, "10", project=BRIDGE, project_name="Bridge", xero_contact=BOLT)
    (was,) = postings_of(document)
    corrected = replace(was, document="CREDIT/1", seconds=-was.seconds, amount=-was.amount)
    verdict = placed(moved, contact=contact(BOLT), postings=[was, corrected])
    made = compose(None, [verdict], {moved.id: [was, corrected]}, rules(), company(), contact(BOLT))
    assert made.corrections == ()
    assert made.document is not None
    assert made.document.lines[0].amount == Decimal("1200.00")


def test_a_project_moved_within_one_client_matters_only_where_invoices_are_per_project() -> None:
    moved = entry(1, "10", project=BRIDGE, project_name="Bridge")
    assert proposals(locked(entry(1, "10")), moved) == ()
    split = rules(invoice_per=("xero_contact", "project"))
    (correction,) = proposals(locked(entry(1, "10"), setup=split), moved, split)
    assert correction.amount == Decimal("-1200.00")


def test_a_corrected_unit_agrees_until_it_changes_again() -> None:
    document = locked(entry(1, "10"))
    (was,) = postings_of(document)
    more = replace(was, document="LATER/1", seconds=Decimal(7200), amount=Decimal("240.00"))
    postings = {entry(1).id: [was, more]}
    later = replace(invoice_of(document), key="LATER")
    for hours, amount in (("12", None), ("11", Decimal("-120.00"))):
        verdict = placed(entry(1, hours), postings=postings[entry(1).id])
        made = compose(later, [], postings, rules(), company(), contact(), others={entry(1).id: verdict})
        assert [correction.amount for correction in made.corrections] == ([amount] if amount else [])


@pytest.mark.parametrize(
    ("entry_hours", "amount"),
    [("10", None), ("9", None), ("8", "-120.00"), ("9.5", None), ("12", "240.00"), ("0", "-1080.00")],
    ids=["nothing", "10 to 9: used up", "10 to 8: the rest", "half of it", "up is not down", "gone: what was billed"],
)
def test_a_write_off_from_10_to_9_is_used_up_before_anything_is_taken_off(entry_hours: str, amount: str | None) -> None:
    document = drafted(entry(1, "10"))
    theirs = merge(document, edited(echo(document), quantity=Decimal(9))).document
    made = proposals(theirs, entry(1, entry_hours))
    assert [correction.amount for correction in made] == ([Decimal(amount)] if amount else [])


def test_what_a_person_suspended_counts_as_dealt_with_beside_what_is_fixed() -> None:
    document = locked(entry(1, "10"))
    (was,) = postings_of(document)
    taken_out = replace(was, document="LATER/1", seconds=Decimal(7200), amount=Decimal("240.00"), state="suspended")
    postings = {entry(1).id: [taken_out, was]}
    verdict = placed(entry(1, "13"), postings=postings[entry(1).id])
    made = compose(invoice_of(document), [verdict], postings, rules(), company(), contact())
    assert [correction.seconds for correction in made.corrections] == [3600]


def test_a_write_on_is_used_up_by_more_time() -> None:
    document = drafted(entry(1, "10"))
    theirs = merge(document, edited(echo(document), quantity=Decimal(11))).document
    assert proposals(theirs, entry(1, "11")) == ()
    (correction,) = proposals(theirs, entry(1, "12"))
    assert (correction.amount, correction.seconds) == (Decimal("120.00"), 3600)


def test_a_write_off_is_used_up_once_for_all_units_of_its_line() -> None:
    document = drafted(entry(1, "5"), entry(2, "5"))
    theirs = merge(document, edited(echo(document), quantity=Decimal(9))).document
    made = recomposed(theirs, entry(1, "4"), entry(2, "4"))
    assert [correction.amount for correction in made.corrections] == [Decimal("-120.00")]
