"""When an invoice locks, its timesheet and one note are added to it in Xero: once, whatever happens."""

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, Json, World, hours
from worker.applying import apply_setup

FILES = ["timesheet-TT-00001.csv", "timesheet-TT-00001.html"]


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


def filed(world: World, document: Json) -> tuple[list[str], list[str]]:
    """The files on a document, and our notes in its history."""
    snapshot = world.stand.xero.snapshot()
    id_ = document["InvoiceID"]
    files = [one["name"] for one in snapshot["attachments"].get(id_, [])]
    notes = [one["details"] for one in snapshot["history"].get(id_, []) if "Hourstream" in str(one["details"])]
    return sorted(files), notes


async def locked(world: World, how: str = "approve") -> Json:
    """A draft that a person approved."""
    await billed(world, world.log("Harrow", "2.00", Description__c="secret"))
    world.act(how, id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    return world.draft("Harrow")


@pytest.mark.parametrize("how", ["approve", "submit"])
async def test_a_locked_invoice_gets_its_timesheet_and_one_note_once(world: World, how: str) -> None:
    document = await locked(world, how)
    files, [note] = filed(world, document)
    assert files == ["timesheet-TT-00001.csv", "timesheet-TT-00001.html"]
    assert "2 h of 1 time entries in Salesforce, 200.00 GBP" in note
    await oracle(world)
    await world.ctx.store.invoices.add(await world.ctx.store.ledger.all_keys())
    await world.work()
    assert filed(world, document) == (files, [note])


async def test_a_draft_gets_nothing(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    assert filed(world, world.draft("Harrow")) == ([], [])


async def test_where_the_setup_wants_no_timesheet_there_is_only_the_note(world: World) -> None:
    setup = SETUP.replace('revenue_account = "200"', 'revenue_account = "200"\nattach_timesheet = false')
    await apply_setup(world.ctx.store, setup, by="test")
    await world.work()
    files, notes = filed(world, await locked(world))
    assert (files, len(notes)) == ([], 1)


@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "error-500-cached-after", "503-html"])
@pytest.mark.parametrize("what", ["Attachments", "History"])
async def test_what_is_added_is_added_once_whatever_happens_to_the_answer(hasty: World, what: str, fault: str) -> None:
    world = hasty
    world.fault(fault, method="PUT", path=f".*/{what}.*")
    files, notes = filed(world, await locked(world))
    assert (len(files), len(notes)) == (2, 1)
    await oracle(world)


async def test_a_file_of_a_kind_that_xero_refuses_holds_nothing_back(world: World) -> None:
    world.stand.xero.switches["attachment_types"] = "listed"
    files, notes = filed(world, await locked(world))
    assert (files, len(notes)) == (["timesheet-TT-00001.csv"], 1)
    await billed(world, world.log("Harrow", "1.00"))
    assert sum(hours(one) for one in world.documents("Harrow")) == 3
    await oracle(world)


async def test_without_the_scope_there_is_no_timesheet_which_is_said_once(world: World) -> None:
    for app in world.stand.xero.tokens.apps.values():
        app.scopes = app.scopes - {"accounting.attachments"}
    world.act("expire-tokens")
    files, notes = filed(world, await locked(world))
    assert (files, len(notes)) == ([], 1)
    await billed(world, world.log("Northgate", "1.00"))
    world.act("approve", id=world.draft("Northgate")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    said = [entry for entry in await world.ctx.store.audit.latest() if entry.what == "filing.no-scope"]
    assert len(said) == 1
    await oracle(world)


async def again(world: World) -> None:
    """What workers do from time to time."""
    await world.run("statuses")
    await world.work()


async def test_after_a_wipe_what_is_on_a_document_is_found_there_and_not_added_again(world: World) -> None:
    before = filed(world, await locked(world))
    await world.redis.flushall()
    world.forget_calls()
    await world.work()
    await again(world)
    assert (filed(world, world.draft("Harrow")), world.writes()) == (before, 0)
    await oracle(world)


async def test_what_was_not_added_before_a_wipe_is_added_after_it_once(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.redis.flushall()
    await world.work()
    await again(world)
    files, notes = filed(world, world.draft("Harrow"))
    assert (files, len(notes)) == (FILES, 1)
    await oracle(world)


async def test_of_a_filing_that_a_wipe_cut_in_two_only_the_rest_is_added(world: World) -> None:
    world.fault("drop-before", method="PUT", path=".*/History", times=100)
    await billed(world, world.log("Harrow", "2.00"))
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.run("invoice")
    assert filed(world, world.draft("Harrow")) == (FILES, [])
    await world.redis.flushall()
    world.stand.xero_faults.remove()
    world.forget_calls()
    await world.work()
    files, notes = filed(world, world.draft("Harrow"))
    assert (files, len(notes), world.writes()) == (FILES, 1, 1)


async def test_a_scope_that_is_granted_later_brings_the_timesheets_of_what_locked_before(world: World) -> None:
    apps = world.stand.xero.tokens.apps.values()
    had = {app.client_id: app.scopes for app in apps}
    for app in apps:
        app.scopes = app.scopes - {"accounting.attachments"}
    world.act("expire-tokens")
    assert filed(world, await locked(world))[0] == []
    for app in apps:
        app.scopes = had[app.client_id]
    world.act("expire-tokens")
    await again(world)
    files, notes = filed(world, world.draft("Harrow"))
    assert (files, len(notes)) == (FILES, 1)


@pytest.mark.parametrize("fault", ["drop-after", "error-500-cached-after", "garbage"])
async def test_time_whose_filing_is_in_doubt_is_not_billed_twice_meanwhile(hasty: World, fault: str) -> None:
    world = hasty
    world.fault(fault, method="PUT", path=".*/History", times=2)
    await billed(world, world.log("Harrow", "2.00"))
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await billed(world, world.log("Harrow", "1.00"))
    files, notes = filed(world, world.documents("Harrow")[0])
    assert (files, len(notes)) == (FILES, 1)
    assert sorted(hours(one) for one in world.documents("Harrow")) == [1, 2]
    await oracle(world)


async def test_a_kind_of_file_that_xero_refuses_is_told_once_and_not_sent_again(world: World) -> None:
    world.stand.xero.switches["attachment_types"] = "listed"
    await locked(world)
    world.forget_calls()
    await again(world)
    assert world.writes() == 0
    told = [entry for entry in await world.ctx.store.audit.latest(100) if entry.what == "xero html"]
    assert [(entry.detail["outcome"], bool(entry.detail["problem"])) for entry in told] == [("refused", True)]
