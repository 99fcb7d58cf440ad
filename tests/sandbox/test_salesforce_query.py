import pytest
from salesforce_support import Control, Salesforce

ENTRIES = (
    {"Hours__c": 1, "Work_Date__c": "2026-10-31", "Status__c": "Approved", "Xero_Problem__c": "It's 5 % off"},
    {"Hours__c": 2, "Work_Date__c": "2026-11-01", "Status__c": "Draft", "Billable__c": True},
    {"Hours__c": 3, "Work_Date__c": "2026-11-02", "Status__c": "Approved", "Start__c": "2026-11-02T09:00:00Z"},
    {"Work_Date__c": "2026-11-03", "Xero_Problem__c": "under_score"},
)


@pytest.fixture
async def entries(salesforce: Salesforce) -> Salesforce:
    contact = await salesforce.create("Xero_Contact__c", Name="Acme", Contact_ID__c="c1")
    project = await salesforce.create("Project__c", Name="Alpha", Xero_Contact__c=contact)
    for number, values in enumerate(ENTRIES):
        await salesforce.create(**values, **({"Project__c": project} if number else {}))
    return salesforce


async def _numbers(salesforce: Salesforce, where: str) -> str:
    rows = await salesforce.rows(f"SELECT Name FROM TimeEntry__c WHERE {where} ORDER BY Name")
    return "".join(row["Name"][-1] for row in rows)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Hours__c = 2", "2"),
        ("Hours__c != 2", "134"),
        ("Hours__c >= 2", "23"),
        ("Hours__c = null", "4"),
        ("Hours__c IN (1, 3.0)", "13"),
        ("Hours__c NOT IN (1, 3)", "24"),
        ("Status__c = 'approved'", "13"),
        ("Billable__c = TRUE", "2"),
        ("Work_Date__c >= 2026-11-02", "34"),
        ("Work_Date__c > 2026-11-02", "4"),
        ("Start__c >= 2026-11-02T10:00:00+01:00", "3"),
        ("Start__c < 2026-11-02T09:00:00Z", ""),
        ("Project__r.Name = 'Alpha'", "234"),
        ("Project__r.Xero_Contact__r.Contact_ID__c = null", "1"),
        ("Project__c = null OR (Hours__c > 2 AND Status__c = 'Approved')", "13"),
        ("NOT (Hours__c = 2)", "134"),
        ("Hours__c > 0 AND (NOT Hours__c = 2)", "13"),
        ("Xero_Problem__c LIKE 'it\\'s%'", "1"),
        ("Xero_Problem__c LIKE '%5 \\% o__'", "1"),
        ("Xero_Problem__c LIKE 'under\\_%'", "4"),
        ("CreatedDate = TODAY", "1234"),
        ("CreatedDate = LAST_N_DAYS:7", "1234"),
        ("CreatedDate < TODAY", ""),
        ("Work_Date__c = THIS_YEAR OR Work_Date__c != THIS_YEAR", "1234"),
        ("OwnerId IN ('005000000000002')", "1234"),
        ("Owner.Name LIKE '%integration'", "1234"),
    ],
)
async def test_filters_find_what_soql_finds(entries: Salesforce, where: str, found: str) -> None:
    assert await _numbers(entries, where) == found


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("SELECT Nope FROM TimeEntry__c", "INVALID_FIELD", "No such column 'Nope' on entity 'TimeEntry__c'."),
        ("SELECT Id FROM Nope__c", "INVALID_TYPE", "sObject type 'Nope__c' is not supported."),
        ("SELECT Nope__r.Name FROM TimeEntry__c", "INVALID_FIELD", "Didn't understand relationship 'Nope__r'"),
        ("SELECT Id, Id FROM TimeEntry__c", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM TimeEntry__c WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM TimeEntry__c WHERE Hours__c = 1 AND Hours__c = 2 OR Hours__c = 3", "MALFORMED_QUERY", "'OR'"),
        ("SELECT Id FROM TimeEntry__c WHERE Hours__c = 1 GROUP BY Id", "MALFORMED_QUERY", "unexpected token: 'GROUP'"),
        ("SELECT SUM(Hours__c) FROM TimeEntry__c", "MALFORMED_QUERY", "unexpected token: '('"),
        ("SELECT Id FROM TimeEntry__c WHERE Hours__c = 'one'", "INVALID_FIELD", "must be of type double"),
        ("SELECT Id FROM TimeEntry__c WHERE Work_Date__c = '2026-11-01'", "INVALID_FIELD", "must be of type date"),
        ("SELECT Id FROM TimeEntry__c WHERE CreatedDate > 2026-11-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM TimeEntry__c WHERE Description__c = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM TimeEntry__c WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM TimeEntry__c OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "offset"),
        ("SELECT FIELDS(ALL) FROM TimeEntry__c", "MALFORMED_QUERY", "LIMIT of at most 200"),
        ("DELETE FROM TimeEntry__c", "MALFORMED_QUERY", "unexpected token: 'DELETE'"),
        ("", "MALFORMED_QUERY", "A query string has to be specified"),
    ],
)
async def test_queries_that_salesforce_refuses_are_refused(
    salesforce: Salesforce, query: str, code: str, message: str
) -> None:
    reply = await salesforce.query(query)
    assert reply.status == 400
    assert reply.body[0]["errorCode"] == code
    assert message in reply.body[0]["message"]


async def test_rows_carry_parents_in_place_and_null_where_there_is_none(entries: Salesforce) -> None:
    rows = await entries.rows(
        "SELECT Id, Project__r.Xero_Contact__r.Contact_ID__c, project__r.name FROM TimeEntry__c ORDER BY Name LIMIT 2"
    )
    assert rows[0]["Project__r"] is None
    assert rows[1]["Project__r"]["attributes"]["type"] == "Project__c"
    assert rows[1]["Project__r"]["Xero_Contact__r"]["Contact_ID__c"] == "c1"


async def test_order_puts_nulls_first_unless_told_otherwise(entries: Salesforce) -> None:
    async def order(by: str) -> str:
        rows = await entries.rows(f"SELECT Name FROM TimeEntry__c ORDER BY {by}")
        return "".join(row["Name"][-1] for row in rows)

    assert await order("Hours__c") == "4123"
    assert await order("Hours__c DESC NULLS LAST") == "3214"
    assert await order("Status__c DESC, Hours__c DESC") == "4231"


async def test_count_and_fields_all(entries: Salesforce) -> None:
    counted = await entries.query("SELECT COUNT() FROM TimeEntry__c WHERE Hours__c > 1")
    assert counted.body == {"totalSize": 2, "done": True, "records": []}
    [row] = await entries.rows("SELECT FIELDS(ALL) FROM TimeEntry__c ORDER BY Name LIMIT 1 OFFSET 1")
    assert row["Hours__c"] == 2.0
    assert "SystemModstamp" in row


async def test_a_long_answer_comes_in_pages_that_reach_every_row_once(salesforce: Salesforce, control: Control) -> None:
    records = [{"attributes": {"type": "TimeEntry__c"}, "Hours__c": n} for n in range(200)]
    for _ in range(2):
        await salesforce.call("POST", "/composite/sobjects", {"records": records})
    reply = await salesforce.query("SELECT Id FROM TimeEntry__c", headers={"Sforce-Query-Options": "batchSize=200"})
    assert (reply.body["totalSize"], reply.body["done"], len(reply.body["records"])) == (400, False, 200)
    last = await salesforce.call("GET", reply.body["nextRecordsUrl"])
    assert (last.body["done"], "nextRecordsUrl" in last.body) == (True, False)
    assert len({row["Id"] for row in reply.body["records"] + last.body["records"]}) == 400
    await control.post("/salesforce/query-cursors")
    assert (await salesforce.refused("GET", reply.body["nextRecordsUrl"]))["errorCode"] == "INVALID_QUERY_LOCATOR"


async def test_an_address_over_16_kilobytes_is_refused(salesforce: Salesforce) -> None:
    ids = ",".join(f"'a0000000000{n:04d}'" for n in range(1000))
    reply = await salesforce.query(f"SELECT Id FROM TimeEntry__c WHERE Id IN ({ids})")
    assert (reply.status, reply.body[0]["errorCode"]) == (414, "URI_TOO_LONG")


async def test_records_that_sharing_hides_are_not_found_and_leave_a_null_parent(
    entries: Salesforce, control: Control
) -> None:
    [project] = await entries.rows("SELECT Id FROM Project__c")
    await control.post("/salesforce/switches", unreadable_records=[project["Id"]])
    rows = await entries.rows("SELECT Project__c, Project__r.Name FROM TimeEntry__c WHERE Project__c != null")
    assert {(row["Project__c"], row["Project__r"]) for row in rows} == {(project["Id"], None)}
    assert await entries.rows("SELECT Id FROM Project__c") == []
