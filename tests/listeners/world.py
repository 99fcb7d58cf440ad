"""A home around the Salesforce stand-in, for any door: what people do there, what goes wrong, and what must be told.

`truth` is what changed. What an inbox knows is the units it was told and, where Salesforce is to be read again, what a
reading from that time on would find.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from listeners.bayeux import POSITION
from listeners.channel import Target
from listeners.cometd import CometD
from listeners.poll import poll_channel
from listeners.ports import ChangeSource, Clock, Deletions, Source
from listeners.pubsub import PubSub
from listeners.salesforce import Listener
from listeners.times import moment, stamp
from sandbox.clock import Clock as SandboxClock
from sandbox.faults import Fault, Faults
from sandbox.salesforce import script
from sandbox.salesforce.app import create_app
from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET
from sandbox.salesforce.bayeux import replay_number
from sandbox.salesforce.pubsub import build_server
from sandbox.salesforce.state import State
from tests.listeners.bus import CHANNEL
from tests.listeners.house import Home
from tests.listeners.memory import LIMITS, MemoryOrg, MemoryPosition, eventually
from worker.limits import Limits
from worker.salesforce.auth import Session

LIMITS_HERE = replace(LIMITS, poll=0.03)
SCALE = 20.0  # of the stand-in's waits: a connect is held for 5.5 s, a client forgotten after 2 s
OURS = "com/salesforce/api/rest/67.0;client=hourstream"
LOGIN = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


class WorldOrg(MemoryOrg):
    """The stand-in's org, as doors see it."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state
        self.logins = 0  # how often a session was asked for …
        self.renewed = 0  # … and how often because Salesforce had refused one
        self.away = 0  # how many more times nobody answers

    async def session(self, stale: Session | None = None) -> Session:
        self._answers()
        if stale is not None:
            self.state.sessions.revoke(stale.access_token)
            self.renewed += 1
        self.logins += 1
        token = self.state.sessions.login(LOGIN, self.state.org.url)["access_token"]
        return Session(token, self.state.org.url, self.state.org.id)

    async def clock(self, sobject: str) -> Clock:
        self._answers()
        return Clock(self.state.org.clock.now())

    async def changed(self, sobject: str, since: datetime) -> AsyncIterator[Sequence[tuple[str, str]]]:
        self._answers()
        found = [(name, at) for name, at in self.stamps(sobject) if at >= since]
        for start in range(0, max(1, len(found)), 50):
            yield [(name, at.isoformat()) for name, at in found[start : start + 50]]

    async def deleted(self, sobject: str, start: datetime, end: datetime) -> Deletions:
        gone = self.state.org.purged.get(sobject, [])
        rows = tuple((name, at.isoformat()) for name, at in gone if start <= at <= end)
        return Deletions(rows, end, max(start, self.earliest))

    def stamps(self, sobject: str) -> list[tuple[str, datetime]]:
        """Every row, deleted ones too, with its time of change."""
        rows = self.state.org.tables[sobject].values()
        return [(str(row["Id"]), at) for row in rows if isinstance(at := row["SystemModstamp"], datetime)]

    def _answers(self) -> None:
        if self.away:
            self.away -= 1
            raise OSError("no route to Salesforce")


class World(Home):
    """One stand-in and any number of listeners on one kind of door."""

    def __init__(self, door: str, state: State, faults: Faults, target: str) -> None:
        super().__init__(WorldOrg(state))
        self.name, self.state, self.faults, self.target = door, state, faults, target
        self.source = Source("TimeEntry__c", CHANNEL, frozenset({"Xero_Billed__c"}))
        self.truth: set[str] = set()
        self.listeners: list[Listener] = []

    def door(self, org: MemoryOrg, limits: Limits) -> ChangeSource:
        if self.name == "cometd":
            return CometD(org, limits, "67.0")
        return PubSub(Target(self.target, tls=False), org, limits)

    def start(self, **changes: Any) -> Listener:
        usual = {"transport": "poll" if self.name == "poll" else "stream", "limits": LIMITS_HERE}
        listener = super().start(**(usual | changes))
        self.listeners.append(listener)
        return listener

    @property
    def salesforce(self) -> WorldOrg:
        assert isinstance(self.org, WorldOrg)
        return self.org

    @property
    def channel(self) -> str:
        """Under this name the position is kept."""
        assert self.source is not None
        return poll_channel(self.source.sobject) if self.name == "poll" else self.source.channel

    def before(self, channel: str | None = None) -> None:
        """As if a listener had stored everything until now."""
        now = self.state.org.clock.now()
        self.inbox.positions[channel or self.channel] = MemoryPosition(self.latest(now), stamp(now))

    def latest(self, now: datetime) -> str:
        """The newest position there is."""
        replay = self.state.bus.latest()
        if self.name == "poll":
            return stamp(now.astimezone(UTC) - timedelta(seconds=1))
        return f"{POSITION}{replay_number(replay)}" if self.name == "cometd" else base64.b64encode(replay).decode()

    @property
    def position(self) -> str:
        return self.inbox.positions[self.channel].replay

    async def open(self) -> None:
        """Wait until a listener listens; of the Pub/Sub API the server knows that first."""
        if self.name == "pubsub":
            await until(lambda: self.state.bus.subscribers == 1)
        else:
            await until(lambda: any(each.status.state == "listening" for each in self.listeners))

    # What people do

    def act(self, action: str, sobject: str = "TimeEntry__c", **body: Any) -> list[str]:
        """What the stand-in's control port does with records; gives their units."""
        made: Any = script.records(self.state, {"action": action, "sobject": sobject} | body)
        return [f"{sobject}:{each}#0" for each in made["ids"]]

    def log_time(self, count: int = 1) -> list[str]:
        """So many entries in one transaction."""
        units = self.act("insert", records=[{"Hours__c": "1.00", "Work_Date__c": "2026-11-05"}] * count)
        self.truth.update(units)
        return units

    def update(self, *units: str, origin: str = "", **fields: object) -> None:
        """The same change of all these in one transaction."""
        self.act("update", records=[{"Id": id_of(unit)} | fields for unit in units], **_from(origin))

    def delete(self, unit: str) -> None:
        self.act("delete", ids=[id_of(unit)])

    def undelete(self, unit: str) -> None:
        self.act("undelete", ids=[id_of(unit)])

    def purge(self, unit: str) -> None:
        """Out of the recycle bin: gone but for the delete record."""
        self.act("purge", ids=[id_of(unit)], logged=True)

    def quietly(self) -> str:
        """An entry of which no event tells."""
        [unit] = self.act("insert", records=[{"Hours__c": "1.00"}], quiet=True)
        self.truth.add(unit)
        return unit

    # What goes wrong

    def stream(self, action: str, **body: object) -> Any:
        """As the stand-in's control port does."""
        return script.stream(self.state, {"action": action} | body)

    def fault(self, kind: str, **how: Any) -> None:
        """Of the next requests to the door."""
        path = "/eventbus.*/Subscribe" if self.name == "pubsub" else "/cometd/.*"
        self.faults.add(Fault(kind, path=path, **how))

    # What is known

    async def told(self, *units: str, times: int = 1) -> None:
        """Wait until the inbox heard of all of these, so often."""
        await until(lambda: all(self.times(unit) >= times for unit in units))

    def times(self, unit: str) -> int:
        return self.inbox.ids.count(unit)

    def status(self) -> Any:
        return self.listeners[0].status

    def resyncs(self) -> dict[str, str]:
        """Every request to read Salesforce again, with the time to read from."""
        asked = dict(self.inbox.requested)
        for stored in self.inbox.stores:
            asked |= stored.resync
        return asked

    def kinds(self) -> set[str]:
        return {name.partition(":")[0] for name in self.resyncs()}

    def known(self) -> set[str]:
        """What the inbox was told, and what reading Salesforce as it asks would find."""
        known = set(self.inbox.ids)
        for since in self.resyncs().values():
            start = moment(since) if since else datetime.min.replace(tzinfo=UTC)
            known |= {f"TimeEntry__c:{name}#0" for name, at in self.salesforce.stamps("TimeEntry__c") if at >= start}
        return known

    async def settle(self) -> None:
        """Everything works: the next change arrives, and with it all before it."""
        self.faults.remove()
        [last] = self.log_time()
        await self.told(last)


def id_of(unit: str) -> str:
    """The record behind a unit."""
    return unit.partition(":")[2].partition("#")[0]


def _from(origin: str) -> dict[str, str]:
    return {"origin": origin} if origin else {}


@asynccontextmanager
async def standing(door: str) -> AsyncIterator[World]:
    """A stand-in with that door alone behind a socket; its listeners are stopped at the end."""
    clock, faults = SandboxClock(scale=SCALE), Faults("salesforce")
    state = State.fresh(clock)
    state.org.url, target = "https://org.example.com", ""
    async with AsyncExitStack() as stack:
        if door == "pubsub":
            target = await _grpc(stack, state, faults)
        elif door == "cometd":
            state.org.url = await _web(stack, create_app(state, clock, faults))
        world = World(door, state, faults, target)
        stack.push_async_callback(world.stop)
        yield world


async def _grpc(stack: AsyncExitStack, state: State, faults: Faults) -> str:
    server = build_server(state, faults)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stack.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{port}"


async def _web(stack: AsyncExitStack, app: web.Application) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, with time enough for a busy machine."""
    await eventually(condition, within=20)


async def pause() -> None:
    """Let others run."""
    await asyncio.sleep(0)
