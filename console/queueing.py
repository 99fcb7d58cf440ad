"""The queue's items, one by one: what is known of each, trying it again at once, and no longer trying it by itself.

No hours are thrown away here: what somebody gives up on waits, visibly, until it is tried again or its entry changes.
"""

from collections.abc import Iterable, Sequence

import msgspec

from console import readmodel
from worker.billing.keys import record_of
from worker.salesforce.ids import id18
from worker.setup import SetupError, parse
from worker.store.listing import Item
from worker.store.store import Store
from worker.store.worklist import Parked, WorkList

GIVEN_UP, HELD = "given-up", "held-by-hand"
TEXT = "Somebody stopped this by hand (`hourstream queue discard`): it is tried once a day only"
WHY_NOT = {
    "absent": "it is not in this stage's queue",
    "not-retried": "nothing of it has failed: it is done in its turn",
    "leased": "a worker is at it right now",
    "unresolved": "whether Xero has its last write is not known yet; that is found out first",
}


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An item of one stage. `state`: due, later, leased, retrying, waiting. Times are ISO 8601 in UTC, "" for none."""

    id: str
    stage: str
    state: str
    due_at: str = ""
    leased_until: str = ""
    attempts: int = 0
    error: str = ""
    reason: str = ""
    cause: str = ""
    since: str = ""
    text: str = ""


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item: `done`, or why it goes on being tried."""

    id: str
    stage: str
    done: bool
    why: str = ""


async def names(store: Store, name: str) -> list[str]:
    """What a person's words mean on the lists: units of a record's id, or the key of an invoice or its number."""
    name = name.strip()
    record = _record(record_of(name))
    if record:
        source = name.partition(":")[0] if ":" in name else await _source(store)
        return [f"{source}:{record}#0"]
    views = await readmodel.invoice(store, name)
    return list(dict.fromkeys(view.key for view in views)) or [name]


async def show(store: Store, name: str) -> list[ItemView]:
    """Every stage's row of an item, and what the ledger says it waits for; empty when no stage knows it."""
    found: list[ItemView] = []
    now = await store.clock()
    for id_ in await names(store, name):
        for work in store.lists():
            found += await _rows(store, work, id_, now)
        found += [
            ItemView(id=id_, stage="ledger", state="waiting", reason=each.reason, cause=each.cause, since=each.since,
                     text=each.text)
            for each in await readmodel.waiting(store, lists=())
            if each.id == id_
        ]  # fmt: skip
    return found


async def retry(store: Store, name: str) -> list[str]:
    """Try again now whatever a name means, wherever it failed or waits; gives the ids, none when nothing does."""
    found = []
    waiting = {each.id for each in await readmodel.waiting(store, lists=())}
    for id_ in await names(store, name):
        for work in store.lists():
            failed = (await work.item(id_)).get("error")
            if failed or await work.parked_item(id_) or (work is store.collect and id_ in waiting):
                await again(store, work, [id_])
                found.append(id_)
    return list(dict.fromkeys(found))


async def retry_all(store: Store, stage: str = "") -> list[str]:
    """Try again now everything that failed or waits: in one stage, or in all of them."""
    found: list[str] = []
    for work in _lists(store, stage):
        ids = [*await work.failing(), *(item.id for item in await work.parked(0, 100_000))]
        if work is store.collect:
            ids += [each.id for each in await readmodel.waiting(store, lists=())]
        await again(store, work, dict.fromkeys(ids))
        found += ids
    return list(dict.fromkeys(found))


async def discard(store: Store, name: str) -> list[Discarded]:
    """Stop trying what failed, by one name: it waits until somebody retries it, its entry changes, or once a day."""
    ids = await names(store, name)
    found = [await give_up(store, work, [id_]) for id_ in ids for work in store.lists() if await work.item(id_)]
    return [each for of_one in found for each in of_one]


async def discard_all(store: Store, stage: str = "") -> list[Discarded]:
    """The same for everything that failed: in one stage, or in all of them."""
    found = [await give_up(store, work, await work.failing()) for work in _lists(store, stage)]
    return [each for of_one in found for each in of_one]


def _record(name: str) -> str:
    try:
        return id18(name)
    except ValueError:
        return ""


def _lists(store: Store, stage: str) -> Sequence[WorkList]:
    return [work for work in store.lists() if stage in ("", work.stage)]


async def _source(store: Store) -> str:
    """The object that time is tracked in; "" without a setup that can be read."""
    stored = await store.setup.current()
    try:
        return parse(stored.text).source.sobject if stored else ""
    except SetupError:
        return ""


async def again(store: Store, work: WorkList, ids: Iterable[str]) -> None:
    """Try these again now, as if nothing of them had failed; what waits goes on."""
    await work.forgive(ids)
    await store.bell.ring(work.stage)


async def give_up(store: Store, work: WorkList, ids: Sequence[str]) -> list[Discarded]:
    """Stop trying these, if they failed: each waits, visibly, and is tried once a day."""
    now = await store.clock()
    items = await store.listing(work.stage).items(ids)
    parked = [Parked(each.id, GIVEN_UP, f"{TEXT}. Its last failure: {each.error}", "", now) for each in items]
    return _became(work, ids, await work.give_up_all(parked))


async def hold(store: Store, work: WorkList, ids: Iterable[str], who: str, why: str) -> list[Discarded]:
    """Let these wait, whether or not they failed, until somebody tries them again, they change, or a day is over."""
    now, names = await store.clock(), list(ids)
    text = f"{who} lets this wait{f': {why}' if why else ''}. It is tried once a day, and when somebody retries it."
    parked = [Parked(id_, HELD, text, "", now) for id_ in names]
    return _became(work, names, await work.give_up_all(parked, failed=False))


def _became(work: WorkList, ids: Sequence[str], answers: Sequence[str]) -> list[Discarded]:
    return [
        Discarded(id=id_, stage=work.stage, done=answer == "parked", why=WHY_NOT.get(answer, ""))
        for id_, answer in zip(ids, answers, strict=True)
    ]


# ---- whole stages --------------------------------------------------------------------------------------------------


async def pause(store: Store, stage: str, who: str, why: str) -> None:
    """Work on nothing of a stage ("" for all) until it is resumed. Changes are still taken in."""
    for work in _lists(store, stage):
        await work.pause(who, why)
    await store.audit.write(who, "paused", f"stage {stage or 'all'}", {"why": why})


async def resume(store: Store, stage: str, who: str) -> None:
    """Go on with a stage. One that stands still for the wrong org or company stops again while that answers."""
    for work in _lists(store, stage):
        await work.resume()
        await store.bell.ring(work.stage)
    await store.audit.write(who, "resumed", f"stage {stage or 'all'}", {})


async def _rows(store: Store, work: WorkList, id_: str, now: str) -> list[ItemView]:
    """An item may wait and be on the list at once: it was added again since."""
    [item] = await store.listing(work.stage).items([id_])
    found = [view(work.stage, item, now)] if item.parked else []
    if item.due:
        found.append(view(work.stage, msgspec.structs.replace(item, parked=None), now))
    return found


def view(stage: str, item: Item, now: str) -> ItemView:
    """An item as people see it. `now`: the store's clock."""
    if (waits := item.parked) is not None:
        return ItemView(id=item.id, stage=stage, state="waiting", reason=waits.reason, cause=waits.cause,
                        since=waits.since, text=waits.text)  # fmt: skip
    return ItemView(id=item.id, stage=stage, state=_state(item, now), due_at=item.due, leased_until=item.leased_until,
                    attempts=item.attempts, error=item.error)  # fmt: skip


def _state(item: Item, now: str) -> str:
    if item.leased_until:
        return "leased"
    if item.error:
        return "retrying"
    return "due" if item.due <= now else "later"
