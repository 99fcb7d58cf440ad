"""Xero's own sign-in page, and what it says of who signed in (OpenID Connect)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from xero_support import Xero

from sandbox.xero.company import WEB_CLIENT_ID, WEB_CLIENT_SECRET
from sandbox.xero.people import USERS

CALLBACK = "http://localhost:8400/signin/callback"
ACCOUNTANT = USERS[-1]
ASKED = {
    "response_type": "code",
    "client_id": WEB_CLIENT_ID,
    "redirect_uri": CALLBACK,
    "scope": "openid profile email",
    "state": "s",
    "nonce": "of this sign-in",
}


async def test_who_is_not_signed_in_is_asked_to_and_comes_back(xero: Xero) -> None:
    url = f"{xero.url}/identity/connect/authorize"
    async with xero.http.get(url, params=ASKED, allow_redirects=False) as answer:
        address = urlsplit(answer.headers["Location"])
    assert address.path == "/identity/user/login"
    assert parse_qs(address.query)["ReturnUrl"][0].startswith("/identity/connect/authorize?")
    async with xero.http.get(xero.url + answer.headers["Location"]) as page:
        assert ACCOUNTANT.email in await page.text()


@pytest.mark.parametrize("form", [{"Username": ACCOUNTANT.email, "Password": "another"}, {"Username": "x"}, {}])
async def test_nobody_gets_in_by_a_wrong_address_or_password(xero: Xero, form: dict[str, str]) -> None:
    async with xero.http.post(f"{xero.url}/identity/user/login", data=form, allow_redirects=False) as answer:
        assert "incorrect" in await answer.text()
        assert not answer.cookies


async def test_the_custom_connections_id_is_told_apart_from_the_web_apps(xero: Xero) -> None:
    environment = xero.company.environment(xero.url)
    assert environment["SANDBOX_XERO_WEB_CLIENT_ID"] == ASKED["client_id"]
    asked = ASKED | {"client_id": environment["XERO_CLIENT_ID"]}
    async with xero.http.get(f"{xero.url}/identity/connect/authorize", params=asked) as answer:
        assert (answer.status, "SANDBOX_XERO_WEB_CLIENT_ID" in await answer.text()) == (400, True)


async def test_a_consent_of_nobody_is_refused(xero: Xero) -> None:
    async with xero.http.post(f"{xero.url}/identity/connect/authorize", data=ASKED | {"answer": "allow"}) as answer:
        assert (answer.status, "login_required" in await answer.text()) == (400, True)


async def _tokens(xero: Xero, scope: str) -> dict[str, Any]:
    cookies = await xero.signed_in(ACCOUNTANT.email)
    url, form = f"{xero.url}/identity/connect/authorize", ASKED | {"answer": "allow", "scope": scope}
    async with xero.http.post(url, data=form, cookies=cookies, allow_redirects=False) as answer:
        (code,) = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    credentials = {"client_id": WEB_CLIENT_ID, "client_secret": WEB_CLIENT_SECRET}
    async with xero.http.post(f"{xero.url}/connect/token", data=form | credentials) as answer:
        return dict(await answer.json(content_type=None))


async def test_an_id_token_names_the_person_and_its_key_is_published(xero: Xero) -> None:
    tokens = await _tokens(xero, "openid profile email")
    async with xero.http.get(f"{xero.url}/.well-known/openid-configuration/jwks") as answer:
        (key,) = jwt.PyJWKSet.from_dict(await answer.json(content_type=None)).keys
    issuer = xero.company.tokens.issuer
    claims = jwt.decode(tokens["id_token"], key, algorithms=["RS256"], audience=WEB_CLIENT_ID, issuer=issuer)
    assert (claims["email"], claims["xero_userid"]) == (ACCOUNTANT.email, ACCOUNTANT.id)
    assert claims["nonce"] == "of this sign-in"


async def test_who_only_says_who_they_are_connects_no_company(xero: Xero) -> None:
    before = set(xero.company.tokens.connections)
    await _tokens(xero, "openid profile email")
    assert set(xero.company.tokens.connections) == before
    await _tokens(xero, "openid accounting.contacts")
    assert len(xero.company.tokens.connections) == len(before) + 1


async def test_an_address_is_told_only_where_it_was_asked_for(xero: Xero) -> None:
    told = jwt.decode((await _tokens(xero, "openid"))["id_token"], options={"verify_signature": False})
    assert "email" not in told
    assert "preferred_username" not in told
