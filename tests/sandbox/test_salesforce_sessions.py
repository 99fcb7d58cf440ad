from datetime import UTC, datetime
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from salesforce_support import Control, Salesforce

from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET, JWT_GRANT
from sandbox.salesforce.org import API_USERNAME


async def _token(salesforce: Salesforce, **form: str) -> tuple[int, Any]:
    async with salesforce.http.post(f"{salesforce.url}/services/oauth2/token", data=form) as answer:
        return answer.status, await answer.json()


async def test_a_token_answer_names_the_org_and_the_user_and_no_lifetime(salesforce: Salesforce) -> None:
    answer = await salesforce.login()
    assert "expires_in" not in answer
    assert answer["instance_url"] == salesforce.url
    assert answer["token_type"] == "Bearer"
    org, user = answer["id"].split("/")[-2:]
    assert answer["access_token"].startswith(f"{org[:15]}!AR")
    assert (len(org), org[:3], user[:3]) == (18, "00D", "005")
    async with salesforce.http.get(answer["id"], headers={"Authorization": f"Bearer {salesforce.token}"}) as identity:
        assert (await identity.json())["organization_id"] == org
    info = f"{salesforce.url}/services/oauth2/userinfo"
    async with salesforce.http.get(info, headers={"Authorization": f"OAuth {salesforce.token}"}) as userinfo:
        assert (await userinfo.json())["organization_id"] == org


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, "invalid_client_id"),
        ({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "y"}, "invalid_client"),
    ],
)
async def test_wrong_logins_are_refused(salesforce: Salesforce, form: dict[str, str], error: str) -> None:
    status, body = await _token(salesforce, **form)
    assert (status, body["error"]) == (400, error)
    assert body["error_description"]


async def test_client_and_secret_may_come_in_the_authorization_header(salesforce: Salesforce) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(CLIENT_ID, CLIENT_SECRET)}
    url, form = f"{salesforce.url}/services/oauth2/token", {"grant_type": "client_credentials"}
    async with salesforce.http.post(url, data=form, headers=headers) as answer:
        assert answer.status == 200


async def test_a_session_ends_when_unused_and_lives_on_while_used(salesforce: Salesforce, control: Control) -> None:
    for _ in range(3):
        await control.post("/clock", advance=7000)
        assert (await salesforce.call("GET", "/limits")).status == 200
    await control.post("/clock", advance=7300)
    error = await salesforce.refused("GET", "/limits", status=401)
    assert error == {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    before = salesforce.token
    await salesforce.login()
    assert salesforce.token != before
    assert (await salesforce.call("GET", "/limits")).status == 200


async def test_a_login_answers_the_live_session_unless_switched(salesforce: Salesforce, control: Control) -> None:
    first = salesforce.token
    await salesforce.login()
    assert salesforce.token == first
    await control.post("/salesforce/switches", same_session=False)
    await salesforce.login()
    assert salesforce.token != first


async def test_introspection_and_revocation(salesforce: Salesforce) -> None:
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "token": salesforce.token}
    url = f"{salesforce.url}/services/oauth2"
    async with salesforce.http.post(f"{url}/introspect", data=form) as answer:
        body = await answer.json()
    assert body["active"] is True
    assert body["exp"] > datetime.now(UTC).timestamp()
    async with salesforce.http.post(f"{url}/revoke", data={"token": salesforce.token}) as answer:
        assert answer.status == 200
    async with salesforce.http.post(f"{url}/introspect", data=form) as answer:
        assert (await answer.json()) == {"active": False}
    assert (await salesforce.call("GET", "/limits")).status == 401


async def test_a_signed_assertion_logs_in_and_a_wrong_one_does_not(salesforce: Salesforce, control: Control) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    await control.post("/salesforce/switches", jwt_public_key=public.decode())
    now = int(datetime.now(UTC).timestamp())
    good = {"iss": CLIENT_ID, "sub": API_USERNAME, "aud": "https://login.salesforce.com", "exp": now + 180}

    async def login(signer: Any = key, **changes: Any) -> tuple[int, Any]:
        assertion = jwt.encode(good | changes, signer, algorithm="RS256")
        return await _token(salesforce, grant_type=JWT_GRANT, assertion=assertion)

    assert (await login())[0] == 200
    assert (await login(aud=salesforce.url))[0] == 200
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refusals = [
        (await login(other), "invalid assertion"),
        (await login(aud="https://example.com"), "audience is invalid"),
        (await login(exp=now - 10), "expired authorization code"),
        (await login(exp=now + 3600), "invalid assertion"),
        (await login(sub="nobody@example.com"), "user hasn't approved this consumer"),
        (await login(iss="x"), "client identifier invalid"),
    ]
    assert [(status, body["error_description"]) for (status, body), _ in refusals] == [
        (400, description) for _, description in refusals
    ]


async def test_logins_and_sessions_can_be_refused_by_switch(salesforce: Salesforce, control: Control) -> None:
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    await control.post("/salesforce/switches", login_error="user is inactive")
    assert (await _token(salesforce, **form))[1]["error_description"] == "user is inactive"
    await control.post("/salesforce/switches", login_error="", client_credentials_user=False)
    assert (await _token(salesforce, **form))[1]["error_description"] == "no client credentials user enabled"
    await control.post("/salesforce/switches", high_assurance=True)
    error = await salesforce.refused("GET", "/limits", status=401)
    assert error["message"] == "This session is not valid for use with the REST API"
