"""The store: everything that is remembered, in one object made once per process."""

from pathlib import Path
from typing import Protocol

from cryptography.fernet import MultiFernet
from redis.asyncio import Redis

from worker.limits import Limits
from worker.store import moments
from worker.store.audit import Audit
from worker.store.brake import BrakeStore
from worker.store.contacts import CompanyStore, Contacts
from worker.store.credit_numbers import CreditNumbers
from worker.store.cursors import Cursors
from worker.store.decisions import Decisions
from worker.store.epoch import Epoch
from worker.store.governor import Governor
from worker.store.heartbeats import Heartbeats
from worker.store.highwater import HighWater
from worker.store.inbox import Inbox
from worker.store.intents import Intents
from worker.store.keys import Keys
from worker.store.ledger import Ledger
from worker.store.links import Links
from worker.store.locks import Locks
from worker.store.pair import Pair
from worker.store.schedule import Schedule
from worker.store.setup_store import SetupStore
from worker.store.vault import TokenVault
from worker.store.worklist import WorkList, release_cause


class Bell(Protocol):
    """Wakes workers; see `worker.store.doorbell`."""

    async def ring(self, stage: str, delay: float = 0.0) -> None:
        """Some worker looks at `stage` in `delay` seconds."""
        ...


class Store:
    """One attribute per concern; no Redis command is given anywhere else."""

    def __init__(self, redis: Redis, keys: Keys, data: Path, cipher: MultiFernet, limits: Limits, bell: Bell) -> None:
        self._redis, self._keys = redis, keys
        self.bell = bell
        self.collect = WorkList(redis, keys, "collect")
        self.invoices = WorkList(redis, keys, "invoices")
        self.write_back = WorkList(redis, keys, "write_back")
        self.inbox = Inbox(redis, keys, self.collect)
        self.ledger = Ledger(redis, keys)
        self.decisions = Decisions(redis, keys, data)
        self.brake = BrakeStore(redis, keys)
        self.credit_numbers = CreditNumbers(data)
        self.intents = Intents(redis, keys)
        self.epoch = Epoch(redis, keys)
        self.highwater = HighWater(data)
        self.locks = Locks(redis, keys)
        self.tokens = TokenVault(redis, keys, cipher, data, limits)
        self.setup = SetupStore(redis, keys, data)
        self.audit = Audit(redis, keys, data)
        self.contacts = Contacts(redis, keys)
        self.company = CompanyStore(redis, keys)
        self.governor = Governor(redis, keys, limits)
        self.heartbeats = Heartbeats(redis, keys, limits)
        self.schedule = Schedule(redis, keys)
        self.cursors = Cursors(redis, keys)
        self.pair = Pair(redis, keys)
        self.links = Links(redis, keys)

    def lists(self) -> tuple[WorkList, ...]:
        """Every work list, in the order time flows through them."""
        return self.collect, self.invoices, self.write_back

    async def clock(self) -> str:
        """Redis' own time, ISO 8601 in UTC."""
        return moments.text(await moments.now(self._redis))

    async def release(self, cause: str) -> int:
        """What waits for this cause is due again; gives how many."""
        return await release_cause(self._redis, self._keys, cause)

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
