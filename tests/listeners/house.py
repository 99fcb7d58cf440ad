"""A house in memory around a bus on a socket, with listeners in it."""

import asyncio
import base64
from typing import Any

from listeners.channel import Target
from listeners.ports import ChangeSource, Source
from listeners.pubsub import PubSub
from listeners.salesforce import Listener
from tests.listeners.bus import CHANNEL, Bus
from tests.listeners.memory import LIMITS, MemoryInbox, MemoryLocks, MemoryOrg, MemoryPosition
from worker.limits import Limits

SOURCE = Source("TimeEntry__c", CHANNEL, frozenset({"Billed__c"}))


class Home:
    """An inbox, locks, an org and a setup in memory, and any number of listeners on them."""

    def __init__(self, org: MemoryOrg) -> None:
        self.locks = MemoryLocks()
        self.inbox = MemoryInbox(self.locks)
        self.org = org
        self.source: Source | None = SOURCE
        self.rings: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def door(self, org: MemoryOrg, limits: Limits) -> ChangeSource:
        """The way in that listeners are given."""
        raise AssertionError("a home has no door of its own")

    async def setups(self) -> Source | None:
        return self.source

    async def ring(self, stage: str) -> None:
        self.rings.append(stage)

    def listener(self, **changes: Any) -> Listener:
        """A listener that is not running yet."""
        limits = changes.pop("limits", LIMITS)
        door = changes.pop("door", None) or self.door(changes.get("org", self.org), limits)
        parts: dict[str, Any] = {
            "inbox": self.inbox,
            "locks": self.locks,
            "org": self.org,
            "setups": self.setups,
            "door": door,
            "ring": self.ring,
            "limits": limits,
            "transport": "stream",
        }
        return Listener(**(parts | changes))

    def start(self, **changes: Any) -> Listener:
        """A running listener."""
        listener = self.listener(**changes)
        self.tasks.append(asyncio.create_task(listener.run()))
        return listener

    async def stop(self) -> None:
        """End all of them, as SIGTERM would."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()


class House(Home):
    """A home around a bus on a socket."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(MemoryOrg())
        self.bus = bus

    def door(self, org: MemoryOrg, limits: Limits) -> ChangeSource:
        return PubSub(Target(self.bus.address, tls=False), org, limits)


def text(raw: bytes) -> str:
    """A replay id as it is stored."""
    return base64.b64encode(raw).decode()


def position(house: House) -> str:
    """The stored one."""
    return house.inbox.positions[CHANNEL].replay


def before(house: House, committed_at: str = "2026-11-05T09:00:00.000Z") -> None:
    """As if a listener had stored everything until now."""
    house.inbox.positions[CHANNEL] = MemoryPosition(text(house.bus.latest), committed_at)
