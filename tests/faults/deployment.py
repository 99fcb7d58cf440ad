"""A whole deployment as processes, which a test kills: stand-ins, Redis, listener, workers."""

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis

from console.demo.checking import problems
from console.demo.run import setup_text
from console.demo.standins import StandIns, standing_in
from worker.setup import Setup, parse
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

SCALE = 20.0
PARTS = ("listeners", "worker")


@dataclass
class Deployment:
    """What a test holds of it."""

    stand_ins: StandIns
    setup: Setup
    server: EmbeddedServer
    redis: Redis
    environment: dict[str, str]
    log: Path
    chance: random.Random
    running: dict[str, Process] = field(default_factory=dict)
    logged: int = 0

    async def start(self, part: str) -> None:
        """Start the listener or the worker."""
        with self.log.open("ab") as output:
            self.running[part] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", part, env=self.environment, stdout=output, stderr=output, stdin=DEVNULL
            )

    async def kill(self, part: str) -> None:
        """SIGKILL, and a new one at once."""
        process = self.running[part]
        process.kill()
        await process.wait()
        await self.start(part)

    async def log_time(self) -> None:
        """Somebody logs time."""
        records = (await self.stand_ins.state("salesforce"))["records"]
        approved = [row for row in records["TimeEntry__c"] if row["Status__c"] == "Approved" and row["Billable__c"]]
        same = ("Project__c", "OwnerId", "Work_Date__c", "Billable__c", "Status__c", "CurrencyIsoCode")
        like = self.chance.choice(approved)
        entry = {name: like[name] for name in same} | {"Hours__c": 0.25 + self.logged % 8 / 4}
        await self.stand_ins.log_time(entry)
        self.logged += 1

    async def forget_doorbells(self) -> None:
        """DEL arq:*"""
        names = [name async for name in self.redis.scan_iter("arq:*")]
        if names:
            await self.redis.delete(*names)

    async def wrong(self) -> list[str]:
        """What is not as it must be, by the stand-ins' own state."""
        salesforce, xero = await self.stand_ins.state("salesforce"), await self.stand_ins.state("xero")
        return problems(salesforce, xero, self.setup)

    async def right(self, within: float = 40.0) -> None:
        """Every billable entry is on exactly one line, every contact in Salesforce, nothing was sent without key."""
        deadline = time.monotonic() + within
        while found := await self.wrong():
            assert time.monotonic() < deadline, "\n".join([*found, *self.log.read_text().splitlines()[-40:]])
            await asyncio.sleep(0.1)
        stats = (await self.stand_ins.state("xero"))["stats"]
        assert stats["writes_without_idempotency_key"] == 0
        assert stats["keys_reused_with_another_body"] == 0

    async def moment(self, longest: float = 0.4) -> None:
        """Some moment later."""
        await asyncio.sleep(self.chance.uniform(0, longest))

    async def end(self) -> None:
        """Kill what still runs."""
        for process in self.running.values():
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def deployed(data: Path) -> AsyncIterator[Deployment]:
    """Everything started, and the seeded entries on their drafts."""
    ensure_secret_key(data)
    setup = setup_text()
    (data / "first.toml").write_text(setup, "utf-8")
    server = EmbeddedServer(data)
    await server.start()
    redis = open_redis(server.url)
    async with standing_in(data) as stand_ins:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = kept | dict(stand_ins.environment)
        environment |= {
            "REDIS_URL": server.url,
            "HOURSTREAM_DATA": str(data),
            "HOURSTREAM_SETUP": str(data / "first.toml"),
            "HOURSTREAM_TIME_SCALE": str(SCALE),
            "HOURSTREAM_LOG_FORMAT": "json",
        }
        log = data / "processes.log"
        made = Deployment(stand_ins, parse(setup), server, redis, environment, log, random.Random(7))
        try:
            for part in PARTS:
                await made.start(part)
            await made.right()
            yield made
        finally:
            await made.end()
            if server.owned:
                os.kill(server.pid, signal.SIGCONT)
            await redis.aclose()
            await server.stop()
