from typing import Any

from salesforce_support import ENTRIES, Control, Salesforce

from eventbus import pubsub_api_pb2 as pb


async def _page(salesforce: Salesforce, path: str) -> str:
    async with salesforce.http.get(salesforce.url + path) as answer:
        assert answer.status == 200, path
        return await answer.text()


async def _post(salesforce: Salesforce, path: str, headers: Any = None, **form: str) -> tuple[int, str, str]:
    async with salesforce.http.post(salesforce.url + path, data=form, headers=headers) as answer:
        return answer.status, str(answer.url), await answer.text()


async def test_every_page_says_that_it_is_a_stand_in_and_loads_nothing_from_elsewhere(salesforce: Salesforce) -> None:
    entry = await salesforce.create(Description__c="<script>alert(1)</script>")
    pages = ["/", "/lightning/o/TimeEntry__c/list", f"/{entry}", "/lightning/o/TimeEntry__c/new"]
    for path in [*pages, f"/lightning/r/TimeEntry__c/{entry[:15]}/edit", "/lightning/o/CurrencyType/list"]:
        text = await _page(salesforce, path)
        assert "Salesforce stand-in, for trying out" in text
        assert "<script" not in text
        assert "http" not in text.replace("https://", "http://").replace(salesforce.url, "")
    assert "&lt;script&gt;" in await _page(salesforce, f"/{entry}")


async def test_time_logged_on_the_site_is_a_record_and_a_change_event(salesforce: Salesforce) -> None:
    project = await salesforce.create("Project__c", Name="Alpha")
    form = {"Project__c": project, "Work_Date__c": "2026-11-25", "Hours__c": "1.75", "Billable__c": "true"}
    form |= {"OwnerId": "005000000000001AAA", "Status__c": "Approved", "Description__c": "Typed\r\nby hand"}
    status, address, text = await _post(salesforce, "/lightning/o/TimeEntry__c/new", **form)
    assert status == 200
    assert address.endswith("/view")
    assert "Alpha" in text
    [row] = await salesforce.rows("SELECT Hours__c, Billable__c, Description__c, Owner.Name FROM TimeEntry__c")
    assert (row["Hours__c"], row["Billable__c"], row["Description__c"]) == (1.75, True, "Typed\nby hand")
    assert row["Owner"]["Name"] == "Ada Whitfield"
    async with salesforce.subscription(topic_name=ENTRIES, replay_preset=pb.EARLIEST) as subscription:
        [event] = await subscription.events(1)
    assert event["header"]["commitUser"] == "005000000000001AAA"
    assert "client=SfdcInternalAPI" in event["header"]["changeOrigin"]


async def test_a_refused_form_says_why_and_keeps_what_was_typed(salesforce: Salesforce) -> None:
    status, _, text = await _post(salesforce, "/lightning/o/TimeEntry__c/new", Hours__c="lots", Description__c="kept")
    assert status == 200
    assert "Cannot deserialize instance of double" in text
    assert "kept" in text
    assert await salesforce.rows("SELECT Id FROM TimeEntry__c") == []


async def test_records_are_changed_and_deleted_on_the_site(salesforce: Salesforce) -> None:
    entry = await salesforce.create(Hours__c=1, Billable__c=True, Description__c="none")
    form = {"Hours__c": "2", "OwnerId": "005000000000001AAA", "Description__c": ""}
    await _post(salesforce, f"/lightning/r/TimeEntry__c/{entry}/edit", **form)
    [row] = await salesforce.rows("SELECT Hours__c, Billable__c, Description__c FROM TimeEntry__c")
    assert (row["Hours__c"], row["Billable__c"], row["Description__c"]) == (2.0, False, None)
    await _post(salesforce, f"/lightning/r/TimeEntry__c/{entry}/delete")
    assert await salesforce.rows("SELECT Id FROM TimeEntry__c") == []
    assert "In the recycle bin" in await _page(salesforce, f"/{entry}")


async def test_an_edit_form_leaves_alone_what_was_written_back_since_it_was_opened(salesforce: Salesforce) -> None:
    entry = await salesforce.create(Hours__c=1)
    names = ("Xero_Invoice_ID__c", "Xero_Invoice_Number__c", "Xero_Invoice_Status__c", "Xero_Billed__c")
    answers = dict.fromkeys((*names, "Xero_Problem__c"), "written since")
    opened = await _page(salesforce, f"/lightning/r/TimeEntry__c/{entry}/edit")
    assert 'name="Hours__c"' in opened
    assert not any(f'name="{name}"' in opened for name in answers)
    assert (await salesforce.call("PATCH", f"/sobjects/TimeEntry__c/{entry}", answers)).status == 204
    form = {"Hours__c": "2", "OwnerId": "005000000000001AAA"} | dict.fromkeys(answers, "")
    await _post(salesforce, f"/lightning/r/TimeEntry__c/{entry}/edit", **form)
    [row] = await salesforce.rows(f"SELECT Hours__c, {', '.join(answers)} FROM TimeEntry__c")
    assert row["Hours__c"] == 2
    assert {name: row[name] for name in answers} == answers
    assert "written since" in await _page(salesforce, f"/{entry}")


async def test_another_sites_page_cannot_write(salesforce: Salesforce, control: Control) -> None:
    entry = await salesforce.create()
    headers = {"Sec-Fetch-Site": "cross-site"}
    status, _, _ = await _post(salesforce, f"/lightning/r/TimeEntry__c/{entry}/delete", headers)
    assert status == 403
    assert len(await salesforce.rows("SELECT Id FROM TimeEntry__c")) == 1
