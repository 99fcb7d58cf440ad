"""Work in the background: one at a time, its end kept, a failure told to whoever looks and begun anew when asked."""

import asyncio

import pytest

from console.web.background import Background


class Bench:
    """Work that lasts until it is let go, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def work(self) -> int:
        self.begun += 1
        await self.may_end.wait()
        return self.begun


async def failing() -> int:
    raise ValueError("broken")


async def test_only_one_runs_and_its_end_is_kept() -> None:
    background, bench = Background[int](), Bench()
    assert background.start("a", bench.work)
    assert not background.start("b", bench.work)
    assert await background.result(0) is None
    assert not await background.settled(0)
    bench.may_end.set()
    assert await background.result(5) == 1
    assert await background.result(0) == 1
    assert await background.settled(0)


async def test_what_is_fresh_is_not_done_again_and_what_is_old_is() -> None:
    background, bench = Background[int](), Bench()
    bench.may_end.set()
    assert await background.ask("a", bench.work, patience=5, fresh=60) == 1
    assert await background.ask("a", bench.work, patience=5, fresh=60) == 1
    assert await background.ask("a", bench.work, patience=5, fresh=0) == 2
    assert await background.ask("b", bench.work, patience=5, fresh=60) == 3


async def test_work_of_another_name_is_given_up_for_what_is_asked_now() -> None:
    background, bench, other = Background[int](), Bench(), Bench()
    assert await background.ask("a", bench.work, patience=0, fresh=60) is None
    other.may_end.set()
    assert await background.ask("b", other.work, patience=5, fresh=60) == 1
    assert background.name == "b"


async def test_a_failure_is_told_and_the_next_to_ask_begins_anew() -> None:
    background, bench = Background[int](), Bench()
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            await background.ask("a", failing, patience=5, fresh=60)
    bench.may_end.set()
    assert await background.ask("a", bench.work, patience=5, fresh=60) == 1
    await background.close()
