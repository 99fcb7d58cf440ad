"""Roles: several people change them at once, and what is on disk agrees with Redis."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from worker.errors import ServiceError
from worker.store.keys import Keys
from worker.store.people import People


@pytest.fixture
def people(redis: Redis, keys: Keys, tmp_path: Path) -> People:
    """Nobody yet."""
    return People(redis, keys, tmp_path)


@pytest.mark.usefixtures("no_leaks")
async def test_of_many_changes_at_once_none_is_lost(people: People) -> None:
    await asyncio.gather(*(people.grant("link", f"person {n}", "viewer", "test") for n in range(8)))
    assert len(await people.all()) == 8


async def test_two_administrators_who_remove_each_other_at_once_leave_one(people: People) -> None:
    for name in ("ada", "grace"):
        await people.grant("link", name, "administrator", "test")
    done = await asyncio.gather(*(people.revoke(f"link:{n}") for n in ("ada", "grace")), return_exceptions=True)
    assert [type(each) for each in done if each] == [ServiceError]
    assert len(await people.all()) == 1


async def test_a_name_is_one_person_in_any_case_and_spacing(people: People) -> None:
    await people.grant("salesforce", "Ada@Example.com", "viewer", "test")
    await people.grant("salesforce", " ada@example.com ", "operator", "test")
    assert [(each.name, each.role) for each in await people.all()] == [("Ada@Example.com", "operator")]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, "\x00"])
async def test_a_name_that_nobody_could_type_is_refused(people: People, name: str) -> None:
    with pytest.raises(ServiceError, match="no name"):
        await people.grant("link", name, "viewer", "test")


async def test_a_copy_that_is_damaged_is_named_not_taken_for_nobody(people: People) -> None:
    await people.grant("link", "ada", "administrator", "test")
    people.file.write_bytes(b"{")
    with pytest.raises(ServiceError, match=r"roles\.json"):
        await people.settle()
    assert len(await people.all()) == 1
