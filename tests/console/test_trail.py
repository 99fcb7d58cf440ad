"""The audit trail as people read it: newest first, filtered, whole even where Redis was emptied."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis

from console.trail import Filter, as_csv, said, trail
from worker.limits import Limits
from worker.store.doorbell import SilentDoorbell
from worker.store.keys import Keys
from worker.store.store import Store


@pytest.fixture
async def store(redis: Redis, keys: Keys, tmp_path: Path) -> Store:
    made = Store(redis, keys, tmp_path, MultiFernet([Fernet(Fernet.generate_key())]), Limits(), SilentDoorbell())
    await made.audit.write("Ada", "decision.bill", "TimeEntry__c:a1#0", {"seconds": Decimal(3600), "reason": ""})
    await made.audit.write("worker 1", "xero.put", "KEY/1", {"number": "TT-00001"})
    await made.audit.write("=Bob", "setup.saved", "setup", {"version": 2})
    return made


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), ["setup.saved", "xero.put", "decision.bill"]),
        (Filter(who="ada"), ["decision.bill"]),
        (Filter(what="xero"), ["xero.put"]),
        (Filter(subject="a1"), ["decision.bill"]),
        (Filter(since=datetime(2100, 1, 1, tzinfo=UTC)), []),
    ],
)
async def test_what_is_looked_for_is_found_newest_first(store: Store, wanted: Filter, found: list[str]) -> None:
    assert [each.what for each in await trail(store, wanted, 10)] == found


async def test_the_newest_are_shown_where_there_are_more(store: Store, redis: Redis) -> None:
    await redis.flushall()
    assert [each.what for each in await trail(store, Filter(), 2)] == ["setup.saved", "xero.put"]


async def test_a_detail_is_one_line_without_what_is_empty(store: Store) -> None:
    assert said((await trail(store, Filter(who="Ada"), 1))[0]) == "seconds 3600"


async def test_the_table_is_one_that_no_spreadsheet_takes_for_a_formula(store: Store) -> None:
    rows = list(csv.reader(as_csv(await trail(store, Filter(), 10)).splitlines()))
    assert rows[0] == ["at", "who", "what", "subject", "detail"]
    assert [row[1] for row in rows[1:]] == ["'=Bob", "worker 1", "Ada"]
