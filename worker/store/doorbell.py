"""Doorbells: arq jobs that say "look at your list". Losing one costs nothing; a cron rings again for what is due."""

import math
import time

from arq.connections import ArqRedis
from redis.asyncio import Redis

JOBS = {
    "collect": "collect",
    "invoices": "invoice",
    "write_back": "write_back",
    "contacts": "contacts",
    "statuses": "statuses",
    "reconcile": "reconcile",
    "related": "related",
    "rebuild": "rebuild",
    "upkeep": "upkeep",
}
QUEUE = "arq:hourstream:main"
GRAIN = 0.25  # seconds: rings for one stage that fall into the same grain are one job


class Doorbell:
    """Rings the workers. Arguments are names only; the job's id is its stage and moment, so a burst is one job."""

    def __init__(self, arq: ArqRedis, queue: str) -> None:
        self._arq, self._queue = arq, queue

    async def ring(self, stage: str, delay: float = 0.0) -> None:
        """Ask some worker to look at `stage` in `delay` seconds."""
        moment = math.ceil((time.time() + delay) / GRAIN)
        await self._arq.enqueue_job(JOBS[stage], _job_id=f"{stage}:{moment}", _defer_by=delay, _queue_name=self._queue)


async def silence(redis: Redis) -> int:
    """Remove every bell that has been rung and not heard; gives how many. The cron rings again for what is due."""
    found = [key async for key in redis.scan_iter(match="arq:job:*", count=1000)]
    queues = [key async for key in redis.scan_iter(match="arq:hourstream:*", count=1000, _type="zset")]
    for key in (*queues, *found):
        await redis.unlink(key)
    return len(found)


class SilentDoorbell:
    """Rings nobody: for commands that do the work in their own process."""

    async def ring(self, stage: str, delay: float = 0.0) -> None:
        """Nothing to do."""
        del stage, delay
