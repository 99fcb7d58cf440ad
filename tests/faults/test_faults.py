"""Real processes, real faults, real people: the promise holds. A few histories here; `make faults RUNS=200` plays more.

`HOURSTREAM_FAULTS="7 8 9"` plays other seeds.
"""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.serve import Ports, running
from tests.faults.catalogue import every_fault
from tests.faults.children import nursery
from tests.faults.deployment import Deployment, deployed
from tests.faults.history import FAULTS, dealt, play, schedule
from tests.faults.people import People
from tests.faults.rules import broken_rules
from tests.faults.settling import settle
from tests.worker.jobs.jobs_oracle import oracle

SEEDS = [int(seed) for seed in os.environ.get("HOURSTREAM_FAULTS", "1").split()]
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with nursery() as place, deployed(place) as made:
        yield made


async def test_whatever_fails_no_entry_is_lost_none_billed_twice_and_no_cent_is_wrong() -> None:
    async with nursery() as place:
        for seed in SEEDS:
            told = await play(place, seed)
            assert not told.problem, f"seed {seed}\n{told.problem}"
            assert len(told.faults) >= 10


async def test_an_entry_that_was_lost_would_be_found(deployment: Deployment) -> None:
    people = People(deployment.world, 1)
    await people.act("log", 1)
    await settle(deployment)
    world = deployment.world
    world.org("insert", records=[world.entry("Harrow", "2.00")], quiet=True)
    await deployment.stop()
    with pytest.raises(AssertionError, match=r"0 s billed, 0 s proposed, 7200"):
        await oracle(world)


def test_a_seed_decides_everything_beforehand() -> None:
    names = dealt(5, list(every_fault()))
    assert schedule(5, names, ["log", "edit"]) == schedule(5, names, ["log", "edit"])
    assert schedule(5, names, ["log", "edit"]) != schedule(6, names, ["log", "edit"])


def test_consecutive_seeds_play_every_fault() -> None:
    known = list(every_fault())
    runs = -(-len(known) // FAULTS)
    assert {name for seed in range(runs) for name in dealt(seed, known)} == set(known)


def test_every_fault_has_its_place_under_its_heading() -> None:
    sections = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    told = {part.partition("\n")[0]: set(re.findall(r"`([^`]+)`", part)) for part in sections}
    missing = {each.name for each in every_fault().values() if each.name not in told.get(each.heading, ())}
    assert missing == set()


async def test_each_rule_for_callers_is_held_against_what_the_stand_in_counted() -> None:
    async with running(Ports()) as stand:
        counts = stand.xero.requests.counts
        assert broken_rules(stand) == []
        counts.max_in_flight, counts.max_calls_rolling_minute = 6, 61
        counts.writes_without_idempotency_key = counts.keys_reused_with_another_body = 1
        counts.calls_before_retry_after = 1
        assert len(broken_rules(stand)) == 5
