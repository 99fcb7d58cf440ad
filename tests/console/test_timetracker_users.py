"""TimeTracker users: a new rate is a dated row, its effect is said first, and nothing else of the setup moves."""

import csv
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from console import people
from console.editing import PersonRow
from tests.worker.jobs.jobs_world import World, deployed, hours
from worker.errors import ConfigurationError, ServiceError
from worker.store.embedded import EmbeddedServer


@pytest.fixture
async def world(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    async with deployed(redis, valkey.url, tmp_path) as made:
        await made.work()
        yield made


async def logged(world: World, **fields: object) -> str:
    """An hour on Harrow that everybody has heard of; gives who worked."""
    record = world.log("Harrow", "1.00", **fields)
    await world.tell(record)
    await world.work()
    return str(world.record(record)["OwnerId"])


async def set_(world: World, person: str, **given: str) -> people.Change:
    row = await people.row_for(world.ctx, person, {name.rstrip("_"): value for name, value in given.items()})
    return await people.changed(world.ctx, [row])


async def test_whoever_logged_time_is_listed_with_what_waits_of_theirs(world: World) -> None:
    person = await logged(world, Status__c="Submitted")
    [view] = await people.people(world.ctx)
    assert (view.id, view.bill, view.rate, view.unbilled_hours, view.active) == (person, True, "", "1", True)
    assert view.name == (await people.people(world.ctx, ask=False))[0].name


async def test_a_rate_is_saved_as_a_dated_row_and_bills_new_time(world: World) -> None:
    person = await logged(world)
    await people.save(world.ctx, await set_(world, person, rate="130", from_="2026-11-01"))
    [view] = await people.people(world.ctx)
    assert (view.rate, view.since, view.source, view.rates) == ("130", "2026-11-01", "people", 1)
    await logged(world)
    rates = {line["UnitAmount"] for line in world.draft("Harrow")["LineItems"]}
    assert {Decimal(str(rate)) for rate in rates} == {Decimal(100), Decimal(130)}, "what was billed keeps its rate"


async def test_whoever_is_not_billed_leaves_the_draft_and_the_effect_says_so_first(world: World) -> None:
    person = await logged(world)
    change = await set_(world, person, bill="no")
    assert (change.effect.removed_entries, hours(world.draft("Harrow"))) == (1, 1)
    await people.save(world.ctx, change)
    await world.work()
    assert sum(hours(each) for each in world.documents("Harrow")) == 0


async def test_of_two_changes_made_on_one_setup_the_second_is_refused(world: World) -> None:
    person = await logged(world)
    first, second = await set_(world, person, rate="120"), await set_(world, person, rate="140")
    await people.save(world.ctx, first)
    with pytest.raises(ServiceError, match="changed by somebody else"):
        await people.save(world.ctx, second)
    assert [view.rate for view in await people.people(world.ctx)] == ["120"]


async def test_what_is_exported_is_imported_again_as_it_was(world: World) -> None:
    person = await logged(world)
    await people.save(world.ctx, await set_(world, person, rate="120.50", currency="gbp", from_="2026-11-01"))
    text = await people.exported(world.ctx)
    assert next(csv.DictReader(text.splitlines()))["rate"] == "120.50"
    [row] = people.imported(text)
    change = await people.changed(world.ctx, [row.row] if row.row else [])
    stored = await world.ctx.store.setup.current()
    assert stored is not None
    assert change.text == stored.text


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nobody,,120,,,", "no Salesforce record id"),
        ("005000000000001AAA,,fast,,,", "no hourly rate"),
        ("005000000000001AAA,,-1,,,", "no hourly rate"),
        ("005000000000001AAA,,120,pounds,,", "no currency"),
        ("005000000000001AAA,,120,,yesterday,", "no day"),
        ("005000000000001AAA,,120,,,perhaps", "neither yes nor no"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(line: str, problem: str) -> None:
    good, bad = people.imported(f"id,name,rate,currency,from,bill\n005000000000002AAA,Bob,90,,,\n{line}\n")
    assert good.row == PersonRow(id="005000000000002AAA", rate=Decimal(90))
    assert (bad.line, bad.row) == (3, None)
    assert problem in bad.problem


def test_a_file_without_ids_is_refused() -> None:
    with pytest.raises(ServiceError, match="no column id"):
        people.imported("person,rate\nAda,120\n")


async def test_people_are_named_by_id_or_by_the_name_they_were_seen_under(world: World) -> None:
    person = await logged(world)
    [view] = await people.people(world.ctx)
    assert (await people.row_for(world.ctx, view.name.upper(), {"rate": "1"})).id == person
    with pytest.raises(ServiceError, match="Nobody who logged time"):
        await people.row_for(world.ctx, "Nobody", {"rate": "1"})
    with pytest.raises(ServiceError, match="has no row"):
        await people.rows_of(world.ctx, person)


async def test_users_are_found_by_a_part_of_their_name(world: World) -> None:
    person = await logged(world)
    [view] = await people.people(world.ctx)
    assert person in {user.id for user in await people.found_users(world.ctx, view.name[:3].lower())}
    assert await people.found_users(world.ctx, " % ") == []


async def test_without_a_setup_there_is_nobody(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> None:
    async with deployed(redis, valkey.url, tmp_path, setup="") as world:
        with pytest.raises(ConfigurationError, match="no setup yet"):
            await people.people(world.ctx)
