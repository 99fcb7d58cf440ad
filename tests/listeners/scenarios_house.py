"""What goes wrong around a listener: the inbox, the lease, the setup, other listeners."""

import random

from listeners.lease import lock_name
from tests.listeners.memory import MemoryPosition
from tests.listeners.scenario import ALL, STREAMS, Play, add, scenario
from tests.listeners.world import World, pause, until


@scenario(*ALL)
async def the_inbox_is_away_for_a_while(world: World) -> None:
    world.inbox.down = True
    world.log_time(3)
    await until(lambda: world.status().state == "retrying")
    world.log_time(3)
    world.inbox.down = False
    await world.told(*world.truth)


@scenario(*STREAMS)
async def the_store_is_rolled_back(world: World) -> None:
    old = world.inbox.positions[world.channel]
    units = world.log_time()
    await world.told(*units)
    world.inbox.positions[world.channel] = MemoryPosition(old.replay, old.committed_at)
    world.log_time()
    await world.told(*units, times=2)


@scenario(*ALL)
async def another_takes_the_lease(world: World) -> None:
    await world.told(*world.log_time())
    world.locks.held[lock_name(world.channel)] = "another's"
    world.log_time()
    await until(lambda: world.status().state == "standing by")
    del world.locks.held[lock_name(world.channel)]
    await world.told(*world.truth)


@scenario(*ALL)
async def a_standby_takes_over(world: World) -> None:
    standby = world.start()
    await until(lambda: standby.status.state == "standing by")
    await world.told(*world.log_time())
    world.tasks[0].cancel()
    world.log_time()
    await world.told(*world.truth)
    await until(lambda: standby.status.state == "listening")


@scenario(*ALL)
async def listeners_come_and_go(world: World) -> None:
    for _ in range(4):
        world.log_time()
        await world.stop()
        world.log_time()
        world.start()
        await pause()
    await world.told(*world.truth)


@scenario(*STREAMS)
async def another_channel_is_set_up(world: World) -> None:
    await world.told(*world.log_time())
    world.state.org.switches["channels"] = {"/data/Time__chn": {"objects": ["TimeEntry__c"]}}
    world.before("/data/Time__chn")
    assert world.source is not None
    world.source = type(world.source)("TimeEntry__c", "/data/Time__chn", world.source.write_back)
    world.log_time()
    await until(lambda: world.status().channel == "/data/Time__chn" and world.status().state == "listening")


@scenario(*ALL)
async def the_doorbell_cannot_be_rung(world: World) -> None:
    async def broken(stage: str) -> None:
        raise OSError(stage)

    world.listeners[0].ring = broken
    await world.told(*world.log_time())


def history(seed: int) -> Play:
    """Changes and faults in random order, now and then with time for all of them to be told."""

    async def play(world: World) -> None:
        chance = random.Random(seed)
        acts = [world.log_time] * 5 + [lambda act=act: act(world) for act in TROUBLES[world.name]]
        for _ in range(30):
            chance.choice(acts)()
            if chance.random() < 0.3 and not world.inbox.down:
                await world.told(*world.truth)
        world.inbox.down = False
        await world.told(*world.truth)

    return play


def _broken(world: World) -> None:
    world.stream("break")


def _forgotten(world: World) -> None:
    world.stream("forget-clients")


def _ended(world: World) -> None:
    world.state.sessions.revoke()


def _away(world: World) -> None:
    world.inbox.down = not world.inbox.down


def _dropped(world: World) -> None:
    world.fault("drop-after" if world.name == "cometd" else "drop-before")


def _second(world: World) -> None:
    if len(world.tasks) < 2:
        world.start()
    else:
        world.tasks.pop(0).cancel()


TROUBLES = {
    "pubsub": [_broken, _ended, _away, _dropped, _second],
    "cometd": [_broken, _forgotten, _ended, _away, _dropped, _second],
    "poll": [_away, _second],
}
for number in range(3):
    add(f"anything_may_happen_{number}", history(number), ALL)
