"""A task that talks to Redis stops when it is told to."""

import asyncio

from redis.asyncio import Redis


async def test_a_busy_client_obeys_every_cancellation(redis: Redis) -> None:
    async def count() -> None:
        while True:
            await redis.incr("counter")

    for turns in range(200):
        task = asyncio.create_task(count())
        for _ in range(turns % 23):  # at another point of a command each time
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done == {task}, f"cancelled after {turns % 23} turns of the loop, and went on"
    await redis.delete("counter")
