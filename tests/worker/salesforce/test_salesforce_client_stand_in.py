"""The client against the Salesforce stand-in, which refuses what the real service refuses."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr
from salesforce_wire import LIMITS

from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.salesforce import script
from sandbox.serve import Ports, Running, running
from worker.salesforce import soql
from worker.salesforce.auth import MemoryTokens
from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import (
    LimitExceeded,
    LoginRefused,
    MappingBroken,
    SalesforceError,
    SessionRefused,
    Unreachable,
)
from worker.settings import Settings

PATHS = (
    "Hours__c",
    "Work_Date__c",
    "OwnerId",
    "Owner.Name",
    "Project__r.Name",
    "Project__r.Xero_Contact__r.Contact_ID__c",
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with running(Ports(), clock=Clock(scale=1)) as sandbox:
        yield sandbox


def settings(sandbox: Running, **more: object) -> Settings:
    given = {name.lower(): value for name, value in sandbox.environment.items() if name.startswith("SALESFORCE_")}
    return Settings(_env_file=None, **(given | more))


@pytest.fixture
async def client(sandbox: Running) -> AsyncIterator[SalesforceClient]:
    async with SalesforceClient.from_settings(settings(sandbox), LIMITS, MemoryTokens()) as client:
        yield client


def act(
    sandbox: Running, action: str, sobject: str, *records: dict[str, object], ids: tuple[str, ...] = ()
) -> list[str]:
    body = {"action": action, "sobject": sobject, "records": list(records), "ids": list(ids)}
    return script.records(sandbox.salesforce, body)["ids"]


def project(sandbox: Running) -> str:
    (contact,) = act(sandbox, "insert", "Xero_Contact__c", {"Name": "Ridgeway", "Contact_ID__c": "c-1"})
    (made,) = act(sandbox, "insert", "Project__c", {"Name": "Website", "Xero_Contact__c": contact})
    return made


def entries(sandbox: Running, count: int, **more: object) -> list[str]:
    rows = [{"Hours__c": "1.25", "Work_Date__c": "2026-11-05"} | more for _ in range(count)]
    return act(sandbox, "insert", "TimeEntry__c", *rows)


async def test_entries_are_read_over_their_relationships(sandbox: Running, client: SalesforceClient) -> None:
    ids = entries(sandbox, 1, Project__c=project(sandbox)) + entries(sandbox, 1)
    found = {row["Id"]: row for row in await client.retrieve("TimeEntry__c", PATHS, ids)}
    assert found[ids[0]]["Hours__c"] == Decimal("1.25")
    assert found[ids[0]]["Project__r"]["Xero_Contact__r"]["Contact_ID__c"] == "c-1"
    assert found[ids[1]]["Project__r"] is None
    assert client.api_usage is not None


async def test_two_thousand_entries_are_read_by_id_and_by_page(sandbox: Running, client: SalesforceClient) -> None:
    ids = entries(sandbox, 2_100)
    found = await client.retrieve("TimeEntry__c", PATHS, ids)
    pages = [page async for page in client.query("SELECT Id FROM TimeEntry__c")]
    assert sorted(row["Id"] for row in found) == sorted(ids)
    assert [len(page) for page in pages] == [2_000, 100]
    assert (datetime.now(UTC) - pages[0].began).total_seconds() < 60


async def test_rows_that_share_their_second_are_all_read_by_keyset(sandbox: Running, client: SalesforceClient) -> None:
    ids = entries(sandbox, 50)
    since = datetime.now(UTC) - timedelta(hours=1)
    pages = [page async for page in client.changed_since("TimeEntry__c", PATHS, since, size=7)]
    found = [row for page in pages for row in page]
    assert sorted(row["Id"] for row in found) == sorted(ids)
    assert len({row["SystemModstamp"] for row in found}) < 10
    last = found[24]
    rest = [
        row
        async for page in client.changed_since("TimeEntry__c", PATHS, last["SystemModstamp"], last["Id"])
        for row in page
    ]
    assert rest == found[25:]


async def test_any_text_can_be_looked_for(sandbox: Running, client: SalesforceClient) -> None:
    names = ['O\'Brien & "Söhne"', "back\\slash", "50% + 1 / #?", "O''Brien"]
    act(sandbox, "insert", "Project__c", *({"Name": name} for name in names))
    for name in names:
        query = soql.select("Project__c", ["Name"], f"Name = {soql.quote(name)}")
        assert [row["Name"] async for page in client.query(query) for row in page] == [name]


async def test_days_and_times_are_compared_as_salesforce_writes_them(
    sandbox: Running, client: SalesforceClient
) -> None:
    (id,) = entries(sandbox, 1)
    day = soql.select("TimeEntry__c", ["Id"], f"Work_Date__c >= {soql.date_literal(date(2026, 11, 5))}")
    later = soql.select(
        "TimeEntry__c", ["Id"], f"CreatedDate > {soql.datetime_literal(datetime.now(UTC) + timedelta(1))}"
    )
    assert [row["Id"] async for page in client.query(day) for row in page] == [id]
    assert [row async for page in client.query(later) for row in page] == []


async def test_a_deleted_entry_is_seen_by_query_all_and_among_the_deletions(
    sandbox: Running, client: SalesforceClient
) -> None:
    kept, gone = entries(sandbox, 2)
    act(sandbox, "delete", "TimeEntry__c", ids=(gone,))
    now = datetime.now(UTC)
    assert [row["Id"] for row in await client.retrieve("TimeEntry__c", ["Hours__c"], [kept, gone])] == [kept]
    everything = await client.retrieve("TimeEntry__c", ["IsDeleted"], [kept, gone], all_rows=True)
    assert {row["Id"]: row["IsDeleted"] for row in everything} == {kept: False, gone: True}
    deleted = await client.deleted("TimeEntry__c", now - timedelta(minutes=5), now)
    assert [record.id for record in deleted.records] == [gone]
    assert deleted.earliest < now


async def test_changes_of_a_span_are_listed_and_the_next_span_begins_in_the_past(
    sandbox: Running, client: SalesforceClient
) -> None:
    ids = entries(sandbox, 3)
    now = datetime.now(UTC)
    found = await client.updated("TimeEntry__c", now - timedelta(minutes=5), now)
    assert sorted(found.ids) == sorted(ids)
    assert found.covered <= datetime.now(UTC)


async def test_write_backs_arrive_and_a_locked_record_is_told(sandbox: Running, client: SalesforceClient) -> None:
    ids = entries(sandbox, 250)
    sandbox.salesforce.org.switches["locked_records"] = [ids[210]]
    results = await client.update(
        "TimeEntry__c", [{"Id": id, "Xero_Invoice_Number__c": f"TT-{number:05}"} for number, id in enumerate(ids)]
    )
    assert [result.record for result in results] == ids
    assert [result.record for result in results if not result.success] == [ids[210]]
    assert (results[210].code, results[210].action) == ("UNABLE_TO_LOCK_ROW", "retry")
    (row,) = await client.retrieve("TimeEntry__c", ["Xero_Invoice_Number__c"], [ids[249]])
    assert row["Xero_Invoice_Number__c"] == "TT-00249"


async def test_a_write_back_to_a_deleted_or_too_short_field_is_told(sandbox: Running, client: SalesforceClient) -> None:
    kept, gone = entries(sandbox, 2)
    act(sandbox, "delete", "TimeEntry__c", ids=(gone,))
    deleted, long, unknown = await client.update(
        "TimeEntry__c",
        [
            {"Id": gone, "Xero_Problem__c": "x"},
            {"Id": kept, "Xero_Problem__c": "x" * 300},
            {"Id": "a00000000009999AAA", "Xero_Problem__c": "x"},
        ],
    )
    assert (deleted.action, long.action, unknown.action) == ("gone", "permanent", "gone")
    assert (long.code, long.fields) == ("STRING_TOO_LONG", ("Xero_Problem__c",))


async def test_contacts_are_upserted_once_each(sandbox: Running, client: SalesforceClient) -> None:
    contacts = [{"Contact_ID__c": f"c-{number}", "Name": f"Client {number}"} for number in range(230)]
    created = await client.upsert("Xero_Contact__c", "Contact_ID__c", contacts)
    again = await client.upsert("Xero_Contact__c", "Contact_ID__c", [contacts[0] | {"Name": "Renamed"}, *contacts[1:3]])
    assert all(result.success and result.created for result in created)
    assert [(result.id, result.created) for result in again] == [(result.id, False) for result in created[:3]]
    assert len(sandbox.salesforce.org.tables["Xero_Contact__c"]) == 230


async def test_our_writes_are_recognised_in_their_change_events(sandbox: Running, client: SalesforceClient) -> None:
    (id,) = entries(sandbox, 1)
    await client.update("TimeEntry__c", [{"Id": id, "Xero_Problem__c": "x"}])
    header = sandbox.salesforce.bus.events[-1].header
    assert header["recordIds"] == [id]
    assert str(header["changeOrigin"]).endswith("/67.0;client=hourstream")


async def test_a_write_whose_answer_was_lost_is_repeated_without_harm(
    sandbox: Running, client: SalesforceClient
) -> None:
    await client.token()
    sandbox.salesforce_faults.add(Fault("drop-after", method="PATCH"))
    (result,) = await client.upsert("Xero_Contact__c", "Contact_ID__c", [{"Contact_ID__c": "c-1", "Name": "One"}])
    assert result.success
    assert len(sandbox.salesforce.org.tables["Xero_Contact__c"]) == 1
    sandbox.salesforce_faults.add(Fault("drop-after", method="PATCH", times=2))
    with pytest.raises(Unreachable):
        await client.upsert("Xero_Contact__c", "Contact_ID__c", [{"Contact_ID__c": "c-2", "Name": "Two"}])


async def test_sessions_that_all_end_are_renewed_once(sandbox: Running, client: SalesforceClient) -> None:
    first = await client.token()
    sandbox.salesforce.sessions.revoke()
    await asyncio.gather(*(client.describe_global() for _ in range(30)))
    assert (await client.token()).access_token != first.access_token


async def test_a_session_that_the_org_does_not_admit_is_told(sandbox: Running, client: SalesforceClient) -> None:
    sandbox.salesforce.org.switches["high_assurance"] = True
    with pytest.raises(SessionRefused, match="security level"):
        await client.describe("TimeEntry__c")


async def test_logins_are_refused_with_the_remedy(sandbox: Running, client: SalesforceClient) -> None:
    sandbox.salesforce.org.switches["client_credentials_user"] = False
    with pytest.raises(LoginRefused, match="Run As user"):
        await client.token()
    async with SalesforceClient.from_settings(
        settings(sandbox, salesforce_client_secret=SecretStr("wrong")), LIMITS, MemoryTokens()
    ) as other:
        with pytest.raises(LoginRefused, match="SALESFORCE_CLIENT_SECRET"):
            await other.token()


async def test_the_jwt_bearer_flow_signs_in(sandbox: Running, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    sandbox.salesforce.org.switches["jwt_public_key"] = public
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    user = next(iter(sandbox.salesforce.org.tables["User"].values()))
    given = settings(sandbox, salesforce_username=str(user["Username"]), salesforce_private_key_file=file)
    async with SalesforceClient.from_settings(given, LIMITS, MemoryTokens()) as client:
        session = await client.token()
    assert session.org_id == sandbox.salesforce.org.id
    assert session.user_id == user["Id"]


async def test_a_hidden_field_is_a_broken_mapping_and_a_finding(sandbox: Running, client: SalesforceClient) -> None:
    ids = entries(sandbox, 1)
    sandbox.salesforce.org.switches["hidden_fields"] = ["TimeEntry__c.Rate__c"]
    with pytest.raises(MappingBroken) as caught:
        await client.retrieve("TimeEntry__c", ["Rate__c"], ids)
    assert caught.value.fields == ("Rate__c",)
    (finding,) = await client.check_access("TimeEntry__c", read=[*PATHS, "Rate__c"], edit=["Xero_Problem__c"])
    assert finding.path == "Rate__c"
    assert await client.check_external_id("Xero_Contact__c", "Contact_ID__c") == []


async def test_a_hidden_object_is_a_broken_mapping(sandbox: Running, client: SalesforceClient) -> None:
    sandbox.salesforce.org.switches["hidden_objects"] = ["Project__c"]
    with pytest.raises(MappingBroken):
        await client.describe("Project__c")
    (finding,) = await client.check_access("TimeEntry__c", read=["Project__r.Name"])
    assert finding.path == "Project__r.Name"


async def test_a_used_up_allowance_is_a_limit_not_a_failure(sandbox: Running, client: SalesforceClient) -> None:
    found = await client.limits()
    assert found["DailyApiRequests"].max == 100_000
    sandbox.salesforce.org.switches["daily_api_requests"] = 1
    with pytest.raises(LimitExceeded):
        await client.describe("TimeEntry__c")


async def test_a_cursor_that_salesforce_forgot_asks_for_a_new_query(sandbox: Running, client: SalesforceClient) -> None:
    entries(sandbox, 3)
    sandbox.salesforce.org.switches["query_page_size"] = 2
    pages = client.query("SELECT Id FROM TimeEntry__c")
    assert len(await anext(pages)) == 2
    sandbox.salesforce.locators.clear()
    with pytest.raises(SalesforceError) as caught:
        await anext(pages)
    assert (caught.value.code, caught.value.action) == ("INVALID_QUERY_LOCATOR", "retry")
