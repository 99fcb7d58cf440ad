"""The governor: never a 429 of our own making, nothing wasted, the background neither in the way nor forgotten."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from worker.limits import Limits
from worker.store.governor import Admitted, Governor, Priority, Quota, Refused
from worker.store.keys import Keys

pytestmark = pytest.mark.usefixtures("no_leaks")

FAST = Limits().scaled(100)  # a minute takes 0.6 s


@pytest.fixture
def governor(redis: Redis, keys: Keys) -> Governor:
    return Governor(redis, keys)


@pytest.fixture
def fast(redis: Redis, keys: Keys) -> Governor:
    return Governor(redis, keys, FAST)


async def admitted(governor: Governor, priority: Priority = "write", caller: str = "") -> str:
    said = await governor.admit(priority, caller)
    assert isinstance(said, Admitted), said
    return said.permit


async def refused(governor: Governor, priority: Priority = "write", caller: str = "") -> Refused:
    said = await governor.admit(priority, caller)
    assert isinstance(said, Refused), said
    return said


async def call(governor: Governor, times: int = 1, *, remaining: int = 60) -> None:
    for _ in range(times):
        await governor.answered(await admitted(governor), min_remaining=remaining)


async def eventually(attempt: Callable[[], Awaitable[Admitted | Refused]]) -> str:
    """Ask until admitted, waiting as told."""
    async with asyncio.timeout(20):
        while isinstance(said := await attempt(), Refused):
            await asyncio.sleep(said.wait)
    return said.permit


# ---- five at a time, sixty a minute ---------------------------------------------------------------------------------


async def test_five_calls_at_a_time(governor: Governor) -> None:
    await call(governor)
    permits = [await admitted(governor) for _ in range(5)]
    assert (await refused(governor)).why == "concurrent"
    await governor.answered(permits[0], min_remaining=55)
    await admitted(governor)


async def test_one_at_a_time_until_xero_said_how_many_are_left(governor: Governor) -> None:
    permit = await admitted(governor)
    assert (await refused(governor)).why == "first"
    await governor.answered(permit)  # a timeout: no header was seen
    permit = await admitted(governor)
    assert (await refused(governor)).why == "first"
    await governor.answered(permit, min_remaining=58)
    await admitted(governor)
    await admitted(governor)


async def test_sixty_calls_then_a_wait_until_the_first_slot_is_free(governor: Governor) -> None:
    await call(governor, 60)
    said = await refused(governor)
    assert said.why == "minute"
    assert 50 < said.wait <= 60


async def test_a_slot_is_free_a_minute_after_the_answer_not_after_the_call(fast: Governor) -> None:
    await call(fast)
    early = await admitted(fast)
    await call(fast, 58)
    await asyncio.wait_for(_until_minute_left(fast, 59), 10)  # a minute later only the unanswered one holds a slot
    await fast.answered(early, min_remaining=59)
    assert (await fast.state()).minute_left == 59


async def test_what_xero_counts_beyond_ours_is_held_for_a_minute(fast: Governor) -> None:
    await call(fast, remaining=3)
    assert (await fast.state()).minute_left == 3
    await call(fast, 3, remaining=60)  # an answer that overtook: ours stays the smaller one
    said = await refused(fast)
    assert said.why == "minute"
    await asyncio.sleep(said.wait)
    await call(fast)


async def test_a_call_whose_owner_died_is_given_up_and_its_slot_held_for_a_minute_more(
    redis: Redis, keys: Keys
) -> None:
    governor = Governor(redis, keys, Limits(call_lease=0.05, minute=0.5))
    await call(governor)
    for _ in range(5):
        await admitted(governor)
    async with asyncio.timeout(10):
        while (await governor.state()).in_flight:
            assert (await governor.state()).minute_left == 54
    assert (await governor.state()).minute_left <= 60 - 5
    await admitted(governor)


async def test_a_permit_given_back_leaves_no_trace(governor: Governor) -> None:
    await call(governor)
    before = await governor.state()
    await governor.unused(await admitted(governor))
    assert await governor.state() == before


async def test_calls_are_counted_for_the_day_and_in_all(governor: Governor) -> None:
    await call(governor, 3)
    state = await governor.state()
    assert (state.calls_today, state.calls_total) == (3, 3)
    assert (state.in_flight, state.minute_left, state.stopped_until, state.why) == (0, 57, "", "")


# ---- stops and the day ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["minute", "concurrent", "appminute", "day"])
async def test_a_429_stops_every_call_until_retry_after(fast: Governor, problem: str) -> None:
    await call(fast)
    permit = await admitted(fast)
    await fast.answered(permit, problem=problem, retry_after=0.3)  # type: ignore[arg-type]  # one of Problem
    said = await refused(fast, "read")
    assert said.why == problem
    assert 0.1 < said.wait <= 0.3
    state = await fast.state()
    assert state.why == problem
    assert state.stopped_until > "2026"
    await eventually(fast.admit)


async def test_a_shorter_stop_does_not_end_a_longer_one(governor: Governor) -> None:
    await call(governor)
    await governor.answered(await admitted(governor), problem="day", retry_after=3600)
    await governor.answered("late", problem="minute", retry_after=5)
    said = await refused(governor)
    assert said.why == "day"
    assert said.wait > 3000


async def test_a_429_without_retry_after_stops_for_the_usual_time(governor: Governor) -> None:
    await call(governor)
    await governor.answered(await admitted(governor), problem="concurrent")
    assert (await refused(governor)).wait <= 1
    await governor.answered("late", problem="day")
    assert (await refused(governor)).wait > 3500


async def test_after_a_429_for_the_minute_calls_go_on_when_xeros_window_ends(fast: Governor) -> None:
    await call(fast)
    await fast.answered(await admitted(fast), min_remaining=0, problem="minute", retry_after=0.1)
    started = time.monotonic()
    await eventually(fast.admit)
    assert time.monotonic() - started < FAST.minute


async def test_the_days_last_calls_are_kept_for_writes_and_their_reads(governor: Governor) -> None:
    await call(governor)
    await governor.answered(await admitted(governor), min_remaining=58, day_remaining=40)
    assert (await refused(governor, "background", "contacts")).why == "day"
    await admitted(governor, "read")
    await admitted(governor)
    assert (await governor.state()).day_left == 38


async def test_when_the_day_is_used_up_one_call_asks_now_and_then(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys, Limits(minute=0.02))
    await governor.answered(await admitted(governor), min_remaining=58, day_remaining=0)
    assert (await refused(governor)).why == "day"
    permit = await eventually(governor.admit)
    assert (await refused(governor)).why == "day"
    await governor.answered(permit, min_remaining=58, day_remaining=1000)
    await admitted(governor)


# ---- who goes first -------------------------------------------------------------------------------------------------


async def test_the_background_leaves_slots_to_reads_and_these_to_writes(governor: Governor) -> None:
    await call(governor, 50)
    assert (await refused(governor, "background", "contacts")).why == "behind"
    for _ in range(8):
        await governor.answered(await admitted(governor, "read"), min_remaining=60)
    assert (await refused(governor, "read")).why == "behind"
    await call(governor, 2)
    assert (await refused(governor)).why == "minute"


async def test_a_background_job_that_waited_five_minutes_gets_the_next_slot(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys, Limits(minute=0.2), Quota(per_minute=12))
    await call(governor, 5)
    stop = asyncio.Event()

    async def write_all_the_time() -> None:
        while not stop.is_set():
            said = await governor.admit("write")
            if isinstance(said, Admitted):
                await governor.answered(said.permit, min_remaining=12)
            else:
                await asyncio.sleep(min(said.wait, 0.01))

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(write_all_the_time())
        started = time.monotonic()
        await refused(governor, "background", "statuses")
        await eventually(lambda: governor.admit("background", "statuses"))
        waited = time.monotonic() - started
        stop.set()
    assert waited >= 5 * 0.2


async def test_a_background_job_that_gave_up_starts_its_wait_anew(redis: Redis, keys: Keys) -> None:
    governor = Governor(redis, keys, Limits(minute=0.02), Quota(per_minute=60))
    await governor.answered(await admitted(governor), min_remaining=60)
    await redis.hset(keys("governor", "waiting"), mapping={"contacts:since": 1, "contacts:last": 1})
    slow = Governor(redis, keys)
    await call(slow, 50)
    assert (await refused(slow, "background", "contacts")).why == "behind"


# ---- against a Xero that counts -------------------------------------------------------------------------------------


@dataclass
class CountingXero:
    """60 calls in a fixed window, five at a time, as Xero counts: when a call arrives."""

    window: float
    used: int
    starts: float = 0.0
    flying: int = 0
    refusals: list[str] = field(default_factory=list)
    served: int = 0

    async def call(self, latency: Callable[[], float]) -> int:
        """Travel, be counted, travel back; returns X-MinLimit-Remaining."""
        await asyncio.sleep(latency())
        now = time.monotonic()
        if now - self.starts >= self.window:
            self.starts += (now - self.starts) // self.window * self.window
            self.used = 0
        self.flying += 1
        if self.flying > 5:
            self.refusals.append("concurrent")
        if self.used >= 60:
            self.refusals.append("minute")
        self.used += 1
        self.served += 1
        remaining = 60 - self.used
        await asyncio.sleep(latency())
        self.flying -= 1
        await asyncio.sleep(latency())
        return remaining


async def _until_minute_left(governor: Governor, left: int) -> None:
    while (await governor.state()).minute_left != left:
        await asyncio.sleep(0.01)


async def _busy(governor: Governor, xero: CountingXero, until: float, seed: int) -> None:
    chance = random.Random(seed)
    slowest = chance.choice([0.0, 0.002, 0.02])

    async def work() -> None:
        while time.monotonic() < until:
            said = await governor.admit(chance.choice(["write", "write", "read"]))
            if isinstance(said, Refused):
                await asyncio.sleep(min(said.wait, 0.1))
                continue
            if chance.random() < 0.05:
                await governor.unused(said.permit)
                continue
            remaining = await xero.call(lambda: chance.uniform(0, slowest))
            await governor.answered(said.permit, min_remaining=max(0, remaining) if chance.random() < 0.9 else None)

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(work())


async def test_a_busy_minute_never_meets_a_429_whenever_xeros_window_begins(redis: Redis) -> None:
    """Six companies, whose windows begin at different moments and are partly used already, for five minutes."""
    began = time.monotonic()
    minutes = 5
    xeros = [CountingXero(FAST.minute, used=10 * n, starts=began - FAST.minute * n / 6) for n in range(6)]
    async with asyncio.TaskGroup() as group:
        for number, xero in enumerate(xeros):
            governor = Governor(redis, Keys(connection=f"c{number}"), FAST)
            group.create_task(_busy(governor, xero, began + minutes * FAST.minute, number))
    assert [xero.refusals for xero in xeros] == [[]] * 6
    assert min(xero.served for xero in xeros) > 20 * minutes  # at work: this machine's own slowness is in it
