"""How fast changes are taken in, against the plainest thing Redis can do with the same ids.

Intake stores a response of the stream in one script: 100 ids on the work list, and the position, or nothing. Beside it:
one pipelined ZADD for each id, which remembers neither position nor generation and can stop half-way.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.inbox import Inbox
from worker.store.keys import Keys
from worker.store.locks import Locks
from worker.store.worklist import WorkList

RESPONSES, EVENTS = 200, 100


async def main() -> None:
    """Print both rates and their ratio."""
    with tempfile.TemporaryDirectory(prefix="hs-bench-") as folder:
        async with EmbeddedServer(Path(folder)) as server:
            redis, keys = open_redis(server.url), Keys()
            inbox = Inbox(redis, keys, WorkList(redis, keys, "collect"))
            lease = await Locks(redis, keys).listener("bench", 600)
            assert lease is not None
            position: str | None = None
            began = time.perf_counter()
            for number in range(RESPONSES):
                ids = [f"TimeEntry__c:{number:06d}{event:03d}#0" for event in range(EVENTS)]
                assert await inbox.store(lease, "bench", position, str(number), ids, {}, "")
                position = str(number)
            ours = RESPONSES * EVENTS / (time.perf_counter() - began)
            began = time.perf_counter()
            for number in range(RESPONSES):
                pipe = redis.pipeline(transaction=False)
                for event in range(EVENTS):
                    pipe.zadd("plain", {f"TimeEntry__c:{number:06d}{event:03d}#0": number})
                await pipe.execute()
            plain = RESPONSES * EVENTS / (time.perf_counter() - began)
            await redis.aclose()
    print(f"intake: {ours:,.0f} changes a second, each durable before the next; plain pipelined ZADD {plain:,.0f}")
    print(f"ratio: {ours / plain:.2f} of the plainest store, with position, generation and fencing")


if __name__ == "__main__":
    asyncio.run(main())
