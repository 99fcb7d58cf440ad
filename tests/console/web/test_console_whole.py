"""What is made of the whole ledger: no page waits for that of a large one, and no other page is slowed down by it."""

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from benchmarks import ledger
from console.web.apart import apart, environment_of
from console.web.making import SMALL
from console.web.whole import nobody
from tests.console.web.console_support import Browser, served
from worker.errors import ConfigurationError, ServiceError
from worker.settings import Settings, load_settings
from worker.store.embedded import EmbeddedServer
from worker.store.store import Store

MANY = SMALL + 1_000
MONTH = "/month?period=2026-Q4"
SOON = 2.0  # seconds


@pytest.fixture
def settings(settings: Settings, valkey: EmbeddedServer) -> Settings:
    """What a process of the console's needs to reach the same store."""
    keys = {"salesforce_client_id": "id", "xero_client_id": "id"}
    typed = {"salesforce_client_secret": "not asked", "xero_client_secret": "not asked", **keys}
    return Settings.model_validate({**settings.model_dump(exclude_none=True), **typed, "redis_url": valkey.url})


@pytest.fixture
async def large(redis: Redis, store: Store, settings: Settings) -> AsyncIterator[Browser]:
    """Somebody at the console of a large ledger."""
    await redis.config_set("appendfsync", "no")
    await ledger.fill(store, MANY)
    await redis.config_set("appendfsync", "always")
    runner, port = await served(store, settings)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=60)) as http:
        yield await Browser(http, port, store).sign_in()
    await runner.cleanup()


async def page(browser: Browser, path: str, status: int = 200) -> str:
    response, text = await browser.get(path)
    assert response.status == status, text
    return text


async def until_made(browser: Browser, path: str) -> str:
    """What the page shows once it does not look again."""

    async def there() -> str | None:
        response, text = await browser.get(path)
        assert response.status == 200, text
        return None if "Refresh" in response.headers else text

    return await eventually(there)


async def eventually(there: Callable[[], Awaitable[str | None]]) -> str:
    async with asyncio.timeout(60):
        while (found := await there()) is None:
            await asyncio.sleep(0.05)
        return found


async def test_the_statement_of_a_large_ledger_is_waited_for_by_the_page_and_then_shown_at_once(large: Browser) -> None:
    first, text = await large.get(MONTH)
    assert "The statement of 2026-Q4 is being made" in text
    assert first.headers["Refresh"] == "2"
    text = await until_made(large, MONTH)
    assert "Difference 0.00." in text
    parts = re.search(r"1–50 of (\d+) rows", text)
    assert parts, "as many rows as one page has"
    assert "Refresh" not in (await large.get(MONTH))[0].headers
    assert "51–" in await page(large, f"{MONTH}&parts-page=2")
    await _is_complete_on_paper(large, text, int(parts[1]))
    [drafts] = re.findall(r'href="(/month\?[^"]*where=drafts[^"]*)#entries"', text)[:1]
    assert "/why?id=TimeEntry__c" in await page(large, unescape(drafts))


async def _is_complete_on_paper(large: Browser, text: str, rows: int) -> None:
    """Its file and its printable page have every row, of the statement that was shown."""
    links = {name: unescape(link) for link, name in re.findall(r'href="(/month(\.csv|/print)\?[^"]+)"', text)}
    csv, paper = await page(large, links[".csv"]), await page(large, links["/print"])
    places = [line.split(",")[1] for line in csv.splitlines()[1:]]
    assert places.index("logged") == rows
    assert paper.count('data-label="Why"') >= rows
    assert re.findall(r'As of <time datetime="([^"]+)"', paper) == re.findall(r'As of <time datetime="([^"]+)"', text)


async def test_a_file_asked_for_without_its_page_waits_for_the_statement(large: Browser) -> None:
    csv = await page(large, "/month.csv?period=2026-11")
    assert "difference,,,,,0.0000,0.00" in csv
    assert "names no billing period" in await page(large, "/month.csv?period=--help", 404)


async def test_the_preview_of_a_large_ledger_is_waited_for_by_the_page(large: Browser) -> None:
    first, text = await large.get("/invoices/preview")
    assert "Every entry is being looked at." in text
    assert first.headers["Refresh"] == "2"
    assert "Nothing is written by looking." in await until_made(large, "/invoices/preview")


async def test_other_pages_answer_soon_while_a_statement_is_made(large: Browser) -> None:
    loop = asyncio.get_running_loop()
    took = []
    while "Refresh" in (await large.get(MONTH))[0].headers:
        began = loop.time()
        await page(large, "/invoices")
        took.append(loop.time() - began)
    assert took
    assert max(took) < SOON


async def test_what_a_setup_does_to_a_large_ledger_is_counted_beside_the_page(large: Browser) -> None:
    await large.send("/setup/mode", {"mode": "preview"})
    asked = await page(large, "/setup/mode?mode=preview")
    seen = re.search(r'name="seen" value="(\d+)"', asked)
    assert seen
    response, _ = await large.send("/setup/mode", {"mode": "preview", "sure": "yes", "seen": seen[1]})
    assert response.status == 303
    assert "is being counted, over every entry" in await page(large, "/setup/mode?mode=live")
    assert 'Invoices are sent by the schedule "live"' in unescape(await until_made(large, "/setup/mode?mode=live"))
    form = {"id": "005000000000001AAA", "rate": "130", "from": "2026-01-01"}
    response, text = await large.send("/people", form)
    assert (response.status, "Save this?" in text) == (200, True)


async def test_the_time_of_a_person_is_shown_page_by_page(large: Browser) -> None:
    text = await page(large, "/why?id=005000000000001AAA")
    assert text.count('<li class="card">') == 50
    assert f"1–50 of {MANY // 40} answers" in text
    assert "51–100" in await page(large, "/why?id=005000000000001AAA&page=2")


async def test_a_console_that_ends_takes_what_it_began_with_it(settings: Settings, store: Store) -> None:
    await ledger.fill(store, 1_000)
    asked = asyncio.create_task(apart(settings, "statement", "2026-11", nobody))
    child = int(await eventually(_child))
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


async def _child() -> str | None:
    """The process that was begun, where it is there."""
    return next((pid for pid in await asyncio.to_thread(_children) if "console.web.apart" in _command(pid)), None)


def _children() -> list[str]:
    return Path(f"/proc/{os.getpid()}/task/{threading.main_thread().native_id}/children").read_text().split()


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""  # it ended meanwhile


@pytest.mark.parametrize(
    ("changes", "work", "argument", "error", "says"),
    [
        ({}, "statement", "nonsense", ConfigurationError, "'nonsense' names no billing period."),
        ({"redis_url": "redis://127.0.0.1:1/0"}, "statement", "2026-11", ServiceError, "127.0.0.1:1"),
        ({}, "unheard of", "", ServiceError, "the process that does it ended"),
    ],
)
async def test_what_goes_wrong_apart_is_told_here(
    settings: Settings,
    store: Store,
    changes: dict[str, str],
    work: str,
    argument: str,
    error: type[Exception],
    says: str,
) -> None:
    await ledger.fill(store, 100)
    with pytest.raises(error, match=re.escape(says)):
        await apart(settings.model_copy(update=changes), work, argument, nobody)


def test_a_process_of_ours_gets_the_same_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = settings.model_copy(update={"salesforce_pubsub_tls": False, "salesforce_pubsub_target": "127.0.0.1:1"})
    for name, value in environment_of(changed).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == changed
