"""Whatever happens, in whatever order, at rest every hour is on one live document and every cent is explained.

A few histories of each kind run with the suite; `HOURSTREAM_HISTORIES=500` runs that many of each,
`HOURSTREAM_FIRST_HISTORY=40` from there.
"""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.worker.jobs.jobs_histories import History
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World, deployed
from worker.store.embedded import EmbeddedServer

FIRST = int(os.environ.get("HOURSTREAM_FIRST_HISTORY", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("HOURSTREAM_HISTORIES", "4")))
STEPS = 30


@pytest.fixture
async def patient(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """A deployment whose waits are so short that a history is a matter of a second or two."""
    quick = {"minute": 0.05, "call_lease": 0.05, "flip_window": 0.001, "credit_wait": 0.3, "repeat_window": 0.2}
    async with deployed(redis, valkey.url, tmp_path, **quick) as made:
        made.act("limits", minute=100_000, day=1_000_000, concurrent=100)
        await made.work()
        made.forget_calls()
        yield made


KINDS = {
    "entries, people, approvals and decisions": {"edits": True, "wipes": False, "decides": True},
    "entries, people and wiped stores": {"edits": True, "wipes": True},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
async def test_any_history_ends_even(patient: World, kind: str, seed: int) -> None:
    history = History(patient, seed, **KINDS[kind])
    try:
        await history.run(STEPS)
        await oracle(patient)
    except BaseException:
        sys.stderr.write("\n  ".join([f"{kind}, seed {seed}:", *history.told]))
        raise
