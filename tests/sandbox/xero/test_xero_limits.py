"""Rate limits: what is admitted, what is told, what is counted."""

import asyncio

import pytest
from xero_support import Answer, Judge, Xero, running

from sandbox.clock import Clock
from sandbox.faults import Fault


def remaining(answer: Answer) -> tuple[int, int]:
    return int(answer.headers["X-MinLimit-Remaining"]), int(answer.headers["X-DayLimit-Remaining"])


async def test_every_answer_tells_what_remains(xero: Xero) -> None:
    first, second = [await xero.api("GET", "Organisation") for _ in range(2)]
    assert remaining(first) == (59, 4999)
    assert remaining(second) == (58, 4998)
    assert first.headers["X-AppMinLimit-Remaining"] == "9999"


async def test_the_61st_call_in_a_minute_is_refused_with_an_empty_answer(xero: Xero) -> None:
    xero.company.set_limits(minute=3)
    for _ in range(3):
        assert (await xero.api("GET", "Organisation")).status == 200
    refused = await xero.api("GET", "Organisation")
    assert (refused.status, refused.raw, refused.headers["Content-Type"]) == (429, b"", "")
    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    assert refused.headers["X-MinLimit-Remaining"] == "0"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 60
    xero.clock.advance(wait)
    assert (await xero.api("GET", "Organisation")).status == 200


async def test_the_minute_is_a_fixed_window(xero: Xero) -> None:
    window = xero.company.limits.minute
    xero.clock.advance(window.seconds_left() + 0.5)
    assert window.remaining == 60
    window.count()
    xero.clock.advance(58)
    assert window.remaining == 59
    xero.clock.advance(2)
    assert window.remaining == 60


async def test_the_day_is_refused_with_the_seconds_until_it_ends(xero: Xero) -> None:
    xero.company.set_limits(day=1)
    await xero.api("GET", "Organisation")
    refused = await xero.api("GET", "Organisation")
    assert refused.headers["X-Rate-Limit-Problem"] == "day"
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400


async def test_a_sixth_call_at_once_is_refused_without_retry_after(xero: Xero) -> None:
    xero.faults.add(Fault("slow", delay=600, times=5))
    held = [asyncio.create_task(xero.api("GET", "Organisation")) for _ in range(5)]
    while xero.company.requests.counts.in_flight < 5:
        await asyncio.sleep(0.001)
    refused = await xero.api("GET", "Organisation")
    assert (refused.status, refused.headers["X-Rate-Limit-Problem"]) == (429, "concurrent")
    assert "Retry-After" not in refused.headers
    xero.clock.advance(601)
    assert [answer.status for answer in await asyncio.gather(*held)] == [200] * 5
    assert xero.company.requests.stats()["max_in_flight"] == 6
    assert xero.company.requests.stats()["refused"] == {"concurrent": 1}


@pytest.mark.parametrize(("switch", "left"), [("free", 60), ("counted", 59)])
async def test_whether_refused_calls_count_is_a_switch(xero: Xero, switch: str, left: int) -> None:
    xero.company.switches["refused_calls"] = switch
    xero.company.limits.concurrent = 0
    await xero.api("GET", "Organisation")
    assert xero.company.limits.minute.remaining == left


@pytest.mark.parametrize("name", ["minute", "day", "concurrent", "appminute"])
async def test_each_limit_can_be_scripted(xero: Xero, name: str) -> None:
    xero.faults.add(Fault(f"429-{name}", delay=7))
    refused = await xero.api("GET", "Organisation")
    assert (refused.status, refused.headers["X-Rate-Limit-Problem"]) == (429, name)
    assert refused.headers.get("Retry-After") == (None if name == "concurrent" else "7")


async def test_the_spelling_of_the_apps_limit_is_a_switch(xero: Xero) -> None:
    xero.company.switches["app_minute_name"] = "app-minute"
    xero.faults.add(Fault("429-appminute"))
    assert (await xero.api("GET", "Organisation")).headers["X-Rate-Limit-Problem"] == "app-minute"


async def test_calls_that_come_before_retry_after_has_passed_are_counted(xero: Xero) -> None:
    xero.faults.add(Fault("429-minute", delay=30))
    await xero.api("GET", "Organisation")
    await xero.api("GET", "Organisation")  # it may have been on its way already
    xero.clock.advance(1)
    await xero.api("GET", "Organisation")
    xero.clock.advance(29)
    await xero.api("GET", "Organisation")
    assert xero.company.requests.stats()["calls_before_retry_after"] == 1


async def test_calls_are_counted_by_minute_in_fixed_and_rolling_windows(xero: Xero) -> None:
    for _ in range(3):
        await xero.api("GET", "Organisation")
    xero.clock.advance(61)
    await xero.api("GET", "Organisation")
    stats = xero.company.requests.stats()
    assert stats["max_calls_rolling_minute"] == 3
    assert sum(stats["by_minute"].values()) == stats["calls"] == stats["reads"] == 4
    assert stats["by_resource"] == {"GET Organisation": 4}


async def test_a_scaled_clock_shortens_the_window_but_not_what_retry_after_says(judge: Judge) -> None:
    async with running(judge, Clock(scale=60)) as xero:
        await xero.authenticate()
        xero.company.set_limits(minute=1)
        while (await xero.api("GET", "Organisation")).status == 200:
            pass
        refused = await xero.api("GET", "Organisation")
        wait = int(refused.headers.get("Retry-After", "1"))
        assert 1 <= wait <= 60
        xero.clock.advance(wait / 60 + 0.01)
        assert (await xero.api("GET", "Organisation")).status == 200
