"""One history: faults and people in an order that a seed decides, then rest, then the oracle."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.faults.catalogue import every_fault
from tests.faults.children import Nursery
from tests.faults.deployment import Deployment, deployed
from tests.faults.people import People
from tests.faults.registry import Injector, Scene
from tests.faults.rules import broken_rules
from tests.faults.settling import settle
from tests.faults.timeline import timeline
from tests.faults.witness import LATE
from tests.worker.jobs.jobs_oracle import oracle

FAULTS = 12  # in each history
ACTS_BETWEEN = 2  # at most, between two faults
LONGEST_FAULT = 60.0  # seconds
FIRST_ENTRIES = 5


@dataclass(frozen=True)
class Step:
    """What happens next: a fault or a person's act, after a pause in seconds. `seed` decides the rest of it."""

    kind: str
    name: str
    pause: float
    seed: int


@dataclass
class Told:
    """What became of a history."""

    seed: int
    faults: list[str] = field(default_factory=list)  # in the order in which they struck
    missed: list[str] = field(default_factory=list)  # what met nothing to strike
    problem: str = ""
    recovery: float = 0.0  # seconds from the last mending until rest
    seconds: float = 0.0


def dealt(seed: int, names: Sequence[str]) -> list[str]:
    """The faults of a history: consecutive seeds are dealt from one shuffled deck, so that soon each had its turn."""
    decks = -(-len(names) // FAULTS)
    deck = sorted(names)
    Random(f"deck {seed // decks}").shuffle(deck)
    hand = deck[seed % decks * FAULTS :][:FAULTS]
    more = Random(f"more {seed}").sample(deck, FAULTS)
    return [*hand, *(name for name in more if name not in hand)][:FAULTS]


def schedule(seed: int, names: Sequence[str], acts: Sequence[str]) -> list[Step]:
    """Everything that will happen, decided beforehand: the same for the same seed, whatever the clock does."""
    chance = Random(seed)
    steps = [Step("act", "log", 0.0, chance.getrandbits(32)) for _ in range(FIRST_ENTRIES)]
    for name in names:
        for _ in range(chance.randint(0, ACTS_BETWEEN)):
            steps.append(Step("act", chance.choice(acts), chance.uniform(0, 0.15), chance.getrandbits(32)))
        steps.append(Step("fault", name, chance.uniform(0, 0.4), chance.getrandbits(32)))
    return steps


async def play(place: Nursery, seed: int, only: Sequence[str] = ()) -> Told:
    """Play one history to its end. What went wrong is in the answer's `problem`."""
    told, began = Told(seed), time.monotonic()
    names = list(only) or dealt(seed, list(every_fault()))
    consent = any(every_fault()[name].consent for name in names)
    async with deployed(place, consent=consent) as office:
        people = People(office.world, seed)
        try:
            await _happen(office, people, told, names)
            told.recovery = await settle(office)
            await office.stop()
            await office.world.work()  # what a reading by the clock put on the list just before the end
            late = any(name in struck for name in LATE for struck in told.faults)
            broken = broken_rules(office.stand, late=late)
            assert not broken, "; ".join(broken)
            undone = [] if late else people.witness.undone()
            assert not undone, "; ".join(undone)
            await oracle(office.world)
        except Exception as error:
            office.failed = True
            await office.ask_what_they_wait_for()
            told.problem = timeline(office, people, told.faults, error)
        told.seconds = time.monotonic() - began
    return told


async def _happen(office: Deployment, people: People, told: Told, names: Sequence[str]) -> None:
    known = every_fault()
    turns = {injector.turn: asyncio.Lock() for injector in known.values()}
    async with asyncio.TaskGroup() as striking:
        for step in schedule(told.seed, names, [act.__name__ for act in people.acts]):
            await asyncio.sleep(step.pause)
            if step.kind == "act":
                await people.act(step.name, step.seed)
                continue
            injector = known[step.name]
            scene = Scene(office, people, Random(step.seed))
            striking.create_task(_strike(injector, scene, turns[injector.turn], told))


async def _strike(injector: Injector, scene: Scene, turn: asyncio.Lock, told: Told) -> None:
    async with turn, asyncio.timeout(LONGEST_FAULT):
        told.faults.append(injector.name)
        scene.people.told.append(f"fault: {injector.name}")
        if await injector.play(scene) is False:
            told.missed.append(injector.name)
        scene.people.told.append(f"  over: {injector.name}")
