"""Stopping `up`: what it keeps running is told once, and waited for however long it drains."""

import asyncio

from console.up import _Running
from worker.tasks import AGAIN


async def test_what_drains_is_waited_for_before_the_store_is_stopped() -> None:
    drained, begun = asyncio.Event(), asyncio.Event()

    async def kept() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(AGAIN * 1.3)
            drained.set()

    async with _Running() as running:
        running.add(kept())
        await begun.wait()
    assert drained.is_set()
