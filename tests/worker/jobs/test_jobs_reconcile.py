"""Reconciliation: what no event told is found, reported, and read again; in steps that any process goes on with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from console.deciding import decide_waiting
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, Doom, World, deployed, hours, unit
from worker.applying import apply_setup
from worker.context import Context
from worker.jobs.reconcile import ReconcileProgress, progress, reconcile, reconcile_through
from worker.jobs.related import related
from worker.store.embedded import EmbeddedServer
from worker.store.passes import TURN, Pass, TurnLostError


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def age(world: World) -> None:
    """What was done so far is older than an event may be on its way, and than the watermark."""
    for table in world.stand.salesforce.org.tables.values():
        for row in table.values():
            row["SystemModstamp"] -= timedelta(minutes=10)  # type: ignore[operator]


async def found(world: World, what: str = "reconcile.found") -> list[dict[str, Any]]:
    """What the audit trail says that was found."""
    return [each.detail for each in await world.ctx.store.audit.latest(100) if each.what == what]


def hasty(world: World, **limits: float) -> Context:
    """A worker whose steps are over after one page."""
    return replace(world.ctx, limits=replace(world.ctx.limits, step=0.0, **limits))


# ---- what events missed --------------------------------------------------------------------------------------------


async def test_what_no_event_told_is_found_billed_and_reported(world: World) -> None:
    known = world.log("Harrow", "1.00")
    await billed(world, known)
    untold, edited = world.log("Harrow", "2.00"), known
    world.edit(edited, Hours__c="0.50")
    await age(world)
    report = await reconcile(world.ctx, since=datetime.now(UTC) - timedelta(hours=1))
    assert (report.missed, set(report.examples)) == (2, {unit(untold), unit(edited)})
    [said] = await found(world)
    assert (said["count"], set(said["units"])) == (2, {unit(untold), unit(edited)})
    assert (await world.ctx.store.passes.finished("reconcile")).missed_in_all == 2
    await world.work()
    assert hours(world.draft("Harrow")) == 2.5
    await oracle(world)


async def test_what_events_told_and_what_we_wrote_back_ourselves_was_not_missed(world: World) -> None:
    await billed(world, world.log("Harrow", "1.00"))
    told = world.log("Harrow", "2.00")
    await age(world)
    await world.tell(told)  # on the list, not read yet
    world.log("Harrow", "4.00")  # so young that its event may be on its way
    report = await reconcile(world.ctx, since=datetime.now(UTC) - timedelta(hours=1))
    assert (report.changed, report.missed, await found(world)) == (3, 0, [])


async def test_a_deletion_no_event_told_is_found_in_the_recycle_bin_or_the_log(world: World) -> None:
    binned, purged, stays = (world.log("Harrow", text) for text in ("1.00", "2.00", "4.00"))
    await billed(world, binned, purged, stays)
    world.org("delete", ids=[binned], quiet=True)
    world.org("purge", ids=[purged], logged=True)
    await age(world)
    report = await reconcile(world.ctx, since=datetime.now(UTC) - timedelta(hours=1))
    assert (report.missed, report.finished) == (2, True)
    await world.work()
    assert hours(world.draft("Harrow")) == 4
    await oracle(world)


# ---- the walk ------------------------------------------------------------------------------------------------------


async def by_night(world: World) -> None:
    """It is time for a walk."""
    await world.redis.hset("hourstream:main:schedule", "walk", 0)  # type: ignore[misc]


async def test_a_change_that_moves_no_time_of_change_is_found_by_night(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    await age(world)
    world.stand.salesforce.org.tables["TimeEntry__c"][entry]["Hours__c"] = 3  # as a formula's value changes
    assert (await reconcile(world.ctx)).missed == 0
    await by_night(world)
    report = await reconcile(world.ctx)
    assert (report.missed, report.examples) == (1, (unit(entry),))
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)


async def test_what_was_purged_without_a_trace_is_found_and_waits_as_it_is(world: World) -> None:
    gone, stays = world.log("Harrow", "1.00"), world.log("Harrow", "2.00")
    await billed(world, gone, stays)
    world.org("purge", ids=[gone])
    await by_night(world)
    report = await reconcile(world.ctx)
    assert (report.unseen, report.missed) == (1, 1)
    await world.work()
    assert hours(world.draft("Harrow")) == 3
    known = await world.ctx.store.ledger.unit(unit(gone))
    assert known is not None
    assert known.entry is not None
    assert "cannot be seen any more" in known.entry.unreadable
    assert (await world.waiting())[unit(gone)] == "unreadable"  # shown, for a person to confirm
    await by_night(world)
    assert (await reconcile(world.ctx)).missed == 0  # known by now


async def test_a_person_who_confirms_that_an_entry_is_gone_takes_it_off_its_draft(world: World) -> None:
    gone, stays = world.log("Harrow", "1.00"), world.log("Harrow", "2.00")
    await billed(world, gone, stays)
    world.org("purge", ids=[gone])
    await by_night(world)
    await reconcile(world.ctx)
    await world.work()
    await decide_waiting(world.ctx, [unit(gone)], "dont-bill", reason="it is gone")
    await world.work()
    assert hours(world.draft("Harrow")) == 2


async def test_where_much_cannot_be_seen_at_once_nothing_is_believed_until_it_can_be_again(world: World) -> None:
    entries = world.log_many([world.entry("Harrow", "1.00") for _ in range(12)])
    await billed(world, *entries)
    switches = world.stand.salesforce.org.switches
    switches["unreadable_records"] = entries[:11]
    await by_night(world)
    world.forget_calls()
    await world.run("reconcile")
    await world.run("collect")
    assert (await world.problems(), world.writes()) == (["reconcile"], 0)
    [said] = await found(world, "stopped")
    assert (said["unseen"], hours(world.draft("Harrow"))) == (11, 12)
    switches["unreadable_records"] = []
    await world.work()
    assert (await world.problems(), hours(world.draft("Harrow"))) == ([], 12)
    await oracle(world)


async def test_a_mapped_field_that_is_hidden_stops_it_with_the_reason_and_moves_no_watermark(world: World) -> None:
    await billed(world, world.log("Harrow", "1.00"))
    await reconcile(world.ctx)
    before = await world.ctx.store.cursors.get("reconcile")
    world.stand.salesforce.org.switches["hidden_fields"] = ["TimeEntry__c.Rate__c"]
    await world.run("reconcile")
    assert await world.problems() == ["reconcile"]
    assert (await world.ctx.store.cursors.get("reconcile"), hours(world.draft("Harrow"))) == (before, 1)


async def test_a_whole_walk_reads_every_entry_again_and_says_how_it_goes(world: World) -> None:
    await billed(world, *world.log_many([world.entry("Harrow", "1.00") for _ in range(5)]))
    heard: list[ReconcileProgress] = []
    report = await reconcile_through(world.ctx, whole=True, tell=heard.append)
    assert (report.missed, report.finished) == (0, True)
    assert len(await world.ctx.store.collect.page()) == 5
    assert [(each.step, each.steps) for each in heard if each.what == "Every entry, compared"] == [(2, 3)]
    await world.work()
    await oracle(world)


# ---- what entries hang on ------------------------------------------------------------------------------------------


async def test_a_renamed_project_and_a_linked_contact_are_noticed_within_minutes(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    await related(world.ctx)
    await world.work()
    await age(world)
    contact = world.record(world.projects["Northgate"], "Project__c")["Xero_Contact__c"]
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Xero_Contact__c": contact}])
    assert await related(world.ctx) >= 1
    await world.work()
    assert (hours(world.draft("Harrow")), hours(world.draft("Northgate"))) == (0, 1)
    await oracle(world)


# ---- steps ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def patient(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """A deployment that waits for the stand-in's full pages, however busy the machine is."""
    async with deployed(redis, valkey.url, tmp_path, read_request=60.0, lease=60.0) as made:
        await made.work()
        yield made


async def test_more_than_a_page_of_one_moment_is_read_whole_and_goes_in_steps(patient: World) -> None:
    world = patient
    world.log_many([world.entry("Harrow", "0.25") for _ in range(2_100)])
    ctx, steps = hasty(world), 1
    report = await reconcile(ctx, since=datetime.now(UTC) - timedelta(hours=1))
    while not report.finished:
        assert await progress(world.ctx.store)
        steps, report = steps + 1, await reconcile(ctx)
    assert (report.changed, steps > 5) == (2_100, True)
    assert (await world.ctx.store.collect.counts()).due == 2_100
    assert await world.ctx.store.inbox.resyncs() == {}


async def test_another_worker_goes_on_where_one_was_killed(world: World) -> None:
    entry = world.log("Harrow", "1.00")
    for calls in range(3, 40, 4):
        await world.ctx.store.inbox.request_resync(
            f"asked:{calls}", (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        )
        doomed = replace(Doom(calls).on(world.ctx), limits=replace(world.ctx.limits, step=0.0, lease=0.01))
        with suppress(asyncio.CancelledError):
            await reconcile(doomed)
        await world.work()
        assert await world.ctx.store.inbox.resyncs() == {}
    assert hours(world.draft("Harrow")) == 1
    assert world.record(entry)["Xero_Invoice_Number__c"] == "TT-00001"


async def test_who_slept_through_its_turn_stores_nothing_more(world: World) -> None:
    store = world.ctx.store
    slow = await store.locks.acquire(TURN, 0.001)
    assert slow is not None
    while (quick := await store.locks.acquire(TURN, 10.0)) is None:
        continue
    await store.passes.put(quick, 10.0, "reconcile", Pass(version=2, todo=("every",)))
    with pytest.raises(TurnLostError):
        await store.passes.put(slow, 10.0, "reconcile", Pass(version=1))
    with pytest.raises(TurnLostError):
        await store.passes.end(slow, "reconcile", None)
    standing = await store.passes.get("reconcile")
    assert standing is not None
    assert standing.version == 2
    assert (await reconcile(world.ctx)).taken


async def test_a_request_that_comes_meanwhile_is_served_next(world: World) -> None:
    ctx = hasty(world)
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await world.ctx.store.inbox.request_resync("asked:1", since)
    assert not (await reconcile(ctx)).finished
    await world.ctx.store.inbox.request_resync("asked:2", since)
    while "asked:1" in await world.ctx.store.inbox.resyncs():
        await reconcile(ctx)
    assert list(await world.ctx.store.inbox.resyncs()) == ["asked:2"]
    await world.work()


async def test_another_setup_begins_the_pass_anew(world: World) -> None:
    await world.ctx.store.inbox.request_resync("asked:1", (datetime.now(UTC) - timedelta(hours=1)).isoformat())
    await reconcile(hasty(world))
    before = await world.ctx.store.passes.get("reconcile")
    await apply_setup(world.ctx.store, SETUP.replace("[contacts]", "# changed\n[contacts]"), by="test")
    await reconcile(hasty(world))
    after = await world.ctx.store.passes.get("reconcile")
    assert before is not None
    assert after is not None
    assert (after.version - before.version, after.since) == (1, "")  # a new setup has everything read
    await world.work()


async def test_after_a_lost_position_all_that_changed_since_the_last_good_event_is_read_and_the_trail_says_why(
    world: World,
) -> None:
    good = datetime.now(UTC) - timedelta(hours=80)  # the listener was away for longer than Salesforce keeps events
    entry = world.log("Harrow", "2.00")
    await age(world)
    await world.ctx.store.inbox.request_resync("position-lost:7", good.isoformat())
    await world.work()
    assert hours(world.draft("Harrow")) == 2
    [said] = [each for each in await found(world, "reconcile.done") if "position-lost:7" in each["why"]]
    assert abs(datetime.fromisoformat(said["since"]) - good) < timedelta(milliseconds=2)
    assert said["missed"] == 1
    assert (await world.ctx.store.ledger.unit(unit(entry))) is not None


async def test_a_storm_of_gaps_is_served_by_a_pass_now_and_one_a_moment_later(world: World) -> None:
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await world.ctx.store.inbox.request_resync("asked:1", since)
    await reconcile(world.ctx)
    calls = world.stand.salesforce.calls_used()
    for number in range(5):
        await world.ctx.store.inbox.request_resync(f"gap:{number}", since)
        await reconcile(world.ctx)
    assert world.stand.salesforce.calls_used() - calls < 5 * 6  # a pass takes six, and not each had one
    await world.work()
    assert await world.ctx.store.inbox.resyncs() == {}


# ---- watermark, log, allowance -------------------------------------------------------------------------------------


async def test_the_watermark_is_where_salesforce_says_that_all_transactions_are_finished(world: World) -> None:
    world.stand.salesforce.org.switches["replication_lag_seconds"] = 1_800.0
    began = datetime.now(UTC)
    await reconcile(world.ctx)
    cursor = await world.ctx.store.cursors.get("reconcile")
    assert began - timedelta(seconds=1_870) < datetime.fromisoformat(cursor.since) < began - timedelta(seconds=85)
    assert datetime.fromisoformat(cursor.began) >= began - timedelta(seconds=2)


async def test_where_the_org_does_not_say_the_watermark_is_its_clock_less_the_margin(world: World) -> None:
    world.fault("status", status=403, service="salesforce", path=".*/updated/.*", times=20)
    await reconcile(world.ctx)
    cursor = await world.ctx.store.cursors.get("reconcile")
    margin = datetime.fromisoformat(cursor.began) - datetime.fromisoformat(cursor.since)
    assert margin.total_seconds() >= world.ctx.limits.watermark_margin


async def test_where_the_log_of_deletions_does_not_reach_back_a_walk_looks_for_what_is_gone(world: World) -> None:
    gone, stays = world.log("Harrow", "1.00"), world.log("Harrow", "2.00")
    await billed(world, gone, stays)
    world.org("purge", ids=[gone])
    await reconcile(world.ctx, since=datetime.now(UTC) - timedelta(days=20))
    await world.work()
    assert (await world.ctx.store.passes.finished("walk")).missed_in_all == 1


async def test_with_few_calls_left_only_what_was_asked_for_is_read(world: World) -> None:
    await reconcile(world.ctx)
    before = await world.ctx.store.cursors.get("reconcile")
    for _ in range(2_000):
        world.stand.salesforce.count_call()
    world.stand.salesforce.org.switches["daily_api_requests"] = world.stand.salesforce.calls_used() + 50
    await reconcile(world.ctx)
    assert await world.ctx.store.cursors.get("reconcile") == before
    await world.ctx.store.inbox.request_resync("asked:1", before.since)
    await reconcile(world.ctx)
    assert await world.ctx.store.inbox.resyncs() == {}


async def test_no_walk_is_begun_with_less_than_a_fifth_of_the_calls_left(world: World) -> None:
    await by_night(world)
    for _ in range(900):
        world.stand.salesforce.count_call()
    world.stand.salesforce.org.switches["daily_api_requests"] = world.stand.salesforce.calls_used() + 150
    await reconcile(world.ctx)
    assert (await world.ctx.store.passes.finished("walk")).at == ""
    world.stand.salesforce.org.switches["daily_api_requests"] = 100_000
    await reconcile(world.ctx)
    assert (await world.ctx.store.passes.finished("walk")).at
