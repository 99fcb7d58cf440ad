"""The search: every state that a story can lead to, breadth first, each once; the shortest way to a wrong one."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.model import actions, oracle
from tests.model.rules import REAL, Rules
from tests.model.world import Story, World


class TooManyStatesError(Exception):
    """The story leads to more states than the search was given."""


@dataclass
class Outcome:
    """What a search found. `wrong` "": nothing, in all `states`."""

    story: str
    states: int = 0
    steps: int = 0
    rests: int = 0
    wrong: str = ""
    trace: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = f"{self.story}: {self.states:,} states, {self.steps:,} steps, {self.rests:,} at rest"
        if not self.wrong:
            return f"{text}: all is well"
        lines = [f"  {number:2}. {label}" for number, label in enumerate(self.trace, 1)]
        return "\n".join([text, f"WRONG: {self.wrong}", *lines])


def begun(story: Story, rules: Rules = REAL) -> World:
    """The story's first state: what it starts with is billed, and all is at rest."""
    world = World(story)
    for unit, key, hours in story.start:
        actions.edit(world, unit, key, hours)
    while not oracle.at_rest(world):
        next(action for action in actions.actions(world) if action.free).change(world)
        world.forget_what_decides_nothing()
    assert not oracle.wrong(world), oracle.wrong(world)
    world.passes(actions.EXPIRED)
    world.edits, world.rules = 0, rules
    return world


class Search:
    """One story under some rules."""

    def __init__(self, story: Story, rules: Rules = REAL, most: int = 10_000_000) -> None:
        self.first, self.most = begun(story, rules), most
        self.outcome = Outcome(story.name)
        self.index: dict[bytes, int] = {}
        self.came: list[tuple[int, str]] = []  # the state before, and what led from it
        self.edges: list[tuple[int, int]] = []  # by what happens by itself
        self.resting: list[int] = []

    def run(self) -> Outcome:
        """Go everywhere. Raises `TooManyStatesError`."""
        waiting: deque[tuple[int, World]] = deque()
        if self._arrive(self.first, -1, "", waiting):
            return self.outcome
        while waiting:
            place, world = waiting.popleft()
            for label, free, after in _after(world):
                self.outcome.steps += 1
                if self._arrive(after, place, label, waiting, free=free):
                    return self.outcome
        self._everything_comes_to_rest()
        return self.outcome

    def _arrive(
        self, world: World, before: int, label: str, waiting: deque[tuple[int, World]], *, free: bool = True
    ) -> bool:
        """Note a state; True when it is wrong."""
        mark = world.fingerprint()
        known = self.index.get(mark)
        place = len(self.came) if known is None else known
        if free and before >= 0:
            self.edges.append((before, place))
        if known is not None and not world.wrong:
            return False
        self.index[mark] = place
        self.came.append((before, label))
        self.outcome.states = len(self.came)
        if place > self.most:
            raise TooManyStatesError(self.outcome)
        if wrong := oracle.wrong(world):
            self._report(wrong, len(self.came) - 1)
            return True
        if oracle.at_rest(world):
            self.resting.append(place)
            self.outcome.rests += 1
        waiting.append((place, world))
        return False

    def _everything_comes_to_rest(self) -> None:
        """From every state, what happens by itself leads to rest: nothing is stuck, nothing goes on for ever."""
        backwards: dict[int, list[int]] = {}
        for before, after in self.edges:
            backwards.setdefault(after, []).append(before)
        reached, front = set(self.resting), list(self.resting)
        while front:
            for before in backwards.get(front.pop(), ()):
                if before not in reached:
                    reached.add(before)
                    front.append(before)
        stuck = next((place for place in range(len(self.came)) if place not in reached), None)
        if stuck is not None:
            self._report("it never comes to rest", stuck)

    def _report(self, wrong: str, place: int) -> None:
        self.outcome.wrong = wrong
        while place > 0:
            place, label = self.came[place]
            self.outcome.trace.insert(0, label)


def _after(world: World) -> Iterator[tuple[str, bool, World]]:
    for action in actions.actions(world):
        after = world.copy()
        action.change(after)
        after.forget_what_decides_nothing()
        yield action.label, action.free, after
