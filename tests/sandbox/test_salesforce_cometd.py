"""The Streaming API of the stand-in, as Salesforce documents it: message by message over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from salesforce_support import Control, Salesforce

CHANNEL = "/data/TimeEntry__ChangeEvent"
TOO_LARGE = 32_769


class Client:
    """One browser with its cookies."""

    def __init__(self, salesforce: Salesforce, http: aiohttp.ClientSession) -> None:
        self.salesforce, self.http = salesforce, http
        self.id = ""

    async def post(self, *messages: dict[str, Any], kind: str = "Bearer") -> list[dict[str, Any]]:
        """The answers to messages."""
        headers = {"Authorization": f"{kind} {self.salesforce.token}"}
        url = f"{self.salesforce.url}/cometd/67.0"
        async with self.http.post(url, json=list(messages), headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return list(await answer.json())

    async def say(self, channel: str, **more: Any) -> list[dict[str, Any]]:
        return await self.post({"channel": channel, "clientId": self.id} | more)

    async def handshake(self, **how: str) -> dict[str, Any]:
        message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        [answer] = await self.post(message, **how)
        self.id = answer.get("clientId", "")
        return answer

    async def connect(self) -> list[dict[str, Any]]:
        return await self.say("/meta/connect", connectionType="long-polling", id="7")

    async def subscribe(self, replay: object = -1, channel: str = CHANNEL) -> dict[str, Any]:
        [answer] = await self.say("/meta/subscribe", subscription=channel, ext={"replay": {channel: replay}})
        return answer

    async def begin(self, replay: object = -1) -> None:
        """As far as waiting for events."""
        await self.handshake()
        await self.connect()
        assert (await self.subscribe(replay))["successful"]


@pytest.fixture
async def client(salesforce: Salesforce) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Client(salesforce, http)


@pytest.mark.parametrize("kind", ["Bearer", "OAuth"])
async def test_a_handshake_gives_a_client_a_cookie_and_says_what_it_can(client: Client, kind: str) -> None:
    answer = await client.handshake(kind=kind)
    assert answer["successful"]
    assert answer["ext"] == {"replay": True, "payload.format": True}
    assert answer["supportedConnectionTypes"] == ["long-polling"]
    assert [cookie.key for cookie in client.http.cookie_jar] == ["BAYEUX_BROWSER"]


async def test_a_handshake_with_a_dead_session_is_denied_with_the_reason_inside(
    client: Client, salesforce: Salesforce
) -> None:
    salesforce.sandbox.salesforce.sessions.revoke()
    answer = await client.handshake()
    assert (answer["error"], answer["advice"]["reconnect"]) == ("403::Handshake denied", "none")
    assert answer["ext"]["sfdc"]["failureReason"] == "401::Authentication invalid"


async def test_the_first_connect_returns_at_once_with_advice_and_events_come_with_later_ones(
    client: Client, salesforce: Salesforce
) -> None:
    await client.handshake()
    [first] = await client.connect()
    assert first["advice"] == {"reconnect": "retry", "interval": 0, "timeout": 110_000}
    assert first["id"] == "7"
    await client.subscribe()
    entry = await salesforce.create(Hours__c=2.5, Work_Date__c="2026-11-05")
    event, answer = await client.connect()
    header = event["data"]["payload"]["ChangeEventHeader"]
    assert (event["channel"], header["recordIds"], header["changeType"]) == (CHANNEL, [entry], "CREATE")
    assert not {"nulledFields", "diffFields"} & header.keys()  # those are told by the Pub/Sub API alone
    assert event["data"]["payload"]["Work_Date__c"] == "2026-11-05"
    assert "Description__c" not in event["data"]["payload"]  # an empty field of a new record
    assert answer["successful"]


async def test_replay_ids_resume_the_stream(client: Client, salesforce: Salesforce) -> None:
    entries = [await salesforce.create(Hours__c=2.5, Work_Date__c="2026-11-05") for _ in range(3)]
    await client.begin(-2)
    *events, _ = await client.connect()
    ids = [event["data"]["payload"]["ChangeEventHeader"]["recordIds"][0] for event in events]
    assert ids == entries
    await client.begin(events[0]["data"]["event"]["replayId"])
    *again, _ = await client.connect()
    assert again == events[1:]


@pytest.mark.parametrize("replay", [82, "82", 10**30, -3, None])
async def test_a_replay_id_that_never_was_is_refused(client: Client, replay: object) -> None:
    await client.handshake()
    answer = await client.subscribe(replay)
    assert answer["error"].startswith(f"400::The replayId {{{replay}}} you provided was invalid.")


async def test_channels_that_are_not_there_or_not_allowed_are_refused(client: Client, control: Control) -> None:
    await client.handshake()
    assert (await client.subscribe(channel="/data/Account__ChangeEvent"))["error"].startswith("404::")
    await control.post("/salesforce/switches", view_all=False)
    error = (await client.subscribe())["error"]
    assert error == "403::User not allowed to subscribe CDC without View All Data permissions"


async def test_a_forgotten_client_is_told_to_shake_hands(client: Client, control: Control) -> None:
    await client.begin()
    await control.post("/salesforce/stream", action="forget-clients")
    [answer] = await client.connect()
    assert (answer["error"], answer["advice"]) == (
        "403::Unknown client",
        {"reconnect": "handshake", "interval": 0},
    )


async def test_a_client_without_its_cookie_is_refused(client: Client) -> None:
    await client.begin()
    client.http.cookie_jar.clear()
    with pytest.raises(AssertionError, match="no cookie present"):
        await client.connect()


async def test_two_clients_of_one_browser_are_advised_to_pause(client: Client, salesforce: Salesforce) -> None:
    await client.begin()
    other = Client(salesforce, client.http)
    await other.begin()
    [answer] = await other.connect()
    assert answer["advice"] == {
        "interval": 2000,
        "multiple-clients": True,
        "reconnect": "retry",
        "timeout": 110_000,
    }


async def test_when_the_allowance_is_spent_connect_says_so_and_loses_nothing(
    client: Client, salesforce: Salesforce, control: Control
) -> None:
    await client.begin()
    await salesforce.create(Hours__c=2.5, Work_Date__c="2026-11-05")
    await control.post("/salesforce/switches", daily_events=0)
    [answer] = await client.connect()
    assert answer["error"] == "403::Organization total events daily limit exceeded"
    await control.post("/salesforce/switches", daily_events=50_000)
    assert len(await client.connect()) == 2


async def test_scripted_refusals_look_like_salesforce_s(client: Client, control: Control) -> None:
    await client.begin()
    reason = "503::Server is too busy.  Please try your request again later."
    script = {"channel": "/meta/connect", "error": "401::Authentication invalid", "reason": reason}
    await control.post("/salesforce/stream", action="refuse", reconnect="none", **script)
    [answer] = await client.connect()
    assert answer["ext"]["sfdc"]["failureReason"] == reason
    assert answer["advice"] == {"reconnect": "none", "interval": 0}


async def test_large_and_broken_requests_are_refused(client: Client, salesforce: Salesforce) -> None:
    url = f"{salesforce.url}/cometd/67.0"
    for body, status in ((b"[" + b" " * TOO_LARGE, 413), (b"nonsense", 400), (b"[]", 400), (b"[7]", 400)):
        async with client.http.post(url, data=body) as answer:
            assert answer.status == status
    async with client.http.post(f"{salesforce.url}/cometd/36.0", json=[{}]) as answer:
        assert answer.status == 404
