"""The Salesforce Streaming API: change events as JSON, by CometD long polling. For where gRPC cannot get out.

Each subscription shakes hands anew, with no cookies of an earlier one, and subscribes after the stored replay id; that
Salesforce took the subscription is checked. Nothing is mended inside a subscription: whatever goes wrong ends it with a
fault, and the next one starts from what is stored. So a client that Salesforce forgot (`403::Unknown client`, routine
when it moves to other machines) cannot stay connected without a subscription. The next events are asked for once the
last are stored: a slow Redis slows the stream. (Salesforce: Streaming API developer guide; the Bayeux protocol.)
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

import aiohttp
import structlog

from listeners import bayeux, bayeux_faults
from listeners.bayeux import Message, NotBayeux
from listeners.events import ChangeEvent
from listeners.faults import Fault, StreamFault
from listeners.ports import RawEvent, Response, Sessions
from worker.limits import Limits
from worker.proxies import Request
from worker.salesforce.auth import Session

log = structlog.get_logger(__name__)

PAGE = 200  # events stored at once; an answer may hold more
GONE = frozenset({Fault.CLIENT, Fault.AUTH, Fault.UNAVAILABLE})  # after these there is nobody to say good-bye to


class CometD:
    """The door. `version` is that of the address, such as `67.0`; events are the same in each."""

    name = "cometd"

    def __init__(self, sessions: Sessions, limits: Limits, version: str) -> None:
        self._sessions, self._limits, self._version = sessions, limits, version
        self._stale: Session | None = None  # what Salesforce refused last

    @asynccontextmanager
    async def subscribe(self, channel: str, replay: str | None) -> AsyncIterator["CometDSubscription"]:
        """Open the stream after `replay`, or (None) from now on; entered once Salesforce has taken the subscription.

        Raises `StreamFault`, from within as well.
        """
        after = bayeux.NEW_ONLY if replay is None else bayeux.replay_number(replay)
        if after is None:
            raise StreamFault(Fault.POSITION, f"The stored position of {channel} is not one of CometD.")
        session = await self._sessions.session(self._stale)
        try:
            async with http_session(session, self._limits) as http:
                wire = Wire(http, f"{session.instance_url.rstrip('/')}/cometd/{self._version}", self._limits)
                subscription = CometDSubscription(wire, channel, replay or "", self._limits)
                try:
                    await subscription.begin(after)
                    yield subscription
                finally:
                    await subscription.leave()
        except StreamFault as fault:
            if fault.fault is Fault.AUTH:
                self._stale = session
            raise

    async def decode(self, raw: RawEvent, *, fresh: bool = False) -> ChangeEvent:
        """The event; there is no schema to fetch afresh. Raises `Undecodable`."""
        return bayeux.json_event(raw)


@asynccontextmanager
async def http_session(session: Session, limits: Limits) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with a cookie jar of its own. Proxies come from the environment, trusted roots from `SSL_CERT_FILE`."""
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {session.access_token}", "Content-Type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.read_request / 3),
        cookie_jar=aiohttp.CookieJar(unsafe=True),  # keeps those of a numeric host as well
        request_class=Request,
    ) as http:
        yield http


class Wire:
    """Posts messages and reads the answers; `broken` once that failed."""

    def __init__(self, http: aiohttp.ClientSession, address: str, limits: Limits) -> None:
        self._http, self._address, self._limits = http, address, limits
        self.broken = False

    async def ask(self, message: Message, about: str, hold: float = 0.0) -> list[object]:
        """The messages that answer this one; Salesforce may hold it for `hold` seconds. Raises `StreamFault`."""
        try:
            answers: list[object] = []
            for body in bayeux.bodies([message]):
                answers += await self._post(body, about, hold + self._limits.read_request)
        except StreamFault:
            self.broken = True
            raise
        return answers

    async def _post(self, body: bytes, about: str, within: float) -> list[object]:
        try:
            async with (
                asyncio.timeout(within),
                self._http.post(self._address, data=body, allow_redirects=False) as response,
            ):
                status, raw = response.status, await response.read()
        except aiohttp.ClientError as error:  # before the next, of which some of these are
            raise StreamFault(Fault.UNAVAILABLE, f"{about}: {error or repr(error)}") from error
        except TimeoutError as error:
            raise StreamFault(Fault.SILENT, f"{about}: no answer within {within:g} seconds.") from error
        except OSError as error:
            raise StreamFault(Fault.UNAVAILABLE, f"{about}: {error or repr(error)}") from error
        fault = bayeux_faults.answered(status, raw, about)
        if fault is not None:
            raise fault
        try:
            return bayeux.messages_of(raw)
        except NotBayeux as error:
            raise bayeux_faults.unreadable(error, about) from error


class CometDSubscription:
    """One client id with one subscription."""

    def __init__(self, wire: Wire, channel: str, position: str, limits: Limits) -> None:
        self._wire, self._channel, self._limits = wire, channel, limits
        self._position = position  # of the last event heard; "" before the first one of all
        self._client = ""
        self._opened = False  # whether a connect was answered; only after that Salesforce is let hold them
        self._interval = 0.0  # seconds before each connect, by advice
        self._pause = 0.0  # seconds before the next one
        self._timeout = limits.stream_silence  # seconds that Salesforce holds a connect
        self._ready: deque[Response] = deque()
        self._fault: StreamFault | None = None  # came together with events

    async def begin(self, after: int) -> None:
        """Shake hands, connect, subscribe. Raises `StreamFault` unless Salesforce took all three."""
        hello = await self._asked(bayeux.handshake(), bayeux.HANDSHAKE)
        client = hello.get("clientId")
        if not isinstance(client, str) or not client:
            raise StreamFault(Fault.UNAVAILABLE, f"{self._channel}: Salesforce gave no client id.")
        self._client = client
        await self._asked(bayeux.connect(client, hold=False), bayeux.CONNECT)
        await self._asked(bayeux.subscribe(client, self._channel, after), bayeux.SUBSCRIBE)

    def __aiter__(self) -> "CometDSubscription":
        return self

    async def __anext__(self) -> Response:
        """The next events, or what says that there were none. Raises `StreamFault`."""
        if not self._ready and self._fault is not None:
            raise self._fault
        if not self._ready:
            await self._connect()
        return self._ready.popleft()

    async def stored(self, events: int) -> None:
        """Nothing to ask for: the next connect does."""

    async def leave(self) -> None:
        """Let the org have its client back, unless it is gone anyway."""
        if self._client and not self._wire.broken and self._fault is None:
            with suppress(StreamFault, TimeoutError):
                async with asyncio.timeout(self._limits.heartbeat):
                    await self._wire.ask(bayeux.disconnect(self._client), self._channel)

    async def _connect(self) -> None:
        await asyncio.sleep(max(self._pause, self._interval))
        began, hold = monotonic(), self._opened
        message = bayeux.connect(self._client, hold=hold)
        messages = await self._wire.ask(message, self._channel, self._timeout if hold else 0.0)
        self._opened = True
        self._hear(messages)
        try:
            self._checked(messages, bayeux.CONNECT)
        except StreamFault as fault:
            self._fault = fault
            if not self._ready:
                raise
        if not self._ready:
            self._ready.append(Response(latest=self._position) if hold else Response(opening=True))
        at_once = hold and not self._ready[0].events and monotonic() - began < self._limits.doorbell
        self._pause = self._limits.doorbell if at_once else 0.0  # whoever does not hold is not asked all the time

    async def _asked(self, message: Message, meta: str) -> Message:
        messages = await self._wire.ask(message, self._channel)
        self._hear(messages)
        return self._checked(messages, meta)

    def _checked(self, messages: list[object], meta: str) -> Message:
        """The successful answer on a /meta channel, its advice taken. Raises `StreamFault`."""
        answer = bayeux.reply_on(messages, meta)
        if answer is None or answer.get("successful") is not True:
            raise self._turned_down(answer, meta)
        advice = bayeux.advice_of(answer)
        if advice.interval is not None:  # who stays away for longer than Salesforce waits (40 s) is forgotten
            self._interval = min(advice.interval / 1000, self._limits.minute / 2)
        if advice.timeout:
            self._timeout = min(advice.timeout / 1000, self._limits.stream_silence)
        return answer

    def _turned_down(self, answer: Message | None, meta: str) -> StreamFault:
        if answer is None:
            fault = StreamFault(Fault.UNAVAILABLE, f"{self._channel}: Salesforce left {meta} unanswered.")
        else:
            fault = bayeux_faults.refused(answer, f"{self._channel} {meta}")
        self._wire.broken = fault.fault in GONE
        return fault

    def _hear(self, messages: list[object]) -> None:
        """Take the events out of an answer; any answer may carry some."""
        events = bayeux.raw_events(messages, self._position)
        for start in range(0, len(events), PAGE):
            told = tuple(event for event in events[start : start + PAGE] if event.replay)
            if told:
                self._ready.append(Response(told))
                self._position = told[-1].replay
        if events and not events[0].replay:  # no position is stored yet: what changed until it is will be read
            log.warning("an event without a replay id before the first position", channel=self._channel)
