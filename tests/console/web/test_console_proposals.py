"""Preview: what would be written to Xero, each draft to be created by itself."""

import re

import pytest

from tests.console.web.console_support import SETUP, Browser, fill, working
from tests.console.web.office import Office
from tests.worker.jobs.jobs_world import SETUP as LIVE

PREVIEW = LIVE.replace('invoices = "live"', 'invoices = "preview"')
PATH = "/invoices/preview"

in_preview = pytest.mark.parametrize("office_setup", [PREVIEW])


async def test_without_a_setup_the_preview_leads_to_setup(browser: Browser) -> None:
    response, page = await (await browser.sign_in()).get(PATH)
    assert response.status == 200
    assert "There is no setup yet." in page
    assert "Refresh" not in response.headers


async def test_while_everything_is_read_the_page_looks_again_by_itself(browser: Browser) -> None:
    await working(browser.store)
    response, page = await (await browser.sign_in()).get(PATH)
    assert response.status == 200
    assert "Every entry is being looked at." in page
    assert response.headers["Refresh"] == "2"


async def test_a_service_that_cannot_be_asked_is_a_sentence(browser: Browser) -> None:
    await working(browser.store, setup=SETUP)
    await fill(browser.store, None, [])
    response, page = await (await browser.sign_in()).get(PATH)
    assert response.status == 200
    assert re.search(r'class="notice attention">[^<]+cannot be reached', page)


@in_preview
async def test_where_all_is_on_drafts_nothing_would_be_written(office: Office) -> None:
    assert "Nothing would be written." in await office.page(PATH)


@in_preview
async def test_what_would_be_written_is_listed_by_client_and_nothing_is_written(office: Office) -> None:
    await _log(office, "Northgate", "2.00")
    await _log(office, "Harrow", "1.50")
    writes = office.world.writes()
    page = await _shown(office, "Northgate")
    assert page.index("Harrow") < page.index("Northgate")
    assert "350.00 GBP" in page
    assert "2 h" in page
    assert office.world.writes() == writes
    assert re.search(r'Preview <span class="badge">2</span>', page)


@in_preview
async def test_one_draft_is_created_and_the_others_stay_a_preview(office: Office) -> None:
    await _log(office, "Northgate", "2.00")
    await _log(office, "Harrow", "1.50")
    page = await _shown(office, "Northgate")
    [first, _] = re.findall(r'action="(/i/[^"]+/create)"', page)
    await office.send(first)
    page = await office.page(first.removesuffix("/create"))
    assert re.search(r"TT-\d{5} is a draft in Xero\.", page)
    assert "Harrow" in page
    assert len(office.world.documents()) == 1
    assert "Northgate" in await office.page(PATH)


async def test_live_no_count_is_shown_of_what_is_written_within_seconds(office: Office) -> None:
    await _log(office, "Harrow", "1.50")
    tabs = (await office.page("/invoices")).split('aria-label="Invoices by state"')[1].split("</nav>")[0]
    assert re.search(r">Preview</a>", tabs)
    assert re.search(r'Open <span class="badge">0</span>', tabs)


@in_preview
async def test_only_who_may_create_a_draft_is_offered_to(office: Office) -> None:
    await _log(office, "Harrow", "1.50")
    await _shown(office, "Harrow")
    await office.browser.sign_in("viewer")
    page = await office.page(PATH)
    assert "Harrow" in page
    assert "/create" not in page


async def _log(office: Office, client: str, hours: str) -> None:
    """Time that was read; in preview nothing is sent of it."""
    await office.world.tell(office.world.log(client, hours))
    await office.world.run("collect")


async def _shown(office: Office, client: str) -> str:
    """The page once it shows this client."""
    for _ in range(50):
        page = await office.page(PATH)
        if client in page:
            return page
    raise AssertionError(page)
