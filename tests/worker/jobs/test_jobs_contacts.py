"""Xero contacts on their way into Salesforce: everything arrives, once, whatever changes or is refused meanwhile."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from tests.worker.jobs.jobs_world import SETUP, World
from worker.applying import apply_setup
from worker.jobs.contacts import contacts


def in_salesforce(world: World) -> dict[str, Any]:
    """The contacts that Salesforce holds, by name."""
    rows = world.stand.salesforce.snapshot()["records"]["Xero_Contact__c"]
    return {row["Name"]: row for row in rows}  # type: ignore[index]


def changed_quietly(world: World, contact: str, **fields: object) -> None:
    """A contact is other than it was, and Xero's time of its change is not."""
    shelves = world.stand.xero.books.shelves.contacts
    shelves[contact] = dataclasses.replace(shelves[contact], **fields)


async def mapped(world: World, field: str, source: str) -> None:
    """One more field of Xero's in Salesforce."""
    extra = {"sobject": "Xero_Contact__c", "name": field, "type": "string", "length": 80}
    world.stand.salesforce.org.switches["extra_fields"] = [extra]
    await apply_setup(world.ctx.store, f'{SETUP}{field} = "{source}"\n', by="test")


def asked(world: World) -> list[dict[str, list[str]]]:
    """The queries for contacts since the calls were last forgotten."""
    calls = world.stand.xero.requests.entries
    return [parse_qs(call.query) for call in calls if call.path.endswith("/Contacts")]


async def test_archived_merged_and_protected_contacts_are_marked_and_merges_named(world: World) -> None:
    await mapped(world, "Merged_To__c", "MergedToContactID")
    loser, private = (world.act("contact", body={"Name": name})["ContactID"] for name in ("Castle", "Orchard"))
    world.act("merge", loser=loser, winner=world.clients["Harrow"])
    changed_quietly(world, private, status="GDPRREQUEST")
    world.forget_calls()
    await contacts(world.ctx)
    found = in_salesforce(world)
    assert (found["Castle"]["Status__c"], found["Castle"]["Merged_To__c"]) == ("ARCHIVED", world.clients["Harrow"])
    assert found["Orchard"]["Status__c"] == "GDPRREQUEST"
    assert all(query["includeArchived"] == ["true"] and "summaryOnly" not in query for query in asked(world))


async def test_only_rows_that_changed_are_written(world: World) -> None:
    assert (await contacts(world.ctx)).written == 0
    world.act("contact", id=world.clients["Harrow"], body={"EmailAddress": "new@x.example"})
    report = await contacts(world.ctx)
    assert (report.written, report.read >= 1) == (1, True)


async def test_what_moves_no_time_of_change_arrives_with_the_weekly_walk(world: World) -> None:
    changed_quietly(world, world.clients["Harrow"], email="quiet@x.example", updated=datetime(2026, 1, 1, tzinfo=UTC))
    await contacts(world.ctx)
    assert in_salesforce(world)["Harrow"]["Email__c"] == "harrow@x.example"
    await world.redis.hset("hourstream:main:schedule", "contacts-all", "0")  # type: ignore[misc]
    assert (await contacts(world.ctx)).written == 1
    assert in_salesforce(world)["Harrow"]["Email__c"] == "quiet@x.example"


async def test_another_mapping_writes_every_row_by_it(world: World) -> None:
    aged(world)
    await mapped(world, "Client__c", "Name")
    assert (await contacts(world.ctx)).written == 2
    assert in_salesforce(world)["Harrow"]["Client__c"] == "Harrow"


async def test_a_refused_contact_holds_up_nobody_and_is_tried_again_until_it_is_taken(world: World) -> None:
    before = await world.ctx.store.cursors.get("contacts")
    world.stand.salesforce.org.switches["validation_rules"] = {"Xero_Contact__c": "No contacts today."}
    castle = world.act("contact", body={"Name": "Castle"})["ContactID"]
    assert (await contacts(world.ctx)).failed == 1
    [why] = (await world.ctx.store.contacts.outcomes([castle])).values()
    assert "No contacts today" in why
    assert "exempt the integration user" in why
    after = await world.ctx.store.cursors.get("contacts")
    assert datetime.fromisoformat(after.since) >= datetime.fromisoformat(before.since)
    aged(world)
    world.stand.salesforce.org.switches["validation_rules"] = {}
    await contacts(world.ctx)
    assert "Castle" in in_salesforce(world)
    assert await world.ctx.store.contacts.outcomes([castle]) == {castle: ""}
    assert (await contacts(world.ctx)).written == 0


async def test_a_locked_row_is_tried_again_within_minutes_and_an_invalid_one_at_the_next_walk(world: World) -> None:
    rung: list[tuple[str, float]] = []

    class Bell:
        async def ring(self, stage: str, delay: float = 0.0) -> None:
            rung.append((stage, delay))

    world.ctx.store.bell = Bell()
    switches = world.stand.salesforce.org.switches
    switches["validation_rules"] = {"Xero_Contact__c": "No contacts today."}
    world.act("contact", body={"Name": "Castle"})
    await contacts(world.ctx)
    assert [stage for stage, delay in rung if delay and stage == "contacts"] == []
    switches["validation_rules"] = {}
    switches["locked_records"] = [in_salesforce(world)["Harrow"]["Id"]]
    world.act("contact", id=world.clients["Harrow"], body={"EmailAddress": "new@x.example"})
    await contacts(world.ctx)
    assert ("contacts", world.ctx.limits.backoff_cap) in rung


async def test_the_walk_asks_for_what_changed_since_the_last_one_began_and_a_little_more(world: World) -> None:
    await contacts(world.ctx)
    cursor = await world.ctx.store.cursors.get("contacts")
    since = datetime.fromisoformat(cursor.since)
    assert since.microsecond == 0  # Xero's own clock, which knows whole seconds
    edge = since - timedelta(seconds=world.ctx.limits.overlap)
    changed_quietly(world, world.clients["Harrow"], email="in@x.example", updated=edge + timedelta(seconds=1))
    changed_quietly(world, world.clients["Northgate"], email="out@x.example", updated=edge - timedelta(seconds=2))
    assert (await contacts(world.ctx)).written == 1
    assert in_salesforce(world)["Harrow"]["Email__c"] == "in@x.example"


async def test_a_contact_that_another_pushed_off_its_page_is_read_by_the_next_walk(world: World) -> None:
    for number in range(520):
        world.act("contact", body={"Name": f"Client {number:03}"})
    step_by_step = dataclasses.replace(world.ctx, limits=dataclasses.replace(world.ctx.limits, step=0.0))
    assert not (await contacts(step_by_step, full=True)).finished
    world.act("contact", id=world.clients["Harrow"], body={"EmailAddress": "new@x.example"})  # moves to the end
    report = await contacts(step_by_step)
    while not report.finished:
        report = await contacts(step_by_step)
    assert len(in_salesforce(world)) == 521  # one is missing
    while not (await contacts(step_by_step)).finished:
        continue
    assert len(in_salesforce(world)) == 522


def aged(world: World) -> None:
    """Every contact was changed long ago."""
    for contact in list(world.stand.xero.books.shelves.contacts):
        changed_quietly(world, contact, updated=datetime(2026, 1, 1, tzinfo=UTC))
