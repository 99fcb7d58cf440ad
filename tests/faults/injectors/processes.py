"""Processes that die, stand still, or are there twice."""

import signal

from tests.faults.registry import Scene, fault

DIES = "A worker or listener dies"
TWICE = "Two copies of everything"


@fault("listener killed", DIES)
async def kill_listener(scene: Scene) -> None:
    await scene.people.provoke(scene.chance)
    await scene.moment()
    scene.office.kill("listener")


@fault("worker killed", DIES)
async def kill_worker(scene: Scene) -> None:
    await scene.people.provoke(scene.chance)
    await scene.moment()
    scene.office.kill(scene.chance.choice(scene.office.workers))


@fault("every process killed", DIES)
async def kill_all(scene: Scene) -> None:
    await scene.people.provoke(scene.chance)
    await scene.moment()
    scene.office.kill()


@fault("worker stopped and started", DIES, turn="workers")
async def roll(scene: Scene) -> None:
    """SIGTERM while it works, as at a deployment."""
    name = scene.chance.choice(("worker-1", "worker-2"))
    await scene.people.provoke(scene.chance)
    await scene.moment()
    scene.office.children[name].send(signal.SIGTERM)


@fault("worker frozen", DIES)
async def freeze_worker(scene: Scene) -> None:
    """Longer than its leases: another takes its work, and then it wakes up and goes on."""
    child = scene.office.children[scene.chance.choice(("worker-1", "worker-2"))]
    await scene.people.provoke(scene.chance)
    await scene.moment(0, 0.6)
    child.send(signal.SIGSTOP)
    await scene.moment(0.5, 2.0)
    child.send(signal.SIGCONT)


@fault("listener frozen", DIES)
async def freeze_listener(scene: Scene) -> None:
    child = scene.office.children["listener"]
    child.send(signal.SIGSTOP)
    await scene.people.provoke(scene.chance)
    await scene.moment(0.5, 2.0)
    child.send(signal.SIGCONT)


@fault("everything started twice", TWICE, turn="workers")
async def twice(scene: Scene) -> None:
    """A second listener and two more workers on the same folder and store."""
    parts = {"listener-b": "listeners", "worker-3": "worker", "worker-4": "worker"}
    for name, part in parts.items():
        await scene.office.start(name, part)
    for _ in range(3):
        await scene.people.provoke(scene.chance)
        await scene.moment(0.1, 0.5)
    await scene.office.leave(*parts)
