"""The lists of the Queue page: items of one stage and state, looked for by words, however many there are."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from console import queueing, words
from console.queueing import ItemView
from worker.store.listing import Item, State
from worker.store.store import Store
from worker.store.worklist import Parked

MOST = 20_000  # items that one click is about


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which items. `text` is looked for in ids, errors, and the reasons that they wait for; "" takes them all."""

    stage: str
    state: State
    text: str = ""

    def takes(self, id_: str, said: str) -> bool:
        """Whether it is one of them, by its id and what the list keeps of it (`Listing.search`)."""
        wanted = self.text.casefold()
        if wanted in id_.casefold():
            return True
        if self.state != "waiting":
            return wanted in said.casefold()
        if not ESCAPED.search(wanted) and wanted not in said.casefold():  # for most of very many that says it all
            return _is_in_words(wanted, _REASON.decode(said).reason)
        parked = _PARKED.decode(said)
        texts = (parked.reason, words.reason(parked.reason), parked.text, parked.cause)
        return wanted in "\n".join(texts).casefold()


class _Reason(msgspec.Struct, frozen=True):
    reason: str


ESCAPED: Final = re.compile(r'["\\/\x00-\x1f\x7f]')  # what JSON may write otherwise
_REASON: Final = msgspec.json.Decoder(_Reason)
_PARKED: Final = msgspec.json.Decoder(Parked)


@lru_cache(maxsize=256)
def _is_in_words(wanted: str, reason: str) -> bool:
    return wanted in words.reason(reason).casefold()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, and whether more follow."""

    rows: tuple[ItemView, ...]
    more: bool


async def page(store: Store, query: Query, start: int, count: int) -> Page:
    """The rows from the `start`-th on."""
    listing, now = store.listing(query.stage), await store.clock()
    if query.text:
        ids = await listing.search(query.state, query.takes, start + count + 1)
        found = await listing.items(ids[start:])
    else:
        found = await listing.page(query.state, start, count + 1)
    shown = [queueing.view(query.stage, _as(query.state, item), now) for item in found[:count]]
    return Page(rows=tuple(shown), more=len(found) > count)


async def matching(store: Store, query: Query, most: int = MOST) -> list[str]:
    """The ids of all that match, `most` at most."""
    listing = store.listing(query.stage)
    if query.text:
        return await listing.search(query.state, query.takes, most)
    found: list[str] = []
    async for ids in listing.walk(query.state):
        found += ids
        if len(found) >= most:
            break
    return found[:most]


def _as(state: State, item: Item) -> Item:
    """An item that waits and was added again is shown for what was asked for."""
    return item if state == "waiting" else msgspec.structs.replace(item, parked=None)
