"""Bayeux messages: whatever Salesforce says is read, or says what is wrong with it; nothing else comes out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listeners import bayeux
from listeners.avro import Undecodable
from listeners.bayeux import Advice, NotBayeux, advice_of, bodies, json_event, messages_of, raw_events, reply_on
from listeners.bayeux_faults import answered, fault_of, reason_of, refused, unreadable
from listeners.faults import Fault
from tests.listeners.bus import CHANNEL, record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CHANNELS = st.sampled_from([CHANNEL, "/meta/connect", "/meta/subscribe", "/service/x", ""])
MESSAGES = st.fixed_dictionaries(
    {"channel": CHANNELS | JSON},
    optional={"data": JSON, "advice": JSON, "ext": JSON, "error": JSON, "successful": JSON},
)
EVENTS = st.fixed_dictionaries(
    {"channel": st.just(CHANNEL)},
    optional={"data": st.fixed_dictionaries({}, optional={"event": JSON, "payload": JSON})},
)
BUSY = "503::Server is too busy.  Please try your request again later."
MASKED = {
    "channel": "/meta/connect",
    "error": "401::Authentication invalid",
    "ext": {"sfdc": {"failureReason": BUSY}},
    "advice": {"reconnect": "none", "interval": 0},
}


def event(replay: object = 1001, **header: Any) -> dict[str, Any]:
    """A message as Salesforce sends it."""
    usual = {
        "entityName": "TimeEntry__c",
        "recordIds": [record(1)],
        "changeType": "UPDATE",
        "changeOrigin": "com/salesforce/api/rest/67.0;client=hourstream",
        "commitTimestamp": 1762336800000,
        "changedFields": ["Hours__c", "LastModifiedDate"],
    }
    data = {"schema": "-pszPCNGMHqUPU1ftkjxEA", "payload": {"ChangeEventHeader": usual | header}}
    return {"channel": CHANNEL, "data": data | {"event": {"replayId": replay}}}


# ---- what we say ---------------------------------------------------------------------------------------------------


def test_a_subscription_carries_the_replay_id_of_its_channel() -> None:
    assert bayeux.subscribe("c", CHANNEL, 7)["ext"] == {"replay": {CHANNEL: 7}}


@given(st.lists(st.builds(lambda text: {"channel": text}, st.text(max_size=60)), max_size=40))
def test_requests_keep_below_the_limit_and_lose_no_message(messages: list[dict[str, Any]]) -> None:
    most = 512
    sent = list(bodies(messages, most))
    assert all(len(body) <= most for body in sent)
    assert [message for body in sent for message in json.loads(body)] == messages


def test_messages_that_fit_go_in_one_request() -> None:
    assert len(list(bodies([bayeux.disconnect("c")] * 100))) == 1


# ---- what we hear --------------------------------------------------------------------------------------------------


def test_an_event_is_read_with_its_position() -> None:
    [raw] = raw_events([event(), {"channel": "/meta/connect", "successful": True}], "")
    found = json_event(raw)
    assert (raw.replay, found.replay) == ("cometd:1001", "cometd:1001")
    assert (found.entity, found.record_ids, found.client) == ("TimeEntry__c", (record(1),), "hourstream")
    assert found.changed == {"Hours__c", "LastModifiedDate"}


@pytest.mark.parametrize("replay", [None, "1001", True, -1, 1.5, 10**30, {}, []])
def test_an_event_without_a_replay_id_stands_where_the_one_before_it_stands(replay: object) -> None:
    found = raw_events([event(replay), event(1002), event(replay)], "cometd:1000")
    assert [raw.replay for raw in found] == ["cometd:1000", "cometd:1002", "cometd:1002"]


@pytest.mark.parametrize(
    ("position", "number"),
    [
        ("cometd:0", 0),
        ("cometd:1001", 1001),
        ("1001", None),
        ("cometd:", None),
        ("cometd:-2", None),
        ("cometd:+1", None),
        ("cometd:" + "9" * 40, None),
        ("AAAAAAAAA+gAAA==", None),
    ],
)
def test_only_positions_of_this_door_are_positions(position: str, number: int | None) -> None:
    assert bayeux.replay_number(position) == number


@pytest.mark.parametrize("body", [b"", b"<html>", b"nonsense", b"\xff", b"[" * 100_000, b"1" * 10_000, b"[1]", b"{}"])
def test_a_body_without_messages_says_so(body: bytes) -> None:
    with pytest.raises(NotBayeux):
        messages_of(body)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        messages = messages_of(body)
    except NotBayeux as error:
        outcome: object = unreadable(error, "x").fault
    else:
        outcome = raw_events(messages, "cometd:1")
    assert isinstance(outcome, Fault | list)


@given(st.lists(MESSAGES | EVENTS | JSON, max_size=6))
def test_any_frame_loses_no_event_and_every_event_has_a_place(messages: list[Any]) -> None:
    found = raw_events(messages, "cometd:1")
    aside = [message for message in messages if bayeux.channel_of(message).startswith(("/meta/", "/service/"))]
    assert len(found) == len(messages) - len(aside)
    assert all(bayeux.replay_number(raw.replay) is not None for raw in found)
    for raw in found:
        try:
            assert json_event(raw).entity
        except Undecodable:
            continue


@given(MESSAGES)
def test_any_answer_has_a_reason_a_kind_and_an_advice(message: dict[str, Any]) -> None:
    assert isinstance(refused(message, "x").fault, Fault)
    advice = advice_of(message)
    assert all(value is None or 0 <= value <= bayeux.MOST_MS for value in (advice.interval, advice.timeout))
    assert reply_on([None, 7, message], "/meta/connect") in (None, message)


@given(st.integers(100, 599), st.binary(max_size=400))
def test_any_http_answer_but_200_is_a_fault(status: int, body: bytes) -> None:
    assert (answered(status, body, "x") is None) == (status == 200)


def test_advice_is_in_milliseconds_and_what_makes_no_sense_was_not_said() -> None:
    assert advice_of({"advice": {"interval": 2000, "timeout": 110000}}) == Advice(2000, 110_000)
    assert advice_of({"advice": {"interval": "2000", "timeout": -1}}) == Advice(None, None)
    assert advice_of({"advice": {"timeout": float("inf")}}) == Advice(None, bayeux.MOST_MS)


# ---- when Salesforce says no ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("401::Authentication invalid", Fault.AUTH),
        ("401::Request requires authentication", Fault.AUTH),
        ("403::Handshake denied", Fault.AUTH),
        ("402::Unknown client", Fault.CLIENT),
        ("403::Unknown client", Fault.CLIENT),
        ("400::Client 1abc: no cookie present", Fault.CLIENT),
        (BUSY, Fault.UNAVAILABLE),
        ("503::Service not available", Fault.UNAVAILABLE),
        ("500::Internal error", Fault.UNAVAILABLE),
        ("400::The replayId {82} you provided was invalid.  Please provide a valid ID, -2 or -1.", Fault.POSITION),
        ("400::Something else", Fault.REQUEST),
        ("413::Maximum Request Size Exceeded", Fault.REQUEST),
        ("403::Organization total events daily limit exceeded", Fault.LIMIT),
        ("403::Organization concurrent user limit exceeded", Fault.UNAVAILABLE),
        ("403::User not allowed to subscribe CDC without View All Data permissions", Fault.REFUSED),
        ("403:denied_by_security_policy:subscribe_denied", Fault.REFUSED),
        ("404::The channel you requested to subscribe to does not exist {/data/X}", Fault.REFUSED),
        ("", Fault.UNAVAILABLE),
        ("something new", Fault.UNAVAILABLE),
    ],
)
def test_each_of_salesforce_s_reasons_has_its_kind(reason: str, fault: Fault) -> None:
    assert fault_of(reason) is fault


@pytest.mark.parametrize("error", ["401::Authentication invalid", "403:denied_by_security_policy:subscribe_denied"])
def test_a_hidden_reason_counts_more_than_the_error(error: str) -> None:
    message = MASKED | {"error": error}
    assert (reason_of(message), refused(message, "x").fault) == (BUSY, Fault.UNAVAILABLE)


def test_without_a_reason_the_advice_decides() -> None:
    assert refused({"advice": {"reconnect": "handshake"}}, "x").fault is Fault.CLIENT
    assert refused({"advice": {"reconnect": "none"}}, "x").fault is Fault.UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (302, b"", Fault.AUTH),
        (401, b"", Fault.AUTH),
        (401, json.dumps([MASKED]).encode(), Fault.UNAVAILABLE),
        (403, json.dumps([MASKED]).encode(), Fault.UNAVAILABLE),
        (403, json.dumps([{"channel": "/meta/connect", "error": "403::Unknown client"}]).encode(), Fault.CLIENT),
        (403, b'[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]', Fault.AUTH),
        (403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]', Fault.UNAVAILABLE),
        (403, b"<html>blocked</html>", Fault.REFUSED),
        (400, b"400::Client abc: no cookie present", Fault.CLIENT),
        (404, b"", Fault.REFUSED),
        (413, b"", Fault.REQUEST),
        (429, b"", Fault.UNAVAILABLE),
        (503, b"401::Authentication invalid", Fault.UNAVAILABLE),
    ],
)
def test_http_answers_have_their_kinds(status: int, body: bytes, fault: Fault) -> None:
    found = answered(status, body, "x")
    assert found is not None
    assert found.fault is fault
