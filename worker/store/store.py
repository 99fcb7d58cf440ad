"""The store: everything that is remembered, in one object made once per process."""

from pathlib import Path
from typing import Protocol

from cryptography.fernet import MultiFernet
from redis.asyncio import Redis

from worker.limits import Limits
from worker.store import moments
from worker.store.alerts import AlertStore
from worker.store.arq_jobs import ArqJobs
from worker.store.audit import Audit
from worker.store.brake import BrakeStore
from worker.store.consents import Consents
from worker.store.contact_links import ContactLinks
from worker.store.contacts import CompanyStore, Contacts
from worker.store.creates import Creates
from worker.store.credentials import Credentials
from worker.store.cursors import Cursors
from worker.store.decisions import Decisions
from worker.store.doorbell import QUEUE, silence
from worker.store.epoch import Epoch
from worker.store.figures import Figures
from worker.store.governor import Governor, Quota
from worker.store.heartbeats import Heartbeats
from worker.store.highwater import HighWater
from worker.store.inbox import Inbox
from worker.store.intents import Intents
from worker.store.keys import Keys
from worker.store.ledger import Ledger
from worker.store.links import Links
from worker.store.listing import Listing
from worker.store.locks import Locks
from worker.store.pair import Pair
from worker.store.passes import Passes
from worker.store.people import People
from worker.store.pulse import Pulse
from worker.store.reconnects import Reconnects, Service
from worker.store.schedule import Schedule
from worker.store.server import Server
from worker.store.sessions import Sessions
from worker.store.setup_drafts import SetupDrafts
from worker.store.setup_store import SetupStore
from worker.store.throttle import Throttle
from worker.store.timekeepers import Timekeepers
from worker.store.vault import TokenVault
from worker.store.worklist import WorkList, release_cause

RESTING = "reconnect"


class Bell(Protocol):
    """Wakes workers; see `worker.store.doorbell`."""

    async def ring(self, stage: str, delay: float = 0.0) -> None:
        """Some worker looks at `stage` in `delay` seconds."""
        ...


class Store:
    """One attribute per concern; no Redis command is given anywhere else."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        data: Path,
        cipher: MultiFernet,
        limits: Limits,
        bell: Bell,
        quota: Quota | None = None,
    ) -> None:
        self._redis, self._keys = redis, keys
        self.bell = bell
        self.collect = WorkList(redis, keys, "collect")
        self.invoices = WorkList(redis, keys, "invoices")
        self.write_back = WorkList(redis, keys, "write_back")
        self.inbox = Inbox(redis, keys, self.collect)
        self.ledger = Ledger(redis, keys)
        self.figures = Figures(redis, keys)
        self.decisions = Decisions(redis, keys, data)
        self.brake = BrakeStore(redis, keys)
        self.creates = Creates(data)
        self.intents = Intents(redis, keys)
        self.highwater = HighWater(data)
        self.epoch = Epoch(redis, keys, self.highwater)
        self.locks = Locks(redis, keys)
        self.tokens = TokenVault(redis, keys, cipher, data, limits)
        self.credentials = Credentials(self.tokens)
        self.consents = Consents(redis, keys, cipher)
        self.reconnects = Reconnects(redis, keys)
        self.alerts = AlertStore(redis, keys)
        self.setup = SetupStore(redis, keys, data)
        self.drafts = SetupDrafts(data)
        self.audit = Audit(redis, keys, data)
        self.contacts = Contacts(redis, keys)
        self.contact_links = ContactLinks(redis, keys, data)
        self.timekeepers = Timekeepers(redis, keys)
        self.company = CompanyStore(redis, keys)
        self.governor = Governor(redis, keys, limits, quota or Quota())
        self.heartbeats = Heartbeats(redis, keys, limits)
        self.schedule = Schedule(redis, keys)
        self.cursors = Cursors(redis, keys)
        self.passes = Passes(redis, keys)
        self.pair = Pair(redis, keys, data)
        self.links = Links(redis, keys)
        self.people = People(redis, keys, data)
        self.sessions = Sessions(redis, keys)
        self.throttle = Throttle(redis, keys)
        self.pulse = Pulse(redis, keys)
        self.arq = ArqJobs(redis, QUEUE)
        self.server = Server(redis)

    def lists(self) -> tuple[WorkList, ...]:
        """Every work list, in the order time flows through them."""
        return self.collect, self.invoices, self.write_back

    def listing(self, stage: str) -> Listing:
        """One of them, to be looked through page by page."""
        return Listing(self._redis, self._keys, stage)

    async def clock(self) -> str:
        """Redis' own time, ISO 8601 in UTC."""
        return moments.text(await moments.now(self._redis))

    async def release(self, cause: str) -> int:
        """What waits for this cause is due again; gives how many."""
        return await release_cause(self._redis, self._keys, cause)

    async def needs_reconnect(
        self,
        service: Service,
        why: str,
        todo: str,
        who: str,
        fence: int = 0,
        *,
        final: bool = True,
        replace: bool = False,
    ) -> bool:
        """The connection rests: nothing more is claimed of what needs it, while time keeps accumulating.

        A person's own pause stays. False where the connection rested already (`Reconnects.needed` says more).
        """
        new = await self.reconnects.needed(service, why, todo, who, fence, final=final, replace=replace)
        for work in self._of(service):
            if not await work.paused():
                await work.pause(f"{RESTING} {service}", f"{why} {todo}")
        return new

    async def reconnected(self, service: Service) -> bool:
        """The service is connected: what rested for it goes on at once. True for the one caller who ended the rest."""
        over = await self.reconnects.over(service)
        for work in self._of(service):
            if (await work.paused()).startswith(f"{RESTING} {service}: "):
                await work.resume()
                await self.bell.ring(work.stage)
        return over

    def _of(self, service: Service) -> tuple[WorkList, ...]:
        return (self.invoices,) if service == "xero" else (self.collect, self.write_back)

    async def silence(self) -> int:
        """Remove the jobs that only wake workers; gives how many there were."""
        return await silence(self._redis)

    async def set_preview(self, on: bool) -> None:
        """In preview no intent begins: nothing is written to Xero."""
        stage = self._keys("stage", "invoices")
        if on:
            await self._redis.hset(stage, "preview", "1")  # type: ignore[misc]  # sync and async typed as one
        else:
            await self._redis.hdel(stage, "preview")  # type: ignore[misc]  # as above

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
