"""The page Access: who may use the console, and how that is changed."""

import html
import re
from pathlib import Path

import pytest
from redis.asyncio import Redis

from console.web.access.signin import PER_ADDRESS
from tests.console.web.console_support import Browser
from worker.store.keys import Keys
from worker.store.people import NAME, id_of

ADA = {"way": "salesforce", "name": "Ada@example.com", "role": "operator"}
ADA_ID = id_of("salesforce", "ada@example.com")
ME = id_of("link", "administrator")


@pytest.fixture
async def administrator(browser: Browser) -> Browser:
    """Somebody who may."""
    return await browser.sign_in()


async def told(browser: Browser) -> str:
    """The page one comes back to."""
    response, page = await browser.get("/access")
    assert response.status == 200
    return html.unescape(page)


async def test_a_role_is_given_shown_changed_and_taken(administrator: Browser) -> None:
    response, _ = await administrator.send("/access/grant", ADA)
    assert (response.status, response.headers["Location"]) == (303, "/access")
    page = await told(administrator)
    assert "Ada@example.com is operator now, and signs in with Salesforce." in page
    assert "is operator now" not in await told(administrator), "a sentence is shown once"
    await administrator.send("/access/role", {"id": ADA_ID, "role": "viewer"})
    assert "Ada@example.com is viewer now." in await told(administrator)
    response, page = await administrator.send("/access/revoke", {"id": ADA_ID})
    assert "Take the role from Ada@example.com?" in page
    assert await administrator.store.people.get(ADA_ID) is not None, "it asks first"
    await administrator.send("/access/revoke", {"id": ADA_ID, "sure": "yes"})
    assert "has no role any more" in await told(administrator)
    trail = [(line.who, line.what, line.subject) for line in await administrator.store.audit.latest(3)]
    assert trail == [("administrator", what, ADA_ID) for what in ("access.revoked", "access.granted", "access.granted")]


async def test_somebody_who_comes_by_link_gets_one_that_works(administrator: Browser) -> None:
    form = {"way": "link", "name": "Grace Hopper", "role": "viewer"}
    response, page = await administrator.send("/access/grant", form)
    assert response.status == 200
    (link,) = re.findall(r'value="http://localhost:8400(/link/[^"]+)"', page)
    await administrator.post("/signout")
    response, _ = await administrator.post(link)
    assert response.status == 303
    response, page = await administrator.get("/")
    assert "Grace Hopper" in page


async def test_a_link_is_void_once_the_role_is_taken(administrator: Browser) -> None:
    link = await administrator.link("viewer")
    await administrator.store.people.revoke(id_of("link", "viewer"))
    response, page = await administrator.post(link)
    assert (response.status, "does not work any more" in page) == (410, True)


async def test_the_last_administrator_stays(administrator: Browser) -> None:
    await administrator.send("/access/revoke", {"id": ME, "sure": "yes"})
    assert "is the only administrator" in await told(administrator)
    await administrator.send("/access/role", {"id": ME, "role": "viewer"})
    assert "is the only administrator" in await told(administrator)


async def test_signed_out_everywhere(administrator: Browser) -> None:
    assert "1 browser" in await told(administrator)
    await administrator.send("/access/signout", {"id": ME})
    response, _ = await administrator.get("/access")
    assert response.status == 401


@pytest.mark.parametrize(
    ("form", "beside"),
    [
        ({"way": "salesforce", "role": "viewer"}, "Say who."),
        ({"way": "salesforce", "role": "viewer", "name": "x" * (NAME + 1)}, "at most 200 characters"),
        ({"way": "pigeon", "role": "viewer", "name": "Ada"}, "Choose one of these."),
        ({"way": "link", "role": "owner", "name": "Ada"}, "Choose one of these."),
        ({"way": "link", "role": "viewer", "name": "Ada\tLovelace"}, "no name to sign in by"),
    ],
)
async def test_a_form_that_will_not_do_is_shown_again_with_what_was_typed(
    administrator: Browser, form: dict[str, str], beside: str
) -> None:
    response, page = await administrator.send("/access/grant", form)
    assert response.status == 422
    assert beside in page
    if form.get("name") == "Ada":
        assert 'value="Ada"' in page
    assert len(await administrator.store.people.all()) == 1


@pytest.mark.parametrize("path", ["/access/grant", "/access/role", "/access/revoke", "/access/signout", "/access/link"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"id=%ff%00&role=%ed%a0%80", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=\xff", "application/x-www-form-urlencoded"),
        (b"id=x", "application/x-www-form-urlencoded; charset=nonsense"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"--x", "multipart/form-data"),
        (b"{}", "application/json"),
    ],
)
async def test_what_no_form_of_ours_sends_changes_nothing_and_is_no_failure(
    administrator: Browser, path: str, body: bytes, kind: str
) -> None:
    before = await administrator.store.people.all()
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    async with administrator.http.post(
        administrator.url(path), data=body, headers=headers, allow_redirects=False
    ) as response:
        assert response.status < 500
    assert await administrator.store.people.all() == before


async def test_names_are_shown_as_text(administrator: Browser) -> None:
    await administrator.send("/access/grant", {**ADA, "name": "<script>alert(1)</script>"})
    _, page = await administrator.get("/access")
    assert "<script>alert" not in page


async def test_the_roles_survive_a_wipe_of_redis(administrator: Browser, redis: Redis, tmp_path: Path) -> None:
    await administrator.send("/access/grant", ADA)
    assert (tmp_path / "state" / "roles.json").stat().st_mode & 0o077 == 0
    await redis.flushall()
    await administrator.store.people.settle()
    assert [member.role for member in await administrator.store.people.all()] == ["operator", "administrator"]


async def test_a_role_that_was_taken_does_not_come_back_with_an_old_redis(
    administrator: Browser, redis: Redis, keys: Keys
) -> None:
    await administrator.send("/access/grant", ADA)
    old = await redis.hgetall(keys("people"))  # type: ignore[misc]  # redis-py types sync and async as one
    await administrator.store.people.revoke(ADA_ID)
    await redis.delete(keys("people"))
    await redis.hset(keys("people"), mapping=old)  # type: ignore[misc]  # as above
    await administrator.store.people.settle()
    assert await administrator.store.people.get(ADA_ID) is None


async def test_who_tries_too_often_waits(browser: Browser) -> None:
    for _ in range(PER_ADDRESS):
        assert (await browser.post("/link/guess"))[0].status == 410
    response, page = await browser.post(await browser.link())
    assert response.status == 429
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert "too often" in page
    response, _ = await browser.get("/signin")
    assert response.status == 200
