"""Stopping a request at a stand-in just before or just after it is carried out, and doing something at that moment."""

import inspect
from collections.abc import Awaitable, Callable

from sandbox.faults import Fault, Faults
from tests.faults.registry import Scene

COMES_WITHIN = 3.0  # seconds until time that was logged has led to the request
TRIES = 3
WRITES = {"method": "PUT|POST", "path": ".*/Invoices"}
UPDATES = {"method": "POST", "path": ".*/Invoices"}
READS = {"method": "GET", "path": ".*/Invoices"}
QUERIES = {"method": "GET", "path": "/services/data/.*/query.*"}
WRITE_BACKS = {"method": "PATCH", "path": "/services/data/.*/composite/sobjects.*"}
TOKENS = {"method": "POST", "path": "/connect/token"}


def faults_of(scene: Scene, service: str) -> Faults:
    """The faults of one stand-in."""
    return scene.office.stand.xero_faults if service == "xero" else scene.office.stand.salesforce_faults


async def caught(
    scene: Scene,
    service: str,
    kind: str,
    where: dict[str, str],
    then: Callable[[], Awaitable[object] | object],
) -> bool:
    """Log time, hold (`hold`) or hold the answer of (`hold-after`) the request that follows, and do `then`.

    False: no such request came.
    """
    faults = faults_of(scene, service)
    id_ = faults.add(Fault(kind, **where))  # type: ignore[arg-type]  # texts go to fields of text
    try:
        if not await provoked(scene, where, faults.held[id_].reached.is_set):
            return False
        done = then()
        if inspect.isawaitable(done):
            await done
        return True
    finally:
        faults.remove(id_)


async def armed(scene: Scene, service: str, kind: str, where: dict[str, str], times: int = 1, **how: object) -> bool:
    """Make the next such requests go wrong, and log time; False where none came."""
    faults = faults_of(scene, service)
    id_ = faults.add(Fault(kind, **where, times=times, **how))  # type: ignore[arg-type]  # as above
    try:
        met = await provoked(scene, where, lambda: faults.left(id_) < times)
        for _ in range(times - 1):
            await scene.people.provoke(scene.chance)
            await scene.moment()
        return met
    finally:
        faults.remove(id_)


async def provoked(scene: Scene, where: dict[str, str], happened: Callable[[], bool]) -> bool:
    """Log time until it has happened; False where it does not."""
    for _ in range(TRIES):
        await scene.people.provoke(scene.chance, on_a_draft=where in (UPDATES, READS))
        if await scene.office.until(happened, COMES_WITHIN):
            return True
    return False
