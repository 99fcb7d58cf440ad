"""What the tests of work lists share."""

from redis.asyncio import Redis

from tests.worker.store.ledger_support import LONG, House
from worker.store.worklist import Claimed, Parked, Settle, WorkList

LAPSED = -1.0  # a lease of this many seconds is over when it begins
SETTLE = Settle(quiet=100, most=1000, size=0)


async def one(house: House, work: WorkList, lease: float = LONG) -> Claimed:
    """The only item that is due."""
    [item] = await work.claim(house.epoch, 100, lease)
    return item


def parked(id_: str, cause: str = "") -> Parked:
    return Parked(id_, "no-rate", "There is no rate.", cause, "2026-11-05T10:00:00.000Z")


async def milliseconds(redis: Redis) -> int:
    seconds, microseconds = await redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


async def due_in(house: House, work: WorkList, id_: str) -> float:
    """Seconds until the item is due."""
    [row] = [row for row in await work.page() if row["id"] == id_]
    return (int(row["due"]) - await milliseconds(house.redis)) / 1000
