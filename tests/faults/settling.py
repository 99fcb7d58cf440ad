"""After the last fault: everything mended, people click what waits for a click, and the work comes to rest."""

import asyncio
import base64
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from redis.exceptions import RedisError

from sandbox.salesforce.cdc import InvalidReplayIdError
from tests.faults.deployment import Deployment
from worker.store.cursors import Cursor

RESTS_WITHIN = 90.0  # seconds
CLICKS = 3
BETWEEN_CLICKS = 0.5  # seconds
QUIET = 3  # looks in a row that find nothing to do
CHANNEL = "/data/TimeEntry__ChangeEvent"
POLLED = "/poll/TimeEntry__c"


async def settle(office: Deployment) -> float:
    """Mend everything and wait for rest. Gives the seconds that it took. Fails where something is stuck."""
    began = time.monotonic()
    for faults in (office.stand.xero_faults, office.stand.salesforce_faults):
        faults.remove()
    await rest(office)
    await _press_the_button(office)
    await rest(office)
    await _delete_copies(office)
    return time.monotonic() - began


async def rest(office: Deployment) -> None:
    """Wait until nothing is due, in flight, unknown or on its way to us."""
    deadline, quiet, found = time.monotonic() + RESTS_WITHIN, 0, ["nothing was looked at"]
    clicks = Clicks(office)
    while quiet < QUIET:
        await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(5):
                found = await _unrest(office)
                await clicks.click()
        except (RedisError, OSError, TimeoutError) as away:
            found = [f"the store does not answer: {away!r}"]
        quiet = 0 if found else quiet + 1
        assert time.monotonic() < deadline, "stuck: " + "; ".join(found)


async def _unrest(office: Deployment) -> list[str]:
    found = await office.world.unrest()
    found += [] if await office.ready() else ["nobody listens, or the ledger is not complete"]
    found += [
        f"problem {beat.name}: {beat.detail}" for beat in await office.world.ctx.store.heartbeats.alive("problem")
    ]
    found += await _unheard(office)
    return found


async def _unheard(office: Deployment) -> list[str]:
    """Events that the org has told and that no listener has stored yet."""
    bus, position = office.stand.salesforce.bus, await office.world.ctx.store.inbox.position(CHANNEL)
    told = [event.index for event in bus.events if event.entity == "TimeEntry__c"]
    if not told:
        return []
    try:
        stored = bus.locate(base64.b64decode(position.replay)) if position is not None else -1
    except InvalidReplayIdError:
        stored = -1
    if stored >= told[-1] or await _polled(office, bus.events[-1].at):
        return []
    return [f"of {told[-1]} events {stored} are stored"]


async def _polled(office: Deployment, at: datetime) -> bool:
    """Whether polling stands in for the stream, and has read everything that changed until then."""
    store = office.world.ctx.store
    if not any(beat.detail.get("transport") == "poll" for beat in await store.heartbeats.alive("listener")):
        return False
    read = await store.inbox.position(POLLED)
    return read is not None and datetime.fromisoformat(read.replay) > at


@dataclass
class Clicks:
    """What stands still with a reason that people see goes on when a person says so: a few times, not for ever."""

    office: Deployment
    times: Counter[str] = field(default_factory=Counter)
    last: float = 0.0

    async def click(self) -> None:
        """Resume and release whatever waits for it."""
        if time.monotonic() - self.last < BETWEEN_CLICKS:
            return
        self.last = time.monotonic()
        for work in self.office.world.ctx.store.lists():
            if await work.paused():
                await work.resume()
            parked = [item.id for item in await work.parked(0, 1000) if self.times[item.id] < CLICKS]
            self.times.update(parked)
            await work.release(parked)


async def _press_the_button(office: Deployment) -> None:
    """What people did in Xero is read: contacts, documents, and what comes due by time alone.

    Projects are in no stream: where one was linked anew, entries are checked against Salesforce too.
    """
    if office.relinked:
        await office.world.ctx.store.schedule.again("reconcile")
        await office.world.ctx.store.bell.ring("reconcile")
    store, since = office.world.ctx.store, office.stand.clock.now().replace(microsecond=0)
    deadline = time.monotonic() + RESTS_WITHIN
    while True:
        cursors = {name: await store.cursors.get(name) for name in ("contacts", "statuses")}
        behind = [name for name, cursor in cursors.items() if not _read_since(cursor, since)]
        if not behind:
            return
        assert time.monotonic() < deadline, f"not read since {since}: {behind}"
        for task in (*behind, "upkeep"):
            await store.schedule.again(task)
            await store.bell.ring(task)
        await asyncio.sleep(0.5)


async def _delete_copies(office: Deployment) -> None:
    """People delete the copies that they are shown, made by packets later than any number is held for."""
    ledger = office.world.ctx.store.ledger
    records = (await ledger.invoices(await ledger.all_keys())).values()
    documents = [document for held in records if held.invoice for document in held.invoice.documents]
    copies = [copy for document in documents for copy in document.copies]
    for copy in copies:
        office.world.act("delete", id=copy.id)
    if copies:
        await _press_the_button(office)
        await rest(office)


def _read_since(cursor: Cursor, since: datetime) -> bool:
    """Whether a walk is through that began in a later second: Xero's clock tells whole seconds, and what people did in
    the rest of this one came after the answer that is of it."""
    return bool(cursor.since) and not cursor.place and datetime.fromisoformat(cursor.since) > since
