"""`python -m tests.model --depth 2`: the search with more faults a history. Ends with 1 where something is wrong."""

import argparse
import sys
from dataclasses import replace

from tests.model.search import Outcome, Search
from tests.model.stories import DEEP_PLANTS, PLANTS, STORIES, Plant
from tests.model.world import Story


def main() -> int:
    """Search every story, then every plant; print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=1, help="how many faults one history may have")
    parser.add_argument("--story", default="", help="only stories with this in their name")
    chosen = parser.parse_args()
    stories = [replace(story, budget=chosen.depth) for story in STORIES if chosen.story in story.name]
    plants = [] if chosen.story else [*PLANTS, *DEEP_PLANTS]
    well = [*map(_holds, stories), *map(_is_found, plants)]
    return 0 if all(well) else 1


def _holds(story: Story) -> bool:
    outcome = Search(story).run()
    _say(str(outcome))
    return not outcome.wrong


def _is_found(plant: Plant) -> bool:
    outcome: Outcome = Search(plant.story, plant.rules).run()
    found = outcome.wrong == plant.wrong
    _say(f"without a rule ({plant.left_out}): {'found' if found else 'NOT FOUND'} after {outcome.states:,} states")
    return found


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
