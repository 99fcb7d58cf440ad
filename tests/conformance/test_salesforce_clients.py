"""The Salesforce stand-in, used by clients nobody here wrote."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from listeners.bayeux import POSITION
from listeners.channel import Target
from listeners.cometd import CometD
from listeners.events import ChangeEvent
from listeners.ports import ChangeSource
from listeners.pubsub import PubSub
from sandbox.salesforce.bayeux import replay_number
from sandbox.serve import Running
from tests.listeners.world import WorldOrg
from worker.limits import Limits

pytestmark = pytest.mark.conformance


async def test_jsforce_finds_a_salesforce_org(node: Any, sandbox: Running) -> None:
    seen = await node("jsforce.mjs")
    assert seen["user"] == seen["identity"] == sandbox.salesforce.org.id
    assert seen["described"] == "Project__r"
    assert {"TimeEntry__c", "Project__c", "User"} <= set(seen["objects"])
    assert (seen["created"], seen["retrieved"], seen["deleted"], seen["gone"]) == (
        True,
        2.25,
        True,
        "ENTITY_IS_DELETED",
    )
    assert seen["found"] == ["Hourstream Integration"]
    assert (seen["many"], seen["total"], seen["fetched"]) == (450, 450, 450)
    assert seen["limitInfo"] == sandbox.salesforce.org.now.daily_api_requests
    assert seen["upserts"] == [True, False]
    assert seen["batch"] == [True, True, False]
    assert (seen["updated"], seen["removed"]) == (450, [True])
    assert seen["refused"] == "INVALID_FIELD"


async def one_life(sandbox: Running) -> str:
    """An entry is created, changed and deleted over REST; gives its id."""
    environment = sandbox.environment
    login = {"grant_type": "client_credentials", "client_id": environment["SALESFORCE_CLIENT_ID"]}
    login["client_secret"] = environment["SALESFORCE_CLIENT_SECRET"]
    url = environment["SALESFORCE_LOGIN_URL"]
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/services/oauth2/token", data=login) as answer:
            headers = {"Authorization": "Bearer " + (await answer.json())["access_token"]}
        entries = f"{url}/services/data/v67.0/sobjects/TimeEntry__c"
        body = {"Hours__c": 1, "Status__c": "Draft", "Work_Date__c": "2026-11-05"}
        async with http.post(entries, json=body, headers=headers) as answer:
            entry = str((await answer.json())["id"])
        async with http.patch(f"{entries}/{entry}", json={"Hours__c": 2.5, "Status__c": None}, headers=headers):
            pass
        async with http.delete(f"{entries}/{entry}", headers=headers):
            pass
    return entry


async def test_the_node_pubsub_client_decodes_every_change_over_tls(node: Any, sandbox: Running) -> None:
    await one_life(sandbox)
    seen = await node("pubsub.mjs")
    create, update, delete = seen["events"]
    assert (create["type"], create["hours"], create["status"], create["changed"]) == ("CREATE", 1, "Draft", [])
    assert (update["type"], update["hours"]) == ("UPDATE", 2.5)
    assert {"Hours__c", "Status__c", "LastModifiedDate"} == set(update["changed"])
    assert update["nulled"] == ["Status__c"]
    assert (delete["type"], delete["hours"]) == ("DELETE", None)
    assert [event["type"] for event in seen["replayed"]] == ["UPDATE", "DELETE"]
    assert seen["error"] == "3 sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted"


async def test_cometd_replays_the_stream_is_forgotten_and_comes_back(node: Any, sandbox: Running) -> None:
    entry = await one_life(sandbox)
    seen = await node("cometd.mjs")
    create, update, delete, later = seen["events"]
    assert [event["type"] for event in seen["events"]] == ["CREATE", "UPDATE", "DELETE", "CREATE"]
    assert create["ids"] == update["ids"] == delete["ids"] == [entry] != later["ids"]
    assert (create["hours"], create["day"], create["changed"]) == (1, "2026-11-05", [])
    assert set(update["fields"]) == {"ChangeEventHeader", "Hours__c", "Status__c", "LastModifiedDate"}
    assert delete["fields"] == ["ChangeEventHeader"]
    assert seen["extensions"] == {"replay": True, "payload.format": True}
    assert seen["connects"][0] == {"reconnect": "retry", "interval": 0, "timeout": 110_000}
    assert seen["refused"].startswith("404::")
    assert (seen["error"], seen["handshakes"]) == ("403::Unknown client", 2)


async def test_jsforce_s_streaming_replays_the_stream(node: Any, sandbox: Running) -> None:
    await one_life(sandbox)
    seen = await node("jsforce_streaming.mjs")
    assert [event["type"] for event in seen["events"]] == ["CREATE", "UPDATE", "DELETE"]
    assert seen["replayed"] == seen["events"][1:]
    assert "replayId {4711} you provided was invalid" in seen["refused"]


async def test_our_doors_and_these_clients_agree_event_for_event(node: Any, sandbox: Running) -> None:
    before = sandbox.salesforce.bus.latest()
    await one_life(sandbox)
    heard = {name: await read(sandbox, name, before, 3) for name in ("pubsub", "cometd")}
    faye = [(event["type"], event["ids"]) for event in (await node("jsforce_streaming.mjs"))["events"]]
    grpc = [event["type"] for event in (await node("pubsub.mjs"))["events"]]
    library = [(event["type"], event["ids"]) for event in (await node("cometd.mjs"))["events"][:3]]
    told = [(event.change, list(event.record_ids)) for event in heard["pubsub"]]
    assert told == [(event.change, list(event.record_ids)) for event in heard["cometd"]] == faye == library
    assert grpc == [change for change, _ in told]
    for ours, theirs in zip(heard["pubsub"], heard["cometd"], strict=True):
        assert replace(ours, replay="", changed=frozenset()) == replace(theirs, replay="", changed=frozenset())
        assert ours.changed == theirs.changed


async def read(sandbox: Running, name: str, before: bytes, count: int) -> list[ChangeEvent]:
    """So many events after a position, over one of our doors."""
    org, found = WorldOrg(sandbox.salesforce), list[ChangeEvent]()
    door: ChangeSource = CometD(org, Limits(), "67.0")
    position = f"{POSITION}{replay_number(before)}"
    if name == "pubsub":
        door = PubSub(Target(sandbox.environment["SALESFORCE_PUBSUB_TARGET"], tls=False), org, Limits())
        position = base64.b64encode(before).decode()
    async with asyncio.timeout(30), door.subscribe("/data/TimeEntry__ChangeEvent", position) as responses:
        async for response in responses:
            found += [await door.decode(raw) for raw in response.events]
            await responses.stored(len(response.events))
            if len(found) == count:
                break
    return found
