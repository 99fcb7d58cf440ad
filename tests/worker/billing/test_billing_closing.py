"""A period closes some time after its last day ended where the company is; what has no days never does."""

from datetime import UTC, datetime, timedelta

import pytest
from billing_support import company, contact, drafted, entry, invoice_of, placed, postings_by_unit, rules
from msgspec.structs import replace

from worker.billing.closing import closes_at, closing, due_to_close
from worker.billing.compose import compose
from worker.billing.rules import Rules


@pytest.mark.parametrize(
    ("period", "zone", "moment"),
    [
        ("2026-11", "UTC", "2026-12-06T00:00:00"),
        ("2026-11", "Europe/London", "2026-12-06T00:00:00"),
        ("2026-11", "Pacific/Auckland", "2026-12-05T11:00:00"),
        ("2026-11", "America/New_York", "2026-12-06T05:00:00"),
        ("2026-03", "Europe/London", "2026-04-05T23:00:00"),
        ("2026-Q4", "UTC", "2027-01-06T00:00:00"),
        ("2026-W45", "UTC", "2026-11-14T00:00:00"),
        ("2026-11-05", "UTC", "2026-11-11T00:00:00"),
    ],
)
def test_a_period_closes_five_days_after_its_last_day(period: str, zone: str, moment: str) -> None:
    by, at = rules(timezone=zone), datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert closes_at(period, by) == at
    assert due_to_close(period, by, at)
    assert not due_to_close(period, by, at - timedelta(seconds=1))


@pytest.mark.parametrize("period", ["until-approved", "credit"])
def test_what_has_no_days_never_closes(period: str) -> None:
    assert closes_at(period, rules()) is None
    assert not due_to_close(period, rules(), datetime(9999, 1, 1, tzinfo=UTC))


def test_a_name_of_no_period_is_refused() -> None:
    with pytest.raises(ValueError, match="names no billing period"):
        due_to_close("soon", rules(), datetime.now(UTC))


def test_only_drafts_of_the_period_are_concerned() -> None:
    draft = drafted(entry(1))
    assert closing(draft, "2026-11")
    assert not closing(draft, "2026-12")
    assert not closing(replace(draft, fixed=True), "2026-11")
    assert not closing(replace(draft, status="deleted"), "2026-11")


@pytest.mark.parametrize(
    ("by", "closed", "submit"),
    [
        (rules(at_close="awaiting-approval"), {"2026-11"}, True),
        (rules(at_close="awaiting-approval"), set(), False),
        (rules(), {"2026-11"}, False),
    ],
)
def test_a_draft_is_submitted_at_close_where_the_setup_asks_for_it(by: Rules, closed: set[str], submit: bool) -> None:
    draft = drafted(entry(1), setup=by)
    postings = postings_by_unit([draft])
    here = [placed(entry(1), by, postings=postings[entry(1).id])]
    made = compose(invoice_of(draft), here, postings, by, company(), contact(), closed=closed)
    assert (made.submit, made.changed, made.delete) == (submit, submit, False)
    gone = compose(invoice_of(draft), [], postings, by, company(), contact(), closed=closed)
    assert (gone.submit, gone.delete) == (False, bool(closed))
