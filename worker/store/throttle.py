"""How often something may be tried: counted for one address and for everybody together, over whole minutes."""

from dataclasses import dataclass

from redis.asyncio import Redis

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub

WINDOW = 60  # seconds


@script()
async def _count(redis: Redis, *, one: Key, all_: Key, per_one: int, per_all: int, window: int) -> int:
    """
    -- Who is over their own limit takes nothing from everybody's.
    for _, each in ipairs({{one, per_one}, {all_, per_all}}) do
      local count = redis.call("INCR", each[1])
      if count == 1 then redis.call("EXPIRE", each[1], window) end
      if count > tonumber(each[2]) then return math.max(1, redis.call("TTL", each[1])) end
    end
    return 0
    """
    return stub()


@dataclass(frozen=True, slots=True)
class Throttle:
    """Counts tries of one kind."""

    redis: Redis
    keys: Keys

    async def wait(self, what: str, who: str, *, per_one: int, per_all: int) -> int:
        """Count one try; gives the seconds to wait, 0 when it may go on."""
        return await _count(
            self.redis,
            one=self.keys("throttle", what, who),
            all_=self.keys("throttle", what),
            per_one=per_one,
            per_all=per_all,
            window=WINDOW,
        )
