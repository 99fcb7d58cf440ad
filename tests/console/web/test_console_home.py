"""Home: one sentence that is true, the first steps, and what people need to see."""

import re

import pytest

from console.web.sentence import Standing, remarks
from tests.console.web.console_support import (
    KEY,
    SETUP,
    Browser,
    document,
    fact,
    fill,
    invoice,
    unit,
    working,
)
from worker.billing.model import Waiting
from worker.setup.presets import preset

HOSTILE = '<script>alert("x")</script>&"\''
LISTENING = {"state": "listening", "last_response_at": "2026-11-05T10:42:07Z"}
WELL = {"setup": True, "workers": 1, "listener": LISTENING, "complete": True}


async def home(browser: Browser) -> str:
    response, page = await browser.get("/")
    assert response.status == 200
    return page


def headline(page: str) -> str:
    found = re.search(r'class="headline">(.*?)</p>', page, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found[1])).strip()


# ---- the sentence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "tone", "text"),
    [
        ({}, "good", "All time changed up to {at} is on drafts."),
        ({"waiting": 1}, "attention", "is on drafts, except 1 entry that waits for somebody."),
        ({"waiting": 1200}, "attention", "except 1,200 entries that wait for somebody."),
        ({"to_read": 1, "to_send": 2}, "busy", "1 time entry to read and 2 drafts to update."),
        ({"to_send": 2, "scheduled": 2, "mode": "1h"}, "busy", "2 drafts to update at the next run."),
        ({"to_send": 2, "scheduled": 2}, "busy", "2 drafts to update."),
        ({"mode": "preview"}, "attention", "Preview: time is read and priced, and nothing is written to Xero."),
        ({"mode": "off"}, "attention", "Invoices are off"),
        ({"setup": False, "workers": 0, "listener": None, "complete": False}, "busy", "the setup is not saved"),
        ({"setup_problem": "line 3: no such key."}, "stopped", "The setup cannot be used: line 3: no such key."),
        ({"workers": 0}, "stopped", "No worker is running"),
        ({"resting": ("Xero",)}, "stopped", "Xero has to be connected again"),
        ({"paused": (("invoices", "brake: 51 new drafts."),)}, "stopped", "The brake is on: nothing is sent"),
        ({"complete": False, "rebuild_step": "units"}, "busy", "(reading the time entries)"),
        ({"complete": False, "rebuild_step": "new"}, "busy", "(starting)"),
        ({"paused": (("invoices", "Ada: month end"),)}, "stopped", "Writing invoices is paused by Ada: month end."),
        ({"problems": (("invoice", "Xero says no."),)}, "stopped", "is tried again until it works. Xero says no."),
    ],
)
def test_the_sentence_says_how_things_stand(now: dict[str, object], tone: str, text: str) -> None:
    first = remarks(Standing(**{**WELL, **now}))[0]
    assert first.tone == tone
    assert text in first.text


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ({"listener": None}, "Nothing listens to Salesforce"),
        ({"listener": {"state": "retrying", "reason": "No route."}}, "connecting to Salesforce again. No route."),
        ({"stopped_until": "2026-11-05T10:43:00Z"}, "Xero asked for no calls until {at}"),
        ({"problems": (("contacts", "No."),)}, "Getting contacts from Xero is tried again until it works. No."),
        ({"paused": (("write_back", "Ada: busy"),)}, "Writing back to entries is paused by Ada: busy."),
    ],
)
def test_what_does_not_keep_time_from_drafts_stands_below(now: dict[str, object], text: str) -> None:
    first, second = remarks(Standing(**{**WELL, **now}))
    assert "is on drafts" in first.text
    assert second.tone == "attention"
    assert text in second.text


def test_several_obstacles_are_all_named_and_nothing_is_promised() -> None:
    found = remarks(Standing(**{**WELL, "workers": 0, "complete": False, "listener": None}))
    assert [each.tone for each in found] == ["stopped", "busy", "attention"]
    assert not any("is on drafts" in each.text for each in found)


# ---- the page ------------------------------------------------------------------------------------------------------


async def test_before_anything_is_set_up_home_leads_through_the_first_steps(browser: Browser) -> None:
    page = await home(await browser.sign_in())
    assert headline(page) == "Nothing is billed yet: the setup is not saved."
    assert re.findall(r'<li class="todo">.*?href="([^"]+)"', page, re.DOTALL) == [
        "/setup/connections", "/setup/connections", "/setup/time", "/setup/contact", "/setup/invoices", "/setup/save",
        "/invoices/preview",
    ]  # fmt: skip
    await browser.store.setup.save(SETUP.replace('"live"', '"preview"'), "somebody")
    page = await home(browser)
    assert page.count('<li class="todo">') == 3
    assert page.count('<li class="done">') == 4
    await fill(browser.store, invoice(document(1)), [fact(1)])
    assert "First steps" not in await home(browser)


async def test_when_all_is_well_home_says_up_to_when(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, invoice(document(1, 2)), [fact(1), fact(2)])
    page = await home(await browser.sign_in())
    assert re.fullmatch(r"All time changed up to (\S+ )?10:42:07 UTC is on drafts\.", headline(page))
    assert 'datetime="2026-11-05T10:42:07+00:00"' in page
    assert "First steps" not in page
    assert "00D000000000001EAA" in page
    assert "Hours &amp; Sons" in page
    assert "TEST" in page


async def test_home_shows_lines_and_drafts_with_links(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, invoice(document(1, 2)), [fact(1), fact(2)])
    page = await home(await browser.sign_in())
    assert page.count("data-row") == 3
    assert page.count(f'<a href="/i/{KEY}/1">TT-00042</a>') == 3
    assert "120.00 GBP" in page
    assert "240.00 GBP" in page
    assert "Acme" in page


async def test_a_setup_in_preview_says_so(browser: Browser) -> None:
    await working(browser.store, setup=SETUP.replace('"live"', '"preview"'))
    await fill(browser.store, None, [])
    assert headline(await home(await browser.sign_in())).startswith("Preview:")


async def test_a_stored_setup_that_cannot_be_used_is_a_sentence_not_a_failure(browser: Browser) -> None:
    await working(browser.store)
    await browser.store.setup.save("[source]\nsobject = 5\n", "somebody")
    page = await home(await browser.sign_in())
    assert headline(page).startswith("The setup cannot be used:")


async def test_names_from_elsewhere_are_shown_and_never_run(browser: Browser) -> None:
    await working(browser.store)
    waits = Waiting(HOSTILE, HOSTILE, "entry")
    await fill(
        browser.store,
        invoice(document(1, problem=HOSTILE, number=HOSTILE), contact_name=HOSTILE),
        [fact(1, person_name=HOSTILE, project_name=HOSTILE, description=HOSTILE), fact(2, waits=waits)],
    )
    await browser.store.heartbeats.beat("listener", "listener 1", {"state": "retrying", "reason": HOSTILE})
    await browser.store.heartbeats.beat("problem", "collect", {"text": HOSTILE})
    await browser.sign_in()
    for path in ("/", f"/i/{KEY}/1", f"/why?id={unit(1).replace('#', '%23')}", '/why?id=%22%3E<script>alert("x")'):
        response, page = await browser.get(path)
        assert response.status == 200
        assert "alert(&#34;x&#34;)" in page
        assert "<script>alert" not in page


async def test_the_settings_of_a_fresh_preset_can_be_shown(browser: Browser) -> None:
    found = preset("time-entry")
    assert found
    await working(browser.store, setup=found.text)
    assert "Preview:" in await home(await browser.sign_in()) or "read from Salesforce" in await home(browser)
