"""A soak: thousands of changes while the event stream fails every few seconds, over each door in turn.

At the end every entry is on its draft with exactly its hours and nothing else is, a second look writes nothing, and
the memory of worker and listeners is flat. Ends with 1 where one of these does not hold. All waits are divided.

    python -m benchmarks.soak --minutes 10 --seed 1
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.soak_memory import Memory, measured
from benchmarks.soak_org import People, Weather
from console.demo.standins import StandIns, standing_in
from console.supervisor import Child, python, start, stop
from worker.context import Context
from worker.jobs.reconcile import ReconcileReport, progress, reconcile_through
from worker.logs import configure_logging
from worker.main import apply_setup, wire
from worker.settings import load_settings
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

SCALE = 6.0  # by which every wait is divided; the stand-in needs seconds for thousands of entries on a busy machine
SETUP = Path(__file__).parents[1] / "docs" / "setup-example.toml"
DOORS = ("pubsub", "cometd", "poll")
FAULT_EVERY, CHANGE_EVERY = 3.0, 0.4  # seconds
CHANGES = 8  # at once
KILLED_FROM = 20.0  # seconds at a door from which on a listener is killed there
RESTS_WITHIN = 300.0  # seconds


@dataclass
class Figures:
    """What a soak measured. Lags are seconds from a change until the ledger knows it; rests, until nothing was due."""

    changes: int = 0
    quiet: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    rests: list[float] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    found: ReconcileReport = field(default_factory=ReconcileReport)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        lag = f"median {statistics.median(self.lags):.2f} s, worst {max(self.lags):.1f} s" if self.lags else "none seen"
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        rests = ", ".join(f"{seconds:.1f} s" for seconds in self.rests)
        return [
            f"changes: {self.changes:,}, {self.quiet} of them told by no event",
            f"faults: {sum(self.faults.values())} ({faults})",
            f"lag from change to ledger: {lag}",
            f"at rest after {rests}",
            *(f"memory: {memory.line()}" for memory in self.memory),
            f"found by the last reconciliation: {self.found.missed} that no event told",
            *(self.wrong or ["nothing missed, nothing billed twice, a second look writes nothing"]),
        ]


async def soak(seconds: float, seed: int, doors: Sequence[str] = DOORS, scale: float = SCALE) -> Figures:
    """Run one of about so many seconds, then let it come to rest."""
    chance, figures = random.Random(seed), Figures()
    with tempfile.TemporaryDirectory(prefix="hs-soak-") as name:
        async with deployed(Path(name), scale) as (stand_ins, ctx):
            people = People(stand_ins, chance, await _project(stand_ins))
            weather = Weather(people, chance)
            async with process(Path(name), "worker") as work:
                async with measured(work, "worker", seconds) as memory:
                    for door in doors:
                        await _listen(ctx, Path(name), door, seconds / len(doors), people, weather, figures)
                figures.memory.insert(0, memory)
                await weather.calm()
                async with listener(Path(name), doors[0]):
                    figures.rests.append(await _rest(ctx))
                    figures.found = await reconcile_through(ctx)
                    figures.rests.append(await _rest(ctx))
                    figures.wrong += await _wrong(ctx, stand_ins, people)
    figures.changes, figures.quiet, figures.faults = people.changes, people.quiet, weather.faults
    figures.wrong += [sentence for memory in figures.memory for sentence in memory.wrong()]
    return figures


# ---- the deployment ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def deployed(data: Path, scale: float) -> AsyncIterator[tuple[StandIns, Context]]:
    """Stand-ins, a server, and the example setup in force, with a brake that no soak reaches."""
    before = dict(os.environ)
    os.environ.update({"HOURSTREAM_TIME_SCALE": f"{scale:g}", "HOURSTREAM_DATA": str(data)})
    os.environ.update({"HOURSTREAM_LOG_LEVEL": "warning", "HOURSTREAM_LOG_FORMAT": "json"})
    ensure_secret_key(data)
    try:
        async with standing_in(data) as stand_ins, EmbeddedServer(data), AsyncExitStack() as stack:
            os.environ.update(stand_ins.environment)
            settings = load_settings()
            configure_logging(settings)
            ctx = await stack.enter_async_context(wire(settings, "soak"))
            text = SETUP.read_text("utf-8").replace('changed_value = "20%"', 'changed_value = "100000%"')
            text = text.replace("removed_entries = 50", "removed_entries = 1000000")
            await apply_setup(ctx.store, text, by="soak")
            yield stand_ins, ctx
    finally:
        os.environ.clear()
        os.environ.update(before)


@asynccontextmanager
async def process(
    data: Path, part: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One process of the product, until the block ends. Raises `RuntimeError` where it ended by itself before."""
    running = await start(Child(part, python("-m", part), environment or {}, data / f"{part}.log"))
    try:
        yield running
        if running.returncode not in (None, -signal.SIGKILL):
            raise RuntimeError(f"{part} ended with {running.returncode}: {(data / f'{part}.log').read_text()[-2000:]}")
    finally:
        await stop(running, within=10)


def listener(data: Path, door: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """A listener at this door."""
    return process(data, "listeners", {"SALESFORCE_TRANSPORT": door})


async def _project(stand_ins: StandIns) -> str:
    rows = (await stand_ins.state("salesforce"))["records"]["Project__c"]
    return str(next(row["Id"] for row in rows if row.get("Hourly_Rate__c") and row.get("Xero_Contact__c")))


# ---- what happens --------------------------------------------------------------------------------------------------


async def _listen(
    ctx: Context, data: Path, door: str, seconds: float, people: People, weather: Weather, figures: Figures
) -> None:
    """Changes and faults while a listener is at this door; in time it is killed, and another one goes on."""
    if seconds >= KILLED_FROM:
        async with listener(data, door) as first:
            await _listening(ctx, first.pid)
            await _happen(ctx, seconds / 5, people, weather, figures)
            first.kill()
            await first.wait()
    async with listener(data, door) as second, measured(second, f"listener ({door})", seconds) as memory:
        await _listening(ctx, second.pid)
        await _happen(ctx, seconds, people, weather, figures)
    figures.memory.append(memory)


async def _listening(ctx: Context, pid: int) -> None:
    """Until this listener listens. Raises `TimeoutError`."""

    async def listens() -> bool:
        beats = await ctx.store.heartbeats.alive("listener")
        return any(beat.name.endswith(f":{pid}") and beat.detail["state"] == "listening" for beat in beats)

    async with asyncio.timeout(RESTS_WITHIN):
        while not await listens():  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.1)


async def _happen(ctx: Context, seconds: float, people: People, weather: Weather, figures: Figures) -> None:
    waiting: dict[str, float] = {}
    struck, until = time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < until:
        await people.act(CHANGES)
        waiting |= dict.fromkeys(people.heard[:1], time.monotonic()) if len(waiting) < 10 else {}
        if time.monotonic() - struck > FAULT_EVERY:
            await weather.strike()
            struck = time.monotonic()
        changed = time.monotonic()
        while time.monotonic() < changed + CHANGE_EVERY:
            await _look(ctx, waiting, figures)
            await asyncio.sleep(CHANGE_EVERY / 8)


async def _look(ctx: Context, waiting: dict[str, float], figures: Figures) -> None:
    """Of the entries that were just logged: which does the ledger know by now?"""
    known = await ctx.store.ledger.units(f"TimeEntry__c:{id_}#0" for id_ in waiting)
    for id_ in [id_ for id_ in waiting if f"TimeEntry__c:{id_}#0" in known]:
        figures.lags.append(time.monotonic() - waiting.pop(id_))


# ---- the end -------------------------------------------------------------------------------------------------------


async def _rest(ctx: Context) -> float:
    """Until nothing is due, requested, under way or unknown, three times in a row; the seconds that took.

    Raises `RuntimeError` with what is not at rest.
    """
    began, quiet = time.monotonic(), 0
    while quiet < 3:
        found = await _unrest(ctx)
        quiet = 0 if found else quiet + 1
        if time.monotonic() - began > RESTS_WITHIN:
            problems = [beat.detail["text"] for beat in await ctx.store.heartbeats.alive("problem")]
            raise RuntimeError(f"no rest within {RESTS_WITHIN:g} s: {found[:20]}; {problems}")
        await asyncio.sleep(0.2)
    return time.monotonic() - began


async def _unrest(ctx: Context) -> list[str]:
    store = ctx.store
    found = [] if await store.epoch.current() else ["the ledger is not complete"]
    found += [*await store.inbox.resyncs(), *await store.intents.unresolved()]
    found += [each.what for each in await progress(store)]
    for work in store.lists():
        found += [f"{work.stage} {row['id']}" for row in await work.page(0, 5)]
    return found


async def _wrong(ctx: Context, stand_ins: StandIns, people: People) -> list[str]:
    """What is not as it must be, as sentences."""
    units = await ctx.store.ledger.units(f"TimeEntry__c:{id_}#0" for id_ in people.hours)
    wrong = []
    for id_, quarters in people.hours.items():
        unit = units.get(f"TimeEntry__c:{id_}#0")
        billed = sum((posting.seconds for posting in unit.postings), Decimal(0)) if unit else Decimal(0)
        if billed != quarters * 900:
            wrong.append(f"{id_}: {billed} s billed, {quarters * 900} s worked")
    ours = [posting async for some in ctx.store.ledger.scan_units() for unit in some for posting in unit.postings]
    seconds, drafts = sum((posting.seconds for posting in ours), Decimal(0)), await _drafts(stand_ins)
    hours = sum((Decimal(str(line["Quantity"])) for one in drafts for line in one["LineItems"]), Decimal(0))
    if hours * 3600 != seconds:
        wrong.append(f"Xero's drafts hold {hours} h, the ledger {seconds / 3600} h")
    before = (await stand_ins.state("xero"))["stats"]["writes"]
    await reconcile_through(ctx, whole=True)
    await _rest(ctx)
    again = (await stand_ins.state("xero"))["stats"]["writes"] - before
    return [*wrong, *([f"looking again wrote to Xero {again} times"] if again else [])]


async def _drafts(stand_ins: StandIns) -> list[dict[str, Any]]:
    found = (await stand_ins.state("xero"))["invoices"]
    return [one for one in found if one["Status"] == "DRAFT" and "/i/" in one.get("Url", "")]


def main() -> None:
    """Print the figures; exit with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--doors", default=",".join(DOORS))
    parser.add_argument("--scale", type=float, default=SCALE)
    given = parser.parse_args()
    figures = asyncio.run(soak(given.minutes * 60, given.seed, given.doors.split(","), given.scale))
    print("\n".join(figures.lines()))
    raise SystemExit(1 if figures.wrong else 0)


if __name__ == "__main__":
    main()
