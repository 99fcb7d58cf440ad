"""The web-server flow: a person allows the app in, a code is changed once, and refresh tokens live until revoked."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from salesforce_support import Control, Salesforce, signed_in

from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET
from sandbox.salesforce.consents import challenge_of

CALLBACK = "http://localhost:8400/oauth/salesforce/callback"
VERIFIER = "a-verifier-of-at-least-43-characters-as-the-rfc-asks"
ASKED = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": CALLBACK,
    "scope": "api refresh_token",
    "state": "s t/a+te",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


async def _page(salesforce: Salesforce, **asked: str) -> tuple[int, str]:
    url = f"{salesforce.url}/services/oauth2/authorize"
    cookies = await signed_in(salesforce)
    async with salesforce.http.get(url, params=ASKED | asked, cookies=cookies, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text()


async def _answer(salesforce: Salesforce, says: str = "allow", **asked: str) -> dict[str, str]:
    """What comes back to the callback."""
    url, form = f"{salesforce.url}/services/oauth2/authorize", ASKED | asked | {"answer": says}
    cookies = await signed_in(salesforce)
    async with salesforce.http.post(url, data=form, cookies=cookies, allow_redirects=False) as answer:
        assert answer.status == 302
        back = answer.headers["Location"]
    assert back.startswith(CALLBACK)
    return {name: value[0] for name, value in parse_qs(urlsplit(back).query).items()}


async def _token(salesforce: Salesforce, grant: str, **form: str) -> tuple[int, Any]:
    whole = {"grant_type": grant, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET} | form
    async with salesforce.http.post(f"{salesforce.url}/services/oauth2/token", data=whole) as answer:
        return answer.status, await answer.json()


async def _exchanged(salesforce: Salesforce, **form: str) -> tuple[int, Any]:
    code = (await _answer(salesforce))["code"]
    return await _token(
        salesforce, "authorization_code", **{"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER} | form
    )


async def test_the_page_names_the_app_and_the_org_and_has_two_buttons(salesforce: Salesforce) -> None:
    status, text = await _page(salesforce)
    assert status == 200
    for part in ("Hourstream", "Manage user data via APIs", "Allow", "Deny", "integration@hourstream.example"):
        assert part in text


async def test_a_code_is_changed_once_for_a_session_and_a_refresh_token(salesforce: Salesforce) -> None:
    back = await _answer(salesforce)
    assert back["state"] == "s t/a+te"
    form = {"code": back["code"], "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    status, given = await _token(salesforce, "authorization_code", **form)
    assert (status, given["scope"], bool(given["refresh_token"])) == (200, "api refresh_token", True)
    status, refused = await _token(salesforce, "authorization_code", **form)
    assert (status, refused["error_description"]) == (400, "invalid authorization code")
    status, again = await _token(salesforce, "refresh_token", refresh_token=given["refresh_token"])
    assert (status, "refresh_token" in again) == (200, False)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"code_verifier": "another"}, "invalid_grant"),
        ({"redirect_uri": "http://localhost:9/other"}, "redirect_uri_mismatch"),
        ({"client_secret": "another"}, "invalid_client"),
    ],
)
async def test_a_code_is_worth_nothing_to_somebody_else(
    salesforce: Salesforce, form: dict[str, str], error: str
) -> None:
    status, refused = await _exchanged(salesforce, **form)
    assert (status, refused["error"]) == (400, error)


async def test_a_code_is_over_after_a_quarter_of_an_hour(salesforce: Salesforce, control: Control) -> None:
    code = (await _answer(salesforce))["code"]
    await control.post("/clock", advance=901)
    form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    status, refused = await _token(salesforce, "authorization_code", **form)
    assert (status, refused["error_description"]) == (400, "expired authorization code")


async def test_who_says_no_gives_nothing(salesforce: Salesforce) -> None:
    assert (await _answer(salesforce, "deny"))["error"] == "access_denied"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"redirect_uri": "http://evil.example/"}, "redirect_uri_mismatch"),
        ({"client_id": "another"}, "invalid_client_id"),
    ],
)
async def test_an_address_that_is_not_trusted_is_told_on_the_page(
    salesforce: Salesforce, asked: dict[str, str], error: str
) -> None:
    status, text = await _page(salesforce, **asked)
    assert status == 400
    assert error in text


@pytest.mark.parametrize(
    ("asked", "error"),
    [({"response_type": "token"}, "unsupported_response_type"), ({"scope": "api everything"}, "invalid_scope")],
)
async def test_what_cannot_be_asked_is_told_to_the_app(
    salesforce: Salesforce, asked: dict[str, str], error: str
) -> None:
    status, back = await _page(salesforce, **asked)
    assert (status, parse_qs(urlsplit(back).query)["error"]) == (302, [error])


async def test_revoking_a_refresh_token_ends_its_sessions_too(salesforce: Salesforce) -> None:
    _, given = await _exchanged(salesforce)
    async with salesforce.http.post(
        f"{salesforce.url}/services/oauth2/revoke", data={"token": given["refresh_token"]}
    ) as answer:
        assert answer.status == 200
    status, refused = await _token(salesforce, "refresh_token", refresh_token=given["refresh_token"])
    assert (status, refused["error_description"]) == (400, "expired access/refresh token")
    assert salesforce.sandbox.salesforce.sessions.peek(given["access_token"]) is None


async def test_a_sixth_approval_revokes_the_oldest(salesforce: Salesforce) -> None:
    tokens = [(await _exchanged(salesforce))[1]["refresh_token"] for _ in range(6)]
    states = [(await _token(salesforce, "refresh_token", refresh_token=token))[0] for token in tokens]
    assert states == [400, 200, 200, 200, 200, 200]


async def test_where_the_policy_says_so_a_refresh_token_works_once(salesforce: Salesforce, control: Control) -> None:
    await control.post("/salesforce/switches", rotate_refresh_tokens=True)
    _, given = await _exchanged(salesforce)
    _, second = await _token(salesforce, "refresh_token", refresh_token=given["refresh_token"])
    assert second["refresh_token"] != given["refresh_token"]
    assert (await _token(salesforce, "refresh_token", refresh_token=given["refresh_token"]))[0] == 400
    assert (await _token(salesforce, "refresh_token", refresh_token=second["refresh_token"]))[0] == 200
