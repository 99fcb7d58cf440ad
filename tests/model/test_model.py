"""Two workers, one or two documents, people and faults: every history within a bound, not some of them.

`make model DEPTH=2` goes on with more faults in one history than the suite has time for.
"""

import pytest

from tests.model.search import Outcome, Search
from tests.model.stories import HOURS, PLANTS, STORIES, Plant
from tests.model.world import Story


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_no_history_loses_time_bills_it_twice_or_leaves_it_stuck(story: Story) -> None:
    outcome = Search(story).run()
    assert not outcome.wrong, str(outcome)
    assert outcome.rests > 1, str(outcome)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.left_out)
def test_each_rule_is_missed_where_it_is_left_out(plant: Plant) -> None:
    outcome = Search(plant.story, plant.rules).run()
    assert outcome.wrong == plant.wrong, str(outcome)


def test_the_same_search_finds_the_same() -> None:
    plant = PLANTS[0]
    first, second = (Search(plant.story, plant.rules).run() for _ in range(2))
    assert str(first) == str(second)


def test_what_is_wrong_is_told_as_the_shortest_way_there() -> None:
    outcome = Search(HOURS, PLANTS[1].rules).run()
    assert isinstance(outcome, Outcome)
    assert outcome.trace[0] == "entry u is now 2 h on X"
    assert len(outcome.trace) == 9
    assert str(outcome).splitlines()[1] == f"WRONG: {PLANTS[1].wrong}"
