"""When a person is needed: decided from the state, told once and daily until it is over, and delivery never insists."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from worker import alerts
from worker.alerts import Alert, Message, Patience, Situation, after, alerts_of, due, settle
from worker.store.alerts import Told
from worker.store.reconnects import Reconnect

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CALM = Situation(now=NOW, read_at=NOW, streaming=True)
LOST = Reconnect(service="xero", since="", why="The consent is gone.", todo="Connect to Xero again.", who="worker")
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
ON = {"HS-004": Alert(code="HS-004", text="The brake is on.")}
DAY = 86_400_000


def codes(**found: object) -> list[str]:
    return [alert.code for alert in alerts_of(structs.replace(CALM, **found))]


def test_nothing_is_said_while_all_is_well() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        ({"reconnects": (LOST,)}, "HS-001", "Connect to Xero again"),
        ({"read_at": NOW - timedelta(minutes=16)}, "HS-002", "2026-11-25 11:44"),
        ({"brake": ("51 new invoices.",)}, "HS-004", "51 new invoices"),
        ({"waiting": 3}, "HS-005", "3 entries and invoices wait for over two days"),
        ({"day_until": NOW + timedelta(hours=5)}, "HS-006", "2026-11-25 17:00"),
        ({"redis": ("Redis is full.",)}, "HS-007", "Redis is full"),
        ({"lost": "2026-11-22T09:00:00.000Z"}, "HS-008", "since 2026-11-22 09:00 UTC is being read again"),
        ({"lost": ""}, "HS-008", "since the start of billing is being read again"),
    ],
)
def test_each_state_that_needs_a_person_has_its_code_and_says_what_to_do(
    found: dict[str, object], code: str, words: str
) -> None:
    [alert] = alerts_of(structs.replace(CALM, **found))
    assert alert.code == code
    assert words in alert.text


def test_a_quarter_of_an_hour_of_silence_is_borne() -> None:
    assert codes(read_at=NOW - timedelta(minutes=15)) == []


def test_the_replay_window_is_warned_of_a_day_before_its_end_and_only_where_there_is_one() -> None:
    long_ago = NOW - timedelta(hours=49)
    assert codes(read_at=long_ago) == ["HS-002", "HS-003"]
    assert codes(read_at=long_ago, streaming=False) == ["HS-002"]
    assert codes(read_at=NOW - timedelta(hours=47)) == ["HS-002"]


def test_both_services_are_told_apart() -> None:
    other = structs.replace(LOST, service="salesforce")
    found = alerts_of(structs.replace(CALM, reconnects=(LOST, other)))
    assert [alert.key for alert in found] == ["HS-001:salesforce", "HS-001:xero"]


def test_every_code_has_its_section_in_the_operators_manual() -> None:
    headings = [line for line in OPERATING.read_text().splitlines() if line.startswith("###")]
    for code in alerts.CODES:
        assert len([line for line in headings if line.startswith(f"### {code}: ")]) == 1, code
    assert len([line for line in headings if "HS-" in line]) == len(alerts.CODES)


# ---- telling -------------------------------------------------------------------------------------------------------


def told(**values: object) -> Told:
    return structs.replace(Told(code="HS-004", text="The brake is on.", since=0, next_at=0), **values)


def one(remembered: dict[str, Told], now: int) -> Message:
    [message] = due(remembered, now)
    return message


def test_a_new_alert_is_told_at_once_and_again_every_day_until_it_is_over() -> None:
    first = settle(ON, {}, 5)
    kept = after(one(first, 5), 5, delivered=True)
    assert kept is not None
    remembered = settle(ON, {"HS-004": kept}, 10)
    assert due(remembered, 10) == []
    again = one(remembered, 5 + DAY)
    assert (again.told.over, again.told.since) == (False, 5)


def test_that_it_is_over_is_told_once() -> None:
    remembered = settle({}, {"HS-004": told(delivered=True, next_at=DAY)}, 7)
    message = one(remembered, 7)
    assert message.told.over
    assert after(message, 7, delivered=True) is None


def test_what_was_over_before_anybody_heard_of_it_is_not_told() -> None:
    assert settle({}, {"HS-004": told(tries=3)}, 7) == {}


def test_what_comes_back_before_its_end_was_told_is_told_as_needed() -> None:
    back = settle(ON, {"HS-004": told(delivered=True, over=True, since=1)}, 9)
    assert (back["HS-004"].over, back["HS-004"].since, one(back, 9).key) == (False, 9, "HS-004")


def test_a_text_that_changes_is_not_told_again_before_its_day() -> None:
    changed = {"HS-004": Alert(code="HS-004", text="Now 60 invoices.")}
    remembered = settle(changed, {"HS-004": told(delivered=True, next_at=DAY)}, 7)
    assert remembered["HS-004"].text == "Now 60 invoices."
    assert due(remembered, 7) == []


@given(st.integers(min_value=0, max_value=100))
def test_a_delivery_that_fails_is_tried_again_later_each_time_but_within_an_hour(tries: int) -> None:
    kept = after(Message(key="HS-004", told=told(tries=tries)), 0, delivered=False)
    assert kept is not None
    assert 60_000 <= kept.next_at <= 3_600_000
    assert kept.tries == tries + 1
    assert not kept.delivered


def test_patience_follows_the_time_scale() -> None:
    assert Patience().scaled(60).silent == timedelta(seconds=15)
