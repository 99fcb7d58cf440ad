"""Coroutines side by side, of which the first to end ends the others; and one that is not cut off half-way."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

Result = TypeVar("Result")

DRAIN = 5.0  # seconds that a store under way may still take once the process is told to end


async def until_first(*work: Coroutine[Any, Any, object]) -> None:
    """Run all of `work`; when one ends or fails, cancel the others, wait for them, and raise what it raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancelled(tasks)
    for task in ended:
        task.result()


async def _cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait until all have ended; one that swallows its cancellation is cancelled again."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=2 * DRAIN)
    await asyncio.gather(*tasks, return_exceptions=True)


def raise_if_cancelled() -> None:
    """To be called after awaiting what may swallow a cancellation, as `grpc.aio` does when its call ends just then."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """Await `work`; when we are cancelled meanwhile, let it end first (for at most `DRAIN`), then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=DRAIN)
        task.cancel()
        raise
