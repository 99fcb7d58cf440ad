"""Postings add up to their document, and survive on the entry as text."""

from decimal import Decimal

from billing_support import BRIDGE, drafted, echo, edited, entry, postings_by_unit
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.billing.canonical import canonical
from worker.billing.merge import classify, merge
from worker.billing.model import Decision, Posting
from worker.billing.postings import LIMIT, manifest, parse_decisions, parse_manifest, postings_of, residual, residuals
from worker.billing.restore import restored

words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
amounts = st.decimals(-99999, 99999, places=2)
postings = st.builds(
    Posting,
    unit=st.just("u"),
    document=st.from_regex(r"[0-9A-HJKMNP-TV-Z]{12}/[1-9][0-9]?", fullmatch=True),
    line=words,
    contact=words,
    currency=st.sampled_from(["", "GBP"]),
    rate=st.decimals(0, 999, places=4),
    rate_source=st.sampled_from(["", "people", "Project__r.Hourly_Rate__c"]),
    basis=words,
    seconds=st.decimals(-86400, 86400, places=3),
    amount=amounts,
    account=words,
    tax_type=words,
    state=st.sampled_from(["open", "fixed", "suspended"]),
    corrects=st.sampled_from(["", "ABCDEFGH/1"]),
    surcharge=words,
    worked=st.none() | st.decimals(-86400, 86400, places=3),
    write_on=amounts,
)
decisions = st.builds(
    Decision,
    unit=st.just("u"),
    kind=st.sampled_from(["bill", "elsewhere", "dont-bill", "keep", "accept", "ignore"]),
    document=st.sampled_from(["", "ABCDEFGH/1"]),
    seconds=st.decimals(-86400, 86400, places=3),
    amount=amounts,
    reason=st.text(max_size=20) | st.just("-"),
    by=words,
    at=st.sampled_from(["", "2026-11-05T10:00:00Z"]),
)


@given(st.lists(postings, max_size=6))
def test_postings_written_on_an_entry_are_read_back_as_they_were(written: list[Posting]) -> None:
    assert parse_manifest(manifest(written), "u") == tuple(written)


@given(st.lists(postings, max_size=3), st.lists(decisions, max_size=6))
def test_decisions_are_read_back_beside_the_postings(written: list[Posting], made: list[Decision]) -> None:
    text = manifest(written, made)
    assert parse_manifest(text, "u") == tuple(written)
    assert parse_decisions(text, "u") == tuple(made)


def test_decisions_stay_where_postings_do_not_fit() -> None:
    (posting,) = postings_of(drafted(entry(1)))
    decision = Decision(unit=posting.unit, kind="keep", by="Carol Baker", at="2026-11-05T10:00:00Z")
    text = manifest([replace(posting, rate_source="x" * 200)] * 2000, [decision])
    assert len(text) <= LIMIT
    assert parse_decisions(text, posting.unit) == (decision,)
    assert text.endswith("decision keep - 0 0 Carol%20Baker 2026-11-05T10:00:00Z -")


def test_what_is_no_decision_is_passed_over() -> None:
    assert parse_decisions("decision maybe - 0 0 a b c\ndecision bill - x 0 a b c\ndecision bill\n") == ()


def test_the_text_begins_with_what_a_person_can_read() -> None:
    document = drafted(entry(1, "7.5"))
    (posting,) = postings_of(document)
    head = f"{document.key}/1 27000.0 120.0000 900.00 open "
    assert manifest([posting]).startswith(head)


def test_what_a_person_writes_around_it_is_passed_over() -> None:
    (posting,) = postings_of(drafted(entry(1)))
    text = f"checked by Bob\n  {manifest([posting])} ok!\n\nK 1 2 3 open\n{posting.document} a b c open\n"
    text += f"{posting.document} 1 2 3 finished\n{posting.document} NaN 2 3 open\n"
    assert parse_manifest(text, posting.unit) == (posting,)
    assert parse_manifest("") == ()


def test_more_than_the_field_takes_loses_further_facts_first_and_oldest_lines_last() -> None:
    (posting,) = postings_of(drafted(entry(1)))
    long = [replace(posting, rate_source="x" * 200) for _ in range(200)]
    text = manifest(long)
    assert len(text) <= LIMIT
    read = parse_manifest(text, posting.unit)
    assert len(read) == 200
    assert {(each.document, each.seconds, each.amount) for each in read} == {
        (posting.document, posting.seconds, posting.amount)
    }
    assert len(manifest(long * 10)) <= LIMIT


def test_postings_sum_to_their_document_to_the_cent() -> None:
    entries = [entry(number, "0.3333") for number in range(1, 8)]
    document = drafted(*entries)
    assert sum(posting.amount for posting in postings_of(document)) == document.lines[0].amount
    assert residual(echo(document), postings_of(document)) == 0


def test_a_credit_note_counts_down() -> None:
    document = replace(drafted(entry(1)), type="ACCRECCREDIT")
    (posting,) = postings_of(document)
    assert (posting.seconds, posting.amount) == (Decimal(-3600), Decimal("-120.00"))
    assert residual(replace(echo(document), type="ACCRECCREDIT"), [posting]) == 0


def test_what_lines_say_beyond_their_postings_is_shown_by_line_and_does_not_cancel_out() -> None:
    document = drafted(entry(1, "10"), entry(2, "2", project=BRIDGE, project_name="Bridge"))
    found = edited(edited(echo(document), 0, quantity=Decimal(3)), 1, quantity=Decimal(9))
    rest = residuals(found, postings_of(document))
    assert sorted(rest.values()) == [Decimal("-120.00"), Decimal("120.00")]
    assert residual(found, postings_of(document)) == Decimal("240.00")
    assert residual(echo(document), ()) == Decimal("1440.00")


def test_a_document_is_put_together_again_from_xero_and_the_entries() -> None:
    document = drafted(entry(1, "10"), entry(2, "2", project=BRIDGE, project_name="Bridge"))
    found = echo(document)
    told = [
        posting
        for unit, known in postings_by_unit([document]).items()
        for posting in parse_manifest(manifest(known), unit)
    ]
    groups = {share.unit: line.group for line in document.lines for share in line.shares}
    again = restored(found, document.key, 1, told, period="2026-11", groups=groups)
    assert again.lines == tuple(replace(line, sources={}) for line in document.lines)
    assert postings_of(again) == postings_of(document)
    assert again.problem == ""
    assert classify(again, found) == "untouched"


def test_where_proof_is_missing_nothing_moves_and_the_document_says_so() -> None:
    document = drafted(entry(1, "10"), entry(2, "2"))
    found = echo(document)
    half = [posting for posting in postings_of(document) if posting.unit == entry(1).id]
    again = restored(found, document.key, 1, half)
    assert "differ by 240.00" in again.problem
    (line,) = again.lines
    assert (line.fixed, line.write_on, line.amount) == (True, Decimal("240.00"), Decimal("1440.00"))
    nothing = restored(found, document.key, 1, [])
    assert (nothing.lines[0].foreign, postings_of(nothing)) == (True, ())
    assert canonical(nothing) == canonical(found)


def test_suspended_postings_are_restored_as_such() -> None:
    document = drafted(entry(1, "10"), entry(2, "2", project=BRIDGE, project_name="Bridge"))
    found = echo(document)
    less = merge(document, replace(found, lines=found.lines[:1])).document
    again = restored(replace(found, lines=found.lines[:1]), document.key, 1, postings_of(less))
    assert {posting.unit: posting.state for posting in postings_of(again)} == {
        entry(1).id: "suspended",
        entry(2).id: "open",
    }
    assert again.problem == ""
