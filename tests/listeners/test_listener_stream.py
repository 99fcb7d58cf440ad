"""The stream's scenarios over a real gRPC socket: nothing is skipped, whatever the stream or the event is like."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import grpc
import pytest

from eventbus import pubsub_api_pb2 as pb
from listeners.salesforce import Listener
from tests.listeners.bus import CHANNEL, PREFIX, Bus, Refusal, bitmap, record, replay, schema, unit
from tests.listeners.house import SOURCE, House, before, position, text
from tests.listeners.memory import LIMITS, MemoryPosition, eventually

Start = Callable[..., Awaitable[Listener]]
OURS = "com/salesforce/api/rest/67.0;client=hourstream"
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


# ---- what is told of it --------------------------------------------------------------------------------------------


async def test_a_stream_that_was_taken_and_says_nothing_yet_is_told_as_listening(house: House) -> None:
    before(house)
    house.bus.keepalive = 600.0
    listener = house.start()
    await eventually(lambda: listener.status.state == "listening")
    assert listener.status.reason.startswith("Subscribed; Salesforce has said nothing yet")
    assert not listener.status.last_response_at
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: listener.status.last_response_at)
    assert (listener.status.state, listener.status.reason) == ("listening", "")


async def test_a_stream_that_is_refused_is_never_told_as_listening(house: House) -> None:
    before(house)
    said: set[str] = set()
    house.bus.refusals.extend([Refusal(UNAVAILABLE)] * 3)
    listener = house.start(limits=replace(LIMITS, heartbeat=5.0))  # longer than any refusal takes to arrive

    def asked() -> bool:
        said.add(listener.status.state)
        return not house.bus.refusals

    await eventually(asked)
    assert "retrying" in said
    assert "listening" not in said


# ---- where a stream begins -----------------------------------------------------------------------------------------


async def test_without_a_position_it_listens_from_now_on_and_has_everything_read_meanwhile(house: House) -> None:
    house.start()
    await eventually(lambda: house.rings and house.bus.first)
    assert house.bus.first[0].replay_preset == pb.LATEST
    assert house.inbox.asked("initial") == [""]
    assert house.inbox.stores == []  # no response came yet, the reading does not wait for one
    assert house.rings == ["reconcile"]


async def test_the_first_position_is_stored_with_a_reading_since_before_the_subscribe(house: House) -> None:
    house.start()
    await eventually(lambda: house.bus.open)
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.stores)
    stored = house.inbox.stores[0]
    assert (stored.ids, stored.position) == ((unit(1),), text(replay(1001)))
    assert house.inbox.resyncs("anchored") == ["2026-11-05T11:45:00.000Z"]


async def test_an_empty_response_anchors_the_position_too(house: House, listening: Start) -> None:
    await listening()
    assert position(house) == text(house.bus.latest)
    assert house.inbox.resyncs("anchored") == ["2026-11-05T11:45:00.000Z"]


async def test_a_stream_that_breaks_before_its_first_position_starts_over_from_the_first_time(house: House) -> None:
    house.start()
    await eventually(lambda: house.bus.open)
    house.org.now = house.org.now.replace(hour=13)
    await house.bus.break_streams(UNAVAILABLE)
    await eventually(lambda: len(house.bus.first) == 2 and house.bus.open)
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.stores)
    assert [first.replay_preset for first in house.bus.first] == [pb.LATEST, pb.LATEST]
    assert house.inbox.resyncs("anchored") == ["2026-11-05T11:45:00.000Z"]  # before the first subscribe
    assert len(house.inbox.requested) == 1


async def test_it_resumes_after_the_stored_position(house: House) -> None:
    await house.bus.publish(recordIds=[record(1)])
    before(house)
    await house.bus.publish(recordIds=[record(2)])
    house.start()
    await eventually(lambda: house.inbox.ids)
    assert house.inbox.ids == [unit(2)]
    assert (house.bus.first[0].replay_preset, house.bus.first[0].replay_id) == (pb.CUSTOM, replay(1001))
    assert (house.inbox.requested, house.inbox.stores[0].resync) == ({}, {})


async def test_events_during_an_interruption_are_told_afterwards(house: House, listening: Start) -> None:
    await listening()
    for number in range(1, 6):
        await house.bus.publish(recordIds=[record(number)])
        await house.bus.break_streams(UNAVAILABLE, PREFIX + "service.unavailable")
    await eventually(lambda: set(house.inbox.ids) == {unit(number) for number in range(1, 6)})
    assert house.inbox.requested.keys() == {"initial:1"}


async def test_a_position_that_salesforce_lost_is_anchored_anew_and_read_since_the_last_good_commit(
    house: House,
) -> None:
    before(house, "2026-11-05T09:00:00.000Z")
    house.bus.forgotten = True
    house.start()
    await eventually(lambda: house.bus.open)
    assert [first.replay_preset for first in house.bus.first] == [pb.CUSTOM, pb.LATEST]
    await eventually(lambda: house.inbox.asked("position-lost"))
    assert house.inbox.asked("position-lost") == ["2026-11-05T08:45:00.000Z"]
    assert house.inbox.stores == []
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids)
    assert house.inbox.resyncs("anchored") == ["2026-11-05T11:45:00.000Z"]


async def test_a_stored_position_that_is_none_is_a_lost_one(house: House) -> None:
    house.inbox.positions[CHANNEL] = MemoryPosition("not base64!", "2026-11-05T09:00:00.000Z")
    house.start()
    await eventually(lambda: house.inbox.asked("position-lost") and house.bus.first)
    assert [first.replay_preset for first in house.bus.first] == [pb.LATEST]


async def test_the_metadata_and_first_request_are_what_salesforce_asks_for(house: House, bus: Bus) -> None:
    before(house)
    house.start()
    await eventually(lambda: bus.first)
    first = bus.first[0]
    assert (first.topic_name, first.num_requested) == (CHANNEL, 100)
    assert pb.ReplayPreset.Value("CUSTOM") == 2


# ---- what a response does ------------------------------------------------------------------------------------------


async def test_an_empty_response_s_position_is_stored(house: House) -> None:
    before(house)
    house.bus.keepalive = 0.05
    house.start()
    await eventually(lambda: house.inbox.stores)
    await house.bus.publish(entityName="Account")  # moves the bus, concerns nobody
    await eventually(lambda: position(house) == text(replay(1001)))
    house.bus._next = 1005
    await eventually(lambda: position(house) == text(replay(1005)))
    assert house.inbox.ids == []
    assert house.inbox.positions[CHANNEL].committed_at == "2026-11-05T10:00:00.000Z"


async def test_each_response_is_stored_by_one_script_in_order(house: House) -> None:
    before(house)
    house.bus.most = 3
    for number in range(1, 8):
        await house.bus.publish(recordIds=[record(number), record(number)])
    house.start()
    await eventually(lambda: len(house.inbox.ids) == 7)
    assert [len(stored.ids) for stored in house.inbox.stores] == [3, 3, 1]
    assert house.inbox.ids == [unit(number) for number in range(1, 8)]


async def test_never_more_than_100_events_are_outstanding_and_stored_ones_are_asked_for_anew(house: House) -> None:
    before(house)
    house.bus.most = 7
    for number in range(350):
        await house.bus.publish(recordIds=[record(number)])
    house.start()
    await eventually(lambda: len(house.inbox.ids) == 350)
    await eventually(lambda: sum(house.bus.asked) == 450)
    assert house.bus.asked[0] == 100
    assert house.bus.most_outstanding <= 100


async def test_while_the_inbox_takes_nothing_no_more_is_asked_for(house: House) -> None:
    before(house)
    house.inbox.down = True
    for number in range(10):
        await house.bus.publish(recordIds=[record(number)])
    house.start()
    await eventually(lambda: len(house.bus.first) >= 2)
    assert set(house.bus.asked) == {100}  # first requests only
    house.inbox.down = False
    await eventually(lambda: len(house.inbox.ids) == 10)


async def test_an_event_told_twice_is_stored_twice_and_harms_nothing(house: House, listening: Start) -> None:
    await listening()
    await house.bus.publish(recordIds=[record(1)])
    house.bus.events.append(house.bus.events[-1])
    await house.bus.wake()
    await house.bus.publish(recordIds=[record(2)])
    await eventually(lambda: unit(2) in house.inbox.ids)
    assert set(house.inbox.ids) == {unit(1), unit(2)}


async def test_our_own_write_back_is_dropped_and_the_position_moves_on(house: House, listening: Start) -> None:
    listener = await listening()
    names = bitmap("Billed__c", "LastModifiedDate")
    await house.bus.publish(changeType="UPDATE", changeOrigin=OURS, changedFields=names)
    await eventually(lambda: position(house) == text(replay(1001)))
    assert (house.inbox.ids, listener.status.echoes) == ([], 1)


async def test_our_client_with_other_fields_is_no_echo(house: House, listening: Start) -> None:
    await listening()
    names = bitmap("Billed__c", "Hours__c")
    await house.bus.publish(changeType="UPDATE", changeOrigin=OURS, changedFields=names, recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids == [unit(1)])


async def test_events_of_other_objects_only_move_the_position(house: House, listening: Start) -> None:
    await listening()
    await house.bus.publish(entityName="Account", changeType="GAP_OVERFLOW")
    await eventually(lambda: position(house) == text(replay(1001)))
    assert (house.inbox.ids, house.inbox.stores[-1].resync) == ([], {})


@pytest.mark.parametrize(
    ("change", "ids", "kind", "units", "since"),
    [
        ("GAP_UPDATE", [record(1)], "gap", [unit(1)], "2026-11-05T08:45:00.000Z"),
        ("GAP_OVERFLOW", ["000000000000000AAA"], "overflow", [], "2026-11-05T08:45:00.000Z"),
        ("UPDATE", ["a00*"], "wildcard", [], ""),
    ],
)
async def test_gaps_and_overflow_have_salesforce_read_since_the_last_good_commit_and_wildcards_all_of_it(
    house: House, change: str, ids: list[str], kind: str, units: list[str], since: str
) -> None:
    before(house, "2026-11-05T09:00:00.000Z")
    house.start()
    await eventually(lambda: house.bus.open)
    await house.bus.publish(changeType=change, recordIds=ids)
    await eventually(lambda: house.inbox.stores)
    assert house.inbox.ids == units
    assert house.inbox.resyncs(kind) == [since]
    assert position(house) == text(replay(1001))


# ---- events that cannot be read ------------------------------------------------------------------------------------


async def test_an_undecodable_event_is_parked_after_three_fresh_tries_and_what_it_hid_is_read(house: House) -> None:
    before(house)
    await house.bus.publish(recordIds=[record(1)])
    await house.bus.publish(raw=b"\xff\xff\xff")
    await house.bus.publish(recordIds=[record(3)])
    listener = house.start()
    await eventually(lambda: len(house.inbox.stores) == 2)
    prefix, rest = house.inbox.stores
    assert (prefix.ids, prefix.position, prefix.resync) == ((unit(1),), text(replay(1001)), {})
    assert (rest.ids, rest.position) == ((unit(3),), text(replay(1003)))
    assert house.inbox.resyncs("undecodable") == ["2026-11-05T09:45:00.000Z"]
    assert house.inbox.parked[0][:3] == (CHANNEL, text(replay(1002)), text(b"\xff\xff\xff"))
    assert house.bus.schema_calls == ["schema-1"] * 4  # once, and three times fresh
    assert listener.status.parked == 1


async def test_a_schema_that_changes_at_run_time_is_fetched_by_its_own_id(house: House, listening: Start) -> None:
    await listening()
    await house.bus.publish(recordIds=[record(1)])
    house.bus.schemas["schema-2"] = schema("New__c", "Hours__c", "Billed__c", "LastModifiedDate")
    await house.bus.publish(
        "schema-2", changeType="UPDATE", changeOrigin=OURS, changedFields=["0x4"], recordIds=[record(2)]
    )  # bit 2 is Hours__c there, Billed__c in the old schema
    await house.bus.publish(recordIds=[record(3)])
    await eventually(lambda: unit(3) in house.inbox.ids)
    assert house.inbox.ids == [unit(1), unit(2), unit(3)]
    assert house.bus.schema_calls == ["schema-1", "schema-2"]


async def test_a_schema_that_cannot_be_had_for_a_moment_delays_its_event_only(house: House) -> None:
    before(house)
    house.bus.schema_refusals.extend([Refusal(UNAVAILABLE), Refusal(UNAVAILABLE)])
    await house.bus.publish(recordIds=[record(1)])
    house.start()
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert house.inbox.parked == []
    assert house.org.number > 1  # a fresh try had a new token


async def test_a_schema_that_nobody_has_parks_its_events_without_asking_for_each(house: House) -> None:
    before(house)
    for _ in range(20):
        await house.bus.publish("schema-none", raw=b"??")
    await house.bus.publish(recordIds=[record(1)])
    house.start()
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert len(house.inbox.parked) == 20
    assert house.bus.schema_calls.count("schema-none") == 4
    assert house.inbox.resyncs("undecodable")


async def test_a_link_that_breaks_before_the_schema_came_parks_nothing(house: House) -> None:
    before(house)

    async def breaks() -> None:
        house.bus.on_schema = None
        await house.bus.break_streams(UNAVAILABLE)
        await eventually(lambda: not house.bus.open)
        house.bus.schema_refusals.append(Refusal(UNAVAILABLE))

    house.bus.on_schema = breaks
    await house.bus.publish(recordIds=[record(1)])
    house.start()
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert (house.inbox.parked, len(house.bus.first)) == ([], 2)


# ---- enriched channels ---------------------------------------------------------------------------------------------


async def test_a_response_is_never_cut_within_one_replay_id(house: House) -> None:
    house.source = replace(SOURCE, channel="/data/Time__chn")
    house.inbox.positions["/data/Time__chn"] = MemoryPosition(text(house.bus.latest), "2026-11-05T09:00:00.000Z")
    house.bus.most = 2
    for number, same in ((1, False), (2, True), (3, True), (4, False)):
        await house.bus.publish(recordIds=[record(number)], same=same)
    house.start()
    await eventually(lambda: len(house.inbox.ids) == 4)
    assert [(stored.ids, stored.position) for stored in house.inbox.stores] == [
        ((unit(1), unit(2)), text(replay(1000))),  # a third event of 1001 was still to come
        ((unit(3), unit(4)), text(replay(1001))),
    ]
    house.bus.keepalive = 0.05
    await house.bus.wake()
    await eventually(lambda: house.inbox.positions["/data/Time__chn"].replay == text(replay(1002)))
