"""The event stream: it breaks, repeats itself, leaves gaps, forgets our place, or says nothing at all."""

from functools import partial

from tests.faults.injectors.holding import armed
from tests.faults.registry import Scene, fault, register

BREAKS = "The stream breaks, repeats itself, or says nothing"
OLD = "The position in the stream is too old"
DESCRIBE = {"method": "GET", "path": "/services/.*"}


def _script(scene: Scene, action: str, **more: object) -> None:
    from sandbox.salesforce import script

    script.stream(scene.office.stand.salesforce, {"action": action, **more})


async def _said(scene: Scene, *, action: str) -> None:
    """Something on the stream, between two entries."""
    await scene.people.provoke(scene.chance)
    _script(scene, action)
    await scene.people.provoke(scene.chance)
    await scene.moment()


for _name, _action in {
    "stream broken": "break",
    "stream repeats an event": "duplicate-last",
    "overflow on the stream": "overflow",
    "wildcard on the stream": "wildcard",
    "undecodable event": "undecodable",
}.items():
    register(_name, BREAKS, partial(_said, action=_action), turn="stream")


@fault("gap on the stream", BREAKS, turn="stream")
async def gap(scene: Scene) -> None:
    """An entry changes and Salesforce only says that something happened to it."""
    world = scene.office.world
    entry = scene.chance.choice(scene.people.logged)
    if not world.record(entry)["IsDeleted"]:
        world.org("update", records=[{"Id": entry, "Hours__c": "4.25"}], quiet=True)
    _script(scene, "gap", ids=[entry])
    await scene.moment()


@fault("stream silent", BREAKS, turn="stream")
async def silent(scene: Scene) -> None:
    _script(scene, "silence")
    await scene.people.provoke(scene.chance)
    await scene.moment(0.5, 2.0)
    _script(scene, "speak")


@fault("stream position forgotten", OLD, turn="stream")
async def forgotten(scene: Scene) -> None:
    """Salesforce has thrown away what we have not read: the position names nothing any more."""
    scene.office.kill("listener")
    await scene.people.provoke(scene.chance)
    _script(scene, "expire-before")
    await scene.moment()


@fault("rest unavailable while the stream goes on", BREAKS)
async def describe_down(scene: Scene) -> bool:
    return await armed(scene, "salesforce", "status", DESCRIBE, 3, status=503)
