"""The highest intent counter ever seen outlives the process and the store."""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from worker.store.epoch import ROLLED_BACK, Epoch
from worker.store.highwater import HighWater
from worker.store.keys import Keys


async def test_the_highest_counter_is_remembered_by_the_process_and_on_disk(tmp_path: Path) -> None:
    water = HighWater(tmp_path)
    assert water.highest() == 0
    await water.raise_to(7)
    await water.raise_to(3)
    assert water.highest() == HighWater(tmp_path).highest() == 7


async def test_processes_that_share_the_folder_know_each_others_counter(tmp_path: Path) -> None:
    one, another = HighWater(tmp_path), HighWater(tmp_path)
    await one.raise_to(7)
    assert another.highest() == 7
    await another.raise_to(8)
    assert one.highest() == 8


async def test_the_disk_is_never_set_back_whoever_writes_last(tmp_path: Path) -> None:
    waters = [HighWater(tmp_path) for _ in range(8)]
    await asyncio.gather(*(water.raise_to(100 - number) for number, water in enumerate(waters)))
    assert (tmp_path / "state" / "intents").read_text() == "100\n"


async def test_a_file_that_holds_no_number_counts_for_nothing(tmp_path: Path) -> None:
    water = HighWater(tmp_path)
    await water.raise_to(7)
    (tmp_path / "state" / "intents").write_text("seven")
    assert (water.highest(), HighWater(tmp_path).highest()) == (7, 0)
    await water.raise_to(8)
    assert HighWater(tmp_path).highest() == 8


async def test_the_epoch_of_a_store_that_was_rolled_back_counts_no_more(
    redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    seen = HighWater(tmp_path)
    epoch = Epoch(redis, keys, seen)
    await redis.set(keys("epoch"), "e1")
    await redis.set(keys("intents", "counter"), "7")
    await seen.raise_to(7)
    assert await epoch.current() == "e1"
    await seen.raise_to(8)
    assert await epoch.current() == ""
    assert await epoch.why() == ROLLED_BACK
