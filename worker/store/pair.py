"""The pinned pair: the Salesforce org and the Xero company this deployment serves, stored at the first connect."""

from redis.asyncio import Redis

from worker.errors import ConnectionPaused
from worker.store.keys import Keys


class Pair:
    """Pins ids at first sight and refuses others ever after."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._key = redis, keys("pair")

    async def pin(self, what: str, id_: str) -> None:
        """`what` is "org" or "company". Raises `ConnectionPaused` when another id is pinned already."""
        await self._redis.hsetnx(self._key, what, id_)  # type: ignore[misc]  # sync and async typed as one
        pinned = await self._redis.hget(self._key, what)  # type: ignore[misc]  # as above
        if pinned != id_:
            service = "Salesforce org" if what == "org" else "Xero company"
            raise ConnectionPaused(
                f"This deployment serves the {service} {pinned}, but {id_} answered.",
                "Check the credentials. Another org or company needs a deployment of its own.",
            )

    async def get(self) -> dict[str, str]:
        """What is pinned: "org", "company"."""
        return dict(await self._redis.hgetall(self._key))  # type: ignore[misc]  # as above
