"""What every job is handed: the store, the two services, the limits and the setup in force."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from worker.billing.model import Company, Contact, Rules
from worker.errors import ConnectionPaused
from worker.limits import Limits
from worker.salesforce.client import SalesforceClient
from worker.settings import Settings
from worker.setup import Setup, parse
from worker.store.store import Store
from worker.store.worklist import Settle
from worker.xero.client import XeroClient


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
    _cache: dict[int, Loaded] = field(default_factory=dict)

    async def loaded(self) -> Loaded | None:
        """The setup in force; None before the first one is saved."""
        stored = await self.store.setup.current()
        if stored is None:
            return None
        if stored.version not in self._cache:
            setup = parse(stored.text)
            self._cache.clear()
            org = (await self.store.pair.get()).get("org") or await self.org()
            self._cache[stored.version] = Loaded(setup, stored.version, setup.rules(org, stored.version))
        return self._cache[stored.version]

    async def org(self) -> str:
        """The id of the Salesforce org that answers; asked before anything is read from it or written to it.

        Raises `ConnectionPaused`, and pauses every stage, when it is not the org this deployment serves.
        """
        return await self._pinned("org", (await self.salesforce.token()).org_id)

    async def tenant(self) -> str:
        """The id of the Xero company that answers; as `org`."""
        return await self._pinned("company", (await self.xero.connect()).id)

    async def _pinned(self, what: str, id_: str) -> str:
        try:
            await self.store.pair.pin(what, id_)
        except ConnectionPaused as error:
            if not await self.store.invoices.paused():
                await self.store.audit.write(self.who, "stopped", what, {"why": str(error)})
            for work in self.store.lists():
                await work.pause(f"wrong {what}", error.what)
            raise
        await self._match_again(what)
        return id_

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

    async def next_run(self, loaded: Loaded) -> datetime | None:
        """When invoices are next sent by the setup's schedule; None where they follow changes, or never run."""
        when = loaded.setup.schedule.invoices
        last = datetime.fromtimestamp((await self.store.schedule.last()).get("invoices", 0) / 1000, UTC)
        if when.every is not None:
            return last + when.every / self.settings.hourstream_time_scale
        return when.next_after(last)

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


def _followed(contact: Contact, known: dict[str, Contact]) -> Contact:
    seen: set[str] = set()
    while contact.merged_to in known and contact.id not in seen:
        seen.add(contact.id)
        contact = known[contact.merged_to]
    return contact
