"""The Salesforce stand-in, used by clients nobody here wrote."""

from typing import Any

import aiohttp
import pytest

from sandbox.serve import Running

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


async def test_the_node_pubsub_client_decodes_every_change_over_tls(node: Any, sandbox: Running) -> None:
    environment = sandbox.environment
    login = {"grant_type": "client_credentials", "client_id": environment["SALESFORCE_CLIENT_ID"]}
    login["client_secret"] = environment["SALESFORCE_CLIENT_SECRET"]
    url = environment["SALESFORCE_LOGIN_URL"]
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/services/oauth2/token", data=login) as answer:
            headers = {"Authorization": "Bearer " + (await answer.json())["access_token"]}
        entries = f"{url}/services/data/v67.0/sobjects/TimeEntry__c"
        async with http.post(entries, json={"Hours__c": 1, "Status__c": "Draft"}, headers=headers) as answer:
            entry = (await answer.json())["id"]
        async with http.patch(f"{entries}/{entry}", json={"Hours__c": 2.5, "Status__c": None}, headers=headers):
            pass
        async with http.delete(f"{entries}/{entry}", headers=headers):
            pass

    seen = await node("pubsub.mjs")
    create, update, delete = seen["events"]
    assert (create["type"], create["hours"], create["status"], create["changed"]) == ("CREATE", 1, "Draft", [])
    assert (update["type"], update["hours"]) == ("UPDATE", 2.5)
    assert {"Hours__c", "Status__c", "LastModifiedDate"} == set(update["changed"])
    assert update["nulled"] == ["Status__c"]
    assert (delete["type"], delete["hours"]) == ("DELETE", None)
    assert [event["type"] for event in seen["replayed"]] == ["UPDATE", "DELETE"]
    assert seen["error"] == "3 sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted"
