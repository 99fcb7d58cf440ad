"""What goes wrong with a stream, whatever its wire."""

from dataclasses import replace

import grpc

from listeners.faults import PREFIX
from tests.listeners.memory import MemoryPosition
from tests.listeners.scenario import ALL, COMETD, POLL, PUBSUB, STREAMS, Play, add, scenario
from tests.listeners.world import LIMITS_HERE, World, until

THREE_DAYS = 72 * 3600.0


# ---- it breaks -----------------------------------------------------------------------------------------------------


@scenario(*STREAMS)
async def the_stream_breaks_once(world: World) -> None:
    await world.told(*world.log_time())
    world.stream("break")
    await world.told(*world.log_time())
    await until(lambda: world.status().reconnects)


@scenario(*STREAMS)
async def the_stream_breaks_after_every_change(world: World) -> None:
    for _ in range(5):
        world.log_time()
        world.stream("break")
    await world.told(*world.truth)


@scenario(*STREAMS)
async def changes_are_made_while_nobody_listens(world: World) -> None:
    world.fault("drop-before", times=4)
    world.stream("break")
    for _ in range(3):
        world.log_time(4)
    await world.told(*world.truth)


def ended(status: grpc.StatusCode, code: str = "") -> Play:
    """Three subscriptions in a row end like this."""

    async def play(world: World) -> None:
        world.fault("status", status=status.value[0], body=code, times=3)
        world.stream("break")
        units = world.log_time()
        if code.endswith(("limit.exceeded", "invalid")) or status.name in LASTING:
            await until(lambda: world.status().state == "retrying")
            world.faults.remove()
        await world.told(*units)

    return play


LASTING = {"NOT_FOUND", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT"}
for status in grpc.StatusCode:
    if status is not grpc.StatusCode.OK:
        add(f"the_stream_ends_with_{status.name.lower()}", ended(status), (PUBSUB,))
for status, code in (
    (grpc.StatusCode.UNAUTHENTICATED, "service.auth.error"),
    (grpc.StatusCode.INTERNAL, "service.auth.refresh.invalid"),
    (grpc.StatusCode.INTERNAL, "service.unavailable"),
    (grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.requested.events.invalid"),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "subscription.limit.exceeded"),
):
    add(f"the_stream_ends_with_{code}", ended(status, PREFIX + code), (PUBSUB,))


def lost(code: str) -> Play:
    """The next subscription is told that its position is unknown."""

    async def play(world: World) -> None:
        world.fault("status", status=grpc.StatusCode.INVALID_ARGUMENT.value[0], body=PREFIX + code)
        world.quietly()
        world.stream("break")
        await until(lambda: "position-lost" in world.kinds())
        await world.open()

    return play


for code in ("subscription.fetch.replayid.corrupted", "subscription.fetch.replayid.validation.failed"):
    add(f"the_stream_ends_with_{code}", lost(code), (PUBSUB,), "position-lost anchored")


# ---- it says nothing -----------------------------------------------------------------------------------------------


@scenario(*STREAMS, fresh=True)
async def the_stream_goes_silent(world: World) -> None:
    world.before()
    world.state.org.switches["silent"] = True
    world.start(limits=replace(LIMITS_HERE, stream_silence=0.2, read_request=0.5))
    world.log_time()
    await until(lambda: world.status().reconnects["silent"])
    world.stream("speak")
    await world.told(*world.truth)


@scenario(*STREAMS)
async def nothing_happens_for_longer_than_a_keep_alive(world: World) -> None:
    heard = world.status().last_response_at
    world.state.org.clock.advance(20.0)  # wakes what waits for the time to be over
    await until(lambda: world.status().last_response_at > heard)
    assert not world.status().reconnects


# ---- tokens --------------------------------------------------------------------------------------------------------


@scenario(*STREAMS)
async def the_session_ends_and_the_stream_breaks(world: World) -> None:
    world.state.sessions.revoke()
    world.stream("break")
    await world.told(*world.log_time())
    assert world.salesforce.logins >= 2


@scenario(*STREAMS)
async def the_session_ends_while_the_stream_lives(world: World) -> None:
    await world.told(*world.log_time())
    world.state.sessions.revoke()
    await world.told(*world.log_time())
    await world.told(*world.log_time())


@scenario(*ALL)
async def nobody_answers_at_the_login(world: World) -> None:
    world.salesforce.away = 3
    world.stream("break")
    await world.told(*world.log_time())


# ---- positions -----------------------------------------------------------------------------------------------------


async def no_position(world: World) -> None:
    world.log_time(3)
    world.start()
    await world.open()


add("there_is_no_position", no_position, STREAMS, "initial anchored", fresh=True)
add("there_is_no_watermark", no_position, (POLL,), "initial", fresh=True)


@scenario(*STREAMS, reads="initial anchored", fresh=True)
async def the_stream_breaks_before_the_first_position(world: World) -> None:
    world.start()
    await world.open()
    world.fault("drop-before", times=2)
    world.stream("break")
    world.log_time()
    await until(lambda: world.faults.armed == 0)
    await world.open()


@scenario(*STREAMS, reads="position-lost anchored")
async def the_org_moves_and_its_stream_is_reset(world: World) -> None:
    await world.told(*world.log_time())
    world.quietly()
    world.stream("reset")
    world.stream("break")
    await until(lambda: "position-lost" in world.kinds())
    await world.open()


@scenario(*STREAMS, reads="position-lost anchored", fresh=True)
async def nobody_listened_for_more_than_72_hours(world: World) -> None:
    world.before()
    world.log_time()
    world.state.org.clock.advance(THREE_DAYS + 60)
    world.start()
    await until(lambda: "position-lost" in world.kinds())
    await world.open()


@scenario(*STREAMS, fresh=True)
async def nobody_listened_for_less_than_72_hours(world: World) -> None:
    world.before()
    world.log_time()
    world.state.org.clock.advance((THREE_DAYS - 3600) / 20)  # the stand-in's retention is not scaled by its clock
    world.start()
    await world.told(*world.truth)


def foreign(position: str) -> Play:
    async def play(world: World) -> None:
        world.inbox.positions[world.channel] = MemoryPosition(position, "2026-11-05T09:00:00.000Z")
        world.log_time()
        world.start()
        await until(lambda: "position-lost" in world.kinds())
        await world.open()

    return play


LOST = "position-lost anchored"
add("the_position_is_of_the_pubsub_api", foreign("AAAB6AAAAAAAAA=="), (COMETD,), LOST, fresh=True)
add("the_position_is_of_cometd", foreign("cometd:4711"), (PUBSUB,), LOST, fresh=True)
add("the_position_is_nonsense", foreign("not a position!"), STREAMS, LOST, fresh=True)
add("the_position_never_was", foreign("cometd:4711"), (COMETD,), LOST, fresh=True)


# ---- what only a person can mend -----------------------------------------------------------------------------------


@scenario(*STREAMS)
async def the_object_is_taken_out_of_change_data_capture_for_a_while(world: World) -> None:
    world.state.org.switches["cdc_objects"] = []
    world.stream("break")
    await until(lambda: "Change Data Capture" in world.status().reason)
    world.state.org.switches["cdc_objects"] = ["TimeEntry__c"]
    await world.told(*world.log_time())


@scenario(*STREAMS)
async def the_user_may_not_see_all_records_for_a_while(world: World) -> None:
    world.state.org.switches["view_all"] = False
    world.stream("break")
    world.log_time()
    await until(lambda: "View All Records" in world.status().reason)
    world.state.org.switches["view_all"] = True
    await world.told(*world.truth)


@scenario(*STREAMS, fresh=True)
async def the_delivery_limit_is_spent(world: World) -> None:
    world.before()
    world.state.org.switches["daily_events"] = 0
    world.start(limits=replace(LIMITS_HERE, backoff_cap=0.2))
    world.log_time()
    await until(lambda: "allowance" in world.status().reason)
    world.state.org.switches["daily_events"] = 50_000
    await world.told(*world.truth)


@scenario(PUBSUB, fresh=True)
async def while_the_delivery_limit_is_spent_polling_stands_in(world: World) -> None:
    world.before()
    world.state.org.switches["daily_events"] = 0
    world.start(transport="auto", limits=replace(LIMITS_HERE, backoff_cap=0.3))
    units = world.log_time(2)
    await world.told(*units)
    assert world.status().transport == "poll"
    await until(lambda: world.status().reconnects["delivery limit"] >= 2)  # the stream is tried, polling goes on
    world.state.org.switches["daily_events"] = 50_000
    await until(lambda: world.status().transport == "pubsub" and world.status().state == "listening")
