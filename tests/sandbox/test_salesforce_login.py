"""The org's own sign-in page, and what it says of who signed in (OpenID Connect)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from salesforce_support import Salesforce, signed_in

from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET
from sandbox.salesforce.org import ADMIN_ID, ADMIN_USERNAME

CALLBACK = "http://localhost:8400/signin/callback"
ASKED = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": CALLBACK,
    "scope": "openid profile email",
    "state": "s",
    "nonce": "of this sign-in",
}


async def test_who_is_not_signed_in_is_asked_to_and_comes_back(salesforce: Salesforce) -> None:
    url = f"{salesforce.url}/services/oauth2/authorize"
    async with salesforce.http.get(url, params=ASKED, allow_redirects=False) as answer:
        assert answer.status == 302
        (start,) = parse_qs(urlsplit(answer.headers["Location"]).query)["startURL"]
    async with salesforce.http.get(salesforce.url + answer.headers["Location"]) as page:
        text = await page.text()
    assert ADMIN_USERNAME in text
    form = {"un": ADMIN_USERNAME, "pw": salesforce.sandbox.environment["SANDBOX_PASSWORD"], "startURL": start}
    async with salesforce.http.post(f"{salesforce.url}/login", data=form, allow_redirects=False) as answer:
        assert answer.headers["Location"].startswith("/services/oauth2/authorize?")


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"un": ADMIN_USERNAME, "pw": "another"}, "Please check your username"),
        ({"un": "nobody@hourstream.example", "pw": "sandbox-password"}, "Please check your username"),
        ({}, "Please check your username"),
    ],
)
async def test_nobody_gets_in_by_a_wrong_name_or_password(
    salesforce: Salesforce, form: dict[str, str], why: str
) -> None:
    async with salesforce.http.post(f"{salesforce.url}/login", data=form, allow_redirects=False) as answer:
        assert why in await answer.text()
        assert not answer.cookies


@pytest.mark.parametrize("start", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
async def test_signing_in_leads_nowhere_outside(salesforce: Salesforce, start: str) -> None:
    form = {"un": ADMIN_USERNAME, "pw": "sandbox-password", "startURL": start}
    async with salesforce.http.post(f"{salesforce.url}/login", data=form, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/"


async def test_consent_needs_somebody(salesforce: Salesforce) -> None:
    form = ASKED | {"answer": "allow"}
    async with salesforce.http.post(f"{salesforce.url}/services/oauth2/authorize", data=form) as answer:
        assert (answer.status, "login_required" in await answer.text()) == (403, True)


async def _tokens(salesforce: Salesforce) -> dict[str, Any]:
    cookies = await signed_in(salesforce, ADMIN_USERNAME)
    url, form = f"{salesforce.url}/services/oauth2/authorize", ASKED | {"answer": "allow"}
    async with salesforce.http.post(url, data=form, cookies=cookies, allow_redirects=False) as answer:
        (code,) = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    async with salesforce.http.post(f"{salesforce.url}/services/oauth2/token", data=form) as answer:
        return dict(await answer.json())


async def test_an_id_token_names_org_and_user_and_its_key_is_published(salesforce: Salesforce) -> None:
    tokens = await _tokens(salesforce)
    async with salesforce.http.get(f"{salesforce.url}/id/keys") as answer:
        (key,) = jwt.PyJWKSet.from_dict(await answer.json()).keys
    claims = jwt.decode(tokens["id_token"], key, algorithms=["RS256"], audience=CLIENT_ID, issuer=salesforce.url)
    assert claims["sub"] == f"{salesforce.url}/id/{salesforce.sandbox.salesforce.org.id}/{ADMIN_ID}"
    assert claims["nonce"] == "of this sign-in"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with salesforce.http.get(f"{salesforce.url}/services/oauth2/userinfo", headers=headers) as answer:
        told = await answer.json()
    assert (told["sub"], told["preferred_username"]) == (claims["sub"], ADMIN_USERNAME)
    assert "refresh_token" not in tokens
