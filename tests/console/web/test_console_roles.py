"""Who may do what: every address × every role × nobody × another site."""

import re

import pytest
from aiohttp import web

from console.web.app import ROUTES, make_app
from console.web.routing import Route, Routes, UndeclaredRouteError, act, page
from tests.console.web.console_support import KEY, Browser
from worker.settings import Settings
from worker.store.people import ROLES, Role, id_of
from worker.store.store import Store

CLOSED = [route for route in ROUTES if route.needs != "anyone"]
VARIABLES = {"number": "1", "key": KEY, "sequence": "1"}  # what stands for a variable part; "x" for any other


def address(route: Route) -> str:
    """An address that the route answers to."""
    assert route.handler is not None
    resource = web.UrlDispatcher().add_route(route.method, route.path, route.handler).resource
    assert resource is not None
    parts = dict(re.findall(r"{(\w+)(?::([a-z|]+))?}", route.path))  # of "a|b" the first will do
    names = re.findall(r"{(\w+)}", resource.canonical)
    return resource.canonical.format(
        **{name: VARIABLES.get(name) or parts.get(name, "").partition("|")[0] or "x" for name in names}
    )


async def ask(browser: Browser, route: Route, headers: dict[str, str] | None = None) -> int:
    """The status of the answer; a stream is not read to its end."""
    sent = {"Sec-Fetch-Site": "same-origin"} if headers is None else headers
    async with browser.http.request(
        route.method, browser.url(address(route)), headers=sent, allow_redirects=False
    ) as response:
        return response.status


async def state(store: Store) -> tuple[object, ...]:
    """What a call that is refused must not change."""
    return await store.people.all(), await store.audit.latest(), await store.setup.current()


@pytest.mark.parametrize("role", ROLES)
async def test_each_address_opens_to_its_roles_and_to_no_other(browser: Browser, role: Role) -> None:
    await browser.store.people.grant("link", "somebody who stays", "administrator", "test")
    await browser.sign_in(role)
    for route in CLOSED:
        if route.path == "/signout":
            continue
        before = await state(browser.store)
        status = await ask(browser, route)
        if route.open_to(role):
            assert status not in (401, 403), route
            assert status != 500, route
        else:
            assert status == 403, route
            assert await state(browser.store) == before, route


async def test_nothing_that_is_closed_answers_without_a_session(browser: Browser) -> None:
    before = await state(browser.store)
    for route in CLOSED:
        assert await ask(browser, route) == 401, route
    assert await state(browser.store) == before


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example.com"}])
async def test_nothing_is_done_for_another_site_whoever_is_signed_in(browser: Browser, headers: dict[str, str]) -> None:
    await browser.sign_in()
    before = await state(browser.store)
    for route in ROUTES:
        if route.method != "GET":
            assert await ask(browser, route, headers) == 403, route
    assert await state(browser.store) == before


@pytest.mark.parametrize("body", [b"", b"id=%ff%00&id=%ed%a0%80&sure=yes&page=-1", b"\xff=\xfe", b"--x\r\nbroken"])
async def test_no_form_that_nobody_typed_is_a_failure_of_ours(browser: Browser, body: bytes) -> None:
    await browser.store.people.grant("link", "somebody who stays", "administrator", "test")
    kind = "multipart/form-data; boundary=x" if b"--x" in body else "application/x-www-form-urlencoded"
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    await browser.sign_in()
    for route in CLOSED:
        if route.method == "POST" and route.path != "/signout":
            async with browser.http.post(
                browser.url(address(route)), data=body, headers=headers, allow_redirects=False
            ) as response:
                assert response.status not in (401, 500), route


def test_only_signing_in_and_health_are_open_to_anyone() -> None:
    opened = {route.path for route in ROUTES if route.needs == "anyone"}
    assert opened == {"/healthz", "/link/{token}", "/signin", "/signin/callback", "/signin/{way:salesforce|xero}"}


def test_looking_changes_nothing_so_whatever_changes_something_is_a_form() -> None:
    assert {route.method for route in ROUTES} == {"GET", "POST"}


async def test_an_address_without_a_role_ends_the_start(store: Store, settings: Settings) -> None:
    app = make_app(store, settings)
    app.router.add_get("/back-door", show)
    runner = web.AppRunner(app)
    with pytest.raises(UndeclaredRouteError, match="/back-door"):
        await runner.setup()
    await runner.cleanup()


async def show(_: web.Request) -> web.Response:
    return web.Response()


def test_an_address_is_declared_once() -> None:
    routes = Routes()
    with pytest.raises(RuntimeError, match="already registered"):
        routes.install(web.UrlDispatcher(), [page("/x", show, "viewer"), page("/x", show, "operator")])


def test_the_menu_has_what_the_role_may_see_in_its_order() -> None:
    routes = Routes()
    declared = [
        page("/queue", show, "operator", menu="Queue"),
        page("/access", show, "administrator", menu="Access"),
        page("/", show, "viewer", menu="Home"),
        act("/queue", show, "operator"),
    ]
    routes.install(web.UrlDispatcher(), declared)
    assert list(routes.menu("viewer")) == ["Home"]
    assert list(routes.menu("operator")) == ["Home", "Queue"]
    assert dict(routes.menu("administrator")) == {"Home": "/", "Queue": "/queue", "Access": "/access"}


@pytest.mark.parametrize("role", ROLES)
async def test_the_menu_offers_access_to_administrators_only(browser: Browser, role: Role) -> None:
    await browser.sign_in(role)
    _, text = await browser.get("/")
    assert ('href="/access"' in text) == (role == "administrator")


async def test_who_is_not_allowed_is_told_what_it_needs(browser: Browser) -> None:
    await browser.sign_in("viewer")
    response, text = await browser.get("/access")
    assert response.status == 403
    assert "You are a viewer; this needs an administrator." in text


async def test_roles_do_not_come_by_name(browser: Browser) -> None:
    """Somebody called "administrator" has the role they were given."""
    await browser.store.people.grant("salesforce", "administrator", "viewer", "test")
    assert await browser.store.people.get(id_of("link", "administrator")) is None
