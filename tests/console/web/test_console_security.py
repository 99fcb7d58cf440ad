"""What no page, no script and no other site may do."""

from pathlib import Path

import aiohttp
import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis
from yarl import URL

from console.web.security import POLICY
from tests.console.web.console_support import KEY, SECRET, Browser, served
from worker.limits import Limits
from worker.settings import Settings
from worker.store.doorbell import SilentDoorbell
from worker.store.keys import Keys
from worker.store.store import Store

PAGES = ("/", "/why", "/why?id=TT-00042", f"/i/{KEY}/1", "/live", "/nowhere", "/i/x/y", "/metrics")


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_is_shown_without_a_session(browser: Browser, path: str) -> None:
    response, page = await browser.get(path)
    assert response.status == 401
    assert "Sign in" in page
    assert "Sign out" not in page


async def test_health_needs_no_session_and_no_host_name(browser: Browser) -> None:
    response, text = await browser.get("/healthz", headers={"Host": "10.1.2.3:8400"})
    assert (response.status, text) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/link/x", "/static/console.css", "/static/none.css"])
@pytest.mark.parametrize("signed_in", [False, True])
async def test_every_answer_carries_the_headers(browser: Browser, path: str, signed_in: bool) -> None:
    if signed_in:
        await browser.sign_in()
    response, _ = await browser.get(path)
    assert response.headers["Content-Security-Policy"] == POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in response.headers
    assert "aiohttp" not in response.headers["Server"]


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in POLICY.split("; ")
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


async def test_pages_hold_no_script_and_no_style_of_their_own_and_name_no_other_host(browser: Browser) -> None:
    await browser.sign_in()
    for path in ("/", "/why?id=x", "/nowhere"):
        _, page = await browser.get(path)
        assert page.count("<script") == page.count('<script src="/static/') == 1
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert 'src="http' not in page


async def test_files_may_be_kept_for_ever_under_an_address_that_changes_with_them(browser: Browser) -> None:
    _, page = await browser.get("/")
    address = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    response, text = await browser.get(address)
    assert response.status == 200
    assert response.content_type == "text/css"
    assert "immutable" in response.headers["Cache-Control"]
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize(
    "path", ["/static/../web/app.py", "/static/%2e%2e/web/app.py", "/static/", "/static/..%2fcli.py"]
)
async def test_only_the_folder_of_files_is_served(browser: Browser, path: str) -> None:
    async with browser.http.get(URL(browser.url(path), encoded=True)) as response:
        assert response.status in (401, 403, 404)


@pytest.mark.parametrize(
    "host", ["evil.example.com", "evil.example.com:8400", "127.0.0.1.evil.example.com", "", "[::1"]
)
async def test_other_host_names_are_not_answered(browser: Browser, host: str) -> None:
    await browser.sign_in()
    response, page = await browser.get("/", headers={"Host": host})
    assert response.status == 421
    assert "HOURSTREAM_CONSOLE_URL" in page
    assert response.headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("host", ["localhost:8400", "LOCALHOST", "127.0.0.1:9", "[::1]:8400"])
async def test_this_machines_names_are_answered(browser: Browser, host: str) -> None:
    response, _ = await browser.get("/", headers={"Host": host})
    assert response.status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    ],
)
async def test_another_sites_forms_change_nothing(browser: Browser, headers: dict[str, str]) -> None:
    link = await browser.link()
    response, _ = await browser.post(link, headers)
    assert response.status == 403
    assert await browser.store.links.valid(link.rpartition("/")[2])
    await browser.sign_in()
    response, _ = await browser.post("/signout", headers)
    assert response.status == 403
    response, _ = await browser.get("/")
    assert response.status == 200


@pytest.mark.parametrize("how", ["same-origin", "none", "origin"])
async def test_the_consoles_own_forms_do(browser: Browser, how: str) -> None:
    own = {"Origin": f"http://127.0.0.1:{browser.port}"} if how == "origin" else {"Sec-Fetch-Site": how}
    response, _ = await browser.post(await browser.link(), own)
    assert response.status == 303


async def test_methods_that_are_not_there_are_refused(browser: Browser) -> None:
    await browser.sign_in()
    async with browser.http.put(browser.url("/"), headers={"Sec-Fetch-Site": "same-origin"}) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET,HEAD"


async def test_pages_say_so_when_redis_is_away(settings: Settings, keys: Keys, tmp_path: Path) -> None:
    nowhere = Redis(unix_socket_path=str(tmp_path / "nowhere.sock"))
    away = Store(nowhere, keys, tmp_path, MultiFernet([Fernet(SECRET)]), Limits(), SilentDoorbell())
    runner, port = await served(away, settings)
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as response:
        assert response.status == 503
        assert "Redis does not answer." in await response.text()
        assert response.headers["Refresh"] == "10"
    await runner.cleanup()
    await nowhere.aclose()
