"""What happens to time entries, and how Salesforce tells it."""

from dataclasses import replace

from tests.listeners.scenario import ALL, POLL, PUBSUB, STREAMS, Play, add, scenario
from tests.listeners.world import OURS, World, id_of, until

SECONDS_LATER = 2.0  # the org's times of change are whole seconds


@scenario(*ALL)
async def an_entry_is_created(world: World) -> None:
    await world.told(*world.log_time())


@scenario(*ALL)
async def an_entry_is_changed(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.state.org.clock.advance(SECONDS_LATER)
    world.update(unit, Hours__c="2.00")
    await world.told(unit, times=2)


@scenario(*ALL)
async def an_entry_is_deleted_and_comes_back(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    for number, act in enumerate((world.delete, world.undelete), 2):
        world.state.org.clock.advance(SECONDS_LATER)
        act(unit)
        await world.told(unit, times=number)


@scenario(POLL)
async def an_entry_is_purged_with_a_delete_record(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.state.org.clock.advance(SECONDS_LATER)
    world.purge(unit)
    await world.told(unit, times=2)


@scenario(*ALL)
async def one_transaction_changes_many_entries(world: World) -> None:
    await world.told(*world.log_time(30))


@scenario(*STREAMS)
async def the_same_change_of_several_records_is_one_event(world: World) -> None:
    units = world.log_time(5)
    await world.told(*units)
    published = world.state.bus.published
    world.update(*units, Status__c="Approved")
    assert world.state.bus.published == published + 1
    await world.told(*units, times=2)


@scenario(*ALL)
async def a_thousand_changes_come_at_once(world: World) -> None:
    for _ in range(10):
        world.log_time(100)
    await world.told(*world.truth)


@scenario(*STREAMS)
async def an_event_is_told_twice(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.stream("duplicate-last")
    await world.told(unit, times=2)


@scenario(*STREAMS)
async def a_long_text_is_changed(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.update(unit, Description__c="minutes of the meeting\n" * 200)
    await world.told(unit, times=2)


@scenario(PUBSUB)
async def a_long_text_comes_as_a_diff(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.update(unit, Description__c="minutes of the meeting\n" * 200, Xero_Billed__c="TT-1")
    await world.told(unit, times=2)
    world.state.org.switches["long_text_diffs"] = True
    world.update(unit, Description__c="minutes of the meeting\n" * 201)
    await world.told(unit, times=3)
    assert world.state.bus.events[-1].header["diffFields"] == ["Description__c"]


@scenario(PUBSUB)
async def our_write_back_comes_as_a_diff_and_is_an_echo_only_alone(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.update(unit, Description__c="minutes of the meeting", Xero_Billed__c="TT-1")
    await world.told(unit, times=2)
    world.state.org.switches["long_text_diffs"] = True
    world.update(unit, origin=OURS, Xero_Billed__c="TT-1\nTT-2")
    world.update(unit, origin=OURS, Xero_Billed__c="TT-3", Description__c="all that was said")
    await world.told(unit, times=3)
    assert world.status().echoes == 1


def gap(change: str) -> Play:
    async def play(world: World) -> None:
        unit = world.quietly()
        world.stream("gap", change=change, ids=[id_of(unit)])
        await world.told(unit)

    return play


for kind in ("create", "update", "delete", "undelete"):
    add(f"a_gap_{kind}_names_its_record", gap(kind), STREAMS, "gap")


@scenario(*STREAMS, reads="gap")
async def a_gap_names_several_records(world: World) -> None:
    units = [world.quietly() for _ in range(3)]
    world.stream("gap", ids=[id_of(unit) for unit in units])
    await world.told(*units)


@scenario(*STREAMS, reads="overflow")
async def a_transaction_overflows(world: World) -> None:
    world.quietly()
    world.stream("overflow")
    await world.told(*world.log_time())


@scenario(*STREAMS, reads="wildcard")
async def a_field_s_type_is_converted(world: World) -> None:
    world.quietly()
    world.stream("wildcard")
    await world.told(*world.log_time())


@scenario(*STREAMS)
async def our_own_write_back_is_an_echo(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    at = world.position
    world.update(unit, origin=OURS, Xero_Billed__c="TT-1")
    await until(lambda: world.position != at)
    assert (world.times(unit), world.status().echoes) == (1, 1)


@scenario(*STREAMS)
async def our_client_changes_another_field(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.update(unit, origin=OURS, Xero_Billed__c="TT-1", Hours__c="2.00")
    await world.told(unit, times=2)


@scenario(*STREAMS)
async def somebody_else_changes_a_write_back_field(world: World) -> None:
    [unit] = world.log_time()
    await world.told(unit)
    world.update(unit, Xero_Billed__c="by hand")
    await world.told(unit, times=2)


@scenario(*STREAMS, reads="undecodable")
async def an_event_cannot_be_read(world: World) -> None:
    world.log_time()
    world.stream("undecodable")
    world.log_time()
    await world.told(*world.log_time())
    await until(lambda: world.inbox.parked)


@scenario(*STREAMS, reads="undecodable")
async def several_events_cannot_be_read(world: World) -> None:
    world.stream("undecodable", times=3)
    for _ in range(5):
        world.log_time()
    await until(lambda: len(world.inbox.parked) == 3)


@scenario(*STREAMS)
async def the_object_gets_another_field(world: World) -> None:
    await world.told(*world.log_time())
    extra = [{"sobject": "TimeEntry__c", "name": "Mood__c", "type": "string", "length": 20}]
    world.state.org.switches["extra_fields"] = extra
    await world.told(*world.log_time())


# ---- other channels ------------------------------------------------------------------------------------------------


async def on_channel(world: World, channel: str, **made: object) -> None:
    """Listen on another channel, as if from before."""
    assert world.source is not None
    if made:
        world.state.org.switches["channels"] = {channel: {"objects": ["TimeEntry__c"], "enriched": []} | made}
    world.source = replace(world.source, channel=channel)
    world.before()
    world.start()
    await world.open()


@scenario(*STREAMS, fresh=True)
async def a_channel_of_all_objects_carries_others(world: World) -> None:
    await on_channel(world, "/data/ChangeEvents")
    world.state.org.switches["cdc_objects"] = ["TimeEntry__c", "Project__c"]
    world.act("insert", "Project__c", records=[{"Name": "Not a time entry"}])
    await world.told(*world.log_time())


@scenario(*STREAMS, fresh=True)
async def a_custom_channel_is_listened_to(world: World) -> None:
    await on_channel(world, "/data/Time__chn", objects=["TimeEntry__c"])
    await world.told(*world.log_time())


@scenario(*STREAMS, fresh=True)
async def an_enriched_channel_repeats_replay_ids(world: World) -> None:
    await on_channel(world, "/data/Time__chn", enriched=["Project__c"])
    units = world.log_time(7)
    await world.told(*units)
    world.update(*units, Status__c="Approved")
    await world.told(*units, times=2)


@scenario(*STREAMS, fresh=True)
async def an_enriched_channel_breaks_between_equal_replay_ids(world: World) -> None:
    await on_channel(world, "/data/Time__chn", enriched=["Project__c"])
    units = world.log_time(150)
    for status in ("Approved", "Submitted", "Rejected"):
        await world.told(*units)
        world.inbox.stores.clear()
        world.update(*units, Status__c=status)
        world.stream("break")
    await world.told(*units)
