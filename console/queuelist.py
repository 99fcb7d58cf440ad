"""The lists of the Queue page: items of one stage and state, looked for by words, however many there are."""

from collections.abc import AsyncIterator

import msgspec

from console import queueing, words
from console.queueing import ItemView
from worker.store.listing import Item, Listing, State
from worker.store.store import Store

MOST = 20_000  # items that one click is about


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which items. `text` is looked for in ids, errors, and the reasons that they wait for; "" takes them all."""

    stage: str
    state: State
    text: str = ""

    def takes(self, item: Item) -> bool:
        """Whether it is one of them."""
        said = [item.id, item.error]
        if item.parked is not None:
            said += [item.parked.reason, words.reason(item.parked.reason), item.parked.text, item.parked.cause]
        return self.text.casefold() in "\n".join(said).casefold()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, and whether more follow."""

    rows: tuple[ItemView, ...]
    more: bool


async def page(store: Store, query: Query, start: int, count: int) -> Page:
    """The rows from the `start`-th on."""
    listing, now = store.listing(query.stage), await store.clock()
    if query.text:
        ids = [id_ async for id_ in _matching(listing, query, start + count + 1)]
        found = await listing.items(ids[start:])
    else:
        found = await listing.page(query.state, start, count + 1)
    shown = [queueing.view(query.stage, _as(query.state, item), now) for item in found[:count]]
    return Page(rows=tuple(shown), more=len(found) > count)


async def matching(store: Store, query: Query, most: int = MOST) -> list[str]:
    """The ids of all that match, `most` at most."""
    listing = store.listing(query.stage)
    if query.text:
        return [id_ async for id_ in _matching(listing, query, most)]
    found: list[str] = []
    async for ids in listing.walk(query.state):
        found += ids
        if len(found) >= most:
            break
    return found[:most]


async def _matching(listing: Listing, query: Query, most: int) -> AsyncIterator[str]:
    left = most
    async for ids in listing.walk(query.state):
        for item in await listing.said(query.state, ids):
            if query.takes(item):
                yield item.id
                left -= 1
                if not left:
                    return


def _as(state: State, item: Item) -> Item:
    """An item that waits and was added again is shown for what was asked for."""
    return item if state == "waiting" else msgspec.structs.replace(item, parked=None)
