"""People, month end and contacts over a deployment with both services: what they show, and what they do."""

import aiohttp
import pytest

from console.web.clientele import FEW
from tests.console.web.console_support import OWN
from tests.console.web.office import Office
from tests.worker.jobs.jobs_world import SETUP, hours
from worker.applying import apply_setup
from worker.billing.model import Contact

LINKED = SETUP.replace('"Project__r.Xero_Contact__r.Contact_ID__c"', '"link(Project__c)"')


# ---- people --------------------------------------------------------------------------------------------------------


async def test_a_new_rate_is_asked_about_with_what_it_changes_and_then_saved(office: Office) -> None:
    record = await office.log()
    person = str(office.world.record(record)["OwnerId"])
    assert person in await office.page("/people")
    asked = await office.send("/people", 200, id=person, bill="no")
    assert "1 entry taken off a draft" in asked
    assert hours(office.world.draft("Harrow")) == 1, "asking changes nothing"
    stored = await office.world.ctx.store.setup.current()
    assert stored is not None
    await office.send("/people", id=person, bill="no", sure="yes", seen=str(stored.version))
    assert "Saved: setup version" in await office.page("/people")
    await office.world.work()
    assert sum(hours(each) for each in office.world.documents("Harrow")) == 0


async def test_yes_to_an_older_setup_asks_again(office: Office) -> None:
    person = str(office.world.record(await office.log())["OwnerId"])
    text = await office.send("/people", 200, id=person, rate="120", sure="yes", seen="0")
    assert "Save this?" in text


@pytest.mark.parametrize(
    ("field", "value", "says"), [("rate", "fast", "no hourly rate"), ("currency", "p", "no currency")]
)
async def test_what_cannot_be_a_rate_is_said_on_the_page(office: Office, field: str, value: str, says: str) -> None:
    person = str(office.world.record(await office.log())["OwnerId"])
    assert says in await office.send("/people", 422, id=person, **{field: value})


async def test_nobody_chosen_saves_nothing(office: Office) -> None:
    assert "choose whom it is about" in await office.send("/people", 422, rate="120")


async def test_a_file_with_a_wrong_line_is_refused_whole_and_names_the_line(office: Office) -> None:
    person = str(office.world.record(await office.log())["OwnerId"])
    form = aiohttp.FormData()
    form.add_field("csv", f"id,rate\n{person},120\nnobody,1\n", filename="people.csv", content_type="text/csv")
    async with office.browser.http.post(office.browser.url("/people/csv"), data=form, headers=OWN) as response:
        text = await response.text()
    assert response.status == 422
    assert "Line 3." in text
    assert "is no Salesforce record id" in text


async def test_the_table_of_people_is_a_file_that_can_be_loaded_again(office: Office) -> None:
    person = str(office.world.record(await office.log())["OwnerId"])
    text = await office.page("/people.csv")
    assert text.splitlines()[0] == "id,name,rate,currency,from,bill"
    assert person in text


# ---- month end -----------------------------------------------------------------------------------------------------


async def test_the_statement_of_a_month_has_no_difference_and_opens_to_its_entries(office: Office) -> None:
    record = await office.log(time="2.00")
    await office.log("Northgate", Status__c="Submitted")
    text = await office.page("/month?period=2026-11")
    assert "Difference 0.00." in text
    assert "Not approved" in text
    [draft] = [line for line in text.splitlines() if "where=drafts" in line]
    address = draft.split('href="')[1].split('"')[0].replace("&amp;", "&").removesuffix("#entries")
    assert f"/why?id=TimeEntry__c%3A{record}" in await office.page(address)
    assert "difference" in await office.page("/month.csv?period=2026-11")


async def test_a_line_that_a_person_added_in_xero_is_told_beside_the_hours(office: Office) -> None:
    await office.log(time="2.00")
    world, own = office.world, {"Description": "Train", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    draft = world.draft("Harrow")
    world.act("write", id=draft["InvoiceID"], body={"LineItems": [*draft["LineItems"], own]})
    await office.log(time="1.00")
    text = await office.page("/month?period=2026-11")
    [row] = [part for part in text.split('<tr role="row">') if "People&#39;s own lines in Xero" in part]
    assert "45.00 GBP" in row
    assert "Entries" not in row
    assert "Difference 0.00." in text
    assert "45.00 GBP" in await office.page("/month/print")
    assert ",own-lines," in await office.page("/month.csv?period=2026-11")


async def test_what_is_no_period_is_no_page(office: Office) -> None:
    assert "nonsense" in await office.page("/month?period=nonsense", 404)


# ---- contacts ------------------------------------------------------------------------------------------------------


async def test_contacts_say_what_will_be_used_and_where_it_comes_from(office: Office) -> None:
    await office.log()
    await office.send("/contacts/pull")
    text = await office.page("/contacts?tab=used")
    assert "contacts read" in text
    assert "Harrow" in text
    assert '200 <span class="soft">(setup)</span>' in text
    assert "Northgate" in await office.page("/contacts?tab=unused&q=north")


async def test_very_many_contacts_are_read_beside_the_page_and_shown_by_name(office: Office) -> None:
    store = office.world.ctx.store
    await office.log()
    await store.contacts.put_many([Contact(id=f"00000000-{n:04}", name=f"Client {n:04}") for n in range(FEW)])
    response, text = await office.browser.get("/contacts?tab=unused")
    assert "All contacts are being read" in text
    while response.headers.get("Refresh"):
        response, text = await office.browser.get("/contacts?tab=unused")
    assert ("Client 0001" in text, "Client 0999" in text) == (True, False)
    assert "Client 0999" in await office.page("/contacts?tab=unused&q=client+09&page=2")
    assert "Harrow" in await office.page("/contacts?tab=used")
    await office.send("/contacts/pull")
    assert "contacts read" in await office.page("/contacts"), "and they are read anew"


async def test_time_without_a_contact_is_listed_and_where_to_mend_it(office: Office) -> None:
    world = office.world
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Xero_Contact__c": None}])
    await office.log(time="3.00")
    text = await office.page("/contacts")
    assert "3 h" in text
    assert "fill it there" in text


async def test_a_suggested_link_is_taken_with_one_click_and_taken_away_after_asking(office: Office) -> None:
    world = office.world
    await apply_setup(world.ctx.store, LINKED, by="test")
    await world.work()
    await office.log(time="2.00")
    project = world.projects["Harrow"]
    assert "the same name" in await office.page("/contacts")
    await office.browser.send("/contacts/link", {"id": project, f"contact-{project}": "Harrow"})
    await world.work()
    assert hours(world.draft("Harrow")) == 2
    assert "Take this link away?" in await office.send("/contacts/unlink", 200, id=project)
    await office.send("/contacts/unlink", id=project, sure="yes")
    await world.work()
    assert sum(hours(each) for each in world.documents("Harrow")) == 0


async def test_home_and_setup_call_the_org_by_its_name(office: Office) -> None:
    await office.send("/contacts/pull")
    for path in ("/", "/setup/connections"):
        assert "Hourstream stand-in" in await office.page(path)
