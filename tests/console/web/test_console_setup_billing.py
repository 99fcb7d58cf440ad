"""Setup, steps 5 to 8: what is typed, what it comes to beside the form, and what of it the draft takes."""

import re
from html import unescape

from console import drafting
from tests.console.web.console_support import SETUP, Browser, working
from tests.console.web.office import Office
from tests.console.web.setup_support import BILLING, draft, typed, version
from worker.setup import parse

CANNOT_BE = [
    ("start", "soon", "Write a day such as 2026-11-01."),
    ("start", "0001-01-01", "Write a day such as 2026-11-01."),
    ("start", "", "Write the first day whose time is billed here."),
    ("due_days", "many", "Write a whole number."),
    ("close_after", "a while", '"a while" is no duration'),
    ("description", "{nobody}", "{nobody} is no mapped name"),
    ("period", "decade", '"decade"'),
]
FREQUENCIES = [
    ({"invoices": "every", "every": "20", "unit": "m"}, "20m"),
    ({"invoices": "1d"}, "1d"),
    ({"invoices": "cron", "cron": "0  18 * * 5"}, "0 18 * * 5"),
    ({"invoices": "off"}, "off"),
]
NO_FREQUENCIES = [{"invoices": "cron", "cron": "often"}, {"invoices": "every", "every": "0"}, {"settle": "5s"}]


# ---- 5: invoices ---------------------------------------------------------------------------------------------------


async def test_what_would_be_invoiced_is_shown_for_typed_values_and_nothing_is_saved(office: Office) -> None:
    await office.log(time="1.50", Description__c="Drawings")
    before, writes = await version(office), office.world.writes()
    shown = await typed(office, "/setup/invoices/preview", 200, fragment="yes", reference="Our {period}")
    assert "1 invoice" in shown
    assert "Harrow" in shown
    assert "Our 2026-11" in shown
    assert "150.00 GBP" in shown
    assert "<html" not in shown
    assert not (await draft(office)).changed
    assert (await version(office), office.world.writes()) == (before, writes)


async def test_the_preview_follows_the_grouping_and_the_start(office: Office) -> None:
    await office.log()
    await office.log()
    one = await typed(office, "/setup/invoices/preview", 200, fragment="yes", line_per="project")
    two = await typed(office, "/setup/invoices/preview", 200, fragment="yes", line_per="entry")
    assert (one.count('data-label="Price"'), two.count('data-label="Price"')) == (1, 2)
    later = await typed(office, "/setup/invoices/preview", 200, fragment="yes", start="2026-12-01")
    assert "no time since that start" in later


async def test_what_cannot_be_is_said_beside_the_field_with_what_was_typed(browser: Browser) -> None:
    await working(browser.store, setup=SETUP)
    await browser.sign_in()
    for field, value, says in CANNOT_BE:
        response, text = await browser.send("/setup/invoices", {**BILLING, "line_per": "person", field: value})
        assert response.status == 422, field
        beside = re.search(f'id="wrong-{field}">([^<]+)<', text)
        assert beside, field
        assert says in unescape(beside[1])
        response, text = await browser.send("/setup/invoices/preview", {**BILLING, "fragment": "yes", field: value})
        assert "No preview yet." in text
    assert not (await drafting.draft(browser.store)).changed


TRAVEL = {"surcharge-1-name": "Travel", "surcharge-1-percent": "5"}


async def test_surcharges_are_added_changed_and_taken_away(office: Office) -> None:
    await typed(office, "/setup/invoices", **TRAVEL)
    path = ("billing", "surcharge")
    assert (await draft(office)).value(*path) == [{"name": "Travel", "percent": "5%"}]
    assert 'value="Travel"' in await office.page("/setup/invoices")
    more = {**TRAVEL, "surcharge-2-name": "Rush", "surcharge-2-percent": "12.5 %", "surcharge-2-revenue_account": "200"}
    await typed(office, "/setup/invoices", **more)
    rush = {"name": "Rush", "percent": "12.5%", "revenue_account": "200"}
    assert (await draft(office)).value(*path) == [{"name": "Travel", "percent": "5%"}, rush]
    await typed(office, "/setup/invoices", **{**more, "surcharge-1-name": "", "surcharge-1-percent": ""})
    assert (await draft(office)).value(*path) == [rush]
    assert "name Rush, percent 12.5%" in unescape(await office.page("/setup/save"))
    await typed(office, "/setup/invoices", **dict.fromkeys(more, ""))
    assert (await draft(office)).value(*path, default=None) is None


async def test_surcharges_are_in_the_preview_of_what_is_typed(office: Office) -> None:
    await office.log(time="1.00")
    assert "105.00 GBP" in await typed(office, "/setup/invoices/preview", 200, fragment="yes", **TRAVEL)


async def test_what_no_surcharge_can_be_is_said_beside_its_own_field(office: Office) -> None:
    for field, value, says in (("percent", "lots", "is no percentage"), ("name", "", "it is what the line says")):
        first = {name.replace("1", "2"): value for name, value in TRAVEL.items()}
        form = {"surcharge-1-name": "", "surcharge-1-percent": "", **first, f"surcharge-2-{field}": value}
        text = await typed(office, "/setup/invoices", 422, **form)
        beside = re.search(f'id="wrong-surcharge-2-{field}">([^<]+)<', text)
        assert beside, text
        assert says in beside[1]


async def test_a_preview_without_a_service_says_what_is_missing(browser: Browser) -> None:
    await working(browser.store, setup=SETUP)
    await browser.sign_in()
    response, text = await browser.send("/setup/invoices/preview", {**BILLING, "line_per": "person", "fragment": "yes"})
    assert response.status == 200
    assert "No preview now." in text


async def test_a_saved_step_is_in_the_draft_only_and_says_no_more_than_was_changed(office: Office) -> None:
    before = await version(office)
    await typed(office, "/setup/invoices", period="week", line_per="person")
    assert set((await draft(office)).changed) == {"billing.period", "billing.line_per"}
    assert await version(office) == before
    assert "Not in force yet." in await office.page("/setup/invoices")


async def test_accounts_are_the_companys_and_the_preview_needs_no_script(office: Office) -> None:
    await office.log()
    text = await typed(office, "/setup/invoices/preview", 200, reference="Typed and not saved")
    assert "1 invoice" in text
    assert 'value="Typed and not saved"' in text
    assert re.search(r'<option value="200" selected>200 ', text)
    company = await office.world.ctx.company()
    assert any(f'<option value="{rate.type}">' in text for rate in company.tax_rates)


# ---- 6 to 8 --------------------------------------------------------------------------------------------------------


async def test_the_frequency_is_what_the_schedule_says_and_its_calls_are_forecast(browser: Browser) -> None:
    await working(browser.store, setup=SETUP)
    await browser.sign_in()
    for form, said in FREQUENCIES:
        _, shown = await browser.send("/setup/frequency/preview", {**form, "fragment": "yes"})
        assert "Xero calls a day" in shown
        assert ("Next runs" in shown) == (form["invoices"] == "cron")
        await browser.send("/setup/frequency", form)
        assert (await drafting.draft(browser.store)).value("schedule", "invoices") == said
        _, page = await browser.get("/setup/frequency")
        assert f'value="{form["invoices"]}" checked' in page
    for form in NO_FREQUENCIES:
        response, _ = await browser.send("/setup/frequency", form)
        assert response.status == 422, form
    assert (await drafting.draft(browser.store)).value("schedule", "invoices") == "off"


async def test_write_back_fields_are_chosen_from_the_org(office: Office) -> None:
    assert "(Xero_Problem__c)" in await office.page("/setup/write-back")
    await office.send("/setup/write-back", invoice_number="Xero_Invoice_Number__c", problem="")
    found = await draft(office)
    assert found.value("source", "write_back", "invoice_number") == "Xero_Invoice_Number__c"
    assert found.value("source", "write_back", "problem") == ""
    twice = {"invoice_number": "Xero_Invoice_Number__c", "invoice_status": "Xero_Invoice_Number__c"}
    text = await office.send("/setup/write-back", 422, **twice)
    assert "is already written with invoice_number" in unescape(text)


async def test_the_limits_of_the_brake_are_saved(browser: Browser) -> None:
    await working(browser.store, setup=SETUP)
    await browser.sign_in()
    await browser.send("/setup/alerts", {"new_invoices": "5", "corrections": "10", "changed_value": "12.5"})
    brake = parse((await drafting.draft(browser.store)).text).brake
    assert (brake.new_invoices, brake.removed_entries, str(brake.changed_value)) == (5, 50, "12.5")
    response, text = await browser.send("/setup/alerts", {"new_invoices": "-1", "changed_value": "a lot"})
    assert response.status == 422
    assert "Write a whole number." in text


async def test_who_may_only_look_sees_the_steps_without_buttons(browser: Browser) -> None:
    await working(browser.store, setup=SETUP)
    await browser.sign_in("viewer")
    for step in ("invoices", "frequency", "write-back", "alerts"):
        _, text = await browser.get(f"/setup/{step}")
        assert 'class="whole" disabled' in text
        assert "Save and go on" not in text
