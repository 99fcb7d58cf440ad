"""Setup, steps 2 to 4: from the org's own list of objects to a rate for three real entries."""

from collections.abc import AsyncIterator

import pytest

from console import drafting
from sandbox.faults import Fault
from tests.console.web.newcomer import Newcomer, newcomer
from worker.settings import Settings
from worker.store.embedded import EmbeddedServer
from worker.store.store import Store

TIME, CONTACT, RATES = "/setup/time", "/setup/contact", "/setup/rates"
FIELDS = {"hours": "Hours__c", "worked_on": "Work_Date__c", "person": "OwnerId", "project": "Project__c"}
LINK = "link(Project__c)"


@pytest.fixture
async def person(store: Store, settings: Settings, valkey: EmbeddedServer) -> AsyncIterator[Newcomer]:
    """An administrator whose console is connected to the seeded org and company."""
    async with newcomer(store, settings, seeded=True, redis_url=valkey.url) as found:
        yield await (await found.sign_in()).connected()


async def chosen(person: Newcomer, sobject: str = "TimeEntry__c") -> drafting.Draft:
    """After "Use" was pressed."""
    status, where = await person.send(f"{TIME}/object", {"sobject": sobject})
    assert (status, where) == (303, f"{TIME}#h-fields"), where
    return await drafting.draft(person.console.store)


async def test_the_object_is_found_in_the_orgs_own_list(person: Newcomer) -> None:
    _, page = await person.get(TIME)
    assert "These sound like time" in page
    assert "TimeEntry__c" in page
    _, page = await person.get(f"{TIME}?q=projec")
    assert "Project__c" in page
    assert "TimeEntry__c" not in page


async def test_choosing_it_maps_everything_that_can_be_guessed(person: Newcomer) -> None:
    draft = await chosen(person)
    fields = draft.value("source", "fields")
    assert fields["hours"] == "Hours__c"
    assert fields["xero_contact"] == "Project__r.Xero_Contact__r.Contact_ID__c"
    assert fields["rates"] == ["Rate__c", "people", "Project__r.Hourly_Rate__c"]
    assert draft.value("contacts", "sobject") == "Xero_Contact__c"
    assert [problem.key for problem in draft.problems()] == ["billing"]  # the first day, which is step 5's


async def test_three_real_entries_stand_beside_the_fields(person: Newcomer) -> None:
    await chosen(person)
    _, page = await person.get(TIME)
    assert page.count('data-label="Entry 3"') > 10
    _, page = await person.get(CONTACT)
    assert page.count("Paid by <strong>") == 3
    _, page = await person.get(RATES)
    assert page.count("an hour</span>, from") == 3


async def test_fields_are_saved_in_the_draft_and_nothing_is_in_force(person: Newcomer) -> None:
    await chosen(person)
    assert await person.send(TIME, {**FIELDS, "description": "", "then": "next"}) == (303, CONTACT)
    draft = await drafting.draft(person.console.store)
    assert draft.value("source", "fields", "description") == ""
    assert draft.value("source", "fields", "person_name") == "Owner.Name"
    assert await person.console.store.setup.current() is None


async def test_a_field_that_the_org_lacks_is_told_beside_it_and_nothing_is_saved(person: Newcomer) -> None:
    before = await chosen(person)
    for field, wrong in {"hours": "Ours__c", "worked_on": "Name", "project": "Project__r.Nme", "person": "a b"}.items():
        status, page = await person.send(TIME, {**FIELDS, field: wrong})
        assert status == 422
        assert f'id="wrong-{field}"' in page
        assert f'value="{wrong}"' in page
    assert (await drafting.draft(person.console.store)).text == before.text


async def test_a_further_name_and_the_gate_are_mapped_too(person: Newcomer) -> None:
    await chosen(person)
    gate = {"field": "Status__c", "values": "Approved, Submitted", "withdrawn": ""}
    await person.send(TIME, {**FIELDS, **gate, "new_name": "po", "new_path": "Project__r.PO__c"})
    draft = await drafting.draft(person.console.store)
    assert draft.value("source", "fields", "po") == "Project__r.PO__c"
    assert draft.value("source", "approved") == {"field": "Status__c", "values": ["Approved", "Submitted"]}
    status, page = await person.send(TIME, {**FIELDS, **gate, "values": "Aproved"})
    assert (status, "Did you mean" in page) == (422, True)
    await person.send(TIME, {**FIELDS, "field": "", "po": ""})
    draft = await drafting.draft(person.console.store)
    assert draft.value("source", "approved") == draft.value("source", "fields", "po") == ""
    assert (await person.send(TIME, {**FIELDS, "new_name": "no good", "new_path": "Name"}))[0] == 422


async def test_a_preset_is_not_needed_where_names_say_it(person: Newcomer) -> None:
    draft = await chosen(person, "Project__c")
    assert draft.value("source", "sobject") == "Project__c"
    assert draft.value("source", "fields", "xero_contact") == "Xero_Contact__r.Contact_ID__c"
    assert draft.value("source", "write_back") == ""


async def test_a_preset_is_taken_as_far_as_the_org_has_its_fields(person: Newcomer) -> None:
    draft = await chosen(person, "TimeSheetEntry")
    fields = draft.value("source", "fields")
    assert (fields["start"], fields["end"], "hours" in fields) == ("StartTime", "EndTime", False)
    assert draft.value("source", "approved") == {"field": "Status", "values": ["Approved"]}
    assert [problem.key for problem in draft.problems()] == ["billing"]
    again = {name: fields[name] for name in ("start", "end", "worked_on", "person", "project")}
    assert await person.send(TIME, {**again, "then": "stay"}) == (303, TIME)


async def test_an_object_that_is_not_there_is_refused(person: Newcomer) -> None:
    for sobject in ("Nothing__c", "", "x y", "TimeEntry__c; drop"):
        assert (await person.send(f"{TIME}/object", {"sobject": sobject}))[0] == 422
    assert (await drafting.draft(person.console.store)).text == ""


async def test_the_contact_is_found_by_a_path_or_by_links_made_here(person: Newcomer) -> None:
    await chosen(person)
    _, page = await person.get(CONTACT)
    for way in ("Project__r.Xero_Contact__r.Contact_ID__c", "Project__r.Account__r.Xero_Contact_ID__c", LINK):
        assert f'value="{way}"' in page
    await person.send(CONTACT, {"way": LINK, "then": "stay"})
    assert (await drafting.draft(person.console.store)).value("source", "fields", "xero_contact") == LINK
    _, page = await person.get(CONTACT)
    assert page.count("Paid by <strong>") == 0
    assert "Contacts page" in page
    status, page = await person.send(CONTACT, {"way": "path", "path": "Project__r.Name.Nothing"})
    assert (status, 'class="wrong"' in page) == (422, True)
    assert (await person.send(CONTACT, {}))[0] == 422


async def test_contacts_land_in_an_object_with_a_unique_external_id_or_nowhere(person: Newcomer) -> None:
    await chosen(person)
    await person.send(
        CONTACT, {"way": LINK, "sobject": "Xero_Contact__c", "external_id": "Contact_ID__c", "only": "customers"}
    )
    draft = await drafting.draft(person.console.store)
    assert draft.value("contacts", "only") == "customers"
    assert draft.value("contacts", "fields", "Email__c") == "EmailAddress"
    status, page = await person.send(CONTACT, {"way": LINK, "sobject": "Project__c"})
    assert (status, "unique External ID" in page) == (422, True)
    await person.send(CONTACT, {"way": LINK, "sobject": ""})
    assert (await drafting.draft(person.console.store)).value("contacts") == ""


async def test_rates_are_put_in_order_and_the_entries_say_what_comes_of_it(person: Newcomer) -> None:
    await chosen(person)
    _, page = await person.get(RATES)
    assert page.count("Project__r.Hourly_Rate__c: ") == 3
    await order(person, ["people", "Rate__c", ""], move="up 1", default_rate="150", bill="all")
    draft = await drafting.draft(person.console.store)
    assert draft.value("source", "fields", "rates") == ["Rate__c", "people"]
    _, page = await person.get(RATES)
    assert page.count("<strong>150.00 GBP</strong> an hour</span>, from the setup&#39;s default rate") == 3
    await order(person, ["Rate__c", "people"], move="out 0")
    assert (await drafting.draft(person.console.store)).value("source", "fields", "rates") == ["people"]
    for wrong in (["Nothing__c"], ["Name"], ["people", "no path"]):
        status, page = await order(person, wrong)
        assert (status, 'id="wrong-rates"' in page) == (422, True), wrong
    status, page = await order(person, ["people"], default_rate="much")
    assert (status, 'id="wrong-default_rate"' in page) == (422, True)


async def order(person: Newcomer, rates: list[str], **more: str) -> tuple[int, str]:
    """The form of rates."""
    return await person.send(RATES, [*(("rate", each) for each in rates), *more.items()])


async def test_without_a_connection_each_step_says_where_to_make_one(store: Store, settings: Settings) -> None:
    async with newcomer(store, settings) as somebody:
        await somebody.sign_in()
        for path in (TIME, CONTACT, RATES):
            status, page = await somebody.get(path)
            assert status == 200
            assert 'href="/setup/connections">Go to Connections' in page


async def test_an_org_that_does_not_answer_is_a_sentence(person: Newcomer) -> None:
    person.stand.salesforce_faults.add(Fault(kind="status", status=503, times=-1))
    status, page = await person.send(f"{TIME}/object", {"sobject": "TimeEntry__c"})
    assert status == 422
    assert "it answered HTTP 503" in page
    assert (await drafting.draft(person.console.store)).text == ""
