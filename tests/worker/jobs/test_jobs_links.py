"""`xero_contact = "link(Project__c)"`: people say to whom a project's time is billed."""

import shutil
from decimal import Decimal

import pytest

from console import linking
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours, unit
from worker.applying import apply_setup
from worker.errors import ServiceError

LINKED = SETUP.replace('"Project__r.Xero_Contact__r.Contact_ID__c"', '"link(Project__c)"')


async def told(world: World, *records: str) -> None:
    await world.tell(*records)
    await world.work()


@pytest.fixture
async def linking_world(world: World) -> World:
    """A deployment whose projects are linked here; one contact was pulled for each client."""
    assert LINKED != SETUP
    await apply_setup(world.ctx.store, LINKED, by="test")
    await world.work()
    await world.run("contacts")
    return world


async def test_unlinked_time_waits_and_is_billed_once_its_project_is_linked(linking_world: World) -> None:
    world = linking_world
    entry = world.log("Harrow", "2.50")
    await told(world, entry)
    assert (await world.waiting())[unit(entry)] == "no-contact"
    [view] = await linking.to_link(world.ctx)
    assert (view.id, view.name, view.hours, view.entries) == (world.projects["Harrow"], "Harrow", "2.5", 1)
    assert (view.suggestion, view.reason) == (world.clients["Harrow"], "the same name")
    [done] = await linking.link(world.ctx, {view.id: view.suggestion})
    assert (done.contact, done.entries) == ("Harrow", 1)
    await world.work()
    assert hours(world.draft("Harrow")) == Decimal("2.5")
    assert await linking.to_link(world.ctx) == []
    assert [each.contact for each in await linking.linked(world.ctx)] == ["Harrow"]


async def test_another_link_moves_what_is_open_and_leaves_what_is_locked(linking_world: World) -> None:
    world = linking_world
    project = world.projects["Harrow"]
    await linking.link(world.ctx, {project: "harrow"})
    approved = world.log("Harrow", "1.00")
    await told(world, approved)
    first = world.draft("Harrow")
    world.act("approve", id=first["InvoiceID"])
    await world.run("statuses")
    await world.work()
    later = world.log("Harrow", "2.00")
    await told(world, later)
    await linking.link(world.ctx, {project: world.clients["Northgate"]})
    await world.work()
    assert next((each["Status"], hours(each)) for each in world.documents("Harrow")) == ("AUTHORISED", Decimal(1))
    assert hours(world.draft("Northgate")) == 2
    assert [each.contact for each in await linking.linked(world.ctx)] == ["Northgate"]


async def test_an_unlinked_projects_time_leaves_its_draft_and_waits(linking_world: World) -> None:
    world = linking_world
    await linking.link(world.ctx, {world.projects["Harrow"]: "Harrow"})
    entry = world.log("Harrow", "1.00")
    await told(world, entry)
    await linking.unlink(world.ctx, [world.projects["Harrow"]])
    await world.work()
    assert (await world.waiting())[unit(entry)] == "no-contact"
    assert sum(hours(each) for each in world.documents("Harrow")) == 0
    with pytest.raises(ServiceError, match="is not linked"):
        await linking.unlink(world.ctx, [world.projects["Harrow"]])


@pytest.mark.parametrize(
    ("record", "contact", "says"),
    [
        ("Tower", "Harrow", "is no Salesforce record id"),
        ("a00000000000001AAA", "Harrow", "has no record a00000000000001AAA"),
        ("project", "Nobody", "has no contact Nobody"),
    ],
)
async def test_what_cannot_be_linked_is_refused_whole(
    linking_world: World, record: str, contact: str, says: str
) -> None:
    world = linking_world
    name = world.projects["Harrow"] if record == "project" else record
    with pytest.raises(ServiceError, match=says):
        await linking.link(world.ctx, {world.projects["Northgate"]: "Northgate", name: contact})
    assert await linking.linked(world.ctx) == []


async def test_links_outlast_a_wiped_store(linking_world: World) -> None:
    world = linking_world
    await linking.link(world.ctx, {world.projects["Harrow"]: "Harrow", world.projects["Northgate"]: "Northgate"})
    await linking.unlink(world.ctx, [world.projects["Northgate"]])
    await told(world, world.log("Harrow", "1.00"))
    before = world.writes()
    await world.redis.flushall()
    await world.work()
    assert [each.id for each in await linking.linked(world.ctx)] == [world.projects["Harrow"]]
    assert (hours(world.draft("Harrow")), world.writes()) == (1, before)


async def test_a_link_that_cannot_be_kept_on_disk_is_not_made(linking_world: World) -> None:
    world = linking_world
    file = world.ctx.store.contact_links.file
    shutil.rmtree(file, ignore_errors=True)
    file.mkdir(parents=True)
    with pytest.raises(ServiceError, match="cannot be written"):
        await linking.link(world.ctx, {world.projects["Harrow"]: "Harrow"})
    assert await linking.linked(world.ctx) == []


async def test_where_contacts_are_found_by_a_path_there_is_nothing_to_link(world: World) -> None:
    await world.work()
    with pytest.raises(ServiceError, match="by a path, not by links"):
        await linking.link(world.ctx, {world.projects["Harrow"]: "Harrow"})
    assert await linking.linked(world.ctx) == []
    await oracle(world)
