"""How long somebody stays signed in, and what ends it."""

import asyncio
import base64
import json

import pytest
from cryptography.fernet import Fernet
from redis.asyncio import Redis

from console.web.session import session_key
from tests.console.web.console_support import Browser
from worker.settings import Settings
from worker.store.keys import Keys
from worker.store.people import id_of
from worker.store.sessions import ABSOLUTE, IDLE

COOKIE = "hourstream-8400"
ME = id_of("link", "administrator")


async def test_the_cookie_is_out_of_reach_of_scripts_and_encrypted(browser: Browser) -> None:
    response, _ = await browser.post(await browser.link())
    cookie = response.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) == ABSOLUTE
    assert not cookie["secure"]
    assert "administrator" not in cookie.value


@pytest.mark.parametrize("console_url", ["https://hours.example.com"])
async def test_by_https_the_cookie_is_secure_and_https_is_remembered(browser: Browser) -> None:
    named = {"Host": "hours.example.com", "Sec-Fetch-Site": "same-origin"}
    link = (await browser.link()).removeprefix("https://hours.example.com")
    response, _ = await browser.post(link, named)
    cookie = response.cookies["__Host-hourstream"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")


async def the_session(redis: Redis) -> str:
    """The key of the one session there is."""
    (key,) = [key async for key in redis.scan_iter("*:session:*")]
    return str(key)


async def age(redis: Redis, *, seen: int, began: int) -> None:
    """Make the session one that began, and was last used, so many seconds ago."""
    now, _ = await redis.time()
    await redis.hset(await the_session(redis), mapping={"seen": now - seen, "ends": now - began + ABSOLUTE})  # type: ignore[misc]  # redis-py types sync and async as one


@pytest.mark.parametrize(
    ("seen", "began", "status"),
    [
        (0, 60, 200),
        (IDLE - 60, IDLE, 200),
        (IDLE + 60, IDLE + 60, 401),
        (60, ABSOLUTE - 60, 200),
        (60, ABSOLUTE + 60, 401),
    ],
)
async def test_a_session_ends_after_12_hours_without_a_click_and_after_7_days(
    browser: Browser, redis: Redis, seen: int, began: int, status: int
) -> None:
    await browser.sign_in()
    await age(redis, seen=seen, began=began)
    response, _ = await browser.get("/")
    assert response.status == status


async def test_a_click_renews_the_session_but_not_its_end(browser: Browser, redis: Redis) -> None:
    await browser.sign_in()
    await age(redis, seen=3600, began=ABSOLUTE - 1800)
    key = await the_session(redis)
    ends = await redis.hget(key, "ends")  # type: ignore[misc]  # as above
    await browser.get("/")
    now, _ = await redis.time()
    seen = await redis.hget(key, "seen")  # type: ignore[misc]  # as above
    assert int(seen) >= now - 10
    assert await redis.hget(key, "ends") == ends  # type: ignore[misc]  # as above


async def test_a_page_that_keeps_itself_live_does_not_keep_the_session(browser: Browser, redis: Redis) -> None:
    await browser.sign_in()
    await age(redis, seen=3600, began=3600)
    async with browser.http.get(browser.url("/live")) as response:
        assert response.status == 200
    now, _ = await redis.time()
    assert int(await redis.hget(await the_session(redis), "seen")) <= now - 3590  # type: ignore[misc]  # as above


async def test_a_session_that_nobody_uses_leaves_the_store_by_itself(browser: Browser, redis: Redis) -> None:
    await browser.sign_in()
    assert 0 < await redis.ttl(await the_session(redis)) <= IDLE


async def test_the_store_cannot_be_used_to_sign_in(browser: Browser, redis: Redis, settings: Settings) -> None:
    response, _ = await browser.post(await browser.link())
    key = base64.urlsafe_b64encode(session_key(settings))
    held = json.loads(Fernet(key).decrypt(response.cookies[COOKIE].value.encode()))["session"]["id"]
    assert len(held) > 40
    names = [name async for name in redis.scan_iter("*")]
    assert names
    assert not any(held in name for name in names)


async def test_a_cookie_made_with_another_key_is_no_session(browser: Browser) -> None:
    token = await browser.store.sessions.begin(await browser.store.people.grant("link", "x", "administrator", "test"))
    made = json.dumps({"created": 1, "session": {"id": token}}).encode()
    for cookie in (Fernet(Fernet.generate_key()).encrypt(made).decode(), "x", ""):
        response, _ = await browser.get("/", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert response.status == 401


async def test_signing_out_ends_the_session_also_for_who_copied_the_cookie(browser: Browser) -> None:
    response, _ = await browser.post(await browser.link())
    copied = {"Cookie": f"{COOKIE}={response.cookies[COOKIE].value}"}
    await browser.post("/signout")
    response, _ = await browser.get("/", headers=copied)
    assert response.status == 401


async def test_a_role_that_is_taken_ends_every_session_at_the_next_click(browser: Browser) -> None:
    await browser.sign_in()
    await browser.store.people.grant("link", "somebody else", "administrator", "test")
    await browser.store.people.revoke(ME)
    response, _ = await browser.get("/")
    assert response.status == 401


async def test_a_role_that_changes_counts_from_the_next_click_on(browser: Browser) -> None:
    await browser.sign_in()
    await browser.store.people.grant("link", "somebody else", "administrator", "test")
    await browser.store.people.grant("link", "administrator", "viewer", "test")
    response, _ = await browser.get("/access")
    assert response.status == 403


async def test_signed_out_everywhere_stays_signed_out_when_redis_forgets_it(
    browser: Browser, redis: Redis, keys: Keys
) -> None:
    await browser.sign_in()
    rolled_back = await redis.hgetall(keys("people"))  # type: ignore[misc]  # as above
    await browser.store.people.sign_out(ME)
    await redis.delete(keys("people"))
    await redis.hset(keys("people"), mapping=rolled_back)  # type: ignore[misc]  # as above
    await browser.store.people.settle()
    response, _ = await browser.get("/")
    assert response.status == 401


async def test_signing_in_again_ends_the_session_before_it(browser: Browser, redis: Redis) -> None:
    await browser.sign_in()
    before = await the_session(redis)
    await browser.sign_in()
    assert await the_session(redis) != before


async def test_a_role_that_is_taken_ends_the_stream_of_a_page_that_keeps_itself_live(browser: Browser) -> None:
    await browser.sign_in()
    await browser.store.people.grant("link", "somebody else", "administrator", "test")
    async with asyncio.timeout(30), browser.http.get(browser.url("/live")) as stream:
        await stream.content.readuntil(b"\n\n")
        await browser.store.people.revoke(ME)
        await browser.store.pair.pin("org", "00D000000000001EAA")  # news for the page
        assert b"00D000000000001EAA" not in await stream.content.read()
