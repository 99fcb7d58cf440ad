from typing import Any

from salesforce_support import Control, Salesforce


def _entry(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "TimeEntry__c"}, **values}


def _contact(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Xero_Contact__c"}, **values}


async def test_a_bad_record_fails_alone_and_the_answer_keeps_the_order(salesforce: Salesforce) -> None:
    records = [_entry(Hours__c=1), _entry(Status__c="Nope"), _entry(Hours__c=3)]
    reply = await salesforce.call("POST", "/composite/sobjects", {"allOrNone": False, "records": records})
    assert reply.status == 200
    assert [item["success"] for item in reply.body] == [True, False, True]
    assert reply.body[0]["errors"] == []
    assert reply.body[0]["id"].startswith("a00")
    assert reply.body[1]["errors"] == [
        {
            "statusCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "message": "Status: bad value for restricted picklist field: Nope",
            "fields": ["Status__c"],
        }
    ]
    assert len(await salesforce.rows("SELECT Id FROM TimeEntry__c")) == 2


async def test_all_or_none_rolls_everything_back_and_says_so(salesforce: Salesforce) -> None:
    records = [_entry(Hours__c=1), _entry(Status__c="Nope")]
    reply = await salesforce.call("POST", "/composite/sobjects", {"allOrNone": True, "records": records})
    assert [item["errors"][0]["statusCode"] for item in reply.body] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    ]
    assert await salesforce.rows("SELECT Id FROM TimeEntry__c", "queryAll") == []


async def test_updates_go_by_id_and_deleted_records_are_item_errors(salesforce: Salesforce) -> None:
    one, two = await salesforce.create(), await salesforce.create()
    await salesforce.call("DELETE", f"/sobjects/TimeEntry__c/{two}")
    records = [_entry(id=one, Hours__c=4), _entry(id=two, Hours__c=4), _entry(Hours__c=4), _entry(id=one, Hours__c=5)]
    reply = await salesforce.call("PATCH", "/composite/sobjects", {"records": records})
    codes = [(item["errors"] or [{}])[0].get("statusCode") for item in reply.body]
    assert codes == [None, "ENTITY_IS_DELETED", "MISSING_ARGUMENT", "DUPLICATE_VALUE"]
    assert "created" not in reply.body[0]
    [row] = await salesforce.rows("SELECT Hours__c FROM TimeEntry__c")
    assert row["Hours__c"] == 4.0


async def test_upserts_by_external_id_say_what_was_created(salesforce: Salesforce, control: Control) -> None:
    await salesforce.create("Xero_Contact__c", Name="Old", Contact_ID__c="c1")
    records = [
        _contact(Name="New name", Contact_ID__c="c1"),
        _contact(Name="Second", Contact_ID__c="c2"),
        _contact(Contact_ID__c="c3"),
        _contact(Name="Again", Contact_ID__c="C2"),
    ]
    path = "/composite/sobjects/Xero_Contact__c/Contact_ID__c"
    reply = await salesforce.call("PATCH", path, {"allOrNone": False, "records": records})
    assert [item.get("created") for item in reply.body] == [False, True, False, False]
    assert [item["success"] for item in reply.body] == [True, True, False, False]
    assert reply.body[2]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert reply.body[3]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    await control.post("/salesforce/switches", created_in_failures=False)
    again = await salesforce.call("PATCH", path, {"records": records[2:3]})
    assert "created" not in again.body[0]


async def test_no_more_than_200_records_go_in_a_call(salesforce: Salesforce) -> None:
    error = await salesforce.refused("POST", "/composite/sobjects", {"records": [_entry()] * 201})
    assert error["errorCode"] == "EXCEEDED_ID_LIMIT"
    assert await salesforce.rows("SELECT Id FROM TimeEntry__c") == []


async def test_an_unknown_field_fails_its_record_or_as_switched_the_request(
    salesforce: Salesforce, control: Control
) -> None:
    body = {"records": [_entry(Nope__c=1), _entry()]}
    reply = await salesforce.call("POST", "/composite/sobjects", body)
    assert [item["success"] for item in reply.body] == [False, True]
    await control.post("/salesforce/switches", field_errors_in_items=False)
    assert (await salesforce.refused("POST", "/composite/sobjects", body))["errorCode"] == "INVALID_FIELD"


async def test_records_are_deleted_and_retrieved_in_bulk(salesforce: Salesforce) -> None:
    one, two = await salesforce.create(Hours__c=1), await salesforce.create(Hours__c=2)
    deleted = await salesforce.call("DELETE", "/composite/sobjects", params={"ids": f"{one},003000000000001"})
    assert [item["success"] for item in deleted.body] == [True, False]
    body = {"ids": [one, two[:15]], "fields": ["Hours__c"]}
    reply = await salesforce.call("POST", "/composite/sobjects/TimeEntry__c", body)
    assert reply.body[0] is None
    assert reply.body[1]["Hours__c"] == 2.0


async def test_composite_subrequests_use_the_results_of_earlier_ones(salesforce: Salesforce) -> None:
    base = "/services/data/v67.0/sobjects"
    requests = [
        {"method": "POST", "url": f"{base}/Project__c", "referenceId": "project", "body": {"Name": "P"}},
        {
            "method": "POST",
            "url": f"{base}/TimeEntry__c",
            "referenceId": "entry",
            "body": {"Project__c": "@{project.id}", "Hours__c": 1},
        },
        {"method": "POST", "url": f"{base}/TimeEntry__c", "referenceId": "bad", "body": {"Nope__c": 1}},
        {"method": "GET", "url": f"{base}/TimeEntry__c/@{{bad.id}}", "referenceId": "after"},
    ]
    reply = await salesforce.call("POST", "/composite", {"compositeRequest": requests})
    answers = reply.body["compositeResponse"]
    assert [item["httpStatusCode"] for item in answers] == [201, 201, 400, 400]
    assert answers[3]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    [row] = await salesforce.rows("SELECT Project__r.Name FROM TimeEntry__c")
    assert row["Project__r"]["Name"] == "P"
