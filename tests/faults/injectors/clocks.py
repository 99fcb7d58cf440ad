"""A machine whose clock is wrong, or is set while we work."""

from functools import partial

from tests.faults import skew
from tests.faults.registry import Scene, fault, register

WRONG = "A machine's clock is wrong"


async def _off(scene: Scene, *, seconds: float) -> None:
    child = scene.office.children[scene.chance.choice(("worker-1", "listener"))]
    skew.write(child.clock, seconds)
    for _ in range(2):
        await scene.people.provoke(scene.chance)
        await scene.moment()
    skew.write(child.clock, 0.0)


for _seconds in (75, -75):
    register(f"clock {_seconds:+} s", WRONG, partial(_off, seconds=_seconds), turn="clock")


@fault("clock stepping by ten minutes", WRONG, turn="clock")
async def stepping(scene: Scene) -> None:
    """Set ahead, far back, and right again, while it works."""
    child = scene.office.children["worker-2"]
    for seconds in (600.0, -600.0, 600.0, 0.0):
        skew.write(child.clock, seconds)
        await scene.people.provoke(scene.chance)
        await scene.moment()
