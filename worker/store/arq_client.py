"""arq's client, built by hand: its own settings know no deadlines, no retries after a restart of Redis, no host-name
check, and unpickle whatever stands in the queue.

What goes into the queue is JSON: names, and results that keep an exception's class and text.
"""

from typing import Any

import msgspec
from arq.connections import ArqRedis
from arq.jobs import Job
from redis.exceptions import OutOfMemoryError, WatchError

from worker.store.connection import open_redis

KEPT_FOR = (
    30 * 86_400_000
)  # milliseconds a job stays known when no worker runs; arq's own day forgets over a long outage


class Doorbells(ArqRedis):
    """arq's client, without three of its surprises."""

    async def enqueue_job(self, function: str, *args: Any, **options: Any) -> Job | None:
        """As arq's, and None too when Redis restarted half-way (arq lets the end of its WATCH out as an error).

        The bell is lost then: the cron rings again.
        """
        try:
            return await super().enqueue_job(function, *args, **options)
        except WatchError:
            return None

    async def psetex(self, name: Any, time_ms: Any, value: Any) -> Any:
        """As redis-py's, but a server without memory ends no worker: arq says by it that it lives, nothing else."""
        try:
            return await super().psetex(name, time_ms, value)
        except OutOfMemoryError:
            return False

    async def close(self, close_connection_pool: bool | None = None) -> None:
        """As `aclose`: arq closes its pool by a name for which redis-py 5 warns."""
        await self.aclose(close_connection_pool)


def open_arq(url: str) -> Doorbells:
    """The client that enqueues doorbells and that the worker runs on; `url` as in `open_redis`."""
    made = open_redis(url, decode=False, client=Doorbells)
    assert isinstance(made, Doorbells)
    made.job_serializer = dumps
    made.job_deserializer = loads
    made.expires_extra_ms = KEPT_FOR
    return made


def dumps(job: dict[str, Any]) -> bytes:
    """Encode what arq stores; raises `TypeError` for an argument that JSON cannot hold."""
    return msgspec.json.encode(job, enc_hook=_exception)


def loads(stored: bytes) -> dict[str, Any]:
    """Decode it; raises `msgspec.DecodeError` for anything else, a pickle above all."""
    return msgspec.json.decode(stored, type=dict[str, Any])


def _exception(value: object) -> object:
    if isinstance(value, BaseException):
        return {"error_class": f"{type(value).__module__}.{type(value).__qualname__}", "error_text": str(value)}
    raise TypeError(f"{type(value).__qualname__} cannot be part of a job")
