"""What becomes of a draft when its entries change."""

from decimal import Decimal

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World, hours


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def test_logged_time_is_on_one_draft_and_the_entry_says_so(world: World) -> None:
    entry = world.log("Harrow", "3.50")
    await billed(world, entry)
    draft = world.draft("Harrow")
    assert (draft["Status"], draft["InvoiceNumber"], hours(draft)) == ("DRAFT", "TT-00001", Decimal("3.5"))
    told = world.record(entry)
    assert (told["Xero_Invoice_Number__c"], told["Xero_Invoice_Status__c"]) == ("TT-00001", "open")
    assert told["Xero_Billed__c"].split()[1:5] == ["12600.0", "100.0000", "350.00", "open"]
    await oracle(world)


async def test_an_edited_entry_moves_its_line(world: World) -> None:
    first, second = world.log("Harrow", "1.00"), world.log("Harrow", "2.00")
    await billed(world, first, second)
    world.edit(second, Hours__c="0.25")
    await billed(world, second)
    assert hours(world.draft("Harrow")) == Decimal("1.25")
    await oracle(world)


@pytest.mark.parametrize("how", ["deleted", "un-approved", "not billable", "zero hours", "before the start"])
async def test_an_entry_that_is_no_longer_billable_leaves_the_draft(world: World, how: str) -> None:
    stays, goes = world.log("Harrow", "1.00"), world.log("Harrow", "2.00")
    await billed(world, stays, goes)
    changes: dict[str, dict[str, object]] = {
        "un-approved": {"Status__c": "Draft"},
        "not billable": {"Billable__c": False},
        "zero hours": {"Hours__c": 0},
        "before the start": {"Work_Date__c": "2026-10-30"},
    }
    if how == "deleted":
        world.delete(goes)
    else:
        world.edit(goes, **changes[how])
    await billed(world, goes)
    assert hours(world.draft("Harrow")) == 1
    await oracle(world)


async def test_a_draft_that_loses_its_last_entry_keeps_one_line_of_text_and_takes_new_time(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    world.delete(entry)
    await billed(world, entry)
    [line] = world.draft("Harrow")["LineItems"]
    assert (line["Description"], line.get("LineAmount", "0.00")) == ("No time on this invoice at present.", "0.00")
    await oracle(world)
    again = world.log("Harrow", "4.00")
    await billed(world, again)
    assert (len(world.documents("Harrow", every=True)), hours(world.draft("Harrow"))) == (1, 4)
    await oracle(world)


async def test_an_undeleted_entry_is_on_the_draft_again(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    world.delete(entry)
    await billed(world, entry)
    world.org("undelete", ids=[entry])
    await billed(world, entry)
    assert hours(world.draft("Harrow")) == 1
    await oracle(world)


async def test_an_entry_moved_to_another_client_leaves_one_draft_before_it_is_on_the_other(world: World) -> None:
    moves, stays = world.log("Harrow", "1.00"), world.log("Harrow", "2.00")
    await billed(world, moves, stays, world.log("Northgate", "5.00"))
    world.edit(moves, Project__c=world.projects["Northgate"])
    world.forget_calls()
    await billed(world, moves)
    assert [call.elements for call in world.stand.xero.requests.entries if call.method == "POST"] == [1, 1]
    assert (hours(world.draft("Harrow")), hours(world.draft("Northgate"))) == (2, 6)
    await oracle(world)


async def test_a_project_that_gets_another_contact_takes_its_open_time_along(world: World) -> None:
    entries = [world.log("Harrow", "1.00"), world.log("Harrow", "2.00")]
    await billed(world, *entries)
    contact = world.record(world.projects["Northgate"], "Project__c")["Xero_Contact__c"]
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Xero_Contact__c": contact}])
    await world.run("reconcile")
    await world.work()
    assert (hours(world.draft("Harrow")), hours(world.draft("Northgate"))) == (0, 3)
    await oracle(world)


async def test_an_older_read_never_overwrites_a_newer_one(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    other = await world.worker()
    await world.tell(entry)
    epoch = await world.ctx.store.epoch.current()
    [slow] = await other.store.collect.claim(epoch, 10, 0.001)  # its lease lapses before it has stored anything
    old = await other.store.ledger.ticket()
    world.edit(entry, Hours__c="2.00")
    await billed(world, entry)
    unit = await world.ctx.store.ledger.unit(slow.id)
    assert unit is not None
    assert unit.ticket > old
    await world.work(other)
    assert hours(world.draft("Harrow")) == 2
    await oracle(world)


async def test_purged_without_a_delete_record_what_is_billed_stays_and_waits(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    world.org("purge", ids=[entry])
    await billed(world, entry)
    assert hours(world.draft("Harrow")) == 1
    unit = await world.ctx.store.ledger.unit(f"TimeEntry__c:{entry}#0")
    assert unit is not None
    assert unit.entry is not None
    assert unit.entry.unreadable


async def test_purged_with_a_delete_record_it_is_taken_off(world: World) -> None:
    entry, stays = world.log("Harrow", "1.00"), world.log("Harrow", "2.00")
    await billed(world, entry, stays)
    world.org("purge", ids=[entry], logged=True)
    await billed(world, entry)
    assert hours(world.draft("Harrow")) == 2


async def test_a_lost_permission_stops_the_pass_and_takes_nothing_off(world: World) -> None:
    entries = world.log_many([world.entry("Harrow", "1.00") for _ in range(12)])
    await billed(world, *entries)
    world.stand.salesforce.org.switches["hidden_objects"] = ["Project__c"]
    await world.tell(*entries)
    world.forget_calls()
    await world.run("collect")
    assert (await world.problems(), world.writes()) == (["collect"], 0)
    world.stand.salesforce.org.switches["hidden_objects"] = []
    await world.work()
    assert (await world.problems(), hours(world.draft("Harrow"))) == ([], 12)
    await oracle(world)


async def test_an_entry_that_waits_says_why_and_goes_when_the_reason_is_gone(world: World) -> None:
    world.client("Castle", rate=None)
    await world.run("contacts")
    entry = world.log("Castle", "1.00")
    await billed(world, entry)
    assert (await world.waiting())[f"TimeEntry__c:{entry}#0"] == "no-rate"
    assert "rate" in world.record(entry)["Xero_Problem__c"]
    world.org("update", "Project__c", records=[{"Id": world.projects["Castle"], "Hourly_Rate__c": "50.00"}])
    await world.run("reconcile")
    await world.work()
    assert (hours(world.draft("Castle")), world.record(entry)["Xero_Problem__c"]) == (1, None)
    await oracle(world)


async def test_a_thousand_entries_of_forty_clients_need_few_calls(world: World) -> None:
    clients = [f"Client {number:02}" for number in range(40)]
    for name in clients:
        world.client(name)
    await world.run("contacts")
    world.forget_calls()
    records = world.log_many([world.entry(clients[number % 40], "0.25") for number in range(1000)])
    await billed(world, *records)
    stats = world.stand.xero.requests.stats()
    assert stats["writes"] <= 2 * 1 + 2
    assert stats["refused"] == {}
    assert [hours(world.draft(name)) for name in clients] == [Decimal("6.25")] * 40
    await oracle(world)
