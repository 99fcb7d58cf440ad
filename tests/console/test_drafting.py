"""The draft of a setup: half done, on disk, and made anew on whatever comes into force meanwhile."""

import asyncio
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis

from console import drafting
from tests.console.web.console_support import SETUP
from worker.errors import ServiceError
from worker.limits import Limits
from worker.store.doorbell import SilentDoorbell
from worker.store.keys import Keys
from worker.store.store import Store

ADA, BEN = "Ada", "Ben"
HOURS, PERIOD = ("source", "fields", "hours"), ("billing", "period")


@pytest.fixture
def store(redis: Redis, keys: Keys, tmp_path: Path) -> Store:
    return Store(redis, keys, tmp_path, MultiFernet([Fernet(Fernet.generate_key())]), Limits(), SilentDoorbell())


async def test_it_begins_as_what_is_in_force_and_says_in_what_it_differs(store: Store) -> None:
    assert (await drafting.draft(store)).text == ""
    await store.setup.save(SETUP, ADA)
    before = await drafting.draft(store)
    assert (before.text, before.version, before.changed) == (SETUP, 1, ())
    after = await drafting.change(store, {PERIOD: "week", ("source", "fields", "person"): None}, BEN)
    assert sorted(after.changed) == ["billing.period", "source.fields.person"]
    assert (after.by, after.value(*PERIOD)) == (BEN, "week")
    assert [problem.key for problem in after.problems("source")] == ["source.fields.person"]
    current = await store.setup.current()
    assert current is not None
    assert current.text == SETUP


async def test_it_survives_a_wiped_redis_and_ends_when_it_is_thrown_away(store: Store, redis: Redis) -> None:
    await drafting.change(store, {HOURS: "Hours__c"}, ADA)
    await redis.flushall()
    assert (await drafting.draft(store)).value(*HOURS) == "Hours__c"
    await drafting.discard(store, ADA)
    assert (await drafting.draft(store)).text == ""


async def test_what_came_into_force_meanwhile_stays_and_the_drafts_own_changes_are_made_on_it(store: Store) -> None:
    await store.setup.save(SETUP, ADA)
    await drafting.change(store, {PERIOD: "week", ("billing", "revenue_account"): None}, BEN)
    theirs = '[[people.person]]\nid = "005000000000001AAA"\nrate = "120.00"\n'
    await store.setup.save(SETUP.replace("Hours__c", "Time__c") + theirs, ADA)
    draft = await drafting.draft(store)
    assert (draft.version, draft.value(*HOURS), draft.value(*PERIOD)) == (2, "Time__c", "week")
    assert theirs in draft.text
    assert sorted(draft.changed) == ["billing.period", "billing.revenue_account"]
    again = await drafting.change(store, {("billing", "reference"): "x"}, BEN)
    assert (again.version, again.value(*PERIOD), again.value("people", "person")[0]["rate"]) == (2, "week", "120.00")


async def test_a_half_done_draft_tells_what_is_wrong_with_what_is_there(store: Store) -> None:
    draft = await drafting.change(store, {HOURS: "Hours__c", ("source", "fields", "minutes"): "Minutes__c"}, ADA)
    assert "source.fields.minutes" in {problem.key for problem in draft.problems("source.fields")}
    assert draft.problems("brake") == []


async def test_a_file_that_cannot_be_read_is_named(store: Store, tmp_path: Path) -> None:
    await drafting.change(store, {HOURS: "Hours__c"}, ADA)
    (tmp_path / "setup" / "draft.json").write_text("{")
    with pytest.raises(ServiceError, match=r"draft\.json cannot be read"):
        await drafting.draft(store)


async def test_two_people_who_save_at_once_both_find_their_changes(store: Store) -> None:
    await store.setup.save(SETUP, ADA)
    names = [f"name_{number}" for number in range(8)]
    await asyncio.gather(*(drafting.change(store, {("source", "fields", name): "Name"}, BEN) for name in names))
    assert set(names) <= set((await drafting.draft(store)).value("source", "fields"))
