"""What was done in each of the last sixty minutes: how much, how much failed, and how late.

The work lists' scripts count as they go (`pulse` in `worklist_scripts`). There are sixty slots, one for each minute of
the hour; a slot is begun anew when its minute comes round, so a stage never takes more than sixty of them.
"""

from datetime import UTC, datetime, timedelta

from msgspec import Struct
from redis.asyncio import Redis

from worker.store import moments
from worker.store.keys import Keys

SLOTS = 60
INTAKE = "intake"  # beside the stages: records that the listener took in


class Minute(Struct, frozen=True):
    """One minute of a stage. `late`: the longest wait, in seconds, from when an item was due until it was done."""

    at: str  # when it began, ISO 8601 in UTC
    done: int = 0
    failed: int = 0
    late: float = 0.0


class Pulse:
    """Reads what was counted."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def hour(self, stage: str) -> tuple[Minute, ...]:
        """The last sixty minutes, oldest first; the last one is not over yet."""
        row: dict[str, str] = await self._redis.hgetall(self._keys("pulse", stage))  # type: ignore[misc]  # sync and async typed as one
        now = await moments.now(self._redis)
        last = int(now.timestamp()) // 60
        return tuple(_minute(row, minute) for minute in range(last - SLOTS + 1, last + 1))


def _minute(row: dict[str, str], minute: int) -> Minute:
    slot, at = minute % SLOTS, moments.text(datetime.fromtimestamp(0, UTC) + timedelta(minutes=minute))
    if row.get(f"minute{slot}") != str(minute):
        return Minute(at)
    done, failed, late = (int(float(row.get(f"{part}{slot}", 0))) for part in ("done", "failed", "late"))
    return Minute(at, done, failed, late / 1000)
