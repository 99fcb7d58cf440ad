"""Loops that end when told, promptly.

Cancelling a loop that talks to Redis is not enough: redis-py sends through `asyncio.wait_for`, which in Python 3.11
swallows a cancellation that arrives while the bytes leave. So such a loop looks at an event, too.
"""

import asyncio


async def pause(ended: asyncio.Event, seconds: float) -> None:
    """Wait for so long, or until the event is set."""
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        return
