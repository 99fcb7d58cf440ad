"""When each recurring task last ran, and whose turn it is: one process runs what is due, the others see it taken."""

from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub


class Schedule:
    """Recurring tasks by name, on Redis' clock."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def due(self, task: str, every: float) -> bool:
        """True for exactly one caller once `every` seconds have passed since the task was last due, or it never was."""
        return bool(await _due(self._redis, self._keys("schedule"), task, int(every * 1000)))

    async def last(self) -> dict[str, int]:
        """Redis milliseconds at which each task was last due."""
        rows = await self._redis.hgetall(self._keys("schedule"))  # type: ignore[misc]
        return {task: int(moment) for task, moment in rows.items()}

    async def mark(self, task: str) -> None:
        """The task runs now for another reason: count from here."""
        await _due(self._redis, self._keys("schedule"), task, 0)

    async def again(self, task: str) -> None:
        """The task is not through (it failed, or goes on in a further step): it is due at once."""
        await self._redis.hdel(self._keys("schedule"), task)  # type: ignore[misc]  # sync and async typed as one


@script()
async def _due(redis: Redis, schedule: Key, task: str, every: int) -> int:
    """
    local time = redis.call("TIME")
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local last = redis.call("HGET", schedule, task)
    local passed = last and now - last  -- negative where the clock was set back: then it is due, not stuck until then
    if passed and passed >= 0 and passed < tonumber(every) then return 0 end
    redis.call("HSET", schedule, task, now)
    return 1
    """
    stub()
