import pytest
from salesforce_support import Control, Salesforce


async def test_a_record_is_created_read_changed_and_deleted(salesforce: Salesforce) -> None:
    entry = await salesforce.create(Hours__c=2.5, Work_Date__c="2026-11-25", Billable__c=True, Rate__c=120)
    read = await salesforce.call("GET", f"/sobjects/TimeEntry__c/{entry}")
    assert read.body["attributes"] == {
        "type": "TimeEntry__c",
        "url": f"/services/data/v67.0/sobjects/TimeEntry__c/{entry}",
    }
    assert (read.body["Hours__c"], read.body["Rate__c"], read.body["Billable__c"]) == (2.5, 120.0, True)
    assert (read.body["Name"], read.body["Status__c"], read.body["CurrencyIsoCode"]) == ("TE-00001", "Draft", "GBP")
    assert read.body["CreatedDate"].endswith(".000+0000")
    assert (await salesforce.call("PATCH", f"/sobjects/TimeEntry__c/{entry}", {"Hours__c": 3})).status == 204
    short = await salesforce.call("GET", f"/sobjects/TimeEntry__c/{entry[:15]}", params={"fields": "Hours__c"})
    assert short.body["Hours__c"] == 3.0
    assert (await salesforce.call("DELETE", f"/sobjects/TimeEntry__c/{entry}")).status == 204
    gone = await salesforce.refused("GET", f"/sobjects/TimeEntry__c/{entry}", status=404)
    assert gone["errorCode"] == "ENTITY_IS_DELETED"
    assert await salesforce.rows("SELECT Id FROM TimeEntry__c") == []
    [row] = await salesforce.rows("SELECT Id, IsDeleted FROM TimeEntry__c", "queryAll")
    assert (row["Id"], row["IsDeleted"]) == (entry, True)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"Hours": 1}, "INVALID_FIELD", "No such column 'Hours' on sobject of type TimeEntry__c"),
        (
            {"Hours__c": "many"},
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of double from VALUE_STRING value many",
        ),
        ({"Hours__c": 10**17}, "NUMBER_OUTSIDE_VALID_RANGE", "Hours: value outside of valid range on numeric field"),
        ({"Billable__c": 1}, "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean"),
        ({"Work_Date__c": "yesterday"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of date"),
        ({"Start__c": "2026-11-25T10:00:00"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of datetime"),
        (
            {"Status__c": "Paid"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "bad value for restricted picklist field: Paid",
        ),
        ({"Xero_Problem__c": "x" * 256}, "STRING_TOO_LONG", "data value too large"),
        ({"Name": "TE-9"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name."),
        ({"Project__c": "nonsense"}, "MALFORMED_ID", "id value of incorrect type: nonsense"),
        ({"Project__c": "a01000000000001"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        ({"Project__c": "005000000000001AAA"}, "FIELD_INTEGRITY_EXCEPTION", "id value of incorrect type"),
        ({"Project__r": {"Contact_ID__c": "x"}}, "INVALID_FIELD", "not an external id of Project__c"),
    ],
)
async def test_a_body_that_salesforce_refuses_is_refused_in_its_words(
    salesforce: Salesforce, body: dict[str, object], code: str, message: str
) -> None:
    error = await salesforce.refused("POST", "/sobjects/TimeEntry__c", body)
    assert error["errorCode"] == code
    assert message in error["message"]
    assert await salesforce.rows("SELECT Id FROM TimeEntry__c") == []


async def test_numbers_are_rounded_half_up_to_the_fields_scale_unless_switched(
    salesforce: Salesforce, control: Control
) -> None:
    await salesforce.create(Hours__c=1.005, Rate__c=0.00005)
    await control.post("/salesforce/switches", round_to_scale=False)
    await salesforce.create(Hours__c=1.005, Rate__c="0.00005")
    rows = await salesforce.rows("SELECT Hours__c, Rate__c FROM TimeEntry__c ORDER BY Name")
    assert [(row["Hours__c"], row["Rate__c"]) for row in rows] == [(1.01, 0.0001), (1.005, 0.00005)]


async def test_required_fields_unique_values_and_mail_addresses_are_checked(salesforce: Salesforce) -> None:
    missing = await salesforce.refused("POST", "/sobjects/Xero_Contact__c", {"Contact_ID__c": "a"})
    assert (missing["errorCode"], missing["fields"]) == ("REQUIRED_FIELD_MISSING", ["Name"])
    await salesforce.create("Xero_Contact__c", Name="One", Contact_ID__c="AbC")
    twice = await salesforce.refused("POST", "/sobjects/Xero_Contact__c", {"Name": "Two", "Contact_ID__c": "aBc"})
    assert twice["errorCode"] == "DUPLICATE_VALUE"
    mail = await salesforce.refused("POST", "/sobjects/Xero_Contact__c", {"Name": "Two", "Email__c": "nobody"})
    assert mail["errorCode"] == "INVALID_EMAIL_ADDRESS"


async def test_upsert_by_external_id_creates_then_updates(salesforce: Salesforce) -> None:
    path = "/sobjects/Xero_Contact__c/Contact_ID__c/c%2F1"
    first = await salesforce.call("PATCH", path, {"Name": "One"})
    second = await salesforce.call("PATCH", path, {"Name": "Uno"})
    assert (first.status, first.body["created"]) == (201, True)
    assert (second.status, second.body["created"]) == (200, False)
    assert (await salesforce.call("GET", path)).body["Name"] == "Uno"
    inside = await salesforce.refused("PATCH", path, {"Name": "One", "Contact_ID__c": "c/1"})
    assert inside["errorCode"] == "INVALID_FIELD"
    unknown = await salesforce.refused("PATCH", "/sobjects/Xero_Contact__c/Status__c/x", {"Name": "One"}, 404)
    assert unknown["errorCode"] == "NOT_FOUND"


async def test_a_lookup_can_be_set_by_external_id(salesforce: Salesforce) -> None:
    contact = await salesforce.create("Xero_Contact__c", Name="One", Contact_ID__c="c1")
    project = await salesforce.create("Project__c", Name="P", Xero_Contact__r={"Contact_ID__c": "c1"})
    read = await salesforce.call("GET", f"/sobjects/Project__c/{project}")
    assert read.body["Xero_Contact__c"] == contact
    unknown = {"Name": "P", "Xero_Contact__r": {"Contact_ID__c": "c2"}}
    error = await salesforce.refused("POST", "/sobjects/Project__c", unknown)
    assert error["message"] == (
        "Foreign key external ID: c2 not found for field Contact_ID__c in entity Xero_Contact__c"
    )


async def test_deleting_a_project_empties_lookups_to_it_and_undeleting_restores_them(
    salesforce: Salesforce, control: Control
) -> None:
    project = await salesforce.create("Project__c", Name="P")
    entry = await salesforce.create(Project__c=project)
    await salesforce.call("DELETE", f"/sobjects/Project__c/{project}")
    query = f"SELECT Project__c, Project__r.Name FROM TimeEntry__c WHERE Id = '{entry}'"
    [row] = await salesforce.rows(query)
    assert (row["Project__c"], row["Project__r"]) == (None, None)
    await control.post("/salesforce/records", action="undelete", sobject="Project__c", ids=[project])
    [row] = await salesforce.rows(query)
    assert (row["Project__c"], row["Project__r"]["Name"]) == (project, "P")


async def test_field_service_time_counts_its_minutes_itself(salesforce: Salesforce) -> None:
    sheet = await salesforce.create("TimeSheet", StartDate="2026-11-23", EndDate="2026-11-29")
    times = {"StartTime": "2026-11-25T09:00:00Z", "EndTime": "2026-11-25T11:30:59+01:00"}
    entry = await salesforce.create("TimeSheetEntry", TimeSheetId=sheet, **times)
    read = await salesforce.call("GET", f"/sobjects/TimeSheetEntry/{entry}")
    assert read.body["DurationInMinutes"] == 90
    read_only = await salesforce.refused("PATCH", f"/sobjects/TimeSheetEntry/{entry}", {"DurationInMinutes": 5})
    assert read_only["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


async def test_ids_carry_a_checksum_and_a_wrong_one_is_refused(salesforce: Salesforce) -> None:
    entry = await salesforce.create()
    assert len(entry) == 18
    wrong = entry[:15] + ("ZZZ" if entry[15:] != "ZZZ" else "AAA")
    assert (await salesforce.refused("PATCH", f"/sobjects/TimeEntry__c/{wrong}", {}))["errorCode"] == "MALFORMED_ID"


async def test_locked_rows_validation_rules_and_hidden_fields_fail_writes(
    salesforce: Salesforce, control: Control
) -> None:
    entry = await salesforce.create()
    path = f"/sobjects/TimeEntry__c/{entry}"
    await control.post("/salesforce/switches", locked_records=[entry])
    assert (await salesforce.refused("PATCH", path, {"Hours__c": 1}))["errorCode"] == "UNABLE_TO_LOCK_ROW"
    await control.post("/salesforce/switches", locked_records=[], validation_rules={"TimeEntry__c": "No."})
    error = await salesforce.refused("PATCH", path, {"Hours__c": 1})
    assert (error["errorCode"], error["message"]) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No.")
    await control.post("/salesforce/switches", validation_rules={}, hidden_fields=["TimeEntry__c.Hours__c"])
    assert (await salesforce.refused("PATCH", path, {"Hours__c": 1}))["errorCode"] == "INVALID_FIELD"
    assert "Hours__c" not in (await salesforce.call("GET", path)).body
