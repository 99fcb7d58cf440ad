"""The same rules on the real store: resume, fencing, one script for each response."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from listeners.lease import Lease, LeaseLost, leased
from listeners.wiring import Setups
from tests.listeners.bus import CHANNEL, record, unit
from tests.listeners.house import SOURCE, House
from tests.listeners.memory import LIMITS
from tests.listeners.processes import SETUP, store_parts
from worker.store.keys import Keys
from worker.store.setup_store import SetupStore


class Parts:
    """The real store's parts, in the place of the house's own."""

    def __init__(self, redis: Redis) -> None:
        self.inbox, self.collect, _, self.locks = store_parts(redis)

    async def ids(self) -> set[str]:
        return {row["id"] for row in await self.collect.page(0, 1000)}

    async def has(self, *units: str) -> None:
        async with asyncio.timeout(10):
            while not set(units) <= await self.ids():
                await asyncio.sleep(0.01)


@pytest.fixture
async def parts(house: House, redis: Redis) -> AsyncIterator[Parts]:
    yield Parts(redis)
    await house.stop()


async def test_a_second_listener_resumes_after_the_first_one_s_position(house: House, parts: Parts) -> None:
    house.start(inbox=parts.inbox, locks=parts.locks)
    async with asyncio.timeout(10):
        while not house.bus.open:
            await asyncio.sleep(0.01)
    await house.bus.publish(recordIds=[record(1)])
    await parts.has(unit(1))
    await house.stop()
    await house.bus.publish(recordIds=[record(2)])
    house.start(inbox=parts.inbox, locks=parts.locks)
    await parts.has(unit(1), unit(2))
    kinds = {name.partition(":")[0] for name in await parts.inbox.resyncs()}
    assert kinds == {"initial", "anchored"}


async def test_a_former_leader_can_store_nothing(parts: Parts) -> None:
    former = await parts.locks.acquire(f"listener:{CHANNEL}", 0.02)
    async with leased(parts.locks, CHANNEL, LIMITS) as lease:
        assert former is not None
        assert not await parts.inbox.store(former, CHANNEL, None, "AAAA", [unit(1)], {}, "")
        assert await parts.inbox.store(lease.token, CHANNEL, None, "AAAA", [unit(2)], {}, "")
        assert not await parts.inbox.store(lease.token, CHANNEL, "BBBB", "CCCC", [unit(3)], {"gap:1": ""}, "")
    assert await parts.ids() == {unit(2)}
    assert await parts.inbox.resyncs() == {}
    assert (await parts.inbox.position(CHANNEL)).replay == "AAAA"  # type: ignore[union-attr]


async def test_a_lease_ends_with_its_block_and_is_refused_once_another_has_it(parts: Parts) -> None:
    async with leased(parts.locks, CHANNEL, replace(LIMITS, listener_lease=30.0)):
        assert await parts.locks.holder(f"listener:{CHANNEL}")
    assert await parts.locks.holder(f"listener:{CHANNEL}") is None
    async with leased(parts.locks, CHANNEL, LIMITS):
        with pytest.raises(LeaseLost):
            await Lease(parts.locks, CHANNEL, "another's", 5.0).renew()


async def test_a_lease_is_kept_while_it_is_renewed(parts: Parts) -> None:
    async with leased(parts.locks, CHANNEL, replace(LIMITS, listener_lease=0.4)) as lease:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await lease.keep()
        assert await parts.locks.holder(f"listener:{CHANNEL}") == lease.token


async def test_a_wiped_store_is_anchored_anew_and_read_from_the_start(house: House, parts: Parts, redis: Redis) -> None:
    house.bus.keepalive = 0.05
    house.start(inbox=parts.inbox, locks=parts.locks)
    async with asyncio.timeout(10):
        while await parts.inbox.position(CHANNEL) is None:
            await asyncio.sleep(0.01)
    await redis.flushall()
    async with asyncio.timeout(10):
        while not any(name.startswith("initial:") for name in await parts.inbox.resyncs()):
            await asyncio.sleep(0.01)
        while await parts.inbox.position(CHANNEL) is None:
            await asyncio.sleep(0.01)
    await house.bus.publish(recordIds=[record(1)])
    await parts.has(unit(1))


async def test_what_to_listen_to_comes_from_the_setup_in_force(redis: Redis, keys: Keys, tmp_path: object) -> None:
    setups = SetupStore(redis, keys, tmp_path)  # type: ignore[arg-type]
    source = Setups(setups)
    assert await source() is None
    await setups.save(SETUP.read_text(), "a person")
    found = await source()
    assert found == replace(SOURCE, write_back=frozenset({"Xero_Invoice_ID__c", "Xero_Billed__c"}))
    await setups.save(
        SETUP.read_text().replace("[source.fields]", 'channel = "/data/Time__chn"\n[source.fields]'), "a person"
    )
    assert (await source()).channel == "/data/Time__chn"  # type: ignore[union-attr]
