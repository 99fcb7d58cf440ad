"""A worker killed at a named point of the way: at each request to a service, and as soon as Redis has run a script."""

import asyncio
import inspect
from functools import partial
from types import ModuleType

from tests.faults.injectors.holding import QUERIES, READS, TOKENS, UPDATES, WRITE_BACKS, WRITES, caught, provoked
from tests.faults.injectors.processes import DIES
from tests.faults.registry import Scene, register
from worker.store import governor_scripts, inbox, intent_scripts, ledger_scripts, worklist_scripts
from worker.store.connection import open_redis

REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "entries are read": ("salesforce", QUERIES),
    "a draft is read": ("xero", READS),
    "invoices are written": ("xero", WRITES),
    "an entry is written back": ("salesforce", WRITE_BACKS),
    "a token is fetched": ("xero", TOKENS),
}
SCRIPTS: dict[str, tuple[ModuleType, str]] = {
    "the listener's events are stored": (inbox, "_store"),
    "an item is claimed": (worklist_scripts, "claim"),
    "what was read is stored": (ledger_scripts, "store_facts"),
    "a call is admitted": (governor_scripts, "admit"),
    "a write has begun": (intent_scripts, "begin"),
    "an answer is counted": (governor_scripts, "answered"),
    "a write is settled": (intent_scripts, "settle"),
    "a written entry is noted": (ledger_scripts, "note_written"),
    "an item is done": (worklist_scripts, "done"),
    "a person's edit is taken in": (ledger_scripts, "merge"),
}


async def _at_request(scene: Scene, *, service: str, where: dict[str, str], kind: str) -> bool:
    if where is TOKENS:
        scene.office.world.act("expire-tokens")
    return await caught(scene, service, kind, where, lambda: scene.office.kill(*scene.office.workers))


async def _after_script(scene: Scene, *, script: object) -> bool:
    """Redis tells every command as it runs it: no worker knows the answer before we do what we came for."""
    sha = str(inspect.getclosurevars(script).nonlocals["sha"])  # type: ignore[arg-type]  # it is a function
    own = open_redis(scene.office.server.url)
    ran = asyncio.Event()

    async def watch() -> None:
        async with own.monitor() as told:
            async for command in told.listen():
                if sha in command["command"]:
                    scene.office.kill()
                    ran.set()
                    return

    watching = asyncio.create_task(watch())
    try:
        return await provoked(scene, UPDATES, ran.is_set)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await own.aclose()


for _point, (_service, _where) in REQUESTS.items():
    for _kind, _when in (("hold", "before"), ("hold-after", "after")):
        register(f"killed {_when} {_point}", DIES, partial(_at_request, service=_service, where=_where, kind=_kind))
for _point, (_module, _name) in SCRIPTS.items():
    register(f"killed once {_point}", DIES, partial(_after_script, script=getattr(_module, _name)), turn="redis")
