"""What is told to end ends, also where a fault on its way out hides that it was told."""

import asyncio

import pytest

from worker.tasks import cancelled, raise_if_cancelled


class Deaf:
    """Takes what happens when it is cancelled for a fault of its connection, and goes on, a few times."""

    def __init__(self, times: int) -> None:
        self.times, self.heard = times, 0

    async def work(self) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.heard += 1
                if self.heard > self.times:
                    raise


async def test_a_task_that_swallows_its_cancellation_is_cancelled_until_it_ends() -> None:
    deaf = Deaf(3)
    tasks = [asyncio.create_task(deaf.work()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cancelled(tasks, again=0.01)
    assert (deaf.heard, all(task.cancelled() for task in tasks)) == (4, True)


async def test_who_was_cancelled_hears_of_it_after_all() -> None:
    ready = asyncio.Event()

    async def work() -> None:
        try:
            ready.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
        raise_if_cancelled()
        raise AssertionError

    task = asyncio.create_task(work())
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
