"""`make faults RUNS=200 SEED=1`: many histories, two at a time; each is replayed by its seed.

Prints what each history was struck by and how long it took to recover, and the whole story of those that failed.
"""

import argparse
import asyncio
import dataclasses
import json
import logging
import statistics
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from pathlib import Path

from tests.faults.catalogue import every_fault
from tests.faults.children import nursery
from tests.faults.history import Told, play

ROOT = Path(__file__).parents[2]
LINE = 1 << 24  # bytes: a failing history tells much


def main() -> int:
    """0 where the promise held in every history, 1 where it did not, 2 for a fault that there is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="how many histories")
    parser.add_argument("--seed", type=int, default=1, help="the first one's seed; the others follow")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--only", action="append", default=[], help="this fault instead of those that are dealt")
    parser.add_argument("--part", action="store_true", help="be one of the jobs: --seeds, answers as JSON lines")
    parser.add_argument("--seeds", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    unknown = set(asked.only) - every_fault().keys()
    if unknown:
        sys.stderr.write("\n  ".join(["There is no fault", *sorted(unknown), "among:", *sorted(every_fault())]) + "\n")
        return 2
    if asked.part:
        asyncio.run(_part(asked.seeds, asked.only))
        return 0
    return asyncio.run(_all(asked.runs, asked.seed, asked.jobs, asked.only))


async def _part(seeds: list[int], only: list[str]) -> None:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it tells of every client that was killed
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever else is said is no answer
    async with nursery() as place:
        for seed in seeds:
            told = await play(place, seed, only)
            answers.write(json.dumps(dataclasses.asdict(told)) + "\n")
            answers.flush()


async def _all(runs: int, seed: int, jobs: int, only: list[str]) -> int:
    seeds = range(seed, seed + runs)
    found: list[Told] = []
    async with asyncio.TaskGroup() as group:
        for number in range(jobs):
            group.create_task(_job(list(seeds[number::jobs]), only, found))
    return _summary(found, runs)


async def _job(seeds: list[int], only: list[str], found: list[Told]) -> None:
    chosen = [word for name in only for word in ("--only", name)]
    command = [sys.executable, "-m", "tests.faults.run", "--part", *chosen, "--seeds", *map(str, seeds)]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=ROOT, limit=LINE)
    assert process.stdout is not None
    async for line in process.stdout:
        told = Told(**json.loads(line))
        found.append(told)
        state = "FAILED" if told.problem else "held"
        _say(f"seed {told.seed}: {state}, recovered in {told.recovery:.1f} s, {told.seconds:.1f} s in all")
        if told.problem:
            _say(told.problem)
    await process.wait()


def _summary(found: list[Told], runs: int) -> int:
    failed = sorted(told.seed for told in found if told.problem)
    struck = Counter(name for told in found for name in told.faults)
    missed = Counter(name for told in found for name in told.missed)
    _say(f"{sum(struck.values()) - sum(missed.values())} faults of {len(struck)} kinds in {len(found)} histories.")
    never = sorted(name for name in struck if missed[name] == struck[name])
    if never:
        _say("\n  ".join(["Met nothing to strike, each time:", *never]))
    times = [told.recovery for told in found if not told.problem]
    if times:
        _say(f"Recovery: median {statistics.median(times):.1f} s, worst {max(times):.1f} s (waits are divided by 30).")
    if failed or len(found) < runs:
        _say(f"The promise did not hold in {failed}; {runs - len(found)} histories did not end. Replay: SEED=n RUNS=1")
        return 1
    _say("No entry lost, none billed twice, no cent wrong, nothing stuck without a visible reason.")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
