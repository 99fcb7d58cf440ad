"""What no page, no script and no other site may do."""

import base64
import json
import time

import pytest
from cryptography.fernet import Fernet
from yarl import URL

from console.web.security import POLICY
from console.web.session import ABSOLUTE, IDLE, session_key
from tests.console.web.console_support import KEY, Browser
from worker.settings import Settings

PAGES = ("/", "/why", "/why?id=TT-00042", f"/i/{KEY}/1", "/live", "/nowhere", "/i/x/y", "/metrics")
COOKIE = "hourstream-8400"


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


# ---- sessions ------------------------------------------------------------------------------------------------------


async def test_the_cookie_is_out_of_reach_of_scripts_and_encrypted(browser: Browser) -> None:
    response, _ = await browser.post(await browser.link())
    cookie = response.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) == IDLE
    assert not cookie["secure"]
    assert "administrator" not in cookie.value


@pytest.mark.parametrize("console_url", ["https://hours.example.com"])
async def test_by_https_the_cookie_is_secure_and_https_is_remembered(browser: Browser) -> None:
    named = {"Host": "hours.example.com", "Sec-Fetch-Site": "same-origin"}
    response, _ = await browser.post(await browser.link(), named)
    cookie = response.cookies["__Host-hourstream"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")


def session(settings: Settings, *, seen: float, since: float) -> str:
    """A cookie as the console makes them: last renewed `seen` seconds ago, signed in `since` seconds ago."""
    now = int(time.time())
    person = {"who": "administrator", "role": "administrator", "since": int(now - since)}
    data = json.dumps({"created": int(now - seen), "session": person}).encode()
    key = base64.urlsafe_b64encode(session_key(settings))
    return Fernet(key).encrypt_at_time(data, int(now - seen)).decode()


@pytest.mark.parametrize(
    ("seen", "since", "status"),
    [
        (0, 60, 200),
        (IDLE - 60, IDLE, 200),
        (IDLE + 60, IDLE + 60, 401),
        (60, ABSOLUTE - 60, 200),
        (60, ABSOLUTE + 60, 401),
    ],
)
async def test_a_session_ends_after_12_hours_without_a_click_and_after_7_days(
    browser: Browser, settings: Settings, seen: float, since: float, status: int
) -> None:
    cookie = session(settings, seen=seen, since=since)
    response, _ = await browser.get("/", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert response.status == status


async def test_a_click_renews_the_session_but_not_its_end(browser: Browser, settings: Settings) -> None:
    cookie = session(settings, seen=3600, since=ABSOLUTE - 1800)
    response, _ = await browser.get("/", headers={"Cookie": f"{COOKIE}={cookie}"})
    key = base64.urlsafe_b64encode(session_key(settings))
    renewed = json.loads(Fernet(key).decrypt(response.cookies[COOKIE].value.encode(), ttl=60))
    assert time.time() - renewed["session"]["since"] == pytest.approx(ABSOLUTE - 1800, abs=30)


async def test_a_cookie_made_with_another_key_is_no_session(browser: Browser) -> None:
    person = {"who": "administrator", "role": "administrator", "since": int(time.time())}
    forged = Fernet(Fernet.generate_key()).encrypt(json.dumps({"created": 1, "session": person}).encode()).decode()
    for cookie in (forged, "x", ""):
        response, _ = await browser.get("/", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert response.status == 401
