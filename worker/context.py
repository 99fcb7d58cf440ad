"""What every job is handed: the store, the two services, the limits and the setup in force."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace as structs_replace

from worker.billing.model import Company, Contact
from worker.billing.rules import Rules
from worker.billing.zones import iana
from worker.errors import ConnectionPaused
from worker.limits import Limits
from worker.salesforce.client import SalesforceClient
from worker.settings import Settings
from worker.setup import Setup, SetupError, parse
from worker.store.pair import Kind, Part
from worker.store.store import Store
from worker.store.worklist import Settle
from worker.xero.client import XeroClient

SHAPE = (
    "invoice_per", "period", "line_per", "description", "reference", "invoice_date", "number_prefix", "tracking",
    "round_minutes", "round_mode", "round_per", "surcharges", "show_non_billable", "version",
)  # fmt: skip
"""What a document keeps of the setup it was opened under: grouping, rounding and how it reads."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The setup in force, as one version of it."""

    setup: Setup
    version: int
    rules: Rules

    @property
    def live(self) -> bool:
        """May anything be written to Xero, or back to entries?"""
        return self.setup.schedule.invoices.writes


@dataclass(frozen=True, slots=True)
class Context:
    """One process's hold on the world, made by `worker.main.wire` only. `who` is named in the audit trail."""

    settings: Settings
    limits: Limits
    store: Store
    salesforce: SalesforceClient
    xero: XeroClient
    who: str
    _cache: dict[tuple[int, str], Loaded] = field(default_factory=dict)
    _shapes: dict[int, Rules | None] = field(default_factory=dict)

    async def loaded(self) -> Loaded | None:
        """The setup in force; None before the first one is saved."""
        stored = await self.store.setup.current()
        if stored is None:
            return None
        company = await self.store.company.get()
        name = stored.version, company.timezone if company else ""
        if name not in self._cache:
            self._cache.clear()
            self._cache[name] = await self._load(stored.text, *name)
        return self._cache[name]

    async def loaded_as(self, setup: Setup) -> Loaded:
        """This setup as it would be in force; its version is one that none was saved under yet."""
        stored, company = await self.store.setup.current(), await self.company()
        version = max([*await self.store.setup.versions(), stored.version if stored else 0]) + 1
        return await self._made(setup, version, company.timezone)

    async def _load(self, text: str, version: int, timezone: str) -> Loaded:
        return await self._made(parse(text), version, timezone)

    async def _made(self, setup: Setup, version: int, timezone: str) -> Loaded:
        org = (await self.store.pair.get()).get("org") or await self.org()
        return Loaded(setup, version, setup.rules(org, version, iana(timezone)))

    async def rules_of(self, loaded: Loaded, version: int) -> Rules:
        """The rules for a document that was opened under `version`: its shape is that version's, the rest is in force.

        Those in force where that version is not known any more.
        """
        if version in (0, loaded.version):
            return loaded.rules
        if version not in self._shapes:
            self._shapes[version] = _rules(await self.store.setup.version(version), loaded.rules.org, version)
        older = self._shapes[version]
        if older is None or older.source != loaded.rules.source:
            return loaded.rules
        return structs_replace(loaded.rules, **{name: getattr(older, name) for name in SHAPE})

    async def org(self) -> str:
        """The id of the Salesforce org that answers; asked before anything is read from it or written to it.

        Raises `ConnectionPaused`, and pauses every stage, when it is not the org this deployment serves.
        """
        return await self._pinned("org", (await self.salesforce.token()).org_id, self.salesforce.kind)

    async def tenant(self) -> str:
        """The id of the Xero company that answers; as `org`."""
        kind = partial(self.xero.kind, patience=self.limits.step)
        return await self._pinned("company", (await self.xero.connect()).id, kind)

    async def _pinned(self, what: Part, id_: str, ask: Callable[[], Awaitable[Kind]]) -> str:
        """Raises as `org`, also for a sandbox org beside a real company, and what `ask` raises."""
        async with self._stopping(what):
            known = await self.store.pair.kind(what, id_)
        kind = known or await ask()
        async with self._stopping(what):
            await self.store.pair.pin(what, id_, kind)
        await self._match_again(what)
        return id_

    @asynccontextmanager
    async def _stopping(self, what: Part) -> AsyncIterator[None]:
        """Every stage is paused when this org or company is refused."""
        try:
            yield
        except ConnectionPaused as error:
            if not await self.store.invoices.paused():
                await self.store.audit.write(self.who, "stopped", what, {"why": str(error)})
            for work in self.store.lists():
                await work.pause(f"wrong {what}", f"{error.what} {error.remedy}")
            raise

    async def _match_again(self, what: str) -> None:
        """The right org and company answer again: what was paused for the wrong one goes on by itself."""
        for work in self.store.lists():
            if (await work.paused()).startswith(f"wrong {what}: "):
                await work.resume()

    async def settle(self, loaded: Loaded) -> Settle:
        """When an invoice whose entries changed is due, in seconds of this process's time scale.

        Live: once its entries are quiet. By a schedule: at the next run.
        """
        schedule, scale = loaded.setup.schedule, self.settings.hourstream_time_scale
        if schedule.invoices.kind == "live":
            quiet, most = schedule.settle.total_seconds(), schedule.settle_max.total_seconds()
            return Settle(quiet / scale, most / scale, size=200)
        following, now = await self.next_run(loaded), datetime.fromisoformat(await self.store.clock())
        wait = max(0.0, (following - now).total_seconds()) if following else 0.0
        return Settle(wait, wait)

    def refresh(self, loaded: Loaded) -> float:
        """The least time between two updates of one draft, in seconds of this process's time scale."""
        return loaded.setup.schedule.refresh.total_seconds() / self.settings.hourstream_time_scale

    async def next_run(self, loaded: Loaded) -> datetime | None:
        """When invoices are next sent by the setup's schedule; None where they follow changes, or never run."""
        last = datetime.fromtimestamp((await self.store.schedule.last()).get("invoices", 0) / 1000, UTC)
        return loaded.setup.schedule.invoices.next_after(last, self.settings.hourstream_time_scale)

    async def company(self) -> Company:
        """The Xero company as last read; read now when it never was. Raises the Xero client's errors."""
        company = await self.store.company.get()
        if company is None:
            await self.tenant()
            company = await self.xero.company(patience=self.limits.step)
            await self.store.company.put(company)
        return company

    async def contacts(self, ids: set[str]) -> dict[str, Contact]:
        """Xero contacts by the id asked for, each followed through its merges; unknown ones are missing."""
        found = await self.store.contacts.get_many(sorted(ids))
        known = dict(found)
        for _ in range(8):  # a chain of merges; Xero's own are one or two long
            onward = {c.merged_to for c in known.values() if c.merged_to} - known.keys()
            if not onward:
                break
            known |= await self.store.contacts.get_many(sorted(onward))
        return {id_: _followed(contact, known) for id_, contact in found.items()}


def _rules(text: str | None, org: str, version: int) -> Rules | None:
    """The rules of an older setup; None where its file is gone, or says what is not understood any more."""
    try:
        return parse(text).rules(org, version) if text is not None else None
    except SetupError:
        return None


def _followed(contact: Contact, known: dict[str, Contact]) -> Contact:
    seen: set[str] = set()
    while contact.merged_to in known and contact.id not in seen:
        seen.add(contact.id)
        contact = known[contact.merged_to]
    return contact
