"""What always fails waits with the service's own words, delays nobody, and goes by itself once its cause is mended."""

from dataclasses import replace
from typing import Any

import pytest

from console import queueing
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import World, hours, unit
from tests.worker.jobs.test_jobs_faults import Picky
from worker.jobs.answering import GIVE_UP


async def _logged(world: World, client: str, amount: str = "2.00") -> str:
    entry = world.log(client, amount)
    await world.tell(entry)
    return entry


async def _archived(world: World, client: str, status: str) -> None:
    world.act("contact", id=world.clients[client], body={"ContactStatus": status})
    await world.run("contacts")


async def test_time_of_an_archived_contact_waits_and_goes_when_it_is_restored_in_xero(world: World) -> None:
    await _archived(world, "Harrow", "ARCHIVED")
    poisoned = await _logged(world, "Harrow")
    await _logged(world, "Northgate", "3.00")
    await world.work()
    assert (await world.waiting())[unit(poisoned)] == "contact-archived"
    assert hours(world.draft("Northgate")) == 3
    await _archived(world, "Harrow", "ACTIVE")
    await world.work()
    assert (hours(world.draft("Harrow")), await world.waiting()) == (2, {})
    await oracle(world)


async def test_time_on_an_archived_account_waits_and_goes_when_it_is_restored_in_xero(world: World) -> None:
    world.act("account", code="200", status="ARCHIVED")
    await world.run("contacts")
    poisoned = await _logged(world, "Harrow")
    await world.work()
    assert (await world.waiting())[unit(poisoned)] == "account-invalid"
    world.act("account", code="200", status="ACTIVE")
    await world.run("contacts")
    await world.work()
    assert (hours(world.draft("Harrow")), await world.waiting()) == (2, {})
    await oracle(world)


async def test_an_account_archived_since_it_was_read_is_refused_in_xeros_words_and_goes_when_restored(
    world: World,
) -> None:
    world.act("account", code="200", status="ARCHIVED")
    await _logged(world, "Harrow")
    await world.work()
    assert list((await world.waiting()).values()) == ["xero-refused"]
    [key] = await world.waiting()
    [waits] = await queueing.show(world.ctx.store, key)
    assert waits.text.startswith("Xero says: Account code '200'")
    world.act("account", code="200", status="ACTIVE")
    await world.run("contacts")
    await world.work()
    assert (hours(world.draft("Harrow")), await world.waiting()) == (2, {})
    await oracle(world)


@pytest.mark.parametrize("what", ["locked_records", "validation_rules"])
async def test_an_entry_that_salesforce_will_not_have_written_is_told_once_it_will(world: World, what: str) -> None:
    entry = await _logged(world, "Harrow")
    switches = world.stand.salesforce.org.switches
    before, every = switches[what], what == "validation_rules"
    switches[what] = {"TimeEntry__c": "Ask Sam first."} if every else [entry]
    other = await _logged(world, "Northgate", "3.00")
    for job in ("collect", "invoice", "write_back"):
        await world.run(job)
    assert every or world.record(other)["Xero_Invoice_Number__c"], "it delays no other"
    [row] = [each for each in await queueing.show(world.ctx.store, entry) if each.stage == "write_back"]
    assert (row.state, row.attempts > 0) == ("retrying", True)
    assert ("Ask Sam first." if every else "UNABLE_TO_LOCK_ROW") in row.error
    switches[what] = before
    await world.work()
    assert world.record(entry)["Xero_Invoice_Number__c"] == world.draft("Harrow")["InvoiceNumber"]
    await oracle(world)


async def test_an_invoice_that_xero_always_refuses_waits_after_a_few_tries_until_somebody_retries_it(
    world: World,
) -> None:
    await _logged(world, "Harrow")
    await _logged(world, "Northgate", "3.00")
    picky: Any = Picky(world.ctx.xero, world.clients["Harrow"])
    await world.work(replace(world.ctx, xero=picky))
    assert hours(world.draft("Northgate")) == 3
    [waits] = [key for key, reason in (await world.waiting()).items() if reason == "xero-refused"]
    [shown] = await queueing.show(world.ctx.store, waits)
    assert (shown.state, shown.text) == ("waiting", "Xero says: A value is not of its type.")
    assert world.writes() <= 1 + GIVE_UP, "its tries are few"
    assert await queueing.retry(world.ctx.store, waits) == [waits]
    await world.work()
    assert (hours(world.draft("Harrow")), await world.waiting()) == (2, {})
    await oracle(world)
