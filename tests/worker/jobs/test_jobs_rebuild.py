"""After a wipe, a rollback or a foreign write: the ledger is complete again, or nothing is billed, which people see."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, deployed, hours
from worker.applying import apply_setup
from worker.store.embedded import EmbeddedServer
from worker.store.epoch import Progress


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def wiped(world: World) -> list[tuple[str, object]]:
    """Redis is lost and rebuilt; gives what the documents held before."""
    before = [(one["InvoiceID"], one["UpdatedDateUTC"]) for one in world.documents(every=True)]
    await world.redis.flushall()
    world.forget_calls()
    await world.work()
    return before


def now(world: World) -> list[tuple[str, object]]:
    """What the documents hold."""
    return [(one["InvoiceID"], one["UpdatedDateUTC"]) for one in world.documents(every=True)]


async def test_a_wipe_changes_no_untouched_invoice(world: World) -> None:
    fixed, gone = world.log("Harrow", "2.00"), world.log("Northgate", "1.00")
    await billed(world, fixed, gone)
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await billed(world, world.log("Harrow", "1.00"), world.log("Northgate", "3.00"))
    assert (await wiped(world), world.writes()) == (now(world), 0)
    await oracle(world)
    await billed(world, world.log("Harrow", "0.50"))
    assert sorted(hours(one) for one in world.documents("Harrow")) == [Decimal("1.5"), 2]
    await oracle(world)


async def test_entries_whose_write_back_is_still_missing_are_recognised_on_an_untouched_draft(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    await world.tell(world.log("Harrow", "1.00"), world.log("Northgate", "4.00"))
    await world.run("collect")
    await world.run("invoice")
    before = await wiped(world)
    assert [(one, when) for one, when in before] == now(world)
    await oracle(world)


async def test_an_entry_that_left_the_draft_before_the_wipe_does_not_come_back_to_it(world: World) -> None:
    leaves, stays = world.log("Harrow", "2.00"), world.log("Harrow", "1.00")
    await billed(world, leaves, stays)
    world.edit(leaves, Project__c=world.projects["Northgate"])
    await world.tell(leaves)
    await world.run("collect")
    await world.run("invoice")
    await wiped(world)
    assert (hours(world.draft("Harrow")), hours(world.draft("Northgate"))) == (1, 2)
    await oracle(world)


@pytest.mark.parametrize("how", ["deleted", "before the start"])
async def test_an_entry_that_goes_while_redis_is_gone_leaves_the_draft(world: World, how: str) -> None:
    goes, stays = world.log("Harrow", "2.00"), world.log("Harrow", "1.00")
    await billed(world, goes, stays)
    await world.redis.flushall()
    if how == "deleted":
        world.delete(goes)
    else:
        world.edit(goes, Work_Date__c="2026-10-01")
    await world.work()
    assert hours(world.draft("Harrow")) == 1
    await oracle(world)


async def test_a_draft_that_a_person_edited_is_kept_and_unproven_time_waits(world: World) -> None:
    proven = world.log("Harrow", "2.00")
    await billed(world, proven)
    await world.tell(world.log("Harrow", "1.00"))
    await world.run("collect")
    await world.run("invoice")  # its entry is not told yet
    draft = world.draft("Harrow")
    line = {name: value for name, value in draft["LineItems"][0].items() if name not in ("LineAmount", "TaxAmount")}
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [line | {"UnitAmount": "90.00"}]})
    await wiped(world)
    assert [hours(one) for one in world.documents("Harrow")] == [3]
    assert "in-doubt" in (await world.waiting()).values()
    await billed(world, world.log("Northgate", "1.00"))
    assert hours(world.draft("Northgate")) == 1


async def test_a_document_that_an_entry_names_and_xero_does_not_know_stops_everything_visibly(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    await world.redis.flushall()
    world.act("reset")
    for _ in range(200):
        await world.run("rebuild")
        if await world.problems():
            break
    assert await world.problems() == ["rebuild"]
    [beat] = await world.ctx.store.heartbeats.alive("problem")
    assert "TT-00001" in beat.detail["text"]
    assert not await world.ctx.store.epoch.current()
    assert world.documents() == []


async def test_a_rebuild_waits_for_what_may_be_on_the_wire_and_another_worker_takes_it_over(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    await world.redis.flushall()
    await world.run("rebuild")
    waiting = await world.ctx.store.epoch.progress()
    assert (waiting.step, bool(waiting.since)) == ("wait", True)
    token = await world.ctx.store.epoch.take(0.1)
    await world.ctx.store.epoch.advance(token, Progress(step="units", since=waiting.since))
    other = await world.worker()
    await world.run("rebuild", other)  # the lease of the one that died is still there
    await world.work(other)
    assert hours(world.draft("Harrow")) == 2
    await oracle(world)


async def test_a_worker_that_looked_before_another_was_through_does_not_rebuild_again(world: World) -> None:
    slow = await world.worker("slow")
    await world.redis.flushall()
    world.fault("hold", service="salesforce", id="slow", path=".*/query.*")
    behind = asyncio.create_task(world.run("rebuild", slow))
    await world.stand.salesforce_faults.held["slow"].reached.wait()
    await world.work()
    epoch = await world.ctx.store.epoch.current()
    world.stand.salesforce_faults.remove("slow")
    await behind
    assert await world.ctx.store.epoch.current() == epoch
    assert await world.problems() == []


async def test_an_unknown_write_is_forgotten_with_the_ledger_and_found_in_xero(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    world.write_fault("drop-after")
    await world.tell(world.log("Harrow", "1.00"))
    await world.run("collect")
    await world.run("invoice")
    assert await world.ctx.store.epoch.discard(await world.ctx.store.epoch.current(), "a test says so")
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_a_document_of_ours_that_the_ledger_lacks_makes_it_incomplete_and_it_is_taken_in(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    line = {"Description": "x", "Quantity": "1", "UnitAmount": "1.00", "AccountCode": "200"}
    body = {"Type": "ACCREC", "Contact": {"ContactID": world.clients["Northgate"]}, "LineItems": [line]}
    await _write_as_app(world, body | {"Url": "http://localhost:8400/i/0123456789AB/1", "InvoiceNumber": "TT-7"})
    before = await world.ctx.store.epoch.current()
    await world.run("statuses")
    assert await world.ctx.store.epoch.current() == ""
    await world.work()
    assert await world.ctx.store.epoch.current() not in ("", before)
    assert [hours(one) for one in world.documents("Harrow")] == [2]


async def _write_as_app(world: World, body: dict[str, object]) -> None:
    from sandbox.xero import documents
    from sandbox.xero.documents import Author, Write
    from sandbox.xero.fields import Fields

    app = next(iter(world.stand.xero.tokens.apps.values()))
    how = Write("invoice", Author(app.name, app.client_id), unit_places=4, create_only=True)
    documents.write(world.stand.xero.books, Fields(body, "document"), how, "")


async def test_a_store_that_was_rolled_back_is_rebuilt_before_anything_is_sent(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    await world.ctx.store.highwater.raise_to(1000)
    await billed(world, world.log("Harrow", "1.00"))
    assert await world.ctx.store.intents.counter() > 1000
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_a_wipe_brings_the_setup_back_from_disk_in_preview_where_it_was(world: World) -> None:
    await apply_setup(world.ctx.store, SETUP.replace('"live"', '"preview"'), by="test")
    await world.work()
    await world.redis.flushall()
    await world.tell(world.log("Harrow", "2.00"))
    while not await world.ctx.store.epoch.current():
        await world.run("rebuild")
    for name in ("collect", "invoice"):
        await world.run(name)
    loaded = await world.ctx.loaded()
    assert (loaded is not None and loaded.live, world.documents()) == (False, [])
    assert await world.redis.hget("hourstream:main:stage:invoices", "preview") == "1"


async def test_without_write_back_fields_an_untouched_draft_is_recognised(world: World) -> None:
    text = SETUP[: SETUP.index("[source.write_back]")] + SETUP[SETUP.index("[schedule]") :]
    await apply_setup(world.ctx.store, text, by="test")
    await billed(world, world.log("Harrow", "2.00"), world.log("Northgate", "1.00"))
    assert (await wiped(world), world.writes()) == (now(world), 0)
    await oracle(world)


async def test_a_step_that_waits_long_for_an_answer_keeps_the_rebuild(
    valkey: EmbeddedServer, redis: Redis, tmp_path: Path
) -> None:
    async with deployed(redis, valkey.url, tmp_path, lease=0.1) as world:
        world.fault("delay", service="salesforce", path=".*/query.*", delay=10.0, times=1)
        await world.run("rebuild")
        assert await world.ctx.store.epoch.current()


async def test_time_in_doubt_stays_on_its_draft_and_is_not_added_to_it(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    store = world.ctx.store
    await store.epoch.discard(await store.epoch.current(), "a test says so")
    token = await store.epoch.take(5)
    await store.epoch.doubt(token, [f"TimeEntry__c:{entry}#0"], "It may already be on TT-00009.")
    await store.epoch.complete(token)
    world.edit(entry, Hours__c="5.00")
    await billed(world, entry, world.log("Harrow", "1.00"))
    assert hours(world.draft("Harrow")) == 3
