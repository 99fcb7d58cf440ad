"""The CometD door's own manners, against a server that says what a test writes down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from listeners.cometd import PAGE, CometD
from listeners.faults import Fault, StreamFault
from tests.listeners.bus import CHANNEL
from tests.listeners.house import Home
from tests.listeners.memory import LIMITS, MemoryOrg, MemoryPosition, eventually
from tests.listeners.test_listener_bayeux import event
from worker.limits import Limits
from worker.salesforce.auth import Session

Reply = Callable[[dict[str, Any]], list[Any]]  # from a message to the messages that answer it
META = "/meta/"


def yes(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The successful answer to a message."""
    return {"channel": message["channel"], "clientId": "client-1", "successful": True} | more


@dataclass
class Server:
    """Answers a meta channel with what is written down for it, else with yes; keeps what it was asked."""

    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    cookies: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    held: asyncio.Event | None = None  # what connects that may be held wait for
    path: str = ""
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        [message] = await request.json()
        self.path = request.path
        self.asked.append(message)
        self.cookies.append(dict(request.cookies))
        self.headers.append(dict(request.headers))
        if self.held is not None and message["channel"] == "/meta/connect" and "advice" not in message:
            await self.held.wait()
        reply = self.replies.get(message["channel"].removeprefix(META), lambda told: [yes(told)])
        response = web.json_response(reply(message))
        response.set_cookie("BAYEUX_BROWSER", f"browser-{len(self.asked)}")
        return response

    def names(self) -> list[str]:
        return [message["channel"].removeprefix(META) for message in self.asked]

    def count(self, name: str) -> int:
        return self.names().count(name)


class Org(MemoryOrg):
    """Sessions for that server."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    async def session(self, stale: Session | None = None) -> Session:
        return replace(await super().session(stale), instance_url=self.url)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    if server.held is not None:
        server.held.set()
    await runner.cleanup()


def door(server: Server, limits: Limits = LIMITS) -> CometD:
    return CometD(Org(server.url), limits, "67.0")


async def test_it_shakes_hands_connects_subscribes_and_leaves(server: Server) -> None:
    async with door(server).subscribe(CHANNEL, "cometd:7") as responses:
        await anext(responses)
    assert server.names() == ["handshake", "connect", "subscribe", "connect", "disconnect"]
    assert server.path == "/cometd/67.0"
    assert server.asked[2]["ext"] == {"replay": {CHANNEL: 7}}
    assert {message.get("clientId") for message in server.asked[1:]} == {"client-1"}
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer token-1"}


async def test_without_a_position_it_asks_for_what_is_new(server: Server) -> None:
    async with door(server).subscribe(CHANNEL, None):
        assert server.asked[-1]["ext"] == {"replay": {CHANNEL: -1}}


async def test_cookies_are_kept_within_a_subscription_and_forgotten_with_it(server: Server) -> None:
    cometd = door(server)
    for _ in range(2):
        async with cometd.subscribe(CHANNEL, None):
            assert server.cookies[-3] == {}
            assert server.cookies[-1] == {"BAYEUX_BROWSER": f"browser-{len(server.asked) - 1}"}


async def test_only_the_first_connects_ask_not_to_be_held(server: Server) -> None:
    async with door(server).subscribe(CHANNEL, "cometd:7") as responses:
        for _ in range(3):
            await anext(responses)
    connects = [message.get("advice") for message in server.asked if message["channel"] == "/meta/connect"]
    assert connects == [{"timeout": 0}, {"timeout": 0}, None, None]


async def test_events_in_any_answer_are_taken_in_order(server: Server) -> None:
    server.replies["subscribe"] = lambda told: [event(8), yes(told), event(9)]
    server.replies["connect"] = lambda told: [event(10), yes(told)] if server.count("connect") == 2 else [yes(told)]
    async with door(server).subscribe(CHANNEL, "cometd:7") as responses:
        first, second, third = [await anext(responses) for _ in range(3)]
    assert [raw.replay for raw in (*first.events, *second.events)] == ["cometd:8", "cometd:9", "cometd:10"]
    assert (third.events, third.latest) == ((), "cometd:10")


async def test_a_large_answer_is_taken_page_by_page(server: Server) -> None:
    server.replies["subscribe"] = lambda told: [*(event(number) for number in range(8, 8 + PAGE + 1)), yes(told)]
    async with door(server).subscribe(CHANNEL, "cometd:7") as responses:
        sizes = [len((await anext(responses)).events) for _ in range(2)]
    assert sizes == [PAGE, 1]


async def test_events_that_come_with_a_refusal_are_taken_before_it(server: Server) -> None:
    def last(told: dict[str, Any]) -> list[Any]:
        refusal = {"channel": told["channel"], "successful": False, "error": "403::Unknown client"}
        return [event(8), refusal] if server.count("connect") == 2 else [yes(told)]

    server.replies["connect"] = last
    async with door(server).subscribe(CHANNEL, "cometd:7") as responses:
        assert [raw.replay for raw in (await anext(responses)).events] == ["cometd:8"]
        with pytest.raises(StreamFault) as caught:
            await anext(responses)
    assert caught.value.fault is Fault.CLIENT
    assert server.names()[-1] == "connect"  # to a server that forgot us there is no good-bye


async def test_salesforce_that_forgets_every_client_it_has_just_let_in_is_left_in_peace(server: Server) -> None:
    def forget(told: dict[str, Any]) -> list[Any]:
        refusal = {"channel": told["channel"], "successful": False, "error": "403::Unknown client"}
        return [yes(told)] if "advice" in told else [refusal]

    server.replies["connect"] = forget
    home = Home(Org(server.url))
    home.inbox.positions[CHANNEL] = MemoryPosition("cometd:7", "2026-11-05T09:00:00.000Z")
    patient = replace(LIMITS, backoff_base=1000.0, minute=1000.0)
    listener = home.start(door=door(server), limits=patient)
    try:
        await eventually(lambda: listener.status.reconnects["client unknown"] == 2)
        with pytest.raises(TimeoutError):  # once at once, from then on with a wait
            await eventually(lambda: server.count("handshake") > 2, within=0.2)
    finally:
        await home.stop()


async def test_before_the_first_position_nothing_is_said_to_be_up_to_date(server: Server) -> None:
    async with door(server).subscribe(CHANNEL, None) as responses:
        opening, response = [await anext(responses) for _ in range(2)]
    assert (opening.opening, response.opening) == (True, False)
    assert (response.events, response.latest) == ((), "")


async def test_an_event_without_replay_id_before_the_first_position_is_left_to_the_reading(server: Server) -> None:
    server.replies["subscribe"] = lambda told: [event(None), event(8), yes(told)]
    async with door(server).subscribe(CHANNEL, None) as responses:
        assert [raw.replay for raw in (await anext(responses)).events] == ["cometd:8"]


async def test_a_server_that_holds_nothing_is_not_asked_all_the_time(server: Server) -> None:
    limits = replace(LIMITS, doorbell=0.05)
    began = asyncio.get_running_loop().time()
    async with door(server, limits).subscribe(CHANNEL, "cometd:7") as responses:
        for _ in range(6):
            await anext(responses)
    assert asyncio.get_running_loop().time() - began >= 4 * limits.doorbell


async def test_the_advised_pause_is_made_in_milliseconds(server: Server) -> None:
    server.replies["connect"] = lambda told: [event(8), yes(told, advice={"interval": 40, "multiple-clients": True})]
    began = asyncio.get_running_loop().time()
    unscaled = replace(LIMITS, minute=60.0)
    async with asyncio.timeout(5), door(server, unscaled).subscribe(CHANNEL, "cometd:7") as responses:
        for _ in range(6):
            await anext(responses)
    assert asyncio.get_running_loop().time() - began >= 4 * 0.04


async def test_a_connect_that_is_held_longer_than_advised_is_given_up(server: Server) -> None:
    server.replies["connect"] = lambda told: [yes(told, advice={"timeout": 50})]
    server.held = asyncio.Event()
    async with door(server, replace(LIMITS, read_request=0.3)).subscribe(CHANNEL, "cometd:7") as responses:
        await anext(responses)
        with pytest.raises(StreamFault, match="no answer within") as caught:
            await anext(responses)
    assert caught.value.fault is Fault.SILENT


@pytest.mark.parametrize("fault", ["handshake", "connect", "subscribe"])
async def test_whatever_is_left_unanswered_or_refused_opens_nothing(server: Server, fault: str) -> None:
    for answer in ([], [{"channel": f"/meta/{fault}", "successful": False, "error": "503::Busy"}]):
        server.replies[fault] = lambda told, said=answer: said
        with pytest.raises(StreamFault):
            async with door(server).subscribe(CHANNEL, "cometd:7"):
                raise AssertionError("it was opened")


async def test_a_handshake_without_a_client_id_opens_nothing(server: Server) -> None:
    server.replies["handshake"] = lambda told: [{"channel": told["channel"], "successful": True}]
    with pytest.raises(StreamFault, match="no client id"):
        async with door(server).subscribe(CHANNEL, "cometd:7"):
            raise AssertionError("it was opened")


async def test_after_a_refused_subscription_the_client_is_given_back(server: Server) -> None:
    refusal = {"channel": "/meta/subscribe", "successful": False, "error": "404::No such channel"}
    server.replies["subscribe"] = lambda told: [refusal]
    with pytest.raises(StreamFault):
        async with door(server).subscribe(CHANNEL, "cometd:7"):
            raise AssertionError("it was opened")
    assert server.names()[-1] == "disconnect"


async def test_a_refused_token_is_not_used_again(server: Server) -> None:
    server.replies["handshake"] = lambda told: [
        yes(told)
        if server.headers[-1]["Authorization"] == "Bearer token-2"
        else {"channel": told["channel"], "successful": False, "error": "401::Authentication invalid"}
    ]
    cometd = door(server)
    with pytest.raises(StreamFault):
        async with cometd.subscribe(CHANNEL, None):
            raise AssertionError("it was opened")
    async with cometd.subscribe(CHANNEL, None):
        assert server.headers[-1]["Authorization"] == "Bearer token-2"


async def test_being_stopped_while_salesforce_holds_the_connect_still_says_good_bye(server: Server) -> None:
    async def listen() -> None:
        async with door(server).subscribe(CHANNEL, "cometd:7") as responses:
            async for response in responses:
                heard.append(response)

    heard: list[object] = []
    server.held = asyncio.Event()
    task = asyncio.create_task(listen())
    await eventually(lambda: server.count("connect") == 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await eventually(lambda: server.names()[-1] == "disconnect")
