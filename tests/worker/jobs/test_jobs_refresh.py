"""`refresh`: the least time between two updates of one draft, and what never waits for it."""

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from console import deciding
from console.syncing import sync
from tests.worker.jobs.jobs_histories import History
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SCALE, SETUP, World, deployed, hours
from worker.applying import apply_setup
from worker.jobs.drafts import rerate, withdraw
from worker.store.embedded import EmbeddedServer

NEVER = "1d"  # longer than any test


async def refreshing(world: World, refresh: str, *more: str) -> None:
    """A setup that updates a draft no more often than this."""
    text = SETUP.replace('settle = "0s"', f'settle = "0s"\nrefresh = "{refresh}"')
    await apply_setup(
        world.ctx.store, text.replace("start = 2026-11-01", "\n".join(["start = 2026-10-01", *more])), by="test"
    )
    await world.work()


async def once(world: World, *records: str) -> None:
    """These were heard of, and each job looked once."""
    await world.tell(*records)
    for name in ("collect", "invoice", "write_back"):
        await world.run(name)


async def written(world: World, refresh: str, *more: str) -> str:
    """An entry on Harrow's draft, which was written just now."""
    await refreshing(world, refresh, *more)
    entry = world.log("Harrow", "1.00")
    await once(world, entry)
    assert hours(world.draft("Harrow")) == 1
    return entry


async def test_a_draft_is_not_updated_again_before_refresh_has_passed_and_says_until_when(world: World) -> None:
    began = time.monotonic()
    await written(world, "15s")
    await once(world, world.log("Harrow", "2.00"))
    assert hours(world.draft("Harrow")) == 1
    counts = await world.ctx.store.invoices.counts()
    assert (counts.due, counts.leased, counts.retrying, counts.scheduled) == (0, 0, 0, 1)
    [note] = (await world.ctx.store.ledger.notes()).values()
    assert "it is brought up to date at 20" in " ".join(note.texts)
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    assert time.monotonic() - began > 15 / SCALE
    await oracle(world)
    assert [note.texts for note in (await world.ctx.store.ledger.notes()).values()] == []


async def test_however_often_it_changes_meanwhile_it_is_one_update(world: World) -> None:
    await written(world, "15s")
    world.forget_calls()
    for _ in range(3):
        await once(world, world.log("Harrow", "1.00"))
    assert world.writes() == 0
    await world.work()
    assert (world.writes(), hours(world.draft("Harrow"))) == (1, 4)
    await oracle(world)


async def test_a_first_draft_never_waits(world: World) -> None:
    await written(world, NEVER)
    await once(world, world.log("Northgate", "2.00"))
    assert hours(world.draft("Northgate")) == 2


async def test_who_syncs_has_everything_at_once(world: World) -> None:
    await written(world, NEVER)
    await once(world, world.log("Harrow", "2.00"))
    assert hours(world.draft("Harrow")) == 1
    await sync(world.ctx)
    assert hours(world.draft("Harrow")) == 3


async def test_new_rates_that_a_person_applies_do_not_wait(world: World) -> None:
    entry = await written(world, NEVER)
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Hourly_Rate__c": "150.00"}])
    await once(world, entry)
    [key] = await world.ctx.store.ledger.all_keys()
    assert [each.after for each in await rerate(world.ctx, key)] == [150]
    await world.run("invoice")
    assert world.draft("Harrow")["LineItems"][0]["UnitAmount"] == "150.0"


async def test_what_a_person_decides_about_time_is_done_at_once(world: World) -> None:
    await refreshing(world, NEVER)
    gone, stays = world.log("Harrow", "1.00", Rate__c="90"), world.log("Harrow", "2.00", Rate__c="110")
    await once(world, gone, stays)
    draft = world.draft("Harrow")
    kept = [line for line in draft["LineItems"] if Decimal(line["UnitAmount"]) == 110]
    world.act("write", id=draft["InvoiceID"], body={"LineItems": kept})
    await world.run("statuses")
    await world.work()
    assert hours(world.draft("Harrow")) == 2
    await deciding.decide_waiting(world.ctx, [gone], "bill", reason="so")
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_a_draft_is_withdrawn_however_lately_it_was_written(world: World) -> None:
    await written(world, NEVER)
    [key] = await world.ctx.store.ledger.all_keys()
    [gone] = await withdraw(world.ctx, [key])
    assert (gone.why, world.documents("Harrow")) == ("", [])


async def test_what_waits_for_refresh_is_written_when_its_period_closes(world: World) -> None:
    await refreshing(world, NEVER, 'close_after = "60d"')
    first, second = (world.log("Harrow", each, Work_Date__c="2026-10-20") for each in ("1.00", "2.00"))
    await once(world, first)
    await once(world, second)
    assert hours(world.draft("Harrow")) == 1
    await refreshing(world, NEVER, 'close_after = "5d"')
    assert hours(world.draft("Harrow")) == 3
    await world.run("reconcile")
    await world.work()
    await world.run("upkeep")
    await world.work()
    assert await world.ctx.store.ledger.closed() == {"2026-10"}
    await oracle(world)


@pytest.fixture
async def patient(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """A deployment whose other waits are short, and whose drafts rest a moment after each write."""
    quick = {"minute": 0.05, "call_lease": 0.05, "flip_window": 0.001, "credit_wait": 0.3, "repeat_window": 0.2}
    text = SETUP.replace('settle = "0s"', 'settle = "0s"\nrefresh = "2s"')
    async with deployed(redis, valkey.url, tmp_path, setup=text, **quick) as made:
        made.act("limits", minute=100_000, day=1_000_000, concurrent=100)
        await made.work()
        yield made


@pytest.mark.parametrize("seed", range(2))
async def test_any_history_ends_even_though_drafts_rest(patient: World, seed: int) -> None:
    await History(patient, seed, edits=True, wipes=False).run(20)
    await oracle(patient)
