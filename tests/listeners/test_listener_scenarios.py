"""Every scenario of the list, over each door it applies to: at the end what the inbox knows is the truth.

What an event told is on the list; for what no event could tell, Salesforce is read again, and for nothing else.
"""

import pytest

from tests.listeners import scenarios_changes, scenarios_cometd, scenarios_house, scenarios_stream
from tests.listeners.scenario import SCENARIOS, Scenario
from tests.listeners.world import standing

PARTS = (scenarios_changes, scenarios_stream, scenarios_cometd, scenarios_house)
RUNS = [(scenario, door) for scenario in SCENARIOS for door in scenario.doors]


def named(value: Scenario | str) -> str:
    return value if isinstance(value, str) else value.name


@pytest.mark.parametrize(("scenario", "door"), RUNS, ids=named)
async def test_whatever_happens_the_inbox_ends_with_the_truth(scenario: Scenario, door: str) -> None:
    async with standing(door) as world:
        if not scenario.fresh:
            world.before()
            world.start()
            await world.open()
        await scenario.play(world)
        await world.settle()
        assert world.known() == world.truth
        assert world.kinds() == scenario.reads


def test_the_list_is_long_enough_and_names_each_scenario_once() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS) >= 60
    assert {scenario.play.__module__ for scenario in SCENARIOS} == {part.__name__ for part in PARTS}
