"""Coroutines side by side, of which the first to end ends the others; and one that is not cut off half-way."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from worker.tasks import cancelled

Result = TypeVar("Result")

DRAIN = 5.0  # seconds that a store under way may still take once the process is told to end


async def until_first(*work: Coroutine[Any, Any, object]) -> None:
    """Run all of `work`; when one ends or fails, cancel the others, wait for them, and raise what it raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancelled(tasks, again=2 * DRAIN)
    for task in ended:
        task.result()


async def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """Await `work`; when we are cancelled meanwhile, let it end first (for at most `DRAIN`), then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=DRAIN)
        task.cancel()
        raise
