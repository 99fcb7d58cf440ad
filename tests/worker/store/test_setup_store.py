"""The setup in force and its versions."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.store.keys import Keys
from worker.store.setup_store import SetupStore

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def setups(redis: Redis, keys: Keys, tmp_path: Path) -> SetupStore:
    return SetupStore(redis, keys, tmp_path)


async def test_there_is_none_before_the_first_is_saved(setups: SetupStore) -> None:
    assert await setups.current() is None
    assert await setups.on_disk() is None


async def test_a_saved_setup_is_in_force_and_on_disk(setups: SetupStore, tmp_path: Path) -> None:
    saved = await setups.save("a = 1 # é\n", "ann")
    assert (saved.version, saved.text, saved.saved_by) == (1, "a = 1 # é\n", "ann")
    assert await setups.current() == saved
    assert (tmp_path / "setup.toml").read_text() == "a = 1 # é\n"
    assert (tmp_path / "setup" / "000001.toml").read_text() == "a = 1 # é\n"


async def test_every_version_stays_readable(setups: SetupStore) -> None:
    for text in ("a = 1", "a = 2", "a = 3"):
        await setups.save(text, "ann")
    assert await setups.versions() == (1, 2, 3)
    assert await setups.version(2) == "a = 2"
    assert await setups.version(9) is None


async def test_saving_what_is_in_force_makes_no_version(setups: SetupStore) -> None:
    first = await setups.save("a = 1", "ann")
    assert await setups.save("a = 1", "bob") == first
    assert await setups.versions() == (1,)


async def test_version_numbers_go_on_after_a_wipe(setups: SetupStore, redis: Redis) -> None:
    await setups.save("a = 1", "ann")
    await setups.save("a = 2", "ann")
    await redis.flushall()
    kept = await setups.on_disk()
    assert kept is not None
    assert (kept.version, kept.text) == (2, "a = 2")
    assert (await setups.save("a = 2", "ann")).version == 3


async def test_a_change_made_on_an_older_version_is_refused(setups: SetupStore) -> None:
    await setups.save("a = 1", "ann", expected=0)
    await setups.save("a = 2", "bob", expected=1)
    with pytest.raises(ServiceError, match="somebody else"):
        await setups.save("a = 3", "ann", expected=1)


async def test_savers_at_the_same_moment_get_versions_of_their_own(setups: SetupStore, tmp_path: Path) -> None:
    await asyncio.gather(*(setups.save(f"a = {number}", "ann") for number in range(10)))
    current = await setups.current()
    assert current is not None
    assert await setups.versions() == tuple(range(1, 11))
    assert current.version == 10
    assert (tmp_path / "setup.toml").read_text() == current.text
