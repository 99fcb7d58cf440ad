from salesforce_support import Salesforce, eventually

from eventbus import pubsub_api_pb2 as pb

LATEST, EARLIEST, CUSTOM = pb.LATEST, pb.EARLIEST, pb.CUSTOM


async def test_a_created_record_arrives_with_all_its_fields_and_our_client_name(salesforce: Salesforce) -> None:
    salesforce.headers["Sforce-Call-Options"] = "client=hourstream"
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        entry = await salesforce.create(Hours__c=2.5, Work_Date__c="2026-11-25", Description__c="Ünïcode")
        [event] = await subscription.events(1)
    header, body = event["header"], event["body"]
    assert header["recordIds"] == [entry]
    assert header["entityName"] == "TimeEntry__c"
    assert (header["changeType"], header["changedFields"]) == ("CREATE", [])
    assert header["changeOrigin"] == "com/salesforce/api/rest/67.0;client=hourstream"
    assert header["sequenceNumber"] == 1
    assert body["Hours__c"] == 2.5
    assert body["Description__c"] == "Ünïcode"
    assert body["Work_Date__c"] == 1_795_564_800_000
    assert body["Billable__c"] is False
    assert "SystemModstamp" not in body
    assert "Id" not in body


async def test_an_update_names_what_changed_and_leaves_the_rest_null(salesforce: Salesforce) -> None:
    entry = await salesforce.create(Hours__c=1, Status__c="Draft", Description__c="old")
    async with salesforce.subscription() as subscription:
        await eventually(lambda: bool(salesforce.sandbox.salesforce.bus._cursors))
        await salesforce.call("PATCH", f"/sobjects/TimeEntry__c/{entry}", {"Hours__c": 3, "Description__c": None})
        [event] = await subscription.events(1)
    assert {"Hours__c", "Description__c"} <= set(event["changed"])
    assert event["nulled"] == ["Description__c"]
    assert event["body"]["Hours__c"] == 3.0
    assert event["body"]["Status__c"] is None
