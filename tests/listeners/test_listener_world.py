"""What the outside does to a listener: refused tokens, silence, limits, other listeners, a changed setup."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import grpc

from eventbus import pubsub_api_pb2 as pb
from listeners.ports import Clock, Source
from listeners.salesforce import Listener
from tests.listeners.bus import CHANNEL, PREFIX, Refusal, record, replay, unit
from tests.listeners.house import SOURCE, House, before, text
from tests.listeners.memory import LIMITS, MemoryOrg, MemoryPosition, eventually

Start = Callable[..., Awaitable[Listener]]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


# ---- tokens, silence, refusals -------------------------------------------------------------------------------------


async def test_a_refused_token_is_renewed_and_the_stream_resumed(house: House, listening: Start) -> None:
    await listening()
    house.bus.tokens = {"token-2"}
    await house.bus.break_streams(grpc.StatusCode.UNAUTHENTICATED, PREFIX + "service.auth.error")
    await eventually(lambda: len(house.bus.first) == 2)
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert house.bus.first[-1].replay_preset == pb.CUSTOM


async def test_a_stream_outlives_its_token_and_a_new_schema_gets_a_new_one(house: House, listening: Start) -> None:
    await listening()
    house.bus.tokens = {"token-2"}  # the stream stays open
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert (len(house.bus.first), house.org.number) == (1, 2)


async def test_a_silent_stream_is_given_up_and_resumed(house: House) -> None:
    before(house)
    house.bus.silent = True
    listener = house.start(limits=replace(LIMITS, stream_silence=0.2))
    await eventually(lambda: len(house.bus.first) >= 2)
    await house.bus.publish(recordIds=[record(1)])
    house.bus.silent = False
    await house.bus.wake()
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert listener.status.reconnects["silent"] >= 1


async def test_a_delivery_limit_keeps_the_listener_away(house: House) -> None:
    before(house)
    code = PREFIX + "subscription.limit.exceeded"
    house.bus.refusals.extend(Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, code) for _ in range(3))
    listener = house.start(limits=replace(LIMITS, backoff_cap=30.0))
    await eventually(lambda: listener.status.state == "retrying")
    assert len(house.bus.refusals) == 2
    assert "allowance" in listener.status.reason


async def test_a_refusal_is_shown_with_its_remedy_and_tried_again(house: House) -> None:
    before(house)
    house.bus.refusals.append(Refusal(grpc.StatusCode.PERMISSION_DENIED))
    listener = house.start(limits=replace(LIMITS, backoff_base=0.3))
    await eventually(lambda: "View All Records" in listener.status.reason)
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids == [unit(1)])


async def test_when_the_bus_is_away_it_comes_back_by_itself(house: House) -> None:
    before(house)
    house.org.number = 1
    house.bus.refusals.extend(Refusal(UNAVAILABLE, PREFIX + "service.unavailable") for _ in range(4))
    await house.bus.publish(recordIds=[record(1)])
    listener = house.start()
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert listener.status.reconnects["unavailable"] == 4
    await eventually(lambda: listener.status.state == "listening")


async def test_salesforce_that_gives_no_session_is_waited_for(house: House) -> None:
    before(house)

    class Refusing(MemoryOrg):
        times = 0

        async def session(self, stale: object = None) -> object:  # type: ignore[override]
            Refusing.times += 1
            if Refusing.times < 3:
                raise OSError("no route to login")
            return await MemoryOrg.session(self)

    await house.bus.publish(recordIds=[record(1)])
    house.start(org=Refusing())
    await eventually(lambda: house.inbox.ids == [unit(1)])


# ---- one active listener -------------------------------------------------------------------------------------------


async def test_of_two_listeners_one_is_active_and_the_other_takes_over(house: House, listening: Start) -> None:
    active = await listening()
    standby = house.start()
    await eventually(lambda: standby.status.state == "standing by")
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert house.bus.open == 1
    house.tasks[0].cancel()
    await eventually(lambda: standby.status.state == "connecting" or standby.status.state == "listening")
    await house.bus.publish(recordIds=[record(2)])
    await eventually(lambda: house.inbox.ids == [unit(1), unit(2)])
    assert active.status.state == "stopped"


async def test_a_listener_whose_lease_another_took_stores_nothing_and_stands_by(house: House, listening: Start) -> None:
    listener = await listening()
    house.locks.held["listener:" + CHANNEL] = "another's"
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: listener.status.state == "standing by")
    assert house.inbox.ids == []
    del house.locks.held["listener:" + CHANNEL]
    await eventually(lambda: house.inbox.ids == [unit(1)])


async def test_a_position_that_was_moved_behind_its_back_is_read_anew(house: House, listening: Start) -> None:
    await listening()
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids == [unit(1)])
    house.inbox.positions[CHANNEL] = MemoryPosition(text(replay(1000)))  # a rolled-back store
    await house.bus.publish(recordIds=[record(2)])
    await eventually(lambda: house.inbox.ids == [unit(1), unit(1), unit(2)])


# ---- setup, doors --------------------------------------------------------------------------------------------------


async def test_without_a_setup_it_waits_and_says_so(house: House) -> None:
    house.source = None
    listener = house.start()
    await eventually(lambda: listener.status.state == "waiting for a setup")
    assert house.bus.first == []
    house.source = SOURCE
    await eventually(lambda: house.bus.open)


async def test_another_channel_in_the_setup_restarts_the_door(house: House, listening: Start) -> None:
    await listening()
    house.source = Source("Stint__c", "/data/Stint__chn")
    await eventually(lambda: len(house.bus.first) == 2)
    assert house.bus.first[-1].topic_name == "/data/Stint__chn"
    await eventually(lambda: house.bus.open == 1)
    assert house.locks.held.keys() == {"listener:/data/Stint__chn"}


async def test_in_auto_polling_stands_in_with_the_reason_while_the_stream_is_refused(house: House) -> None:
    before(house, "2026-11-05T09:00:00.000Z")
    house.org.rows = [(record(1), house.org.now.replace(hour=8)), (record(2), house.org.now.replace(hour=11))]
    house.bus.refusals.append(Refusal(grpc.StatusCode.NOT_FOUND))
    await house.bus.publish(recordIds=[record(3)])
    listener = house.start(transport="auto", limits=replace(LIMITS, backoff_cap=1.0))
    await eventually(lambda: house.inbox.ids == [unit(2)])
    await eventually(lambda: "Change Data Capture" in listener.status.reason)
    assert listener.status.transport == "poll"
    await eventually(lambda: house.inbox.ids == [unit(2), unit(3)])  # the stream is tried again, and resumed
    await eventually(lambda: listener.status.transport == "pubsub")
    assert house.inbox.requested == {}


class CountingOrg(MemoryOrg):
    """Notes, whenever it is polled, how often the stream has failed by then."""

    def __init__(self, failures: Callable[[], int]) -> None:
        super().__init__()
        self.failures, self.seen = failures, list[int]()

    async def clock(self, sobject: str) -> Clock:
        self.seen.append(self.failures())
        return await super().clock(sobject)


async def test_polling_that_stands_in_does_not_end_the_stream_s_back_off(house: House) -> None:
    before(house)
    org = CountingOrg(lambda: listener.status.reconnects["unavailable"])
    house.bus.refusals.extend(Refusal(UNAVAILABLE) for _ in range(500))
    limits = replace(LIMITS, minute=0.2, backoff_cap=0.1, poll=0.02)
    listener = house.start(transport="auto", org=org, limits=limits)
    await eventually(lambda: len(set(org.seen)) >= 4)
    tries = sorted(set(org.seen))
    assert {later - earlier for earlier, later in pairwise(tries)} == {1}  # one attempt, then polling again at once


async def test_stopping_gives_the_lease_back(house: House, listening: Start) -> None:
    await listening()
    assert house.locks.held
    await house.stop()
    assert house.locks.held == {}


async def test_the_doorbell_of_collect_is_rung_after_each_stored_response(house: House) -> None:
    before(house)
    await house.bus.publish(recordIds=[record(1)])
    house.start()
    await eventually(lambda: house.rings == ["collect"])
