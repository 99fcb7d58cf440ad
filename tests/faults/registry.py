"""The faults by name. Each has its place in `docs/reliability.md`, under the heading it is registered with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from tests.faults.deployment import Deployment
from tests.faults.people import People


@dataclass
class Scene:
    """Where a fault strikes: the deployment, the people who work meanwhile, and what chance has in store for it."""

    office: Deployment
    people: People
    chance: Random

    async def moment(self, least: float = 0.0, most: float = 0.3) -> None:
        """Some moment later, in seconds."""
        await self.people.pause(self.chance.uniform(least, most))


Play = Callable[[Scene], Awaitable[bool | None]]


@dataclass(frozen=True)
class Injector:
    """One fault. `play` does it and mends what does not mend itself; it gives False where it met nothing to strike.

    Of two faults with the same `turn` the second waits until the first is over: one server cannot be killed twice.
    `consent`: it is about a consent that a person gave in the browser.
    """

    name: str
    heading: str
    turn: str
    play: Play
    consent: bool = False


FAULTS: dict[str, Injector] = {}


def register(name: str, heading: str, play: Play, *, turn: str = "", consent: bool = False) -> None:
    """Make a fault known under its name."""
    assert name not in FAULTS, name
    FAULTS[name] = Injector(name, heading, turn or name, play, consent)


def fault(name: str, heading: str, *, turn: str = "", consent: bool = False) -> Callable[[Play], Play]:
    """Register the decorated function as a fault."""

    def decorate(play: Play) -> Play:
        register(name, heading, play, turn=turn, consent=consent)
        return play

    return decorate
