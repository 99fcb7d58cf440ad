"""The poll door: a watermark that never passes what may still become visible, and no change missed or told for ever."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from listeners.poll import poll_channel
from tests.listeners.bus import record, unit
from tests.listeners.house import House
from tests.listeners.memory import LIMITS, NOW, MemoryPosition, eventually

CHANNEL = poll_channel("TimeEntry__c")
OFTEN = replace(LIMITS, poll=0.02)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def watermark(house: House) -> str:
    return house.inbox.positions[CHANNEL].replay


@pytest.fixture
def polling(house: House) -> Callable[[], object]:
    """A listener that polls, from a watermark of an hour ago."""

    def start() -> object:
        house.inbox.positions[CHANNEL] = MemoryPosition("2026-11-05T11:00:00.000Z", "2026-11-05T11:00:00.000Z")
        return house.start(transport="poll", limits=OFTEN)

    return start


async def test_without_a_watermark_everything_is_read_and_watched_from_here_on(house: House) -> None:
    house.start(transport="poll", limits=OFTEN)
    await eventually(lambda: house.inbox.stores)
    first = house.inbox.stores[0]
    assert (first.ids, first.position) == ((), "2026-11-05T11:45:00.000Z")
    assert house.inbox.resyncs("initial") == [""]
    assert house.bus.first == []


async def test_what_changed_since_the_watermark_is_told_once_page_by_page(
    house: House, polling: Callable[[], object]
) -> None:
    house.org.rows = [(record(number), ago(59 - number)) for number in range(5)] + [(record(9), ago(61))]
    polling()
    await eventually(lambda: len(house.org.since) >= 3)
    assert house.inbox.ids == [unit(number) for number in range(5)]
    pages = [(len(stored.ids), stored.position) for stored in house.inbox.stores[:3]]
    assert pages == [
        (2, "2026-11-05T11:00:00.000Z"),
        (2, "2026-11-05T11:00:00.000Z"),
        (1, "2026-11-05T11:45:00.000Z"),
    ]


async def test_a_change_that_becomes_visible_late_is_not_missed(house: House, polling: Callable[[], object]) -> None:
    polling()
    await eventually(lambda: len(house.org.since) >= 2)
    house.org.rows.append((record(1), ago(10)))  # a transaction of ten minutes ends only now
    await eventually(lambda: house.inbox.ids)
    before = len(house.org.since)
    await eventually(lambda: len(house.org.since) > before + 2)
    assert house.inbox.ids == [unit(1)]


async def test_a_record_that_changes_again_is_told_again(house: House, polling: Callable[[], object]) -> None:
    house.org.rows = [(record(1), ago(5))]
    polling()
    await eventually(lambda: house.inbox.ids == [unit(1)])
    house.org.rows = [(record(1), ago(4))]
    await eventually(lambda: house.inbox.ids == [unit(1), unit(1)])


async def test_where_the_org_says_until_when_it_is_complete_the_watermark_follows(
    house: House, polling: Callable[[], object]
) -> None:
    house.org.covered = ago(1)
    polling()
    await eventually(lambda: watermark(house) == "2026-11-05T11:59:00.000Z")


async def test_deletions_are_told_once(house: House, polling: Callable[[], object]) -> None:
    house.org.gone = [(record(7), ago(3)), (record(8), ago(90))]
    polling()
    await eventually(lambda: len(house.org.since) >= 3)
    assert house.inbox.ids == [unit(7)]


async def test_a_delete_log_that_does_not_reach_back_has_salesforce_read(
    house: House, polling: Callable[[], object]
) -> None:
    house.org.earliest = ago(30)
    polling()
    await eventually(lambda: house.inbox.stores)
    assert house.inbox.resyncs("deletes") == ["2026-11-05T11:00:00.000Z"]


async def test_the_watermark_never_goes_back(house: House, polling: Callable[[], object]) -> None:
    house.org.covered = ago(90)
    polling()
    await eventually(lambda: len(house.org.since) >= 2)
    assert watermark(house) == "2026-11-05T11:00:00.000Z"


async def test_two_pollers_one_is_active(house: House, polling: Callable[[], object]) -> None:
    polling()
    await eventually(lambda: house.inbox.stores)
    standby = house.start(transport="poll", limits=OFTEN)
    await eventually(lambda: standby.status.state == "standing by")
    house.tasks[0].cancel()
    await eventually(lambda: standby.status.state == "listening")
