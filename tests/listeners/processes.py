"""Listeners as processes, between a Salesforce stand-in and a real server."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis

from sandbox.salesforce import script
from sandbox.serve import Running
from tests.listeners.bus import CHANNEL
from worker.store.heartbeats import Heartbeats
from worker.store.inbox import Inbox, Position
from worker.store.keys import Keys
from worker.store.locks import Locks
from worker.store.worklist import WorkList

SETUP = Path(__file__).with_name("setup.toml")
SCALE = 10.0


@dataclass
class Deployment:
    """What a test holds of it: the store's parts, the org, and the listeners it started."""

    org: Running
    inbox: Inbox
    collect: WorkList
    heartbeats: Heartbeats
    locks: Locks
    environment: dict[str, str]
    processes: list[Process] = field(default_factory=list)

    async def listen(self, **environment: str) -> Process:
        """Start `python -m listeners`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "listeners", env=self.environment | environment, stdout=DEVNULL, stderr=PIPE
        )
        self.processes.append(process)
        return process

    async def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            await process.communicate()

    def act(self, kind: str, **body: object) -> dict[str, object]:
        """As the stand-in's control port does."""
        return script.actions(self.org.salesforce)[kind](body)  # type: ignore[return-value]

    def log_time(self, hours: str = "1.00") -> str:
        """A person logs time; gives the unit."""
        records = [{"Hours__c": hours, "Work_Date__c": "2026-11-05"}]
        made = self.act("records", action="insert", sobject="TimeEntry__c", records=records)
        return f"TimeEntry__c:{made['ids'][0]}#0"  # type: ignore[index]

    async def units(self) -> set[str]:
        """What is on the list to be collected."""
        return {row["id"] for row in await self.collect.page(0, 10_000)}

    async def times_told(self, unit: str) -> int:
        """The unit's generation on the list."""
        return next(int(row["gen"]) for row in await self.collect.page(0, 10_000) if row["id"] == unit)

    async def position(self, channel: str = CHANNEL) -> Position | None:
        return await self.inbox.position(channel)

    async def lease(self, channel: str = CHANNEL) -> str | None:
        """Who holds the channel."""
        return await self.locks.holder(f"listener:{channel}")

    async def told(self, *units: str, within: float = 20.0) -> None:
        """Wait until all of these are on the list."""
        await self.holds(lambda: self.has(*units), within)

    async def has(self, *units: str) -> bool:
        return set(units) <= await self.units()

    async def listening(self, count: int = 1) -> None:
        """Wait until a position is stored and so many listeners tell of themselves."""

        async def ready() -> bool:
            beats = [beat.detail["state"] for beat in await self.heartbeats.alive("listener")]
            return len(beats) == count and "listening" in beats and "connecting" not in beats

        await self.holds(ready)

    async def subscribed(self) -> bool:
        """Whether the org tells somebody of what changes from now on."""
        return self.org.salesforce.bus.subscribers == 1

    async def holds(self, condition: object, within: float = 20.0) -> None:
        """Wait until an asynchronous condition holds."""
        async with asyncio.timeout(within):
            while not await condition():  # type: ignore[operator]
                await asyncio.sleep(0.02)


def environment_of(org: Running, redis_url: str, data: Path) -> dict[str, str]:
    """What a listener process needs to know."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    ours = {
        "REDIS_URL": redis_url,
        "HOURSTREAM_DATA": str(data),
        "HOURSTREAM_SETUP": str(SETUP),
        "HOURSTREAM_TIME_SCALE": str(SCALE),
        "HOURSTREAM_LOG_FORMAT": "json",
    }
    sandbox = {name: value for name, value in org.environment.items() if name.startswith(("SALESFORCE_", "XERO_"))}
    return kept | sandbox | ours


def store_parts(redis: Redis) -> tuple[Inbox, WorkList, Heartbeats, Locks]:
    """The real store's parts that listeners use."""
    keys = Keys()
    collect = WorkList(redis, keys, "collect")
    return Inbox(redis, keys, collect), collect, Heartbeats(redis, keys), Locks(redis, keys)
