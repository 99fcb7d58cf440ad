"""Data of a newer program is not touched by an older one."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from worker.errors import ConfigurationError
from worker.store.keys import Keys
from worker.store.schema import VERSION, check_schema, schema_file

pytestmark = pytest.mark.usefixtures("no_leaks")


async def test_the_first_start_writes_the_layout_in_both_places(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    assert await check_schema(redis, keys, tmp_path) == VERSION
    assert await redis.get(keys("schema")) == schema_file(tmp_path).read_text().strip() == str(VERSION)
    assert await check_schema(redis, keys, tmp_path) == VERSION


async def test_data_from_before_there_was_a_number_is_read_on(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    await redis.set(keys("epoch"), "written by an earlier program")
    assert await check_schema(redis, keys, tmp_path) == 1


async def test_newer_data_in_redis_is_refused_and_left_alone(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    await redis.set(keys("schema"), str(VERSION + 1))
    with pytest.raises(ConfigurationError, match=r"newer Hourstream \(layout 2.*Start the newer program"):
        await check_schema(redis, keys, tmp_path)
    assert await redis.get(keys("schema")) == str(VERSION + 1)
    assert not schema_file(tmp_path).exists()


async def test_newer_data_on_disk_is_refused_beside_an_empty_redis(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    schema_file(tmp_path).parent.mkdir()
    schema_file(tmp_path).write_text(f"{VERSION + 1}\n")
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        await check_schema(redis, keys, tmp_path)
    assert await redis.get(keys("schema")) is None


async def test_a_number_that_is_none_is_refused(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    await redis.set(keys("schema"), "two")
    with pytest.raises(ConfigurationError, match="not a number"):
        await check_schema(redis, keys, tmp_path)
