"""The open document is computed from the entries as they are now, each time anew."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_support import (
    ACME,
    BOB,
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

from worker.billing.canonical import canonical
from worker.billing.compose import Composition, compose
from worker.billing.merge import accept, merge
from worker.billing.model import Document, Entry, Line, Posting, Terms
from worker.billing.postings import postings_of
from worker.billing.rules import Rules


def first(*entries: Entry, setup: Rules | None = None, **more: Any) -> Composition:
    setup = setup or rules()
    return compose(None, [placed(each, setup) for each in entries], {}, setup, company(), contact(), **more)


def new(*entries: Entry, setup: Rules | None = None, **more: Any) -> Document:
    document = first(*entries, setup=setup, **more).document
    assert document is not None
    return document


def rows(document: Document | None) -> list[tuple[str, str, str, str]]:
    assert document is not None
    return [(line.description, str(line.quantity), str(line.unit_amount), str(line.amount)) for line in document.lines]


def test_a_month_of_time_is_one_invoice_with_a_line_per_project_and_person() -> None:
    made = first(
        entry(1, "7.5"),
        entry(2, "0.5"),
        entry(3, "2", person=BOB, person_name="Bob", rates=("90", "", "")),
        entry(4, "1", project=BRIDGE, project_name="Bridge"),
    )
    assert made.create
    assert made.changed
    assert rows(made.document) == [
        ("Bridge · Ada", "1.0000", "120.0000", "120.00"),
        ("Tower · Ada", "8.0000", "120.0000", "960.00"),
        ("Tower · Bob", "2.0000", "90.0000", "180.00"),
    ]


def test_its_head_says_client_period_dates_and_reference() -> None:
    document = new(entry())
    head = (document.sequence, document.contact, document.currency, document.period, document.amounts)
    assert head == (1, ACME, "GBP", "2026-11", "exclusive")
    assert (document.date, document.due_date, document.reference) == ("2026-11-30", "2026-11-30", "2026-11")
    assert document.rules_version == 1


def test_hours_are_summed_exactly_and_rounded_once() -> None:
    twenty = [replace(entry(number), seconds=Decimal(1200)) for number in (1, 2, 3)]
    assert rows(new(*twenty)) == [("Tower · Ada", "1.0000", "120.0000", "120.00")]


def test_two_rates_of_one_person_on_one_project_are_two_lines() -> None:
    document = new(entry(1, rates=("100", "", "")), entry(2, rates=("120", "", "")))
    assert [line.unit_amount for line in document.lines] == [Decimal("100.0000"), Decimal("120.0000")]


@pytest.mark.parametrize(
    ("client", "setup", "firm", "due"),
    [
        ({"terms": Terms(20, "OFFOLLOWINGMONTH")}, {"due_days": 7}, {}, "2026-12-20"),
        ({}, {"due_days": 7}, {"terms": Terms(30, "DAYSAFTERBILLDATE")}, "2026-12-07"),
        ({}, {"due_days": 0}, {"terms": Terms(30, "DAYSAFTERBILLDATE")}, "2026-11-30"),
        ({}, {}, {"terms": Terms(30, "DAYSAFTERBILLDATE")}, "2026-12-30"),
    ],
)
def test_the_due_date_is_by_the_clients_terms_else_the_setups_else_the_companys(
    client: dict[str, Any], setup: dict[str, Any], firm: dict[str, Any], due: str
) -> None:
    chosen = rules(**setup)
    made = compose(None, [placed(entry(), chosen)], {}, chosen, company(**firm), contact(**client))
    assert made.document is not None
    assert made.document.due_date == due


@pytest.mark.parametrize(
    ("rule", "dated"), [("period-end", "2026-11-30"), ("last-entry", "2026-11-09"), ("today", "2026-11-20")]
)
def test_the_invoice_is_dated_as_the_setup_says(rule: str, dated: str) -> None:
    entries = (entry(1), entry(2, worked_on=date(2026, 11, 9)))
    assert new(*entries, setup=rules(invoice_date=rule), today=date(2026, 11, 20)).date == dated


def test_a_reference_prints_each_different_text_once() -> None:
    entries = (entry(1, extra={"po": "PO-2"}), entry(2, extra={"po": "PO-1"}), entry(3, extra={"po": "PO-2"}), entry(4))
    assert new(*entries, setup=rules(reference="{po}")).reference == "PO-1, PO-2"


def test_until_approved_prints_the_month_and_dates_by_the_last_entry() -> None:
    document = new(entry(), setup=rules(period="until-approved"))
    assert (document.period, document.reference, document.date) == ("until-approved", "2026-11", "2026-11-05")


def test_descriptions_of_entries_are_printed_only_when_asked_each_once() -> None:
    entries = [entry(number, description=text) for number, text in enumerate(["Plans", "Review", "Plans"], 1)]
    assert new(*entries).lines[0].description == "Tower · Ada"
    setup = rules(description="{project}: {description}", line_per=("project",))
    assert new(*entries, setup=setup).lines[0].description == "Tower: Plans\nTower: Review"


def test_more_description_than_xero_takes_is_cut() -> None:
    entries = [entry(number, "0.25", description=f"{number} " + "x" * 90) for number in range(1, 60)]
    text = new(*entries, setup=rules(description="{description}", line_per=("project",))).lines[0].description
    assert len(text) <= 4000
    assert text.endswith("…")


def test_composing_again_what_xero_answered_writes_nothing() -> None:
    entries = (entry(1), entry(2, "0.3333"), entry(3, project=BRIDGE, project_name="Bridge"))
    document = drafted(*entries)
    again = recomposed(document, *entries)
    assert again.document is not None
    assert canonical(again.document) == canonical(document)
    assert (again.changed, again.reposted, again.create, again.delete, again.departed) == (False,) * 4 + ((),)


def test_existing_lines_keep_their_place_and_id_and_new_ones_follow() -> None:
    document = drafted(entry(1), entry(2, project=BRIDGE, project_name="Bridge"))
    grown = recomposed(
        document,
        entry(1, "3"),
        entry(2, project=BRIDGE, project_name="Bridge"),
        entry(3, project="a01000000000003AAA", project_name="Arch"),
    )
    assert grown.document is not None
    assert [line.description for line in grown.document.lines] == ["Bridge · Ada", "Tower · Ada", "Arch · Ada"]
    assert [line.id for line in grown.document.lines] == [*[line.id for line in document.lines], ""]
    assert grown.changed


def test_an_entry_that_left_is_taken_off_and_named() -> None:
    document = drafted(entry(1), entry(2, "2"))
    left = recomposed(document, entry(1))
    assert rows(left.document) == [("Tower · Ada", "1.0000", "120.0000", "120.00")]
    assert left.departed == (entry(2).id,)


def test_an_entry_replaced_by_its_equal_moves_postings_without_a_change_to_send() -> None:
    document = drafted(entry(1))
    swapped = recomposed(document, entry(2))
    assert not swapped.changed
    assert swapped.reposted
    assert swapped.departed == (entry(1).id,)


def test_an_emptied_draft_keeps_one_line_of_text_until_its_period_closes() -> None:
    document = drafted(entry())
    emptied = recomposed(document)
    assert emptied.document is not None
    assert [(line.description, line.quantity) for line in emptied.document.lines] == [
        ("No time on this invoice at present.", None)
    ]
    assert not emptied.delete
    kept = accept(emptied.document, echo(emptied.document))
    again = recomposed(kept)
    assert (again.changed, again.delete) == (False, False)
    closed = recomposed(kept, closed={"2026-11"})
    assert (closed.changed, closed.delete) == (True, True)
    refilled = recomposed(kept, entry(2))
    assert rows(refilled.document) == [("Tower · Ada", "1.0000", "120.0000", "120.00")]


def test_a_draft_with_a_persons_line_is_never_emptied_nor_deleted() -> None:
    document = drafted(entry())
    travel = Line(
        id="t", description="Travel", quantity=Decimal(1), unit_amount=Decimal(50), amount=Decimal(50), foreign=True
    )
    theirs = replace(document, lines=(travel, *document.lines))
    emptied = recomposed(theirs, closed={"2026-11"})
    assert emptied.document is not None
    assert emptied.document.lines == (travel,)
    assert not emptied.delete


def test_nothing_placed_and_nothing_open_is_nothing() -> None:
    assert compose(None, [], {}, rules(), company(), None) == Composition()


def test_a_draft_of_only_zeros_is_not_created_but_zeros_go_along_with_money() -> None:
    free = entry(1, rates=("0", "", ""))
    made = first(free)
    assert made.document is None
    assert made.waiting[free.id].reason == "only-zeros"
    document = new(free, entry(2))
    assert sorted(line.amount for line in document.lines) == [Decimal("0.00"), Decimal("120.00")]


def test_negative_time_lowers_its_line() -> None:
    assert rows(new(entry(1, "3"), entry(2, "-1"))) == [("Tower · Ada", "2.0000", "120.0000", "240.00")]


def test_a_line_negative_in_all_has_a_positive_quantity_and_a_negative_price() -> None:
    document = new(entry(1, "3"), entry(2, "-1", project=BRIDGE, project_name="Bridge"))
    assert rows(document)[0] == ("Bridge · Ada", "1.0000", "-120.0000", "-120.00")
    assert sum(posting.amount for posting in postings_of(document)) == Decimal("240.00")


def test_negative_time_that_would_make_the_invoice_negative_waits() -> None:
    made = first(entry(1, "1"), entry(2, "-3"))
    assert rows(made.document) == [("Tower · Ada", "1.0000", "120.0000", "120.00")]
    assert made.waiting[entry(2).id].reason == "negative-invoice"


def test_a_unit_on_another_document_is_moving_until_it_is_off_it() -> None:
    elsewhere = Posting(unit=entry().id, document="OTHERKEY/1", contact="other")
    made = compose(None, [placed(entry())], {entry().id: [elsewhere]}, rules(), company(), contact())
    assert made.document is None
    assert made.waiting[entry().id].reason == "moving"


@pytest.mark.parametrize("status", ["SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"])
def test_later_time_opens_the_next_sequence_when_the_last_document_is_no_longer_open(status: str) -> None:
    document = drafted(entry(1))
    locked = merge(document, replace(echo(document), status=status)).document
    made = recomposed(locked, entry(2))
    assert made.document is not None
    assert (made.document.sequence, made.create, made.document.number) == (2, True, "")


def test_what_a_person_suspended_waits_for_a_decision_and_only_more_time_is_billed() -> None:
    document = drafted(entry(1, "3"))
    voided = merge(document, replace(echo(document), status="VOIDED")).document
    same = recomposed(voided, entry(1, "3"))
    assert same.document is None
    assert same.waiting[entry(1).id].reason == "suspended"
    more = recomposed(voided, entry(1, "5"))
    assert rows(more.document) == [("Tower · Ada", "2.0000", "120.0000", "240.00")]
    assert more.waiting[entry(1).id].reason == "suspended"
    less = recomposed(voided, entry(1, "1"))
    assert less.document is None


def test_a_unit_that_cannot_be_read_stays_on_its_draft_as_it_is() -> None:
    document = drafted(entry(1), entry(2, "2"))
    held = judge(entry(2, "9", unreadable="no access"), postings=postings_by_unit([document])[entry(2).id])
    made = recomposed(document, entry(1), others={entry(2).id: held})
    assert not made.changed
    assert made.departed == ()
    grown = recomposed(document, entry(1, "2"), others={entry(2).id: held})
    assert rows(grown.document) == [("Tower · Ada", "4.0000", "120.0000", "480.00")]


def test_a_persons_texts_and_codes_stay_while_time_moves_the_quantity() -> None:
    document = drafted(entry(1))
    theirs = merge(document, edited(echo(document), description="Consulting", account="201")).document
    grown = recomposed(theirs, entry(1), entry(2))
    assert grown.document is not None
    line = grown.document.lines[0]
    assert (line.description, line.account, line.quantity) == ("Consulting", "201", Decimal("2.0000"))
    assert {posting.account for posting in postings_of(grown.document)} == {"201"}


def test_later_time_of_a_fixed_line_opens_a_line_of_its_own() -> None:
    document = drafted(entry(1, "10"))
    theirs = merge(document, edited(echo(document), quantity=Decimal(9))).document
    grown = recomposed(theirs, entry(1, "10"), entry(2, "2"))
    assert rows(grown.document) == [
        ("Tower · Ada", "9", "120.0000", "1080.00"),
        ("Tower · Ada", "2.0000", "120.0000", "240.00"),
    ]
    assert grown.corrections == ()


def test_the_date_follows_the_last_entry_unless_a_person_chose_one() -> None:
    setup = rules(invoice_date="last-entry", due_days=10)
    document = drafted(entry(1), setup=setup)
    later = (entry(1), entry(2, worked_on=date(2026, 11, 20)))
    moved = recomposed(document, *later, setup=setup)
    assert moved.document is not None
    assert (moved.document.date, moved.document.due_date) == ("2026-11-20", "2026-11-30")
    chosen = merge(document, replace(echo(document), date="2026-11-25", updated="later")).document
    kept = recomposed(chosen, *later, setup=setup)
    assert kept.document is not None
    assert kept.document.date == "2026-11-25"


def test_a_document_keeps_number_reference_and_the_setup_version_it_was_opened_under() -> None:
    document = drafted(entry(1))
    grown = recomposed(document, entry(1, "2"), setup=rules(version=7, reference="{project}"))
    assert grown.document is not None
    assert (grown.document.number, grown.document.reference) == (document.number, "2026-11")
    assert grown.document.rules_version == 1


def test_in_a_document_without_tax_every_line_says_so() -> None:
    document = replace(drafted(entry(1)), amounts="no-tax")
    grown = recomposed(document, entry(1), entry(2, project=BRIDGE, project_name="Bridge"))
    assert grown.document is not None
    assert {line.tax_type for line in grown.document.lines} == {"NONE"}


def test_the_ledgers_record_names_the_documents_of_one_key() -> None:
    document = drafted(entry(1))
    assert invoice_of(document).key == placed(entry(1)).key
