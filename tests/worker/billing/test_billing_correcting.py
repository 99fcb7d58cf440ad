"""Where an accepted correction goes and what it says: all of it copied from what it corrects."""

from decimal import Decimal

import pytest
from billing_office import Office, open_drafts
from billing_support import ACME, BOLT, BRIDGE, company, computed, contact, edited, entry, rules
from msgspec.structs import replace

from worker.billing.compose import compose
from worker.billing.correcting import correcting, proposal
from worker.billing.keys import document_id, invoice_key
from worker.billing.model import Document, Placed
from worker.billing.restore import restored
from worker.billing.rules import Surcharge

UNIT = entry(1).id


def locked(office: Office, *hours: str) -> Document:
    """An approved invoice of these entries."""
    for number, each in enumerate(hours, 1):
        office.put(entry(number, each))
    office.settle()
    (document,) = open_drafts(office)
    office.move(document, "AUTHORISED")
    office.settle()
    return office.document(document_id(document.key, document.sequence))


def accepted(office: Office, hours: str, number: int = 1, **more: object) -> Placed:
    """The entry changes, and a person accepts what is proposed: the verdict on it then."""
    office.put(replace(entry(number, hours), **more))
    office.settle()
    office.answer("accept")
    verdict = office.verdicts()[entry(number).id]
    assert isinstance(verdict, Placed)
    assert verdict.corrects
    return verdict


def test_a_correction_copies_account_tax_tracking_and_amounts_type_of_the_line_it_corrects() -> None:
    office = Office()
    document = locked(office, "10")
    line = replace(document.lines[0], account="201", tax_type="ZERORATEDOUTPUT", tracking=(("Region", "North"),))
    office._put(replace(document, lines=(line,), amounts="inclusive"))
    office.contacts[ACME] = contact(tax_type="RROUTPUT", account="200")
    placed = accepted(office, "12")
    assert (placed.account, placed.tax_type, placed.tracking) == ("201", "ZERORATEDOUTPUT", (("Region", "North"),))
    assert (placed.amounts, placed.contact, placed.currency) == ("inclusive", ACME, "GBP")
    assert (placed.seconds, placed.amount, placed.rate) == (Decimal(7200), Decimal("240.00"), Decimal(120))
    assert placed.description == f"Tower · Ada (correction of {document.number})"


def test_what_a_correction_is_for_reads_the_same_when_it_is_corrected_itself() -> None:
    office = Office()
    locked(office, "10")
    accepted(office, "12")
    office.settle()
    (draft,) = open_drafts(office)
    office.move(draft, "AUTHORISED")
    office.settle()
    placed = accepted(office, "11")
    assert placed.corrects == document_id(draft.key, draft.sequence)
    assert placed.description == f"Tower · Ada (correction of {office.document(placed.corrects).number})"


def test_an_increase_goes_on_the_same_invoice_while_its_period_takes_time_and_later_stays_where_it_is() -> None:
    office = Office()
    document = locked(office, "10")
    assert accepted(office, "12").key == document.key
    office.settle()
    office.closed.add("2026-11")
    assert accepted(office, "12").period == "2026-11"
    office.settle()
    office.decide(UNIT, "ignore", document_id(document.key, 1), seconds=Decimal(7200), amount=Decimal("240.00"))
    office.settle()
    office.decide(UNIT, "accept", document_id(document.key, 1), seconds=Decimal(7200), amount=Decimal("240.00"))
    verdict = office.verdicts()[UNIT]
    assert isinstance(verdict, Placed)
    assert verdict.period == "2026-12"


def fixed_on_an_open_draft(office: Office, hours: str) -> Document:
    """An open draft on which a person made the ten hours of an entry others."""
    office.put(entry(1, "10"))
    office.settle()
    (draft,) = open_drafts(office)
    at = (draft.key, draft.sequence)
    office.xero[at] = edited(office.xero[at], 0, quantity=Decimal(hours))
    office.settle()
    return office.document(document_id(draft.key, draft.sequence))


@pytest.mark.parametrize("period", ["month", "until-approved"])
def test_more_time_on_a_line_that_a_person_fixed_is_a_new_line_of_the_same_open_draft(period: str) -> None:
    office = Office(rules(period=period))
    draft = fixed_on_an_open_draft(office, "9")
    placed = accepted(office, "12")
    assert (placed.key, placed.description) == (draft.key, "Tower · Ada (correction)")
    office.settle()
    (draft,) = open_drafts(office)
    theirs, more = draft.lines
    assert (theirs.quantity, theirs.amount, theirs.write_on) == (Decimal(9), Decimal("1080.00"), Decimal("-120.00"))
    assert (more.quantity, more.unit_amount, more.amount) == (Decimal(2), Decimal(120), Decimal("240.00"))
    office.move(draft, "AUTHORISED")
    assert office.settle() == 0
    assert office.corrections == []
    assert {posting.state for posting in office.postings()[UNIT]} == {"fixed"}


def test_more_time_on_an_open_draft_follows_the_entry_until_it_is_approved() -> None:
    office = Office()
    fixed_on_an_open_draft(office, "9")
    for hours, line in (("12", "240.00"), ("11", "120.00")):
        accepted(office, hours)
        office.settle()
        (draft,) = open_drafts(office)
        assert [each.amount for each in draft.lines] == [Decimal("1080.00"), Decimal(line)]
    office.put(entry(1, "10"))
    office.settle()
    (draft,) = open_drafts(office)
    assert [each.amount for each in draft.lines] == [Decimal("1080.00")]
    assert office.corrections == []


def test_a_decrease_goes_on_the_clients_open_credit_note_dated_today_and_never_due() -> None:
    office = Office()
    document = locked(office, "10")
    placed = accepted(office, "9")
    setup = office.setup
    assert placed.key == invoice_key(setup.org, setup.source, ACME, (), "credit", "GBP")
    assert (placed.period, placed.credit, placed.amount) == ("credit", True, Decimal("-120.00"))
    office.settle()
    (note,) = open_drafts(office)
    assert (note.type, note.date, note.due_date, note.reference) == ("ACCRECCREDIT", "2026-12-08", "", "2026-11")
    (line,) = note.lines
    assert (line.quantity, line.unit_amount, line.amount) == (Decimal(1), Decimal(120), Decimal("120.00"))
    assert line.corrects == document_id(document.key, document.sequence)
    postings = office.postings()[UNIT]
    assert [(each.seconds, each.amount, each.state) for each in postings] == [
        (Decimal(36000), Decimal("1200.00"), "fixed"),
        (Decimal(-3600), Decimal("-120.00"), "open"),
    ]


def test_credit_notes_are_per_currency_rate_of_what_they_credit() -> None:
    office = Office()
    rates = {"2026-11": Decimal("1.27"), "2026-12": Decimal("1.31")}
    office.put(entry(1, "10"))
    office.put(replace(entry(2, "10"), worked_on=entry(2).worked_on.replace(month=12)))  # type: ignore[union-attr]
    office.settle()
    for document in open_drafts(office):
        at = (document.key, document.sequence)
        rate = rates[document.period]
        office.xero[at] = computed(replace(office.xero[at], status="AUTHORISED", currency_rate=rate))
    office.settle()
    for number in (1, 2):
        office.put(replace(office.entries[entry(number).id], seconds=Decimal(32400)))
    office.settle()
    office.answer("accept")
    office.settle()
    (note,) = open_drafts(office)
    assert note.currency_rate == Decimal("1.27")
    assert [waiting.reason for waiting in office.waiting.values()] == ["other-rate"]
    office.move(note, "AUTHORISED")
    office.settle()
    (note,) = open_drafts(office)
    assert note.currency_rate == Decimal("1.31")
    assert office.waiting == {}


def test_amounts_with_tax_do_not_come_onto_an_invoice_without() -> None:
    office = Office()
    document = locked(office, "10")
    office._put(replace(document, amounts="inclusive"))
    office.put(entry(2, "1"))
    accepted(office, "12")
    office.settle()
    assert office.waiting[UNIT].reason == "other-amounts"
    assert [line.amount for line in open_drafts(office)[0].lines] == [Decimal("120.00")]


@pytest.mark.parametrize(
    ("rate", "quantity", "price", "amount"),
    [("120", "0.3333", "120.0000", "40.00"), ("999.99", "1.0000", "333.3300", "333.33"), ("0", "0.3333", "0", "0.00")],
)
def test_where_quantity_times_price_rounds_otherwise_the_line_is_one_at_the_amount(
    rate: str, quantity: str, price: str, amount: str
) -> None:
    office = Office()
    for number in (1, 2, 3):
        office.put(replace(entry(number, rates=(rate, "", "")), seconds=Decimal(1200)))
    office.put(entry(4, "5"))
    office.settle()
    office.move(open_drafts(office)[0], "AUTHORISED")
    office.settle()
    office.put(entry(5, "5"))
    office.settle()
    office.put(replace(office.entries[entry(3).id], seconds=Decimal(2400)))
    office.settle()
    office.answer("accept")
    office.settle()
    line = next(line for line in open_drafts(office)[0].lines if line.corrects)
    assert (line.quantity, line.unit_amount, line.amount) == (Decimal(quantity), Decimal(price), Decimal(amount))


def test_surcharges_are_part_of_what_is_corrected() -> None:
    office = Office(rules(surcharges=(Surcharge(name="Travel", percent=Decimal(5)),)))
    locked(office, "10")
    assert accepted(office, "12").amount == Decimal("252.00")
    office.put(replace(entry(1), deleted=True))
    office.settle()
    assert [correction.amount for correction in office.corrections] == [Decimal("-1260.00")]


def test_only_just_what_was_proposed_is_accepted() -> None:
    office = Office()
    locked(office, "10")
    accepted(office, "12")
    for hours in ("13", "11", "9"):
        office.put(entry(1, hours))
        office.settle()
        assert len(office.corrections) == 1
        assert open_drafts(office) == [] or not open_drafts(office)[0].lines[0].shares
    office.put(entry(1, "12"))
    office.settle()
    assert office.corrections == []
    assert open_drafts(office)[0].lines[0].amount == Decimal("240.00")


def test_a_placed_correction_that_was_fixed_meanwhile_is_not_billed_again() -> None:
    office = Office()
    locked(office, "10")
    stale = accepted(office, "12")
    office.settle()
    (draft,) = open_drafts(office)
    office.move(draft, "AUTHORISED")
    office.settle()
    postings = office.postings()
    made = compose(office.invoices[stale.key], [stale], postings, office.setup, company(), contact())
    assert (made.document, made.corrections, dict(made.waiting)) == (None, (), {})
    same = correcting(
        stale,
        unit=UNIT,
        postings=postings[UNIT],
        decisions=office.decisions[UNIT],
        documents=office.documents(),
        groups={},
        rules=office.setup,
        closed=set(),
    )
    assert same is stale


def test_without_the_corrected_document_nothing_is_placed() -> None:
    office = Office()
    locked(office, "10")
    accepted(office, "12")
    postings, verdict = office.postings()[UNIT], office.verdicts()[UNIT]
    decisions = office.decisions[UNIT]
    plain = replace(verdict, corrects="", amount=None, seconds=Decimal(43200))
    unplaced = correcting(
        plain,
        unit=UNIT,
        postings=postings,
        decisions=decisions,
        documents=[],
        groups={},
        rules=office.setup,
        closed=set(),
    )
    assert unplaced is plain
    asked = proposal(plain, postings=postings, documents=office.documents(), rules=office.setup)
    assert asked is not None
    assert (asked.seconds, asked.amount) == (Decimal(7200), Decimal("240.00"))
    assert proposal(plain, postings=postings, decisions=decisions, rules=office.setup) is None


def test_the_group_of_the_invoice_is_found_again_after_a_rebuild() -> None:
    office = Office(rules(invoice_per=("xero_contact", "project")))
    document = locked(office, "10")
    office._put(replace(document, group=()))
    placed = accepted(office, "12")
    assert placed.group == (("project", entry().project),)
    assert placed.key == document.key


def test_a_write_off_that_another_entry_of_the_line_uses_leaves_the_accepted_proposal_as_it_was() -> None:
    office = Office()
    for number in (1, 2):
        office.put(entry(number, "5"))
    office.settle()
    (draft,) = open_drafts(office)
    at = (draft.key, draft.sequence)
    office.xero[at] = computed(replace(edited(office.xero[at], 0, quantity=Decimal(9)), status="AUTHORISED"))
    for number in (1, 2):
        office.put(entry(number, "4"))
    office.settle()
    assert [(each.unit, each.amount) for each in office.corrections] == [(entry(2).id, Decimal("-120.00"))]
    office.answer("accept")
    office.settle()
    assert [line.amount for line in open_drafts(office)[0].lines] == [Decimal("120.00")]
    made = office.month()
    assert (made.difference, made.difference_seconds) == (Decimal(0), Decimal(0))


def test_a_partly_used_write_off_leaves_the_rest_of_a_correction_and_nothing_after_it() -> None:
    office = Office()
    office.put(entry(1, "10"))
    office.settle()
    (draft,) = open_drafts(office)
    at = (draft.key, draft.sequence)
    office.xero[at] = computed(replace(edited(office.xero[at], 0, unit_amount=Decimal(113)), status="AUTHORISED"))
    office.settle()
    placed = accepted(office, "9")
    assert (placed.amount, placed.used) == (Decimal("-50.00"), Decimal("-70.00"))
    office.settle()
    office.move(open_drafts(office)[0], "AUTHORISED")
    office.settle()
    assert office.corrections == []
    office.put(replace(entry(1), deleted=True))
    office.settle()
    assert [each.amount for each in office.corrections] == [Decimal("-1080.00")]


def test_a_credit_note_is_put_together_again_after_a_wipe() -> None:
    office = Office()
    locked(office, "10")
    accepted(office, "9")
    office.settle()
    (note,) = open_drafts(office)
    found = office.xero[note.key, note.sequence]
    mine = [each for each in office.postings()[UNIT] if each.document == document_id(note.key, note.sequence)]
    again = restored(found, note.key, note.sequence, mine, group=note.group)
    lines = tuple(replace(line, sources={}) for line in note.lines)
    assert replace(again, number=note.number) == replace(note, lines=lines, rules_version=0, digests=())


def test_a_moved_entry_is_billed_to_the_new_client_once_the_former_one_is_credited() -> None:
    office = Office()
    locked(office, "10")
    moved = {"project": BRIDGE, "project_name": "Bridge", "xero_contact": BOLT}
    placed = accepted(office, "10", **moved)
    assert (placed.contact, placed.amount) == (ACME, Decimal("-1200.00"))
    office.settle()
    office.move(open_drafts(office)[0], "AUTHORISED")
    office.settle()
    (draft,) = open_drafts(office)
    assert (draft.contact, draft.lines[0].amount) == (BOLT, Decimal("1200.00"))
