"""The server behind the store, as operators see it: memory, age, and what a power cut would cost."""

from typing import Any

from msgspec import Struct
from redis.asyncio import Redis

from worker.errors import ConfigurationError
from worker.store import durability
from worker.store.durability import Durability


class ServerState(Struct, frozen=True, kw_only=True):
    """Sizes in bytes; `limit` 0 where none is set. `durability` is None for a server that is refused: `problem`."""

    used: int
    peak: int
    limit: int
    keys: int
    up_seconds: int
    durability: Durability | None
    problem: str = ""


class Server:
    """Looks at it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keys(self) -> int:
        """How many keys it holds."""
        return int(await self._redis.dbsize())

    async def state(self) -> ServerState:
        """How it is now."""
        info: dict[str, Any] = await self._redis.info()
        found, problem = None, ""
        try:
            found = await durability.check(self._redis)
        except ConfigurationError as error:
            problem = str(error)
        return ServerState(
            used=int(info.get("used_memory", 0)),
            peak=int(info.get("used_memory_peak", 0)),
            limit=int(info.get("maxmemory", 0)),
            keys=await self.keys(),
            up_seconds=int(info.get("uptime_in_seconds", 0)),
            durability=found,
            problem=problem,
        )
