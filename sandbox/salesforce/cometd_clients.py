"""Who listens over the Streaming API: clients, what they subscribed to, and what is to be refused them by script."""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.salesforce.bayeux import Message, refusal
from sandbox.salesforce.cdc import ChangeBus, Cursor, Event

RECONNECT_SECONDS = 40.0  # a client that has not connected again by then is forgotten
MOST_EVENTS = 200  # in one answer


@dataclass(eq=False)
class Client:
    """One client id. `connects` counts its /meta/connect, the newest of which ends the one before."""

    id: str
    browser: str
    token: str
    seen: datetime
    connects: int = 0
    held: int = 0
    cursors: dict[str, Cursor] = field(default_factory=dict)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, bus: ChangeBus) -> list[tuple[str, Event]]:
        """Events that are due to it, with the channel they come on."""
        return [(channel, event) for channel, cursor in self.cursors.items() for event in bus.read(cursor, MOST_EVENTS)]

    def put_back(self, events: list[tuple[str, Event]]) -> None:
        """Undo a `take`."""
        for channel, event in reversed(events):
            self.cursors[channel].waiting.appendleft(event)

    def uncut(self) -> bool:
        """Whether a stream of it was broken by script; that counts once."""
        cut = any(cursor.cut for cursor in self.cursors.values())
        for cursor in self.cursors.values():
            cursor.cut = False
        return cut


@dataclass
class Scripted:
    """A refusal for the next messages on a meta channel."""

    channel: str
    error: str
    reason: str = ""
    reconnect: str = ""
    times: int = 1


class Clients:
    """The clients of one org."""

    def __init__(self, bus: ChangeBus) -> None:
        self.bus = bus
        self.scripted: deque[Scripted] = deque()
        self._known: dict[str, Client] = {}

    def __len__(self) -> int:
        self._sweep()
        return len(self._known)

    def __iter__(self) -> Iterator[Client]:
        self._sweep()
        return iter(list(self._known.values()))

    def add(self, browser: str, token: str) -> Client:
        """A client that shook hands."""
        self._sweep()
        client = Client(secrets.token_urlsafe(20), browser, token, self.bus.org.clock.now())
        self._known[client.id] = client
        return client

    def find(self, client_id: object) -> Client | None:
        """A client that is still known; asking counts as being heard of."""
        self._sweep()
        client = self._known.get(str(client_id))
        if client is not None:
            client.seen = self.bus.org.clock.now()
        return client

    def shares_browser(self, client: Client) -> bool:
        """Whether another client came with the same cookie."""
        return any(other is not client and other.browser == client.browser for other in self._known.values())

    def subscribe(self, client: Client, channel: str, index: int) -> None:
        """From now on the client gets what comes after `index`, and looks at once."""
        self.unsubscribe(client, channel)
        cursor = self.bus.open(channel, index)
        cursor.moved = client.moved  # one event wakes the client, whichever of its channels moved
        client.cursors[channel] = cursor
        client.moved.set()

    def unsubscribe(self, client: Client, channel: str) -> None:
        """The channel's events do not come any more."""
        cursor = client.cursors.pop(channel, None)
        if cursor is not None:
            self.bus.close(cursor)

    def drop(self, client: Client) -> None:
        """Forget a client and let go the request it waits with."""
        self._known.pop(client.id, None)
        for channel in list(client.cursors):
            self.unsubscribe(client, channel)
        client.moved.set()

    def forget(self) -> int:
        """Forget all of them, as when Salesforce moves clients to other machines; answers how many there were."""
        known = list(self._known.values())
        for client in known:
            self.drop(client)
        return len(known)

    def knows(self, client: Client) -> bool:
        """Whether the client has not been forgotten meanwhile."""
        return self._known.get(client.id) is client

    def refused(self, message: Message) -> Message | None:
        """The scripted refusal of a message, if there is one; counts it."""
        for script in self.scripted:
            if script.channel == message.get("channel"):
                script.times -= 1
                if script.times <= 0:
                    self.scripted.remove(script)
                return refusal(message, script.error, reason=script.reason, reconnect=script.reconnect)
        return None

    def _sweep(self) -> None:
        clock = self.bus.org.clock
        horizon = clock.now() - timedelta(seconds=clock.seconds(RECONNECT_SECONDS))
        for client in [each for each in self._known.values() if not each.held and each.seen < horizon]:
            self.drop(client)
