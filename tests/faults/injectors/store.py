"""Redis that dies, freezes, forgets, goes back in time, or is full."""

import shutil
from pathlib import Path

from tests.faults.injectors.holding import WRITES, caught
from tests.faults.registry import Scene, fault

AWAY = "Redis is down, frozen, full"
LOST = "Redis is lost, emptied or restored from an old copy"
BELLS = "The queue's keys or the cached scripts are deleted"


async def _busy(scene: Scene, times: int = 2) -> None:
    for _ in range(times):
        await scene.people.provoke(scene.chance)
        await scene.moment(0, 0.2)


@fault("redis killed", AWAY, turn="redis")
async def killed(scene: Scene) -> None:
    await _busy(scene)
    await scene.office.server_down()
    await scene.moment(0, 0.5)
    await scene.office.server.start()


@fault("redis frozen", AWAY, turn="redis")
async def frozen(scene: Scene) -> None:
    await _busy(scene)
    scene.office.freeze_server(on=True)
    await scene.moment(0.2, 1.5)
    scene.office.freeze_server(on=False)


@fault("redis frozen while xero writes", AWAY, turn="redis")
async def frozen_while_written(scene: Scene) -> bool:
    """Xero has the write, and its answer finds no ledger to be put into."""
    met = await caught(scene, "xero", "hold-after", WRITES, lambda: scene.office.freeze_server(on=True))
    await scene.moment(0.1, 1.0)
    scene.office.freeze_server(on=False)
    return met


@fault("redis killed while xero writes", AWAY, turn="redis")
async def killed_while_written(scene: Scene) -> bool:
    met = await caught(scene, "xero", "hold-after", WRITES, scene.office.server_down)
    await scene.moment(0, 0.3)
    await scene.office.server.start()
    return met


@fault("redis full", AWAY, turn="redis")
async def full(scene: Scene) -> None:
    used = int((await scene.office.redis.info("memory"))["used_memory"])
    await scene.office.redis.config_set("maxmemory", str(max(1, used - 100_000)))
    await _busy(scene, 3)
    await scene.moment(0.2, 1.0)
    await scene.office.redis.config_set("maxmemory", "0")


@fault("redis emptied", LOST, turn="redis")
async def emptied(scene: Scene) -> None:
    """FLUSHALL under everything that runs."""
    await _busy(scene)
    await scene.office.redis.flushall()


@fault("redis started empty", LOST, turn="redis")
async def started_empty(scene: Scene) -> None:
    await _busy(scene)
    await scene.office.server_down()
    shutil.rmtree(scene.office.store_folder)
    await scene.office.server.start()


@fault("redis emptied while xero writes", LOST, turn="redis")
async def emptied_while_written(scene: Scene) -> bool:
    return await caught(scene, "xero", "hold", WRITES, scene.office.redis.flushall)


@fault("redis rolled back", LOST, turn="redis")
async def rolled_back(scene: Scene) -> None:
    """A copy of a moment ago takes its place, under a listener and workers that live on."""
    copy = _copied(scene)
    await _busy(scene, 3)
    await scene.moment(0.3, 1.0)
    await _restored(scene, copy)


@fault("old backup restored", LOST, turn="redis")
async def backup(scene: Scene) -> None:
    """The same, and every process starts anew with it."""
    copy = _copied(scene)
    await _busy(scene, 3)
    await scene.moment(0.3, 1.0)
    await _restored(scene, copy, killing=True)


def _copied(scene: Scene) -> Path:
    number = scene.chance.getrandbits(32)
    return Path(shutil.copytree(scene.office.store_folder, scene.office.data / f"backup-{number}"))


async def _restored(scene: Scene, copy: Path, *, killing: bool = False) -> None:
    await scene.office.server_down()
    if killing:
        scene.office.kill()
    shutil.rmtree(scene.office.store_folder)
    copy.rename(scene.office.store_folder)
    await scene.office.server.start()


@fault("script cache emptied", BELLS, turn="redis")
async def scripts_forgotten(scene: Scene) -> None:
    await _busy(scene, 1)
    await scene.office.redis.script_flush()
    await _busy(scene, 1)


@fault("doorbells deleted", BELLS, turn="redis")
async def doorbells_deleted(scene: Scene) -> None:
    """DEL arq:* again and again, while there is work."""
    for _ in range(4):
        await _busy(scene, 1)
        names = [name async for name in scene.office.redis.scan_iter("arq:*", count=1000)]
        if names:
            await scene.office.redis.delete(*names)
