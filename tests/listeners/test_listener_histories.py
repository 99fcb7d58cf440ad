"""Whatever happens to stream, store and listeners: at the end every change is on the list or is going to be read again.

Random histories with fixed seeds, over a real gRPC socket.
"""

import asyncio
import random

import grpc
import pytest

from listeners.ports import Resync
from tests.listeners.bus import CHANNEL, PREFIX, Refusal, record, unit
from tests.listeners.house import House
from tests.listeners.memory import MemoryPosition, eventually

ENDS = [
    Refusal(grpc.StatusCode.UNAVAILABLE, PREFIX + "service.unavailable"),
    Refusal(grpc.StatusCode.INTERNAL, "", "Received RST_STREAM with error code 0"),
    Refusal(grpc.StatusCode.UNAUTHENTICATED, PREFIX + "service.auth.error"),
]


class History:
    """Changes and faults in random order; remembers what only a reading of Salesforce can still tell."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.random = house, random.Random(seed)
        self.made = 0
        self.hidden: set[str] = set()

    async def step(self) -> None:
        act = self.random.choice(
            [self.change] * 6 + [self.cut, self.refuse, self.replace, self.second, self.store_away]
        )
        await (act if self.random.random() > 0.05 else self.hide)()
        if self.random.random() < 0.3:
            await asyncio.sleep(self.random.random() / 50)

    async def change(self) -> None:
        for _ in range(self.random.randint(1, 15)):
            self.made += 1
            await self.house.bus.publish(recordIds=[record(self.made)])

    async def hide(self) -> None:
        self.made += 1
        self.hidden.add(unit(self.made))
        await self.house.bus.publish(raw=b"\xff")

    async def cut(self) -> None:
        end = self.random.choice(ENDS)
        await self.house.bus.break_streams(end.status, end.code)

    async def refuse(self) -> None:
        self.house.bus.refusals.append(self.random.choice(ENDS))

    async def replace(self) -> None:
        await self.house.stop()
        self.house.start()

    async def second(self) -> None:
        if len(self.house.tasks) < 2:
            self.house.start()

    async def store_away(self) -> None:
        self.house.inbox.down = not self.house.inbox.down

    async def end(self) -> set[str]:
        """Everything works again; gives the units that are nowhere."""
        self.house.inbox.down = False
        self.house.bus.refusals.clear()
        self.made += 1
        await self.house.bus.publish(recordIds=[record(self.made)])
        await eventually(lambda: unit(self.made) in self.house.inbox.ids, within=30)
        return {unit(number) for number in range(1, self.made + 1)} - set(self.house.inbox.ids)


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_missed_in_a_random_history(house: House, seed: int) -> None:
    house.inbox.positions[CHANNEL] = MemoryPosition("AAAAAAAAA+gAAA==", "2026-11-05T09:00:00.000Z")
    house.bus.keepalive = 0.05
    house.start()
    history = History(house, seed)
    for _ in range(60):
        await history.step()
    nowhere = await history.end()
    assert nowhere == history.hidden  # of those no event could tell …
    assert len(house.inbox.parked) >= len(history.hidden)
    assert bool(house.inbox.resyncs(Resync.UNDECODABLE)) == bool(history.hidden)  # … and Salesforce is read for them
    assert house.inbox.requested == {}
