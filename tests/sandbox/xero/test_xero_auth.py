"""Tokens, connections and scopes."""

from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from xero_support import Answer, Xero, invoice

from sandbox.xero import wire
from sandbox.xero.company import CLIENT_ID, CLIENT_SECRET, WEB_CLIENT_ID, WEB_CLIENT_SECRET

CALLBACK = "http://localhost:8400/oauth/xero/callback"
SCOPE = "offline_access accounting.invoices accounting.contacts accounting.settings.read"


async def token(xero: Xero, **form: str) -> Answer:
    fields = {"client_id": WEB_CLIENT_ID, "client_secret": WEB_CLIENT_SECRET} | form
    async with xero.http.post(f"{xero.url}/connect/token", data=fields) as answer:
        raw = await answer.read()
        return Answer(answer.status, answer.headers.copy(), raw, wire.decode(raw))


async def consent(xero: Xero, answer: str = "allow", **change: str) -> Any:
    asked = {
        "response_type": "code",
        "client_id": WEB_CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "state": "s",
    } | change
    url, cookies = f"{xero.url}/identity/connect/authorize", await xero.signed_in()
    async with xero.http.get(url, params=asked, cookies=cookies) as page:
        if page.status != 200:
            return page.status
        assert "wants access" in await page.text()
    form = asked | {"answer": answer}
    async with xero.http.post(url, data=form, cookies=cookies, allow_redirects=False) as sent:
        assert sent.status == 302
        return {key: value[0] for key, value in parse_qs(urlsplit(sent.headers["Location"]).query).items()}


async def connect(xero: Xero) -> dict[str, Any]:
    back = await consent(xero)
    answer = await token(xero, grant_type="authorization_code", code=back["code"], redirect_uri=CALLBACK)
    assert answer.status == 200, answer.body
    xero.token = answer.body["access_token"]
    return dict(answer.body)


async def test_a_custom_connection_gets_a_token_for_half_an_hour_and_needs_no_tenant(xero: Xero) -> None:
    answer = await xero.authenticate()
    assert set(answer.body) == {"access_token", "expires_in", "token_type", "scope"}
    assert (answer.body["expires_in"], answer.body["token_type"]) == (1800, "Bearer")
    assert (await xero.api("GET", "Organisation")).status == 200
    named = await xero.api("GET", "Organisation", headers={"xero-tenant-id": xero.company.tenant_id})
    assert named.status == 200
    other = await xero.api("GET", "Organisation", headers={"xero-tenant-id": CLIENT_ID})
    assert (other.status, other.body["Detail"]) == (403, "AuthenticationUnsuccessful")


async def test_an_app_may_authenticate_by_basic_header(xero: Xero) -> None:
    basic = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": "accounting.contacts"}
    headers = {"Authorization": f"Basic {basic}"}
    async with xero.http.post(f"{xero.url}/connect/token", data=form, headers=headers) as answer:
        assert (await answer.json())["scope"] == "accounting.contacts"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"scope": "accounting.transactions"}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unauthorized_client"),
        ({"client_id": WEB_CLIENT_ID, "client_secret": WEB_CLIENT_SECRET}, "unauthorized_client"),
    ],
)
async def test_the_token_endpoint_refuses_in_oauths_words(xero: Xero, form: dict[str, str], error: str) -> None:
    answer = await xero.authenticate(**form)
    assert (answer.status, answer.body) == (400, {"error": error})


async def test_without_a_good_token_nothing_is_answered(xero: Xero) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Basic {xero.token}"}):
        answer = await xero.request("GET", "/api.xro/2.0/Organisation", headers=headers)
        assert (answer.status, answer.body["Title"]) == (401, "Unauthorized")
        assert (await xero.request("GET", "/connections", headers=headers)).status == 401


async def test_an_expired_token_says_when_it_expired(xero: Xero) -> None:
    xero.clock.advance(1801)
    answer = await xero.api("GET", "Organisation")
    assert answer.status == 401
    assert answer.body["Detail"].startswith("TokenExpired: token expired at ")
    assert set(answer.body) == {"Type", "Title", "Status", "Detail", "Instance", "Extensions"}
    await xero.authenticate()
    xero.company.act("expire-tokens", {})
    assert (await xero.api("GET", "Organisation")).status == 401


async def test_a_missing_scope_is_told_in_xeros_spelling(xero: Xero) -> None:
    await xero.authenticate(scope="accounting.contacts.read accounting.invoices")
    assert (await xero.api("GET", "Contacts")).status == 200
    for method, path in (("GET", "Organisation"), ("PUT", "Contacts"), ("GET", "Payments")):
        answer = await xero.api(method, path, None if method == "GET" else {"Name": "x"})
        assert answer.status == 401
        assert "insufficent_scope" in answer.headers["WWW-Authenticate"]
    assert (await xero.api("GET", "CreditNotes")).status == 200


async def test_connections_lists_the_one_company(xero: Xero) -> None:
    answer = await xero.request("GET", "/connections", headers={"Authorization": f"Bearer {xero.token}"})
    (connection,) = answer.body
    assert (connection["tenantId"], connection["tenantType"]) == (xero.company.tenant_id, "ORGANISATION")
    assert set(connection) == {
        "id",
        "authEventId",
        "tenantId",
        "tenantType",
        "tenantName",
        "createdDateUtc",
        "updatedDateUtc",
    }
    claims = jwt.decode(xero.token, options={"verify_signature": False})
    assert claims["authentication_event_id"] == connection["authEventId"]


@pytest.mark.parametrize(("switch", "status"), [("403", 403), ("401", 401)])
async def test_a_disconnected_company_is_told_apart_from_an_expired_token(xero: Xero, switch: str, status: int) -> None:
    xero.company.switches["disconnected"] = switch
    xero.company.act("disconnect", {})
    answer = await xero.api("GET", "Organisation")
    assert (answer.status, answer.body["Detail"]) == (status, "AuthenticationUnsuccessful")
    assert (await xero.authenticate()).body == {"error": "unauthorized_client"}
    xero.company.act("connect", {"client_id": CLIENT_ID})
    assert (await xero.authenticate()).status == 200


async def test_a_person_connects_the_web_app(xero: Xero) -> None:
    tokens = await connect(xero)
    assert tokens["scope"] == " ".join(sorted(SCOPE.split()))
    tenant = {"xero-tenant-id": xero.company.tenant_id}
    assert (await xero.api("GET", "Organisation", headers=tenant)).status == 200
    assert (await xero.api("GET", "Organisation")).status == 403, "a web app must name the company"


async def test_a_code_works_once_for_five_minutes_and_its_own_address(xero: Xero) -> None:
    code = (await consent(xero))["code"]
    wrong = await token(xero, grant_type="authorization_code", code=code, redirect_uri="https://else.example/cb")
    assert wrong.body == {"error": "invalid_grant"}
    again = await token(xero, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    assert again.body == {"error": "invalid_grant"}
    late = (await consent(xero))["code"]
    xero.clock.advance(301)
    answer = await token(xero, grant_type="authorization_code", code=late, redirect_uri=CALLBACK)
    assert answer.body == {"error": "invalid_grant"}


async def test_a_person_may_say_no(xero: Xero) -> None:
    assert (await consent(xero, "cancel"))["error"] == "access_denied"


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "http://127.0.0.1:8400/oauth/xero/callback"},
        {"redirect_uri": "http://else.example/cb"},
        {"client_id": CLIENT_ID},
        {"response_type": "token"},
        {"scope": "accounting.transactions"},
        {"scope": ""},
    ],
)
async def test_consent_is_not_asked_for_what_xero_would_refuse(xero: Xero, change: dict[str, str]) -> None:
    assert await consent(xero, **change) == 400


async def test_refresh_tokens_rotate_and_the_old_one_may_be_retried_for_half_an_hour(xero: Xero) -> None:
    first = (await connect(xero))["refresh_token"]
    second = (await token(xero, grant_type="refresh_token", refresh_token=first)).body["refresh_token"]
    assert second != first
    xero.clock.advance(1700)
    assert (await token(xero, grant_type="refresh_token", refresh_token=first)).status == 200
    xero.clock.advance(200)
    assert (await token(xero, grant_type="refresh_token", refresh_token=first)).body == {"error": "invalid_grant"}
    assert (await token(xero, grant_type="refresh_token", refresh_token=second)).status == 200


async def test_a_refresh_token_unused_for_sixty_days_is_gone(xero: Xero) -> None:
    refresh = (await connect(xero))["refresh_token"]
    xero.clock.advance(60 * 86_400 + 1)
    assert (await token(xero, grant_type="refresh_token", refresh_token=refresh)).body == {"error": "invalid_grant"}


async def test_without_offline_access_there_is_no_refresh_token(xero: Xero) -> None:
    back = await consent(xero, scope="openid accounting.contacts")
    answer = await token(xero, grant_type="authorization_code", code=back["code"], redirect_uri=CALLBACK)
    assert "refresh_token" not in answer.body
    assert "id_token" in answer.body


async def test_revocation_ends_tokens_and_connection(xero: Xero) -> None:
    tokens = await connect(xero)
    form = {"token": tokens["refresh_token"], "client_id": WEB_CLIENT_ID, "client_secret": WEB_CLIENT_SECRET}
    assert (await xero.form("/connect/revocation", **form)).status == 200
    assert (await token(xero, grant_type="refresh_token", refresh_token=tokens["refresh_token"])).status == 400
    assert (await xero.api("GET", "Organisation")).status == 401
    assert (await xero.form("/connect/revocation", **form)).status == 200, "an unknown token is no error"
    assert (await xero.form("/connect/revocation", **(form | {"client_secret": "wrong"}))).status == 400


async def test_an_app_can_delete_its_own_connection_only(xero: Xero) -> None:
    custom = (await xero.request("GET", "/connections", headers={"Authorization": f"Bearer {xero.token}"})).body[0]
    await connect(xero)
    bearer = {"Authorization": f"Bearer {xero.token}"}
    (own,) = (await xero.request("GET", "/connections", headers=bearer)).body
    assert (await xero.request("GET", "/connections", headers=bearer, authEventId=custom["authEventId"])).body == []
    assert (await xero.request("DELETE", f"/connections/{custom['id']}", headers=bearer)).status == 404
    assert (await xero.request("DELETE", f"/connections/{own['id']}", headers=bearer)).status == 204
    assert (await xero.request("GET", "/connections", headers=bearer)).body == []
    named = {"xero-tenant-id": xero.company.tenant_id}
    assert (await xero.api("PUT", "Invoices", invoice("x"), headers=named)).status == 403
