"""A contact that somebody merges into another in Xero, before we have heard of it: nothing is locked, nothing stays."""

import asyncio

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import Doom, World, hours
from worker.jobs.contacts import contacts


async def _billed(world: World, *entries: str) -> None:
    await world.tell(*entries)
    await world.work()


async def test_a_merge_not_heard_of_yet_does_not_lock_the_draft(world: World) -> None:
    await _billed(world, world.log("Harrow", "2.00"))
    world.act("merge", loser=world.clients["Harrow"], winner=world.clients["Northgate"])
    entry = world.log("Harrow", "2.00")
    await _billed(world, entry)
    world.edit(entry, Hours__c="3.00")
    await _billed(world, entry)
    assert sorted(hours(one) for one in world.documents("Northgate")) in ([2, 3], [5])
    keys = await world.ctx.store.ledger.all_keys()
    held = (await world.ctx.store.ledger.invoices(keys)).values()
    assert not [d.number for one in held if one.invoice for d in one.invoice.documents if d.fixed]
    await oracle(world)


async def test_time_for_a_contact_that_was_merged_away_is_billed_to_the_other_once_that_is_heard_of(
    world: World,
) -> None:
    world.act("merge", loser=world.clients["Harrow"], winner=world.clients["Northgate"])
    await _billed(world, world.log("Harrow", "2.00"))
    assert "xero-refused" in (await world.waiting()).values()
    await world.run("contacts")
    await world.work()
    assert (hours(world.draft("Northgate")), await world.waiting()) == (2, {})
    await oracle(world)


async def test_a_worker_that_dies_while_it_hears_of_a_merge_does_not_make_it_unheard(unlimited: World) -> None:
    world = unlimited
    world.act("merge", loser=world.clients["Harrow"], winner=world.clients["Northgate"])
    await _billed(world, world.log("Harrow", "2.00"))
    at, dying = 0, True
    while dying:
        at += 1
        try:
            await contacts(Doom(at).on(world.ctx))
            dying = False
        except asyncio.CancelledError:
            dying = True
    assert at > 3
    await world.work()
    assert (hours(world.draft("Northgate")), await world.waiting()) == (2, {})
    await oracle(world)


async def test_a_merge_while_a_write_is_unknown_does_not_lock_the_draft(world: World) -> None:
    world.write_fault("drop-after", times=3)
    await world.tell(world.log("Harrow", "2.00"))
    await world.run("collect")
    await world.run("invoice")
    world.act("merge", loser=world.clients["Harrow"], winner=world.clients["Northgate"])
    [unknown] = await world.ctx.store.intents.unresolved()
    await world.ctx.store.intents.exhaust(unknown)
    await world.ctx.store.invoices.hasten()
    await world.work()
    held = (await world.ctx.store.ledger.invoices(await world.ctx.store.ledger.all_keys())).values()
    assert [d.fixed for one in held if one.invoice for d in one.invoice.documents] == [False]
    await oracle(world)


async def test_beside_a_draft_whose_client_a_person_changed_a_refused_one_waits_and_is_not_tried_for_ever(
    world: World,
) -> None:
    await _billed(world, world.log("Harrow", "2.00"))
    body = {"Contact": {"ContactID": world.clients["Northgate"]}}
    world.act("write", id=world.draft("Harrow")["InvoiceID"], body=body)
    await _billed(world, world.log("Harrow", "1.00", Rate__c="12345678901234.5678"))
    assert "cannot-be-written" in (await world.waiting()).values()
