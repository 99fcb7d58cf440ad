"""The list of scenarios: what happens, at which doors, and what Salesforce may be read again for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.listeners.world import World

Play = Callable[[World], Awaitable[None]]

PUBSUB, COMETD, POLL = "pubsub", "cometd", "poll"
STREAMS = (PUBSUB, COMETD)
ALL = (*STREAMS, POLL)


@dataclass(frozen=True)
class Scenario:
    """`reads`: the kinds of reading that the inbox must have asked for, no more and no less. `fresh`: nobody has
    listened before, and the scenario starts the listener itself."""

    name: str
    play: Play
    doors: tuple[str, ...]
    reads: frozenset[str]
    fresh: bool


SCENARIOS: list[Scenario] = []


def scenario(*doors: str, reads: str = "", fresh: bool = False) -> Callable[[Play], Play]:
    """Put a function on the list; its name is the sentence. `reads` are kinds, separated by blanks."""

    def listed(play: Play) -> Play:
        add(play.__name__, play, doors, reads, fresh=fresh)
        return play

    return listed


def add(name: str, play: Play, doors: tuple[str, ...], reads: str = "", *, fresh: bool = False) -> None:
    """Put one of a family on the list."""
    SCENARIOS.append(Scenario(name, play, doors, frozenset(reads.split()), fresh))
