"""Signing in with Salesforce and with Xero, through the stand-ins' own pages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.logins import PASSWORD
from sandbox.salesforce.org import ADMIN_USERNAME
from sandbox.serve import Ports, Running, running
from sandbox.xero.company import WEB_CLIENT_ID, WEB_CLIENT_SECRET
from sandbox.xero.people import USERS
from tests.console.web.console_support import SECRET, Browser, served
from worker.settings import Settings
from worker.store.people import Member, id_of
from worker.store.store import Store

OWN = {"Host": "localhost:8400"}
ACCOUNTANT = USERS[-1].email
LOGIN = {
    "salesforce": ("/login", {"un": ADMIN_USERNAME, "pw": PASSWORD}),
    "xero": ("/identity/user/login", {"Username": ACCOUNTANT, "Password": PASSWORD}),
}


@dataclass
class Front:
    """A browser with the console in front and both stand-ins behind it."""

    console: Browser
    stand: Running

    async def begin(self, way: str) -> dict[str, str]:
        """Press "Sign in with …": what the service is asked."""
        response, _ = await self.console.get(f"/signin/{way}", headers=OWN)
        assert response.status == 303, way
        return {name: value[0] for name, value in parse_qs(urlsplit(response.headers["Location"]).query).items()}

    async def allow(self, way: str, asked: dict[str, str], answer: str = "allow") -> str:
        """Log in at the service and say yes: the path of the callback that the browser is sent to."""
        base = self.stand.environment["SALESFORCE_LOGIN_URL" if way == "salesforce" else "XERO_LOGIN_URL"]
        path, form = LOGIN[way]
        page = "/services/oauth2/authorize" if way == "salesforce" else "/identity/connect/authorize"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            async with http.post(base + path, data=form, allow_redirects=False) as logged_in:
                assert logged_in.status == 302
            async with http.post(base + page, data=asked | {"answer": answer}, allow_redirects=False) as back:
                return back.headers["Location"].removeprefix("http://localhost:8400")

    async def back(self, path: str) -> tuple[int, str]:
        """Follow the callback: status, and where it leads or what it says."""
        response, text = await self.console.get(path, headers=OWN)
        return response.status, response.headers.get("Location", text)

    async def sign_in(self, way: str) -> tuple[int, str]:
        """All of it."""
        return await self.back(await self.allow(way, await self.begin(way)))


@pytest.fixture
async def front(store: Store, settings: Settings) -> AsyncIterator[Front]:
    """Both stand-ins and a console that knows their apps and the org."""
    async with running(Ports(), clock=Clock(scale=1)) as stand:
        given = {name.lower(): value for name, value in stand.environment.items() if not name.startswith("SANDBOX")}
        given |= {"xero_grant": "authorization_code", "xero_client_id": WEB_CLIENT_ID}
        given |= {"xero_client_secret": WEB_CLIENT_SECRET}
        data = settings.hourstream_data
        known = Settings.model_validate(given | {"hourstream_data": data, "hourstream_secret_key": SECRET})
        await store.pair.pin("org", stand.salesforce.org.id)
        runner, port = await served(store, known)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=30)) as http:
            yield Front(Browser(http, port, store), stand)
        await runner.cleanup()


async def roles(store: Store) -> tuple[Member, Member]:
    """Ada is given a role by her Salesforce username, the accountant by the address of the Xero login."""
    by = "the test"
    return (
        await store.people.grant("salesforce", ADMIN_USERNAME.upper(), "operator", by),
        await store.people.grant("xero", ACCOUNTANT, "viewer", by),
    )


@pytest.mark.parametrize("way", ["salesforce", "xero"])
async def test_who_was_given_a_role_signs_in_and_is_who_the_service_says(front: Front, way: str) -> None:
    ada, accountant = await roles(front.console.store)
    _, page = await front.console.get("/why?id=TT-00042", headers=OWN)
    assert f'href="/signin/{way}"' in page
    assert await front.sign_in(way) == (303, "/why?id=TT-00042")
    response, page = await front.console.get("/", headers=OWN)
    assert response.status == 200
    assert (ada if way == "salesforce" else accountant).name in page
    trail = [(line.what, line.detail.get("way")) for line in await front.console.store.audit.latest()]
    assert ("console.signed-in", way) in trail


@pytest.mark.parametrize("way", ["salesforce", "xero"])
async def test_who_has_no_role_stays_outside_and_is_told_why(front: Front, way: str) -> None:
    status, page = await front.sign_in(way)
    assert status == 403
    assert "no role here" in page
    response, _ = await front.console.get("/", headers=OWN)
    assert response.status == 401
    assert [line.what for line in await front.console.store.audit.latest()] == ["console.refused"]


async def test_a_name_that_was_given_to_somebody_else_opens_nothing(front: Front) -> None:
    store = front.console.store
    await store.people.grant("salesforce", ADMIN_USERNAME, "operator", "the test")
    await store.people.recognise("salesforce", ADMIN_USERNAME, "005000000000009AAA")
    status, page = await front.sign_in("salesforce")
    assert (status, "no role here" in page) == (403, True)


async def test_the_first_sign_in_ties_the_name_to_the_person(front: Front) -> None:
    await roles(front.console.store)
    await front.sign_in("salesforce")
    ada = await front.console.store.people.get(id_of("salesforce", ADMIN_USERNAME))
    assert ada is not None
    assert ada.subject.startswith("005")


async def test_another_org_than_the_pinned_one_opens_nothing(front: Front) -> None:
    await roles(front.console.store)
    path = await front.allow("salesforce", await front.begin("salesforce"))
    front.stand.salesforce.org.id = "00D000000000999AAA"
    status, page = await front.back(path)
    assert (status, "another Salesforce org" in page) == (403, True)


async def test_who_says_no_is_back_at_the_sign_in_page(front: Front) -> None:
    path = await front.allow("salesforce", await front.begin("salesforce"), answer="deny")
    status, page = await front.back(path)
    assert (status, "did not let you in" in page, "access_denied" in page) == (403, True, True)


async def test_an_answer_counts_once_and_only_where_it_was_asked_for(front: Front) -> None:
    await roles(front.console.store)
    path = await front.allow("salesforce", await front.begin("salesforce"))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
        elsewhere = Browser(other, front.console.port, front.console.store)
        response, page = await elsewhere.get(path, headers=OWN)  # somebody was sent the address
        assert (response.status, "not begun in this browser" in page) == (400, True)
    assert (await front.back(path))[0] == 303
    assert (await front.back(path))[0] == 400


async def test_a_state_of_another_service_is_none(front: Front) -> None:
    asked = await front.begin("xero")
    await front.begin("salesforce")
    status, page = await front.back(f"/signin/callback?code=x&state={asked['state']}")
    assert (status, "not begun by you" in page) == (403, True)


async def test_what_salesforce_is_asked_has_a_challenge_a_nonce_and_no_more_scopes_than_needed(front: Front) -> None:
    asked = await front.begin("salesforce")
    assert asked["scope"] == "openid profile email"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://localhost:8400/signin/callback"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 32


async def test_a_service_that_does_not_answer_is_a_sentence(front: Front) -> None:
    path = await front.allow("salesforce", await front.begin("salesforce"))
    front.stand.salesforce_faults.add(Fault(path="/id/keys", kind="status", status=503))
    status, page = await front.back(path)
    assert (status, "Salesforce" in page) == (403, True)
