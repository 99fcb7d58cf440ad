"""Who logged time: every person that an entry named, with the name it was last seen under."""

from collections.abc import Iterable
from dataclasses import dataclass

from redis.asyncio import Redis

from worker.billing.model import Entry
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True)
class Timekeepers:
    """Names by record id."""

    redis: Redis
    keys: Keys

    async def note(self, entries: Iterable[Entry]) -> None:
        """Remember who these entries are of."""
        names = {entry.person: entry.person_name for entry in entries if entry.person}
        if names:
            await self.redis.hset(self.keys("timekeepers"), mapping=names)  # type: ignore[misc]  # sync and async typed as one

    async def all(self) -> dict[str, str]:
        """Everybody who was seen; a name is "" where the setup maps none."""
        found: dict[str, str] = await self.redis.hgetall(self.keys("timekeepers"))  # type: ignore[misc]  # as above
        return found
