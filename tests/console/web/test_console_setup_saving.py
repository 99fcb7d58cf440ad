"""Setup: Save in money first, the switch, history with undo, files, the package, doctor, and the button."""

import io
import zipfile
from html import unescape

import aiohttp
import pytest

from console import drafting
from sandbox.faults import Fault
from tests.console.web.console_support import OWN
from tests.console.web.office import Office
from tests.console.web.setup_support import draft, saved, typed, version
from tests.worker.jobs.jobs_world import SETUP, hours
from worker.setup import parse

# ---- save ----------------------------------------------------------------------------------------------------------


async def test_saving_shows_what_changes_in_money_first_and_then_applies_it(office: Office) -> None:
    await office.log(time="2.00")
    assert hours(office.world.draft("Harrow")) == 2
    await typed(office, "/setup/invoices", start="2026-11-20")
    page = unescape(await office.page("/setup/save"))
    assert "With this setup: 1 entry taken off a draft" in page
    assert "200.00 GBP" in page
    assert "billing.start" in page
    assert hours(office.world.draft("Harrow")) == 2, "looking changes nothing"
    before = await version(office)
    assert f"setup version {before + 1} is in force" in await saved(office)
    assert not (await draft(office)).changed


async def test_a_second_click_on_save_says_that_nothing_is_left(office: Office) -> None:
    await typed(office, "/setup/invoices", period="week")
    await saved(office)
    before = await version(office)
    await office.send("/setup/save", seen="1-0")
    assert "Nothing was left to save" in await office.page("/setup")
    assert await version(office) == before


async def test_what_changed_since_it_was_looked_at_is_not_saved(office: Office) -> None:
    await typed(office, "/setup/invoices", period="week")
    before = await version(office)
    await office.send("/setup/save", seen="1-0")
    assert "Look again." in await office.page("/setup/save")
    assert await version(office) == before


async def test_a_setup_that_the_company_refuses_cannot_be_saved(office: Office) -> None:
    await typed(office, "/setup/invoices", revenue_account="999")
    page = unescape(await office.page("/setup/save"))
    assert 'has no account "999"' in page
    assert 'name="seen"' not in page


async def test_the_switch_goes_to_preview_and_live_again_after_asking(office: Office) -> None:
    store = office.world.ctx.store
    for mode, says in (("preview", "Nothing is written to Xero from now on"), ("live", "by the schedule")):
        before = await version(office)
        await office.send("/setup/mode", mode=mode)
        asked = await office.page(f"/setup/mode?mode={mode}")
        assert says in asked
        assert await version(office) == before
        await office.send("/setup/mode", mode=mode, sure="yes", seen=str(before))
        stored = await store.setup.current()
        assert stored is not None
        assert parse(stored.text).schedule.invoices.writes is (mode == "live")
    await office.send("/setup/mode", mode="live", sure="yes", seen="0")
    assert "It is live already." in await office.page("/setup")


@pytest.mark.parametrize("office_setup", [""])
async def test_the_first_setup_is_seen_with_real_entries_before_anything_is_in_force(office: Office) -> None:
    office.world.log("Harrow", "2.00")
    store = office.world.ctx.store
    await drafting.replaced(store, SETUP.replace("start = 2026-11-01\n", ""), "test")
    month = (await store.clock())[:7]
    assert f'value="{month}-01"' in await office.page("/setup/invoices"), "this month is suggested"
    missing = await typed(office, "/setup/invoices/preview", 200, fragment="yes", start="")
    assert "No preview yet." in missing
    shown = await typed(office, "/setup/invoices/preview", 200, fragment="yes")
    assert "1 invoice" in shown
    assert "200.00 GBP" in shown
    assert "Harrow" in shown
    await typed(office, "/setup/invoices")
    assert "setup version 1 is in force" in await saved(office)
    assert office.world.writes() == 0


# ---- history and files ---------------------------------------------------------------------------------------------


async def test_an_older_setup_comes_back_through_save(office: Office) -> None:
    store, first = office.world.ctx.store, await version(office)
    stored = await store.setup.current()
    assert stored is not None
    await typed(office, "/setup/invoices", period="week")
    await saved(office)
    page = unescape(await office.page("/setup/history"))
    assert "billing.period" in page
    assert "by administrator" in page
    assert "Go back to this version" in await office.page(f"/setup/history/{first}")
    await office.send("/setup/history/undo", number=str(first))
    await saved(office)
    now = await store.setup.current()
    assert now is not None
    assert (now.text, now.version) == (stored.text, first + 2)
    await office.page("/setup/history/99", 404)
    await office.send("/setup/history/undo", 404, number="99")


async def test_the_setup_goes_out_and_in_as_the_same_file(office: Office) -> None:
    stored = await office.world.ctx.store.setup.current()
    assert stored is not None
    assert await office.page("/setup/setup.toml") == stored.text
    for text, status in (("[billing", 422), (stored.text.replace('"TT-"', '"AB-"'), 303)):
        form = aiohttp.FormData()
        form.add_field("file", text, filename="setup.toml", content_type="application/toml")
        url = office.browser.url("/setup/import")
        async with office.browser.http.post(url, data=form, headers=OWN, allow_redirects=False) as response:
            assert response.status == status
    assert await office.page("/setup/setup.toml") == stored.text


async def test_the_package_is_made_from_the_draft(office: Office) -> None:
    await office.send("/setup/write-back", problem="Why__c")
    async with office.browser.http.get(office.browser.url("/setup/package.zip")) as response:
        names = zipfile.ZipFile(io.BytesIO(await response.read())).namelist()
    assert any(name.endswith("objects/TimeEntry__c/fields/Why__c.field-meta.xml") for name in names)


# ---- doctor and sync -----------------------------------------------------------------------------------------------


async def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(office: Office) -> None:
    page = unescape(await office.page("/setup/doctor"))
    assert "Deletions can be asked for." in page
    assert "None lives." in page
    assert "Start one: `hourstream up` or `hourstream work`." in page


async def test_the_button_gets_contacts_and_generates_invoices_and_tells_what_it_did(office: Office) -> None:
    world = office.world
    world.log("Harrow", "3.00")
    await office.send("/setup/sync")
    page = ""
    for _ in range(200):
        page = await office.page("/setup/sync")
        if "Done." in page:
            break
        _, shown = await office.browser.get("/setup/sync/look")
        assert "Get contacts from Xero" in shown
    assert "1 invoices written" in page
    assert hours(world.draft("Harrow")) == 3


async def test_a_second_click_says_that_it_is_running(office: Office) -> None:
    faults = office.world.stand.xero_faults
    held = faults.add(Fault("hold", path=".*/Contacts"))
    await office.send("/setup/sync")
    await faults.held[held].reached.wait()
    await office.send("/setup/sync")
    page = await office.page("/setup/sync")
    assert "It is running already" in page
    assert "… under way" in page
    faults.remove(held)


async def test_a_run_that_does_not_get_through_says_where_and_why(office: Office) -> None:
    office.world.fault("status", path=".*/Contacts", times=-1, status=403)
    await office.send("/setup/sync")
    page = unescape(await office.page("/setup/sync"))
    for _ in range(200):
        if "It did not get through." in page:
            break
        page = unescape(await office.page("/setup/sync"))
    assert "stopped here" in page
    assert "Done." not in page
