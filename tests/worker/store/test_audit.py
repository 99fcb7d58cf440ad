"""The audit trail: complete on disk, the latest in Redis."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.store.audit import KEPT_IN_REDIS, Audit
from worker.store.keys import Keys

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def audit(redis: Redis, keys: Keys, tmp_path: Path) -> Audit:
    return Audit(redis, keys, tmp_path)


async def test_an_entry_is_a_line_of_its_month_and_among_the_latest(audit: Audit) -> None:
    entry = await audit.write("worker-1", "xero.put", "K7/1", {"number": "TT-00042", "amount": Decimal("120.00")})
    (line,) = (audit.folder / f"{entry.at[:7]}.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "id": entry.id,
        "at": entry.at,
        "who": "worker-1",
        "what": "xero.put",
        "subject": "K7/1",
        "detail": {"number": "TT-00042", "amount": "120.00"},
    }
    assert [found.id for found in await audit.latest()] == [entry.id]


async def test_the_latest_come_first_and_redis_keeps_a_bounded_number(audit: Audit, redis: Redis, keys: Keys) -> None:
    await redis.lpush(keys("audit"), *['{"id":"","at":"","who":"","what":"old","subject":""}'] * KEPT_IN_REDIS)
    for number in range(3):
        await audit.write("ann", "decision.bill", f"unit-{number}", {})
    assert [entry.subject for entry in await audit.latest(3)] == ["unit-2", "unit-1", "unit-0"]
    assert await redis.llen(keys("audit")) == KEPT_IN_REDIS


async def test_many_writers_at_once_keep_their_lines_whole(audit: Audit) -> None:
    await asyncio.gather(*(audit.write("w", "xero.post", str(number), {"n": number}) for number in range(50)))
    assert sorted(int(entry.subject) for entry in audit.on_disk()) == list(range(50))


async def test_a_line_torn_by_a_crash_harms_neither_the_next_one_nor_reading(audit: Audit) -> None:
    entry = await audit.write("w", "xero.put", "first", {})
    file = audit.folder / f"{entry.at[:7]}.jsonl"
    file.write_bytes(file.read_bytes() + b'{"id":"torn","at"')
    await audit.write("w", "xero.put", "second", {})
    assert [found.subject for found in audit.on_disk()] == ["first", "second"]


async def test_after_a_wipe_the_disk_still_knows_whether_xero_was_written_to(audit: Audit, redis: Redis) -> None:
    await audit.write("ann", "setup.save", "1", {})
    assert not await audit.any_on_disk("xero.")
    await audit.write("w", "xero.put", "K7/1", {})
    await redis.flushall()
    assert await audit.any_on_disk("xero.")
    assert await audit.latest() == ()


async def test_what_cannot_be_recorded_is_an_error(audit: Audit) -> None:
    audit.folder.write_text("a file where the folder should be")
    with pytest.raises(ServiceError, match="audit trail"):
        await audit.write("w", "xero.put", "K7/1", {})
