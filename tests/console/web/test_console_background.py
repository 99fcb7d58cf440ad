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


async def test_who_waits_for_work_that_is_given_up_meanwhile_hears_of_nothing() -> None:
    background, bench, other = Background[int](), Bench(), Bench()
    waiting = asyncio.create_task(background.ask("a", bench.work, patience=60, fresh=60))
    while not bench.begun:
        await asyncio.sleep(0)
    other.may_end.set()
    assert await background.ask("b", other.work, patience=60, fresh=60) == 1
    assert await waiting is None


async def test_a_failure_is_told_and_the_next_to_ask_begins_anew() -> None:
    background, bench = Background[int](), Bench()
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            await background.ask("a", failing, patience=5, fresh=60)
    bench.may_end.set()
    assert await background.ask("a", bench.work, patience=5, fresh=60) == 1
    await background.close()


async def test_who_looks_sees_what_it_last_came_to_while_it_is_done_again() -> None:
    background, bench = Background[int](), Bench()
    seen = await background.look("a", bench.work, patience=0, fresh=60)
    assert (seen.last, seen.at, seen.running) == (None, "", True)
    bench.may_end.set()
    seen = await background.look("a", bench.work, patience=5, fresh=60)
    assert (seen.last, seen.running, background.seen) == (1, False, seen)
    bench.may_end.clear()
    while not (again := await background.look("a", bench.work, patience=0, fresh=0)).running:
        await asyncio.sleep(0)  # what took long is not begun again at once
    assert (again.last, again.at, again.running) == (1, seen.at, True)
    bench.may_end.set()
    assert await background.settled(5)
    assert (await background.look("a", bench.work, patience=0, fresh=60)).last == 2
    bench.may_end.clear()
    assert (await background.look("b", bench.work, patience=0, fresh=60)).last is None
    await background.close()


async def test_what_is_forgotten_is_begun_anew() -> None:
    background, bench = Background[int](), Bench()
    bench.may_end.set()
    await background.look("a", bench.work, patience=5, fresh=60)
    await background.forget()
    assert background.seen.last is None
    assert (await background.look("a", bench.work, patience=5, fresh=60)).last == 2


async def test_a_failure_that_nobody_waited_for_is_told_to_the_next_who_looks_and_then_begun_anew() -> None:
    background, bench = Background[int](), Bench()

    async def failing_later() -> int:
        await bench.may_end.wait()
        return await failing()

    assert (await background.look("a", failing_later, patience=0, fresh=60)).running
    bench.may_end.set()
    await background.settled(5)
    with pytest.raises(ValueError, match="broken"):
        await background.look("a", bench.work, patience=5, fresh=60)
    assert (await background.look("a", bench.work, patience=5, fresh=60)).last == 1
