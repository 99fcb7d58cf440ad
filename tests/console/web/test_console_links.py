"""One-time links: each signs one browser in, once, within a quarter of an hour."""

import asyncio
import time

from redis.asyncio import Redis

from console.access import one_time_link
from tests.console.web.console_support import KEY, Browser, document, fact, fill, invoice
from worker.store.links import VALID, Invited
from worker.store.store import Store

ADMINISTRATOR = Invited(who="administrator", role="administrator")


async def test_a_link_is_the_consoles_address_and_a_token(store: Store) -> None:
    link = await one_time_link(store, "https://hours.example.com/")
    assert link.startswith("https://hours.example.com/link/")
    assert await store.links.valid(link.rpartition("/")[2])


async def test_a_link_signs_in_and_leads_home(browser: Browser) -> None:
    response, _ = await browser.post(await browser.link())
    assert (response.status, response.headers["Location"]) == (303, "/")
    response, page = await browser.get("/")
    assert response.status == 200
    assert "Sign out" in page


async def test_looking_at_a_link_does_not_use_it_up(browser: Browser) -> None:
    link = await browser.link()
    for _ in range(3):
        response, page = await browser.get(link)
        assert response.status == 200
        assert '<form method="post">' in page
    assert (await browser.http.head(browser.url(link))).status == 200
    response, _ = await browser.post(link)
    assert response.status == 303


async def test_a_used_link_says_how_to_get_another(browser: Browser) -> None:
    link = await browser.link()
    await browser.post(link)
    for response, page in (await browser.post(link), await browser.get(link)):
        assert response.status == 410
        assert "does not work any more" in page
        assert "hourstream console" in page


async def test_of_many_who_use_a_link_at_once_one_gets_in(store: Store) -> None:
    links = store.links
    token = await links.make(ADMINISTRATOR)
    taken = await asyncio.gather(*(links.take(token) for _ in range(20)))
    assert [each for each in taken if each is not None] == [ADMINISTRATOR]


async def test_a_link_ends_by_itself_after_its_time(browser: Browser, redis: Redis) -> None:
    links = browser.store.links
    await links.make(ADMINISTRATOR)
    (key,) = [key async for key in redis.scan_iter("*link:*")]
    assert VALID - 10 < await redis.ttl(key) <= VALID == 900
    token = await links.make(ADMINISTRATOR, seconds=1)
    deadline = time.monotonic() + 20
    while await links.valid(token):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    response, _ = await browser.post(f"/link/{token}")
    assert response.status == 410


async def test_a_link_that_never_was_is_refused_like_a_used_one(browser: Browser) -> None:
    response, page = await browser.post("/link/of-my-own-making")
    assert response.status == 410
    assert "does not work any more" in page


async def test_the_store_does_not_know_the_token(store: Store, redis: Redis) -> None:
    token = await store.links.make(ADMINISTRATOR)
    everything = [key + str(await redis.get(key)) async for key in redis.scan_iter("*")]
    assert everything
    assert not any(token in text for text in everything)


async def test_signing_in_and_out_is_in_the_audit_trail(browser: Browser) -> None:
    await browser.sign_in()
    await browser.post("/signout")
    trail = [(line.who, line.what) for line in await browser.store.audit.latest()]
    assert trail == [("administrator", "console.signed-out"), ("administrator", "console.signed-in")]


async def test_signing_out_ends_the_session(browser: Browser) -> None:
    await browser.sign_in()
    response, _ = await browser.post("/signout")
    assert (response.status, response.headers["Location"]) == (303, "/")
    response, _ = await browser.get("/")
    assert response.status == 401


async def test_whoever_followed_an_invoices_address_gets_there_after_signing_in(browser: Browser) -> None:
    await fill(browser.store, invoice(document(1)), [fact(1)])
    response, page = await browser.get(f"/i/{KEY}/1")
    assert response.status == 401
    assert "TT-00042" not in page
    response, _ = await browser.post(await browser.link())
    assert response.headers["Location"] == f"/i/{KEY}/1"


async def test_signing_in_leads_nowhere_outside(browser: Browser) -> None:
    await browser.get("//elsewhere.example.com/i/x/1")
    response, _ = await browser.post(await browser.link())
    assert response.headers["Location"] == "/"
