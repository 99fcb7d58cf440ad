"""Setup, Connections: from two ids typed in to both services connected, and back."""

from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from redis.asyncio import Redis

from console.access import one_time_link
from tests.console.web.newcomer import APP, SALESFORCE_APP, XERO_APP, Newcomer, newcomer
from worker.settings import Settings
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.store import Store

PATH = "/setup/connections"


@pytest.fixture
async def person(store: Store, settings: Settings, valkey: EmbeddedServer) -> AsyncIterator[Newcomer]:
    """An administrator of a console that knows no app yet."""
    async with newcomer(store, settings, redis_url=valkey.url) as found:
        yield await found.sign_in()


async def test_the_callbacks_to_register_are_there_before_any_app_is(person: Newcomer) -> None:
    _, page = await person.get(PATH)
    for service in ("salesforce", "xero"):
        assert f"http://localhost:8400/oauth/{service}/callback" in page
    assert page.count("not connected") == 2


async def test_an_app_that_is_typed_in_is_kept_encrypted_and_its_secret_never_shown(person: Newcomer) -> None:
    assert await person.send(APP, SALESFORCE_APP) == (303, PATH)
    _, page = await person.get(PATH)
    assert "Connect to Salesforce" in page
    assert SALESFORCE_APP["SALESFORCE_CLIENT_ID"] in page
    assert SALESFORCE_APP["SALESFORCE_CLIENT_SECRET"] not in page
    kept = (await person.console.store.credentials.get("salesforce"))["SALESFORCE_CLIENT_SECRET"]
    assert kept == SALESFORCE_APP["SALESFORCE_CLIENT_SECRET"]


async def test_both_services_are_connected_and_the_company_is_named(person: Newcomer) -> None:
    await person.send(APP, SALESFORCE_APP)
    await person.send(APP, XERO_APP)
    assert f"Connected to the Salesforce org {person.stand.salesforce.org.id}" in await person.connect("salesforce")
    page = await person.connect("xero")
    company = await person.console.store.company.get()
    assert company is not None
    assert f"Thank you, you are all set: {company.name}" in page
    assert page.count('<span class="badge real">connected</span>') == 2


async def test_who_says_no_at_the_consent_page_is_told_that_nothing_was_changed(person: Newcomer) -> None:
    await person.send(APP, XERO_APP)
    page = await person.connect("xero", "deny")
    assert "You did not allow it at Xero. Nothing was changed." in page
    assert await person.console.store.tokens.get("xero") is None


@pytest.mark.parametrize("service", ["salesforce", "xero"])
async def test_a_callback_that_nobody_began_connects_nothing(person: Newcomer, service: str) -> None:
    for app in (SALESFORCE_APP, XERO_APP):
        await person.send(APP, app)
    for query in ("", "?code=x", "?code=x&state=made-up", "?error=server_error&state=y", "?code=&state="):
        assert await person.get(f"/oauth/{service}/callback{query}") == (303, PATH)
        assert "Begin it again" in (await person.get(PATH))[1]
    assert await person.console.store.tokens.get(service) is None


async def test_an_answer_counts_only_for_whoever_asked_for_it(person: Newcomer) -> None:
    await person.send(APP, XERO_APP)
    path = await person.allow("xero", await person.asked("xero"))
    link = await one_time_link(person.console.store, "", who="Somebody else", role="administrator")
    await person.send(link, {})
    assert await person.get(path) == (303, PATH)
    assert await person.console.store.tokens.get("xero") is None


async def test_disconnecting_asks_first_says_what_stops_and_connecting_again_goes_on(person: Newcomer) -> None:
    await person.connected()
    status, page = await person.send(f"{PATH}/disconnect", {"app": "xero"})
    assert (status, "goes on by itself then" in page) == (200, True)
    assert await person.console.store.tokens.get("xero")
    assert await person.send(f"{PATH}/disconnect", {"app": "xero", "sure": "yes"}) == (303, PATH)
    _, page = await person.get(PATH)
    assert "administrator disconnected Xero." in page
    assert "Time goes on accumulating" in page
    assert await person.console.store.tokens.get("xero") is None
    assert "Thank you, you are all set" in await person.connect("xero")
    assert await person.console.store.reconnects.all() == {}


async def test_a_connection_that_was_revoked_elsewhere_is_explained(person: Newcomer) -> None:
    await person.connected()
    why = "Xero no longer accepts the sign-in."
    await person.console.store.needs_reconnect("xero", why, "Connect to Xero again.", "worker 1")
    _, page = await person.get(PATH)
    assert why in page
    assert "connect again" in page


async def test_another_company_than_the_one_served_is_refused(person: Newcomer) -> None:
    await person.console.store.pair.pin("company", "another-company")
    await person.send(APP, XERO_APP)
    assert "serves another Xero company" in unescape(await person.connect("xero"))
    assert await person.console.store.tokens.get("xero") is None


async def test_of_several_companies_one_is_chosen_for_good(
    person: Newcomer, store: Store, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    await person.connected()
    await store.needs_reconnect("xero", "Several Xero companies are connected.", "Choose one.", "administrator")
    company = await store.pair.company()
    (tmp_path / "state" / "pair.json").unlink()
    await redis.delete(keys("pair"))  # as after a consent to several: none is pinned yet
    _, page = await person.get(PATH)
    assert "Which company does this deployment serve?" in page
    _, where = await person.send(f"{PATH}/company", {"company": "none-of-them"})
    assert "does not reach this Xero company" in (await person.get(where))[1]
    _, where = await person.send(f"{PATH}/company", {"company": company})
    assert "Thank you, you are all set" in (await person.get(where))[1]
    assert await store.pair.company() == company


async def test_what_cannot_be_saved_is_shown_again_with_the_reason(person: Newcomer) -> None:
    for form, problem in (
        ({"app": "salesforce"}, "Nothing was saved"),
        ({"app": "salesforce", "SALESFORCE_LOGIN_URL": "http://example.com"}, "SALESFORCE_LOGIN_URL"),
        ({"app": "xero", "XERO_CLIENT_ID": "x" * 501}, "at most 500"),
    ):
        status, page = await person.send(APP, form)
        assert (status, problem in page) == (422, True), form


async def test_malformed_forms_change_nothing(person: Newcomer) -> None:
    for act in ("app", "forget", "company", "disconnect"):
        for form in ({}, {"app": "other"}, {"app": "xero"}, {"company": "\0"}):
            assert (await person.send(f"{PATH}/{act}", form))[0] < 500, (act, form)
    assert await person.console.store.credentials.get("xero") == {}


async def test_what_was_typed_can_be_removed(person: Newcomer) -> None:
    await person.send(APP, XERO_APP)
    assert (await person.send(f"{PATH}/forget", {"app": "xero"}))[0] == 200
    await person.send(f"{PATH}/forget", {"app": "xero", "sure": "yes"})
    assert await person.console.store.credentials.get("xero") == {}


async def test_a_viewer_sees_the_connections_and_no_button(store: Store, settings: Settings) -> None:
    async with newcomer(store, settings) as somebody:
        await somebody.sign_in("viewer")
        status, page = await somebody.get(PATH)
        assert (status, "<form" in page.partition("<main")[2]) == (200, False)
        assert (await somebody.get("/oauth/xero/connect"))[0] == 403


async def test_what_the_environment_gives_wins_and_is_shown_as_such(
    store: Store, settings: Settings, valkey: EmbeddedServer
) -> None:
    given = {"salesforce_client_id": "from-the-environment", "salesforce_client_secret": "kept-from-pages"}
    given |= {"xero_grant": "client_credentials", "xero_client_id": "custom", "xero_client_secret": "kept-too"}
    async with newcomer(store, settings, redis_url=valkey.url, **given) as somebody:
        await somebody.sign_in()
        await somebody.send(APP, SALESFORCE_APP)
        _, page = await somebody.get(PATH)
    assert "from-the-environment" in page
    assert 'name="SALESFORCE_CLIENT_ID"' not in page
    assert page.count("signs in by itself") == 2
    assert "kept-" not in page
