"""A deployment in one process: the stand-ins on sockets, a real server, and workers whose jobs a test runs itself."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

from redis.asyncio import Redis

from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.salesforce import script
from sandbox.serve import Ports, Running, running
from worker.applying import apply_setup
from worker.context import Context
from worker.jobs.collect import collect
from worker.jobs.contacts import contacts
from worker.jobs.invoice import invoice
from worker.jobs.rebuild import rebuild
from worker.jobs.reconcile import progress, reconcile
from worker.jobs.statuses import statuses
from worker.jobs.upkeep import upkeep
from worker.jobs.write_back import write_back
from worker.limits import Limits
from worker.main import wire
from worker.settings import Settings
from worker.store.secrets import ensure_secret_key
from worker.ticking import Failures

SCALE = 20.0
SETUP = Path(__file__).with_name("setup.toml").read_text("utf-8")
DAY = "2026-11-05"
GONE = {"DELETED", "VOIDED"}
RATE = "100.00"
JOBS = {
    "rebuild": rebuild, "contacts": contacts, "reconcile": reconcile, "collect": collect, "invoice": invoice,
    "write_back": write_back, "statuses": statuses, "upkeep": upkeep,
}  # fmt: skip

Json = dict[str, Any]


@dataclass
class World:
    """What a test holds of it. A `worker` is a context of its own, as another process would have."""

    stand: Running
    settings: Settings
    redis: Redis
    stack: AsyncExitStack
    ctx: Context
    failures: Failures = field(default_factory=Failures)
    projects: dict[str, str] = field(default_factory=dict)  # name -> Salesforce id
    clients: dict[str, str] = field(default_factory=dict)  # name -> ContactID in Xero

    # ---- workers ---------------------------------------------------------------------------------------------------

    async def worker(self, who: str = "another") -> Context:
        """A further worker, with clients and connections of its own."""
        wired = wire(self.settings, who, bells=False, limits=self.ctx.limits)
        return await self.stack.enter_async_context(wired)

    async def run(self, name: str, ctx: Context | None = None) -> None:
        """One job as the worker process runs it."""
        await self.failures.guard(ctx or self.ctx, name, JOBS[name])

    async def work(self, ctx: Context | None = None, within: float = 20.0) -> None:
        """What doorbells would ring for, until nothing is due."""
        ctx = ctx or self.ctx
        deadline = time.monotonic() + within
        while True:
            await self._round(ctx)
            if await self.at_rest():
                return
            assert time.monotonic() < deadline, await self.unrest()
            await asyncio.sleep(0.01)

    async def _round(self, ctx: Context) -> None:
        if not await ctx.store.epoch.current():
            await self.run("rebuild", ctx)
            return
        if await ctx.store.inbox.resyncs() or await progress(ctx.store):
            await self.run("reconcile", ctx)
        for work in ctx.store.lists():
            if (seconds := await work.next_due()) is not None and seconds <= 0:
                await self.run({"invoices": "invoice"}.get(work.stage, work.stage), ctx)

    async def at_rest(self) -> bool:
        """Is nothing due, in flight or unknown?"""
        return not await self.unrest()

    async def unrest(self) -> list[str]:
        """What is not at rest."""
        store = self.ctx.store
        found = [] if await store.epoch.current() else ["the ledger is not complete"]
        found += [f"resync {kind}" for kind in await store.inbox.resyncs()]
        found += [f"reconciling: {each.what}" for each in await progress(store)]
        found += [f"intent {id_}" for id_ in await store.intents.unresolved()]
        for work in store.lists():
            found += [f"{work.stage}: {row}" for row in await work.page()]
        return found

    # ---- Salesforce ------------------------------------------------------------------------------------------------

    def org(self, action: str, sobject: str = "TimeEntry__c", **body: object) -> list[str]:
        """Records changed by a person."""
        said = script.records(self.stand.salesforce, {"action": action, "sobject": sobject, **body})
        return said["ids"]  # type: ignore[index,no-any-return]

    def client(self, name: str, rate: str | None = RATE) -> str:
        """A contact in Xero, its record in Salesforce, and a project of that name; gives the project."""
        made = self.stand.xero.act("contact", {"body": {"Name": name, "EmailAddress": f"{name.lower()}@x.example"}})
        contact = str(made["ContactID"])
        [linked] = self.org("insert", "Xero_Contact__c", records=[{"Name": name, "Contact_ID__c": contact}])
        project = {"Name": name, "Xero_Contact__c": linked, "Hourly_Rate__c": rate}
        [self.projects[name]] = self.org("insert", "Project__c", records=[project])
        self.clients[name] = contact
        return self.projects[name]

    def log(self, project: str, hours: str = "1.00", **fields: object) -> str:
        """Time logged on a project; gives the record."""
        return self.log_many([self.entry(project, hours, **fields)])[0]

    def log_many(self, records: list[Json]) -> list[str]:
        """Entries of one moment."""
        return self.org("insert", records=records)

    def entry(self, project: str, hours: str = "1.00", **fields: object) -> Json:
        """An approved, billable entry."""
        made: Json = {"Project__c": self.projects[project], "Hours__c": hours, "Work_Date__c": DAY}
        return made | {"Billable__c": True, "Status__c": "Approved", "CurrencyIsoCode": "GBP", **fields}

    def edit(self, record: str, **fields: object) -> None:
        """A person edits an entry."""
        self.org("update", records=[{"Id": record, **fields}])

    def delete(self, record: str) -> None:
        """A person deletes an entry."""
        self.org("delete", ids=[record])

    async def tell(self, *records: str) -> None:
        """The listener heard of these."""
        await self.ctx.store.inbox.add(unit(record) for record in records)

    def entries(self) -> list[Json]:
        """Every entry the org holds."""
        return list(self.stand.salesforce.snapshot()["records"]["TimeEntry__c"])  # type: ignore[index]

    def record(self, record: str, sobject: str = "TimeEntry__c") -> Json:
        """A record as the org has it."""
        rows: list[Json] = self.stand.salesforce.snapshot()["records"][sobject]  # type: ignore[index]
        return next(row for row in rows if row["Id"] == record)

    # ---- Xero ------------------------------------------------------------------------------------------------------

    def act(self, name: str, **params: object) -> Json:
        """What a person does in Xero, or what happens to the company."""
        return self.stand.xero.act(name, params)

    def fault(self, kind: str, *, service: str = "xero", **how: Any) -> None:
        """Something that goes wrong."""
        faults = self.stand.xero_faults if service == "xero" else self.stand.salesforce_faults
        faults.add(Fault(kind, **how))

    def write_fault(self, kind: str, **how: Any) -> None:
        """Something that goes wrong with a write of invoices."""
        self.fault(kind, method="PUT|POST", path=".*/Invoices", **how)

    def documents(self, client: str = "", *, every: bool = False) -> list[Json]:
        """Invoices in Xero: of one client, the live ones unless `every`."""
        found: list[Json] = self.stand.xero.snapshot()["invoices"]
        contact = self.clients.get(client, "")
        return [
            one
            for one in sorted(found, key=lambda one: one["InvoiceNumber"])
            if (not client or one["Contact"]["ContactID"] == contact) and (every or one["Status"] not in GONE)
        ]

    def credit_notes(self, client: str = "", *, every: bool = False) -> list[Json]:
        """Credit notes in Xero, as `documents`."""
        found: list[Json] = self.stand.xero.snapshot()["creditNotes"]
        contact = self.clients.get(client, "")
        return [
            one
            for one in sorted(found, key=lambda one: one["CreditNoteNumber"])
            if (not client or one["Contact"]["ContactID"] == contact) and (every or one["Status"] not in GONE)
        ]

    def draft(self, client: str) -> Json:
        """The one live invoice of a client."""
        [found] = self.documents(client)
        return found

    def writes(self) -> int:
        """Write calls Xero got since the journal was cleared."""
        return int(self.stand.xero.requests.stats()["writes"])

    def counted(self) -> Json:
        """What the stand-in counted of Xero's rules and our calls since the journal was cleared."""
        return self.stand.xero.requests.stats()

    def forget_calls(self) -> None:
        """Count calls from here."""
        self.act("clear-calls")

    # ---- the ledger ------------------------------------------------------------------------------------------------

    async def waiting(self) -> dict[str, str]:
        """Reasons by unit or invoice key, as `waiting list` shows them."""
        from console import readmodel

        return {view.id: view.reason for view in await readmodel.waiting(self.ctx.store)}

    async def problems(self) -> list[str]:
        """Jobs that fail at present, as `queue status` shows them."""
        return [beat.name for beat in await self.ctx.store.heartbeats.alive("problem")]


def unit(record: str) -> str:
    """The unit of a record."""
    return f"TimeEntry__c:{record}#0"


def hours(document: Json) -> Decimal:
    """Hours on an invoice."""
    return sum((Decimal(str(line.get("Quantity") or 0)) for line in document["LineItems"]), Decimal(0))


def total(documents: Iterable[Json]) -> Decimal:
    """Sum of the lines of invoices."""
    return sum(
        (Decimal(str(line.get("LineAmount") or 0)) for one in documents for line in one["LineItems"]), Decimal(0)
    )


class Doom:
    """When a worker dies: before its n-th call of the store or of Xero. After that nothing it tries happens."""

    def __init__(self, at: int) -> None:
        self.left, self.dead = at, False

    def step(self) -> None:
        """One call is about to be made."""
        self.left -= 1
        self.dead = self.dead or self.left <= 0
        if self.dead:
            raise asyncio.CancelledError

    def on(self, ctx: Context) -> Context:
        """The context with this doom on it; its leases lapse soon after its death."""
        store, xero = Mortal(self, ctx.store), Mortal(self, ctx.xero)
        limits = replace(ctx.limits, lease=0.05)
        return replace(ctx, store=store, xero=xero, limits=limits)  # type: ignore[arg-type]


class Mortal:
    """A part of a context whose every call is counted."""

    def __init__(self, doom: Doom, thing: object) -> None:
        self._doom, self._thing = doom, thing

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._thing, name)
        if inspect.iscoroutinefunction(value):

            async def call(*args: Any, **named: Any) -> Any:
                self._doom.step()
                return await value(*args, **named)

            return call
        plain = callable(value) or isinstance(value, str | int | None)
        return value if plain else Mortal(self._doom, value)


def limits_for(scale: float, **changes: float) -> Limits:
    """Every wait divided, and short where only patience is lost by it."""
    quick = {"rebuild_wait": 0.2, "backoff_base": 0.02, "backoff_cap": 0.2, "send_within": 5.0}
    return replace(Limits().scaled(scale), **quick | changes)


@asynccontextmanager
async def deployed(
    redis: Redis,
    url: str,
    data: Path,
    *,
    setup: str = SETUP,
    clients: Iterable[str] = ("Harrow", "Northgate"),
    scale: float = SCALE,
    environment: Mapping[str, str] = MappingProxyType({}),
    **limits: float,
) -> AsyncIterator[World]:
    """Stand-ins with these clients, a setup in force, and one worker; the ledger is not built yet.

    `environment` names what is other than the stand-ins say.
    """
    ensure_secret_key(data)
    async with running(Ports(), clock=Clock(scale=scale)) as stand, AsyncExitStack() as stack:
        whole = stand.environment | {
            "REDIS_URL": url,
            "HOURSTREAM_DATA": str(data),
            "HOURSTREAM_TIME_SCALE": str(scale),
            "HOURSTREAM_LOG_LEVEL": "error",
        }
        with mock.patch.dict("os.environ", whole | environment, clear=True):
            settings = Settings(_env_file=None)  # type: ignore[call-arg]
        wired = wire(settings, "worker", bells=False, limits=limits_for(scale, **limits))
        ctx = await stack.enter_async_context(wired)
        world = World(stand, settings, redis, stack, ctx)
        for name in clients:
            world.client(name)
        if setup:
            await apply_setup(ctx.store, setup, by="test")
        yield world
