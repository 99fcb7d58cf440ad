"""A work list is looked through by state, page by page and whole, whatever its length."""

import pytest
from redis.asyncio import Redis

from tests.worker.store.ledger_support import LONG, House
from tests.worker.store.worklist_support import parked
from worker.store.keys import Keys
from worker.store.listing import CHUNK, STATES, Listing, State
from worker.store.worklist import Settle, WorkList


@pytest.fixture
def listing(redis: Redis, keys: Keys) -> Listing:
    return Listing(redis, keys, "invoices")


@pytest.fixture
async def work(house: House) -> WorkList:
    """One item of each state, named by it."""
    work = house.invoices
    await work.add(["retrying", "waiting", "leased"])
    for item in await work.claim(house.epoch, 3, LONG):
        if item.id == "retrying":
            await work.retry(house.epoch, item, LONG, "Xero said no")
        elif item.id == "waiting":
            await work.wait(house.epoch, item, parked("waiting"))
    await work.add(["later"], Settle(LONG, LONG))
    await work.add(["due"])
    return work


async def whole(listing: Listing, state: State) -> list[str]:
    return [id_ async for ids in listing.walk(state) for id_ in ids]


@pytest.mark.parametrize("state", STATES)
async def test_each_state_has_its_own_items(listing: Listing, work: WorkList, state: State) -> None:
    expected = {"later": ["later", "retrying"]}.get(state, [str(state)])
    assert sorted(await whole(listing, state)) == expected
    assert sorted(item.id for item in await listing.page(state, 0, 10)) == expected
    assert await listing.page(state, len(expected), 10) == []
    counts = await work.counts()
    assert len(expected) == (counts.scheduled if state == "later" else getattr(counts, state))


async def test_an_item_says_what_is_known_of_it(listing: Listing, work: WorkList) -> None:
    leased, failed, waits, unknown = await listing.items(["leased", "retrying", "waiting", "nobody"])
    assert leased.leased_until > leased.due
    assert (failed.error, failed.attempts, failed.leased_until) == ("Xero said no", 1, "")
    assert (waits.due, waits.parked) == ("", parked("waiting"))
    assert (unknown.due, unknown.parked) == ("", None)


@pytest.mark.parametrize(("state", "said"), [("waiting", "waiting"), ("retrying", "Xero said no"), ("due", "")])
async def test_a_state_is_searched_by_id_and_by_what_is_said_of_it(
    listing: Listing, work: WorkList, state: State, said: str
) -> None:
    heard: dict[str, str] = {}

    def wanted(id_: str, text: str) -> bool:
        heard[id_] = text
        return True

    assert await listing.search(state, wanted, 10) == [str(state)]
    assert said in heard[state]
    assert await listing.search(state, lambda id_, _: id_ == "nobody", 10) == []


async def test_what_a_search_finds_is_in_the_order_of_the_pages_and_no_more_than_was_asked_for(
    listing: Listing, house: House
) -> None:
    names = [f"id-{number}" for number in range(30)]
    await house.invoices.add(names)
    for item in await house.invoices.claim(house.epoch, 30, LONG):
        await house.invoices.wait(house.epoch, item, parked(item.id))
    pages = [item.id for item in await listing.page("waiting", 0, 30)]
    assert await listing.search("waiting", lambda id_, _: "2" in id_, 5) == [id_ for id_ in pages if "2" in id_][:5]


async def test_pages_follow_each_other_over_more_than_is_read_at_once(listing: Listing, house: House) -> None:
    names = [f"id-{number:05}" for number in range(2 * CHUNK + 7)]
    await house.invoices.add(names)
    assert sorted(await whole(listing, "due")) == names
    first, second = await listing.page("due", 0, CHUNK), await listing.page("due", CHUNK, CHUNK)
    assert not {item.id for item in first} & {item.id for item in second}
    await house.invoices.claim(house.epoch, 3, LONG)
    assert len(await whole(listing, "due")) == len(names) - 3
    assert len(await listing.page("leased", 0, 10)) == 3
