"""A bus on a socket, and listeners on it, ended with the test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from listeners.salesforce import Listener
from tests.listeners.bus import CHANNEL, Bus, serving
from tests.listeners.house import House
from tests.listeners.memory import eventually


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with serving(Bus()) as bus:
        yield bus


@pytest.fixture
async def house(bus: Bus) -> AsyncIterator[House]:
    house = House(bus)
    yield house
    await house.stop()


@pytest.fixture
def listening(house: House) -> Callable[..., Awaitable[Listener]]:
    """Starts a listener and waits until its first position is stored."""

    async def start() -> Listener:
        house.bus.keepalive = 0.05
        listener = house.start()
        await eventually(lambda: CHANNEL in house.inbox.positions and listener.status.state == "listening")
        house.bus.keepalive = 30.0
        return listener

    return start
