"""Ending tasks for sure. What fails on a cancelled task's way out (a connection that is given back to a server that is
gone, say) takes the place of the cancellation: caught as the fault it looks like, it lets the task go on for ever."""

import asyncio
from collections.abc import Sequence
from typing import Any

AGAIN = 1.0  # seconds after which a task that still runs is cancelled again


async def cancelled(tasks: Sequence[asyncio.Task[Any]], again: float = AGAIN) -> None:
    """Cancel these and wait until all have ended; one that swallowed it is cancelled `again`, seconds later."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)


def raise_if_cancelled() -> None:
    """To be called after awaiting what may swallow a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
