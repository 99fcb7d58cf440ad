"""People who act in Xero at the worst moment: between our read and our write, or on top of what we wrote."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.faults.injectors.holding import UPDATES, WRITES, caught
from tests.faults.registry import Scene, fault, register
from tests.worker.jobs.jobs_world import Json

EDITS = "Somebody edits a draft at the same moment"
NUMBERS = "Somebody took one of our numbers"
MERGES = "A contact is merged into another"


def _draft(scene: Scene) -> tuple[Json, list[Json]] | None:
    found = scene.people.draft(scene.chance)
    return found[0] if found else None


def _write(scene: Scene, **body: Any) -> None:
    """Change one draft. What the company refuses a person is not done."""
    found = _draft(scene)
    if found is not None:
        draft, lines = found
        made = {name: value(lines) if callable(value) else value for name, value in body.items()}
        scene.people.refusable("write", id=draft["InvoiceID"], body=made)


def _status(scene: Scene, *, act: str) -> None:
    found = _draft(scene)
    if found is not None:
        scene.people.refusable(act, id=found[0]["InvoiceID"])


def _priced(lines: list[Json]) -> list[Json]:
    return [{**lines[0], "UnitAmount": "64.00"}, *lines[1:]]


def _shortened(lines: list[Json]) -> list[Json]:
    return lines[1:] or [{"Description": "Nothing left", "Quantity": "1", "UnitAmount": "0.00", "AccountCode": "200"}]


def _added(lines: list[Json]) -> list[Json]:
    return [*lines, {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}]


def _renumber(scene: Scene) -> None:
    _write(scene, InvoiceNumber=f"PAT-{scene.chance.getrandbits(32)}")


BETWEEN: dict[str, Callable[[Scene], object]] = {
    "edits a price": partial(_write, LineItems=_priced),
    "adds a line": partial(_write, LineItems=_added),
    "deletes a line": partial(_write, LineItems=_shortened),
    "approves": partial(_status, act="approve"),
    "deletes the draft": partial(_status, act="delete"),
    "renumbers": _renumber,
}


async def _between(scene: Scene, *, act: Callable[[Scene], object]) -> bool:
    return await caught(scene, "xero", "hold", UPDATES, lambda: act(scene))


async def _upon(scene: Scene, *, act: Callable[[Scene], object]) -> bool:
    return await caught(scene, "xero", "hold-after", WRITES, lambda: act(scene))


for _name, _act in BETWEEN.items():
    register(f"a person {_name} between read and write", EDITS, partial(_between, act=_act))
    register(f"a person {_name} before our answer arrives", EDITS, partial(_upon, act=_act))


@fault("a person saves a stale page", EDITS)
async def stale(scene: Scene) -> bool:
    """The page was opened before our update and is saved after it: yesterday's lines are back."""
    found = _draft(scene)
    if found is None:
        return False
    draft, lines = found
    body = {"LineItems": lines}
    return await caught(
        scene,
        "xero",
        "hold-after",
        UPDATES,
        lambda: scene.people.refusable("write", id=draft["InvoiceID"], body=body),
    )


@fault("a person takes the next number", NUMBERS)
async def number_taken(scene: Scene) -> None:
    world = scene.office.world
    taken = [one["InvoiceNumber"] for one in world.documents(every=True)]
    highest = max((int(name.removeprefix("TT-")) for name in taken if name.startswith("TT-")), default=0)
    body = {
        "Type": "ACCREC",
        "InvoiceNumber": f"TT-{highest + 1:05d}",
        "Contact": {"ContactID": scene.chance.choice(sorted(world.clients.values()))},
        "LineItems": [{"Description": "Licence", "Quantity": "1", "UnitAmount": "10.00", "AccountCode": "200"}],
        "Date": "2026-11-05",
        "DueDate": "2026-12-05",
    }
    scene.people.refusable("write", body=body)
    await scene.people.provoke(scene.chance)


@fault("the contact is merged between read and write", MERGES)
async def merged(scene: Scene) -> bool:
    """The client's contact becomes part of another; documents and time follow it."""
    world = scene.office.world
    name = scene.chance.choice(sorted(world.clients))
    made = world.act("contact", body={"Name": f"{name} Holdings {scene.chance.getrandbits(32)}"})

    def merge() -> None:
        loser = world.clients[name]
        world.clients[name] = str(made["ContactID"])
        world.act("merge", loser=loser, winner=world.clients[name])

    return await caught(scene, "xero", "hold", UPDATES, merge)
