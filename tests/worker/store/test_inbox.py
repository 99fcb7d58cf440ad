"""The inbox: a response of the stream is stored whole or not at all, and never steps over an event."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from tests.worker.store.ledger_support import LONG, House
from worker.store.inbox import Inbox
from worker.store.keys import Keys
from worker.store.locks import Locks

pytestmark = pytest.mark.usefixtures("no_leaks")

CHANNEL = "/data/TimeEntry__ChangeEvent"
NOON = "2026-11-05T12:00:00.000Z"
EARLIER = "2026-11-05T11:59:59.500Z"


@pytest.fixture
def inbox(house: House) -> Inbox:
    return house.inbox


@pytest.fixture
async def lease(redis: Redis, keys: Keys) -> str:
    token = await Locks(redis, keys).listener(CHANNEL, LONG)
    assert token is not None
    return token


async def store(inbox: Inbox, lease: str, expected: str | None, position: str, *ids: str, **resync: str) -> bool:
    return await inbox.store(lease, CHANNEL, expected, position, ids, resync, NOON)


async def at(inbox: Inbox) -> str | None:
    position = await inbox.position(CHANNEL)
    return position.replay if position else None


async def test_a_response_is_stored_with_its_position(house: House, inbox: Inbox, lease: str) -> None:
    assert await at(inbox) is None
    assert await store(inbox, lease, None, "p1", "a", "b", gap=NOON)
    assert await house.due(house.collect) == {"a", "b"}
    assert await inbox.resyncs() == {"gap": NOON}
    position = await inbox.position(CHANNEL)
    assert position is not None
    assert (position.replay, position.committed_at) == ("p1", NOON)
    assert int(position.stored_at) > 0


async def test_a_keep_alive_moves_the_position_and_keeps_the_time_of_the_last_event(inbox: Inbox, lease: str) -> None:
    await store(inbox, lease, None, "p1", "a")
    assert await inbox.store(lease, CHANNEL, "p1", "p2", [], {}, "")
    position = await inbox.position(CHANNEL)
    assert position is not None
    assert (position.replay, position.committed_at) == ("p2", NOON)


@pytest.mark.parametrize("expected", [None, "p0", "p2"])
async def test_a_response_that_does_not_continue_what_is_stored_changes_nothing(
    house: House, inbox: Inbox, lease: str, expected: str | None
) -> None:
    await store(inbox, lease, None, "p1")
    assert not await store(inbox, lease, expected, "p9", "a", gap=NOON)
    assert await at(inbox) == "p1"
    assert await house.due(house.collect) == set()
    assert await inbox.resyncs() == {}


async def test_a_response_that_continues_a_position_which_was_lost_changes_nothing(
    house: House, inbox: Inbox, lease: str
) -> None:
    assert not await store(inbox, lease, "p1", "p2", "a")
    assert await at(inbox) is None
    assert await house.due(house.collect) == set()


async def test_a_former_listener_stores_nothing(
    house: House, inbox: Inbox, lease: str, redis: Redis, keys: Keys
) -> None:
    await store(inbox, lease, None, "p1")
    locks = Locks(redis, keys)
    await locks.release(f"listener:{CHANNEL}", lease)
    assert not await store(inbox, lease, "p1", "p2", "a")
    assert not await store(inbox, "", "p1", "p2", "a")
    another = await locks.listener(CHANNEL, LONG)
    assert another is not None
    assert not await store(inbox, lease, "p1", "p2", "a")
    assert await store(inbox, another, "p1", "p2", "b")
    assert await house.due(house.collect) == {"b"}


async def test_a_response_that_is_sent_twice_is_stored_once(house: House, inbox: Inbox, lease: str) -> None:
    assert await store(inbox, lease, None, "p1", "a")
    before = await house.generation(house.collect, "a")
    assert not await store(inbox, lease, None, "p1", "a")
    assert await house.generation(house.collect, "a") == before


async def test_channels_have_positions_of_their_own(inbox: Inbox, lease: str) -> None:
    await store(inbox, lease, None, "p1")
    assert await inbox.position("poll:TimeEntry__c") is None


async def test_a_response_of_a_thousand_records_is_stored(house: House, inbox: Inbox, lease: str) -> None:
    assert await store(inbox, lease, None, "p1", *(f"TimeEntry__c:{number:018d}#0" for number in range(1000)))
    assert (await house.collect.counts()).due == 1000


@pytest.mark.parametrize(
    ("ids", "resync"),
    [(["a", None], {}), (["a"], {"gap": None}), (["a"], {"gap": "yesterday"}), (["a"], {"gap": "2026-11-05T10:00:00"})],
)
async def test_a_bad_argument_leaves_nothing_half_stored(
    house: House, inbox: Inbox, lease: str, ids: list[str], resync: dict[str, str]
) -> None:
    await store(inbox, lease, None, "p1")
    with pytest.raises((TypeError, ValueError)):
        await inbox.store(lease, CHANNEL, "p1", "p2", ids, {"first": NOON} | resync if resync else {}, NOON)
    assert await at(inbox) == "p1"
    assert await house.due(house.collect) == set()
    assert await inbox.resyncs() == {}


async def test_intake_needs_no_epoch(house: House, inbox: Inbox, lease: str) -> None:
    await house.epochs.discard(house.epoch, "test")
    assert await store(inbox, lease, None, "p1", "a", gap=NOON)
    await inbox.add(["b"])
    await inbox.request_resync("setup", "")
    assert await house.due(house.collect) == {"a", "b"}


@pytest.fixture
async def memory(redis: Redis) -> AsyncIterator[None]:
    """Gives the server its memory back."""
    yield
    await redis.config_set("maxmemory", "0")


@pytest.mark.usefixtures("memory")
async def test_without_memory_the_position_stays_before_what_was_not_stored(
    house: House, inbox: Inbox, lease: str
) -> None:
    await store(inbox, lease, None, "p1")
    await house.redis.config_set("maxmemory", "1")
    with pytest.raises(OutOfMemoryError):
        await store(inbox, lease, "p1", "p2", "a")
    assert await at(inbox) == "p1"
    assert await house.due(house.collect) == set()


# ---- reading again -------------------------------------------------------------------------------------------------


async def test_of_two_requests_the_earlier_counts(inbox: Inbox, lease: str) -> None:
    await inbox.request_resync("gap", NOON)
    await inbox.request_resync("gap", EARLIER)
    await store(inbox, lease, None, "p1", gap=NOON)
    assert await inbox.resyncs() == {"gap": EARLIER}


async def test_a_request_for_everything_is_the_earliest_of_all(inbox: Inbox, lease: str) -> None:
    await inbox.request_resync("setup", EARLIER)
    await inbox.request_resync("setup", "")
    await inbox.request_resync("setup", EARLIER)
    await store(inbox, lease, None, "p1", setup=EARLIER)
    assert await inbox.resyncs() == {"setup": ""}


async def test_times_of_every_form_are_compared_as_moments(inbox: Inbox) -> None:
    await inbox.request_resync("gap", "2026-11-05T12:00:00.9Z")
    await inbox.request_resync("gap", "2026-11-05T14:00:00+02:00")
    await inbox.request_resync("gap", "2026-11-05T12:00:00.100000+00:00")
    assert await inbox.resyncs() == {"gap": NOON}


async def test_a_request_that_was_served_is_gone_unless_an_earlier_one_came_meanwhile(inbox: Inbox) -> None:
    await inbox.request_resync("gap", NOON)
    await inbox.request_resync("gap", EARLIER)
    await inbox.resynced("gap", NOON)
    assert await inbox.resyncs() == {"gap": EARLIER}
    await inbox.resynced("gap", EARLIER)
    await inbox.resynced("setup", "")
    assert await inbox.resyncs() == {}


async def test_events_nobody_could_read_are_kept_for_people_the_latest_thousand(
    inbox: Inbox, redis: Redis, keys: Keys
) -> None:
    for number in range(1002):
        await inbox.park(CHANNEL, f"p{number}", "raw", "schema unknown")
    kept = await redis.lrange(keys("parked"), 0, -1)  # type: ignore[misc]
    assert len(kept) == 1000
    assert '"p1001"' in kept[0]
