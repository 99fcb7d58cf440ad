"""Random histories end exact: whatever people, services and dying workers do, judged by what the stand-ins hold.

A history is its seed; `HOURSTREAM_HISTORIES=500` runs so many of each kind (the suite runs a few).
"""

import os

import pytest

from tests.worker.jobs.jobs_histories import History
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World

SEEDS = range(int(os.environ.get("HOURSTREAM_HISTORIES", "12")))
KINDS = {
    "people in Salesforce, faults, dying workers": (0, False, False),
    "and people in Xero": (10_000, True, False),
    "and wiped stores": (20_000, True, True),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
async def test_any_history_ends_exact(unlimited: World, kind: str, seed: int) -> None:
    first, edits, wipes = KINDS[kind]
    history = History(unlimited, first + seed, edits=edits, wipes=wipes)
    try:
        await history.run(steps=15)
        await oracle(unlimited)
    except BaseException as error:
        error.add_note("\n".join(history.told))
        raise
