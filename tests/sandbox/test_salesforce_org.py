"""Describe, versions, limits, replication resources: what an org says about itself."""

from datetime import timedelta

from salesforce_support import Control, Salesforce


async def test_the_versions_need_no_login_and_others_are_refused(salesforce: Salesforce) -> None:
    salesforce.token = ""
    versions = (await salesforce.call("GET", "/services/data")).body
    assert {"version": "67.0", "label": "Summer '26", "url": "/services/data/v67.0"} in versions
    assert (await salesforce.call("GET", "/services/data/v67.0/")).status == 401
    await salesforce.login()
    assert (await salesforce.refused("GET", "/services/data/v30.0/limits", status=404))["errorCode"] == "NOT_FOUND"
    assert (await salesforce.refused("PUT", "/limits", status=405))["errorCode"] == "METHOD_NOT_ALLOWED"


async def test_describe_tells_all_a_set_up_check_needs(salesforce: Salesforce, control: Control) -> None:
    reply = await salesforce.call("GET", "/sobjects/TimeEntry__c/describe")
    assert (reply.body["keyPrefix"], reply.body["queryable"]) == ("a00", True)
    fields = {item["name"]: item for item in reply.body["fields"]}
    hours = fields["Hours__c"]
    assert (hours["type"], hours["precision"], hours["scale"], hours["createable"]) == ("double", 18, 2, True)
    lookup = fields["Project__c"]
    assert (lookup["referenceTo"], lookup["relationshipName"]) == (["Project__c"], "Project__r")
    assert fields["OwnerId"]["relationshipName"] == "Owner"
    assert [item["value"] for item in fields["Status__c"]["picklistValues"]][2] == "Approved"
    assert fields["Xero_Billed__c"]["length"] == 32768
    assert fields["SystemModstamp"]["updateable"] is False
    contact = (await salesforce.call("GET", "/sobjects/Xero_Contact__c/describe")).body["fields"]
    key = next(item for item in contact if item["name"] == "Contact_ID__c")
    assert (key["externalId"], key["unique"], key["idLookup"]) == (True, True, True)
    await control.post("/salesforce/switches", multi_currency=False, hidden_fields=["TimeEntry__c.Rate__c"])
    again = (await salesforce.call("GET", "/sobjects/TimeEntry__c/describe")).body["fields"]
    assert {"CurrencyIsoCode", "Rate__c"}.isdisjoint(item["name"] for item in again)
    everything = (await salesforce.call("GET", "/sobjects")).body["sobjects"]
    assert {"TimeEntry__c", "User", "Account", "TimeSheetEntry"} <= {item["name"] for item in everything}
    assert (await salesforce.call("GET", "/sobjects/Nope__c/describe")).status == 404


async def test_an_unchanged_describe_is_304(salesforce: Salesforce) -> None:
    first = await salesforce.call("GET", "/sobjects/User/describe")
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert (await salesforce.call("GET", "/sobjects/User/describe", headers=since)).status == 304


async def test_every_answer_counts_the_call_and_the_limit_is_403(salesforce: Salesforce, control: Control) -> None:
    one = await salesforce.call("GET", "/limits")
    assert one.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert one.body["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_999}
    await control.post("/salesforce/switches", daily_api_requests=1)
    error = await salesforce.refused("GET", "/limits", status=403)
    assert error == {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    await control.post("/clock", advance=24 * 3600 + 1)
    await salesforce.login()
    assert (await salesforce.call("GET", "/limits")).status == 200


async def test_the_org_has_its_own_record_and_active_currencies(salesforce: Salesforce, control: Control) -> None:
    [org] = await salesforce.rows("SELECT Id, IsSandbox FROM Organization")
    assert (org["Id"], org["IsSandbox"]) == (salesforce.sandbox.salesforce.org.id, True)
    production = {"Id": org["Id"], "IsSandbox": False}
    await control.post("/salesforce/records", action="update", sobject="Organization", records=[production])
    [org] = await salesforce.rows("SELECT IsSandbox FROM Organization")
    assert org["IsSandbox"] is False
    codes = await salesforce.rows("SELECT IsoCode FROM CurrencyType WHERE IsActive = true AND IsCorporate = true")
    assert [row["IsoCode"] for row in codes] == ["GBP"]


async def test_changed_and_deleted_ids_are_found_by_time_and_say_how_far_they_reach(
    salesforce: Salesforce, control: Control
) -> None:
    clock = salesforce.sandbox.clock
    kept, gone = await salesforce.create(), await salesforce.create()
    await salesforce.call("DELETE", f"/sobjects/TimeEntry__c/{gone}")
    start = (clock.now() - timedelta(minutes=5)).isoformat()
    await control.post("/clock", advance=120)
    span = {"start": start, "end": clock.now().isoformat()}
    updated = await salesforce.call("GET", "/sobjects/TimeEntry__c/updated/", params=span)
    deleted = await salesforce.call("GET", "/sobjects/TimeEntry__c/deleted", params=span)
    assert updated.body["ids"] == [kept]
    assert [item["id"] for item in deleted.body["deletedRecords"]] == [gone]
    minute = clock.now().replace(second=0)
    assert updated.body["latestDateCovered"] == minute.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    await control.post("/salesforce/switches", replication_lag_seconds=600)
    lagging = await salesforce.call("GET", "/sobjects/TimeEntry__c/updated", params=span)
    assert lagging.body["latestDateCovered"] < span["start"].replace("+00:00", "")
    old = {"start": "2020-01-01T00:00:00Z", "end": span["end"]}
    refused = await salesforce.call("GET", "/sobjects/TimeEntry__c/updated", params=old)
    assert refused.body[0]["errorCode"] == "INVALID_REPLICATION_DATE"


async def test_purged_records_are_gone_without_a_trace(salesforce: Salesforce, control: Control) -> None:
    one, two = await salesforce.create(), await salesforce.create()
    before = (await control.get("/salesforce/state"))["events"]
    await control.post("/salesforce/records", action="purge", ids=[one])
    await control.post("/salesforce/records", action="purge", ids=[two], logged=True)
    assert await salesforce.rows("SELECT Id FROM TimeEntry__c", "queryAll") == []
    assert (await control.get("/salesforce/state"))["events"] == before
    clock = salesforce.sandbox.clock
    await control.post("/clock", advance=120)
    span = {"start": (clock.now() - timedelta(minutes=9)).isoformat(), "end": clock.now().isoformat()}
    deleted = await salesforce.call("GET", "/sobjects/TimeEntry__c/deleted", params=span)
    assert [item["id"] for item in deleted.body["deletedRecords"]] == [two]
