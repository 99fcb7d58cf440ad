"""What the setup says when: a new version, preview and live, schedules, the pinned pair, contacts."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours
from worker.applying import apply_setup
from worker.jobs.contacts import contacts
from worker.jobs.invoice import invoice
from worker.jobs.preview import preview
from worker.jobs.related import related
from worker.store.doorbell import JOBS
from worker.store.passes import TURN, Pass
from worker.ticking import scheduled_invoice, tick
from worker.xero.client import XeroClient


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def applied(world: World, old: str, new: str) -> None:
    """The setup with one thing changed."""
    assert old in SETUP
    await apply_setup(world.ctx.store, SETUP.replace(old, new), by="test")


async def test_a_new_setup_judges_everything_again(world: World) -> None:
    entry = world.log("Harrow", "2.00", Status__c="Submitted")
    await billed(world, entry)
    assert world.documents() == []
    await applied(world, 'values = ["Approved"]', 'values = ["Approved", "Submitted"]')
    await world.work()
    assert hours(world.draft("Harrow")) == 2


async def test_preview_writes_nothing_and_switching_to_live_sends_what_is_due(world: World) -> None:
    await applied(world, 'invoices = "live"', 'invoices = "preview"')
    await world.work()
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    for name in ("collect", "invoice", "write_back"):
        await world.run(name)
    [shown] = await preview(world.ctx)
    assert (shown.contact_name, sum(line.amount for line in shown.document.lines)) == ("Harrow", Decimal(200))
    assert (world.writes(), world.record(entry)["Xero_Billed__c"]) == (0, None)
    await apply_setup(world.ctx.store, SETUP, by="test")
    await world.work()
    assert hours(world.draft("Harrow")) == 2
    await oracle(world)


class Meanwhile:
    """Xero, with something that happens once, just before a write is admitted."""

    def __init__(self, xero: XeroClient, happens: Callable[[], Awaitable[object]]) -> None:
        self._xero, self._happens = xero, [happens]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xero, name)

    async def admit(self, *args: Any) -> Any:
        while self._happens:
            await self._happens.pop()()
        return await self._xero.admit(*args)


async def test_a_setup_that_changes_during_a_pass_is_taken_up_by_the_same_job(world: World) -> None:
    await world.tell(world.log("Harrow", "2.00"))
    await world.run("collect")

    async def change() -> None:
        await apply_setup(world.ctx.store, SETUP.replace("[contacts]", "# changed\n[contacts]"), by="test")

    xero: Any = Meanwhile(world.ctx.xero, change)
    report = await invoice(replace(world.ctx, xero=xero))
    assert (report.looked_at, report.written, hours(world.draft("Harrow"))) == (2, 1, 2)
    await world.work()
    await oracle(world)


@pytest.mark.parametrize("what", ["paused", "preview", "facts"])
async def test_what_begins_too_late_is_not_sent(world: World, what: str) -> None:
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    await world.run("collect")

    async def change() -> None:
        if what == "paused":
            await world.ctx.store.invoices.pause("Pat", "month end")
        elif what == "preview":
            await world.ctx.store.set_preview(True)
        else:
            world.edit(entry, Hours__c="3.00")
            await world.tell(entry)
            await world.run("collect")

    xero: Any = Meanwhile(world.ctx.xero, change)
    await invoice(replace(world.ctx, xero=xero))
    assert [hours(one) for one in world.documents()] == ([3] if what == "facts" else [])
    await world.ctx.store.invoices.resume()
    await world.ctx.store.set_preview(False)
    await world.work()
    assert hours(world.draft("Harrow")) == (3 if what == "facts" else 2)
    await oracle(world)


@pytest.mark.parametrize(("every", "name"), [("1h", "every"), ("0 0 1 1 *", "cron")])
async def test_by_a_schedule_time_is_gathered_and_sent_at_its_moments_only(world: World, every: str, name: str) -> None:
    await world.ctx.store.schedule.mark("invoices")
    await applied(world, 'invoices = "live"', f'invoices = "{every}"')
    await world.run("reconcile")
    await world.run("collect")
    await world.tell(world.log("Harrow", "2.00"))
    await world.run("collect")
    bell = await rung(world)
    await scheduled_invoice(world.ctx)
    assert (world.documents(), "invoice" in bell) == ([], False)
    await world.redis.hset("hourstream:main:schedule", "invoices", 0)  # the moment has come
    assert "invoice" in await rung(world)
    await world.tell(world.log("Harrow", "1.00"))  # too late for this run
    await scheduled_invoice(world.ctx)
    assert hours(world.draft("Harrow")) == 2
    await world.run("collect")
    await scheduled_invoice(world.ctx)
    assert hours(world.draft("Harrow")) == 2
    assert name in ("every", "cron")


async def rung(world: World) -> set[str]:
    """The jobs that a tick rings for."""
    heard: set[str] = set()

    class Bell:
        async def ring(self, stage: str, delay: float = 0.0) -> None:
            heard.add(JOBS[stage])

    world.ctx.store.bell = Bell()
    await tick(world.ctx)
    return heard


async def test_a_tick_rings_for_what_is_due_and_once_for_what_recurs(world: World) -> None:
    assert await rung(world) >= {"contacts", "statuses", "reconcile"}
    assert await rung(world) == set()
    await world.tell(world.log("Harrow", "2.00"))
    assert await rung(world) == {"collect"}
    await world.redis.delete("hourstream:main:epoch")
    assert await rung(world) == {"rebuild"}


async def test_a_tick_rings_for_a_pass_whose_worker_was_killed(world: World) -> None:
    await rung(world)
    store, loaded = world.ctx.store, await world.ctx.loaded()
    assert loaded is not None
    token = await store.locks.acquire(TURN, 60.0)
    assert token is not None
    now = await store.clock()
    left = Pass(version=loaded.version, since=now, began=now, watermark=now, started_at=now, phases=1)
    await store.passes.put(token, 60.0, "related", msgspec.structs.replace(left, todo=("related Project__c",)))
    await store.passes.put(token, 60.0, "reconcile", msgspec.structs.replace(left, todo=("deleted",)))
    assert await rung(world) == set()  # it is at work
    await store.locks.release(TURN, token)  # as when the lease of a dead worker's turn lapses
    assert await rung(world) == {"reconcile", "related"}
    await world.run("reconcile")
    await related(world.ctx)
    assert await rung(world) - {"collect"} == set()


async def test_a_recurring_job_that_fails_is_due_again_at_once(world: World) -> None:
    await rung(world)
    world.fault("status", service="salesforce", status=503, times=-1, path="/services/data/.*", id="down")
    await world.run("reconcile")
    assert (await world.problems(), await rung(world)) == (["reconcile"], {"reconcile"})
    await world.failures.show(world.ctx)
    world.stand.salesforce_faults.remove("down")
    while await world.problems():
        await world.run("reconcile")


@pytest.mark.parametrize(("what", "job"), [("org", "collect"), ("company", "invoice")])
async def test_another_org_or_company_than_the_pinned_one_stops_every_stage(world: World, what: str, job: str) -> None:
    pinned = await world.ctx.store.pair.get()
    assert (pinned["org:kind"], pinned["company:kind"]) == ("sandbox", "demo")
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    if job == "invoice":
        await world.run("collect")
    await world.redis.hset("hourstream:main:pair", what, "00D000000000999AAA")
    await world.run(job)
    assert await world.problems() == [job]
    assert ["00D000000000999AAA" in await work.paused() for work in world.ctx.store.lists()] == [True] * 3
    assert world.documents() == []
    await world.redis.hset("hourstream:main:pair", what, pinned[what])  # the right one answers again
    await world.work()
    assert [await work.paused() for work in world.ctx.store.lists()] == [""] * 3
    assert hours(world.draft("Harrow")) == 2


# ---- contacts ------------------------------------------------------------------------------------------------------


def in_salesforce(world: World) -> dict[str, Any]:
    """The contacts that Salesforce holds, by name."""
    rows = world.stand.salesforce.snapshot()["records"]["Xero_Contact__c"]
    return {row["Name"]: row for row in rows}  # type: ignore[index]


async def test_contacts_arrive_in_salesforce_and_changes_follow(world: World) -> None:
    made = world.act("contact", body={"Name": "Castle", "EmailAddress": "a@x.example"})
    await world.run("contacts")
    assert in_salesforce(world)["Castle"]["Email__c"] == "a@x.example"
    world.act("contact", id=made["ContactID"], body={"EmailAddress": "b@x.example"})
    await world.run("contacts")
    assert in_salesforce(world)["Castle"]["Email__c"] == "b@x.example"


async def test_a_contact_that_salesforce_refuses_is_tried_again_on_the_next_walk(world: World) -> None:
    world.stand.salesforce.org.switches["validation_rules"] = {"Xero_Contact__c": "No contacts today."}
    world.act("contact", body={"Name": "Castle"})
    report = await contacts(world.ctx)
    assert (report.failed, report.finished) == (1, True)
    assert "No contacts today" in " ".join((await world.ctx.store.contacts.outcomes(_castle(world))).values())
    world.stand.salesforce.org.switches["validation_rules"] = {}
    await world.run("contacts")
    assert "Castle" in in_salesforce(world)


def _castle(world: World) -> list[str]:
    return [one["ContactID"] for one in world.stand.xero.snapshot()["contacts"] if one["Name"] == "Castle"]


async def test_a_full_pull_writes_rows_again_that_somebody_changed_in_salesforce(world: World) -> None:
    row = in_salesforce(world)["Harrow"]
    world.org("update", "Xero_Contact__c", records=[{"Id": row["Id"], "Email__c": "wrong@x.example"}])
    await contacts(world.ctx)
    assert in_salesforce(world)["Harrow"]["Email__c"] == "wrong@x.example"
    await contacts(world.ctx, full=True)
    assert in_salesforce(world)["Harrow"]["Email__c"] == "harrow@x.example"


async def test_only_customers_arrive_where_the_setup_says_so(world: World) -> None:
    await applied(world, 'external_id = "Contact_ID__c"', 'external_id = "Contact_ID__c"\nonly = "customers"')
    world.act("contact", body={"Name": "Castle"})
    made = world.act("contact", body={"Name": "Orchard"})
    line = {"Description": "x", "Quantity": "1", "UnitAmount": "1.00", "AccountCode": "200"}
    theirs = {"Type": "ACCREC", "Contact": {"ContactID": made["ContactID"]}, "LineItems": [line]}
    world.act("write", body=theirs)
    await contacts(world.ctx, full=True)
    assert {"Castle", "Orchard"} & in_salesforce(world).keys() == {"Orchard"}
