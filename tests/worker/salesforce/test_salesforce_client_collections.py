"""Writing many records: a result for each, in order, and nothing sent twice that may not be."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from salesforce_wire import Org, Seen, dropped, html, in_turn, refused, unhurried

from worker.salesforce.client import SalesforceClient
from worker.salesforce.collections import BATCH, batches
from worker.salesforce.errors import LimitExceeded, MappingBroken, Unavailable, UnexpectedAnswer


def entry_id(number: int) -> str:
    return f"a00{number:012}AAA"


def updates(count: int) -> list[dict[str, Any]]:
    return [{"Id": entry_id(number), "Xero_Problem__c": str(number)} for number in range(count)]


def accepted(seen: Seen) -> web.Response:
    return web.json_response(
        [{"id": record.get("Id", entry_id(0)), "success": True, "errors": []} for record in seen.json["records"]]
    )


def failed(code: str, message: str, *fields: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


def answering(*items: dict[str, Any]) -> web.Response:
    return web.json_response(list(items))


async def test_updates_are_sent_in_two_hundreds_and_answered_in_order(org: Org, client: SalesforceClient) -> None:
    org.answer = accepted
    results = await client.update("TimeEntry__c", updates(401))
    assert [result.record for result in results] == [entry_id(number) for number in range(401)]
    assert all(result.success and result.id == result.record for result in results)
    assert [len(seen.json["records"]) for seen in org.seen] == [200, 200, 1]
    first = org.seen[0]
    assert (first.method, first.path) == ("PATCH", "/services/data/v67.0/composite/sobjects")
    assert first.json["allOrNone"] is False
    assert first.json["records"][0] == {
        "attributes": {"type": "TimeEntry__c"},
        "Id": entry_id(0),
        "Xero_Problem__c": "0",
    }
    assert first.headers["Sforce-Call-Options"] == "client=hourstream"


async def test_an_upsert_names_its_external_id_field(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: answering(
        {"id": entry_id(1), "success": True, "errors": [], "created": True},
        {"id": entry_id(2), "success": True, "errors": []},
    )
    results = await client.upsert(
        "Xero_Contact__c",
        "Contact_ID__c",
        [{"Contact_ID__c": "c-1", "Balance__c": Decimal("10.10")}, {"Contact_ID__c": "c-2"}],
    )
    assert org.seen[0].path == "/services/data/v67.0/composite/sobjects/Xero_Contact__c/Contact_ID__c"
    assert b'"Balance__c":10.10' in org.seen[0].body
    assert [(result.record, result.id, result.created) for result in results] == [
        ("c-1", entry_id(1), True),
        ("c-2", entry_id(2), False),
    ]


async def test_an_external_id_never_stands_twice_in_a_call(org: Org, client: SalesforceClient) -> None:
    org.answer = accepted
    contacts = [{"Contact_ID__c": key, "Name": str(n)} for n, key in enumerate(["a", "b", "A", "c", "b", "a"])]
    results = await client.upsert("Xero_Contact__c", "Contact_ID__c", contacts)
    sent = [[record["Name"] for record in seen.json["records"]] for seen in org.seen]
    assert sent == [["0", "1", "3"], ["2", "4"], ["5"]]
    assert [result.record for result in results] == ["a", "b", "A", "c", "b", "a"]


async def test_a_record_never_stands_twice_in_a_call_though_its_id_is_written_in_two_ways(
    org: Org, client: SalesforceClient
) -> None:
    org.answer = accepted
    long, short = entry_id(1), entry_id(1)[:15]
    results = await client.update("TimeEntry__c", [{"Id": long, "Name": "a"}, {"Id": short, "Name": "b"}])
    assert [[record["Name"] for record in seen.json["records"]] for seen in org.seen] == [["a"], ["b"]]
    assert [result.record for result in results] == [long, short]


@unhurried
@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(1, 7))
def test_batches_hold_each_record_once_and_keep_the_order_of_a_key(keys: list[str], size: int) -> None:
    made = batches(keys, size)
    assert sorted(position for batch in made for position in batch) == list(range(len(keys)))
    assert all(0 < len(batch) <= size for batch in made)
    assert all(max(Counter(keys[position] for position in batch).values()) == 1 for batch in made)
    for key in set(keys):
        order = [position for batch in made for position in batch if keys[position] == key]
        assert order == sorted(order)


def test_different_records_fill_their_batches() -> None:
    assert [len(batch) for batch in batches([str(number) for number in range(1_000)])] == [BATCH] * 5


async def test_a_refused_record_says_which_why_and_what_to_do(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: answering(
        {"id": entry_id(0), "success": True, "errors": []},
        failed("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
        failed("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Hours are\nlocked", "Hours__c"),
        failed("ENTITY_IS_DELETED", "entity is deleted"),
        failed("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: X__c", "X__c"),
        failed("SOMETHING_NEW", "why not"),
    )
    results = await client.update("TimeEntry__c", updates(6))
    assert [result.action for result in results] == [None, "retry", "permanent", "gone", "setup", "permanent"]
    locked = results[2]
    assert (locked.record, locked.code, locked.fields) == (
        entry_id(2),
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        ("Hours__c",),
    )
    assert entry_id(2) in locked.problem
    assert "Hours are locked" in locked.problem
    assert "exempt the integration user" in locked.remedy


async def test_of_several_errors_of_a_record_the_most_stubborn_decides(org: Org, client: SalesforceClient) -> None:
    lock = failed("UNABLE_TO_LOCK_ROW", "locked")["errors"]
    long = failed("STRING_TOO_LONG", "too long", "Name")["errors"]
    org.answer = lambda _: answering({"success": False, "errors": lock + long})
    (result,) = await client.update("TimeEntry__c", updates(1))
    assert (result.code, result.action) == ("STRING_TOO_LONG", "permanent")


async def test_a_write_whose_connection_breaks_is_sent_once_more(org: Org, client: SalesforceClient) -> None:
    org.answer = in_turn(dropped, accepted)
    (result,) = await client.update("TimeEntry__c", updates(1))
    assert result.success
    assert len(org.seen) == 2
    assert org.seen[0].body == org.seen[1].body


async def test_a_write_whose_connection_breaks_twice_is_not_sent_a_third_time(
    org: Org, client: SalesforceClient
) -> None:
    await client.token()
    org.answer = dropped
    with pytest.raises(Exception, match="gave no answer"):
        await client.update("TimeEntry__c", updates(1))
    assert len(org.seen) == 2


async def test_a_write_on_an_ended_session_is_sent_again_with_a_new_one(org: Org, client: SalesforceClient) -> None:
    await client.token()
    org.expire()
    org.answer = accepted
    (result,) = await client.update("TimeEntry__c", updates(1))
    assert result.success
    assert len(org.logins) == 2


async def test_a_write_that_was_answered_is_not_repeated(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: html(503)
    with pytest.raises(Unavailable, match="write 1 records of TimeEntry__c"):
        await client.update("TimeEntry__c", updates(1))
    assert len(org.seen) == 1


async def test_what_an_earlier_batch_wrote_is_told_when_a_later_one_fails(org: Org, client: SalesforceClient) -> None:
    org.answer = in_turn(accepted, refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    results = await client.update("TimeEntry__c", updates(450))
    assert [result.success for result in results] == [True] * 200 + [False] * 250
    assert {result.action for result in results[200:]} == {"wait-for-limit"}
    assert len(org.seen) == 2


async def test_a_first_batch_that_fails_as_a_whole_is_raised(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    with pytest.raises(LimitExceeded):
        await client.update("TimeEntry__c", updates(450))
    org.answer = lambda _: refused(
        404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: X"
    )
    with pytest.raises(MappingBroken, match="external ID field"):
        await client.upsert("Xero_Contact__c", "X", [{"X": "1"}])


async def test_results_that_cannot_be_matched_to_records_are_not_guessed(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: answering({"id": entry_id(0), "success": True, "errors": []})
    with pytest.raises(UnexpectedAnswer, match="1 results for 2 records"):
        await client.update("TimeEntry__c", updates(2))


async def test_no_records_are_no_call(org: Org, client: SalesforceClient) -> None:
    assert await client.update("TimeEntry__c", []) == []
    assert org.seen == []
