"""Signing in: once for everybody, with a sentence for a person when Salesforce does not let us."""

import asyncio
import time
from pathlib import Path

import jwt
import pytest
from aiohttp import web
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from redis.asyncio import Redis
from salesforce_wire import LIMITS, ORG, USER, Org, html, page, refused, serving

from worker.errors import ConfigurationError, ConnectionPaused
from worker.salesforce.auth import SERVICE, MemoryTokens, Session
from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import (
    LoginRefused,
    ReconnectNeeded,
    SalesforceError,
    SessionRefused,
    Unavailable,
    UnexpectedAnswer,
)
from worker.salesforce.flows import ClientCredentials, JwtBearer, WebServer, audience, flow, private_key
from worker.settings import Settings
from worker.store.keys import Keys
from worker.store.secrets import load_cipher
from worker.store.vault import TokenVault


async def ask(client: SalesforceClient) -> int:
    return len([page async for page in client.query("SELECT Id FROM TimeEntry__c")])


def oauth_error(error: str, description: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


async def test_a_hundred_calls_on_an_ended_session_cost_one_login(org: Org, client: SalesforceClient) -> None:
    await ask(client)
    org.expire()
    assert await asyncio.gather(*(ask(client) for _ in range(100))) == [1] * 100
    assert len(org.logins) == 2


async def test_a_refused_login_is_not_repeated_for_each_of_those_who_wait(org: Org, client: SalesforceClient) -> None:
    await ask(client)
    org.expire()
    org.login = lambda _: oauth_error("invalid_grant", "inactive user")
    outcomes = await asyncio.gather(*(ask(client) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(outcome, LoginRefused) for outcome in outcomes)
    assert len(org.logins) < 10


async def test_after_a_refused_login_the_next_call_tries_again(org: Org, client: SalesforceClient) -> None:
    org.login = lambda _: oauth_error("invalid_grant", "user is locked")
    with pytest.raises(ConnectionPaused, match="unlock"):
        await ask(client)
    org.login = lambda org: org.token()
    assert await ask(client) == 1


async def test_a_refused_token_is_not_taken_from_the_store_again(org: Org, client: SalesforceClient) -> None:
    stale = await client.token()
    org.expire()
    org.login = lambda _: oauth_error("invalid_grant", "inactive user")
    with pytest.raises(LoginRefused):
        await client.renewed(stale)
    with pytest.raises(LoginRefused):
        await client.token()


async def test_the_token_of_a_sibling_process_is_used_before_a_new_login(
    org: Org, client: SalesforceClient, flow: ClientCredentials, tokens: MemoryTokens
) -> None:
    async with SalesforceClient(flow, LIMITS, tokens) as sibling:
        await ask(client)
        await ask(sibling)
        assert len(org.logins) == 1
        org.expire()
        await ask(sibling)
        await ask(client)
        assert len(org.logins) == 2


async def test_two_processes_that_renew_at_once_make_one_login(
    org: Org, client: SalesforceClient, flow: ClientCredentials, tokens: MemoryTokens
) -> None:
    async with SalesforceClient(flow, LIMITS, tokens) as sibling:
        await asyncio.gather(ask(client), ask(sibling))
        assert len(org.logins) == 1


async def test_a_stored_token_of_another_user_is_not_ours(org: Org, tokens: MemoryTokens) -> None:
    async with SalesforceClient(ClientCredentials(org.url, "another", "secret"), LIMITS, tokens) as other:
        await ask(other)
    async with SalesforceClient(ClientCredentials(org.url, "client-id", "secret"), LIMITS, tokens) as client:
        await ask(client)
    assert [form["client_id"] for form in org.logins] == ["another", "client-id"]


async def test_a_session_that_is_refused_anew_is_not_renewed_for_ever(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: refused(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    with pytest.raises(SessionRefused, match="API Enabled"):
        await ask(client)
    assert (len(org.seen), len(org.logins)) == (2, 2)


async def test_calls_go_to_the_instance_that_the_token_answer_names(org: Org, client: SalesforceClient) -> None:
    async with serving(Org()) as instance:
        org.instance_url = instance.url
        instance.valid = {f"{ORG[:15]}!AR1"}
        await ask(client)
        assert (len(org.seen), len(instance.seen)) == (0, 1)


async def test_the_org_is_known_by_its_18_characters(org: Org, client: SalesforceClient) -> None:
    with pytest.raises(SalesforceError, match="before the first call"):
        _ = client.org_id
    session = await client.token()
    assert (session.org_id, session.user_id, client.org_id) == (ORG, USER, ORG)


async def test_the_stream_gets_another_session_when_its_own_is_over(org: Org, client: SalesforceClient) -> None:
    stale = await client.token()
    fresh = await client.renewed(stale)
    assert fresh.access_token != stale.access_token
    assert await client.renewed(stale) == fresh


async def test_a_token_does_not_travel_unencrypted(org: Org, client: SalesforceClient) -> None:
    org.instance_url = "http://example.my.salesforce.com"
    with pytest.raises(LoginRefused, match="http://"):
        await ask(client)
    assert org.seen == []


async def test_a_token_answer_without_its_org_is_no_token_answer(org: Org, client: SalesforceClient) -> None:
    org.login = lambda _: web.json_response({"access_token": "x", "instance_url": org.url})
    with pytest.raises(UnexpectedAnswer, match="org id"):
        await ask(client)


async def test_a_login_page_instead_of_a_token_is_no_token_answer(org: Org, client: SalesforceClient) -> None:
    org.login = lambda _: html(200)
    with pytest.raises(UnexpectedAnswer, match="no token"):
        await ask(client)


async def test_a_login_that_finds_salesforce_busy_is_tried_again(org: Org, client: SalesforceClient) -> None:
    org.login = lambda org: html(503) if len(org.logins) < 3 else org.token()
    assert await ask(client) == 1
    org.expire()
    org.login = lambda _: html(503)
    with pytest.raises(Unavailable):
        await ask(client)


async def test_an_unreachable_login_host_is_named(tokens: MemoryTokens) -> None:
    async with SalesforceClient(ClientCredentials("http://127.0.0.1:1", "id", "secret"), LIMITS, tokens) as client:
        with pytest.raises(SalesforceError, match=r"127\.0\.0\.1:1 cannot be reached.*SALESFORCE_LOGIN_URL"):
            await client.token()


@pytest.mark.parametrize(
    ("error", "description", "remedy"),
    [
        ("invalid_grant", "user hasn't approved this consumer", "admin-approved"),
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_grant", "request not supported on this domain", "My Domain"),
        ("invalid_grant", "audience is invalid", "https://login.salesforce.com"),
        ("invalid_grant", "ip restricted", "login IP ranges"),
        ("invalid_grant", "inactive user", "active"),
        ("invalid_grant", "user is locked", "unlock"),
        ("invalid_grant", "invalid assertion", "SALESFORCE_USERNAME"),
        ("invalid_grant", "no valid scopes defined", "scope api"),
        ("invalid_grant", "authentication failure", "login history"),
        ("invalid_grant", "something new", "login history"),
        ("invalid_client_id", "client identifier invalid", "SALESFORCE_CLIENT_ID"),
        ("invalid_client", "invalid client credentials", "SALESFORCE_CLIENT_SECRET"),
    ],
)
async def test_a_refused_login_says_what_to_do(
    org: Org, client: SalesforceClient, error: str, description: str, remedy: str
) -> None:
    org.login = lambda _: oauth_error(error, description)
    with pytest.raises(LoginRefused) as caught:
        await ask(client)
    assert description in caught.value.what
    assert remedy in caught.value.remedy
    assert len(org.logins) == 1


async def test_too_many_logins_are_waited_out_not_handed_to_a_person(org: Org, client: SalesforceClient) -> None:
    org.login = lambda _: oauth_error("invalid_grant", "login rate exceeded")
    with pytest.raises(SalesforceError) as caught:
        await ask(client)
    assert caught.value.action == "wait-for-limit"
    assert not isinstance(caught.value, ConnectionPaused)


async def test_client_credentials_are_posted_to_my_domain(org: Org, client: SalesforceClient) -> None:
    await client.token()
    assert org.logins == [
        {"grant_type": "client_credentials", "client_id": "client-id", "client_secret": "client-secret"}
    ]


def write_key(file: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


async def test_a_jwt_assertion_names_app_user_and_audience(
    org: Org, tokens: MemoryTokens, rsa_key: rsa.RSAPrivateKey
) -> None:
    bearer = JwtBearer(org.url, "client-id", "integration@example.com", rsa_key)
    async with SalesforceClient(bearer, LIMITS, tokens) as client:
        await client.token()
    form = org.logins[0]
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        form["assertion"], rsa_key.public_key(), algorithms=["RS256"], audience="https://login.salesforce.com"
    )
    assert (claims["iss"], claims["sub"]) == ("client-id", "integration@example.com")
    assert 0 < claims["exp"] - time.time() <= 300


@pytest.mark.parametrize(
    ("login_url", "expected"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_the_audience_is_a_login_host_also_for_a_my_domain(login_url: str, expected: str) -> None:
    assert audience(login_url) == expected


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)


def test_a_user_name_and_key_choose_the_jwt_bearer_flow(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    chosen = flow(
        settings(
            salesforce_client_id="id",
            salesforce_client_secret=SecretStr("secret"),
            salesforce_username="integration@example.com",
            salesforce_private_key_file=write_key(tmp_path / "key.pem", rsa_key),
        )
    )
    assert isinstance(chosen, JwtBearer)


def test_a_secret_alone_chooses_client_credentials() -> None:
    chosen = flow(
        settings(
            salesforce_login_url="https://acme.my.salesforce.com",
            salesforce_client_id="id",
            salesforce_client_secret=SecretStr("secret"),
        )
    )
    assert chosen == ClientCredentials("https://acme.my.salesforce.com", "id", "secret")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "SALESFORCE_CLIENT_ID is not set"),
        ({"salesforce_client_id": "id"}, "SALESFORCE_CLIENT_SECRET is not set"),
    ],
)
def test_incomplete_settings_name_the_variable(given: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        flow(settings(**given))


def test_a_key_file_without_a_usable_key_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ConfigurationError, match="without a passphrase"):
        private_key(tmp_path / "broken.pem")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        private_key(tmp_path / "missing.pem")
    with pytest.raises(ConfigurationError, match="not an RSA key"):
        private_key(write_key(tmp_path / "curve.pem", ec.generate_private_key(ec.SECP256R1())))


def test_secrets_show_in_no_representation(rsa_key: rsa.RSAPrivateKey) -> None:
    shown = [
        repr(Session("00D!secret", "https://acme.my.salesforce.com", ORG)),
        repr(ClientCredentials("https://acme.my.salesforce.com", "id", "secret")),
        repr(JwtBearer("https://acme.my.salesforce.com", "id", "user", rsa_key)),
    ]
    assert not any("secret" in text or "RSA" in text for text in shown)


def test_a_login_host_takes_a_persons_connection_and_says_so_before_there_is_one() -> None:
    given = Settings(_env_file=None, salesforce_client_id="id", salesforce_client_secret=SecretStr("secret"))  # type: ignore[call-arg]
    chosen = flow(given)
    assert isinstance(chosen, WebServer)
    assert "secret" not in repr(chosen)
    with pytest.raises(ReconnectNeeded, match=r"Connect to Salesforce in the console.*My Domain"):
        chosen.form(None)


async def test_a_persons_connection_goes_before_client_credentials_and_is_refreshed(
    org: Org, client: SalesforceClient, flow: ClientCredentials, tokens: MemoryTokens
) -> None:
    by_person = WebServer(flow.login_url, flow.client_id, flow.client_secret)
    old = {"access_token": "old", "instance_url": org.url, "id": f"https://login.salesforce.com/id/{ORG}/{USER}"}
    await tokens.put(SERVICE, old | {"refresh_token": "r-1", "identity": by_person.identity})
    assert await client.keeper.signs_in()
    assert await client.keeper.keep_alive(3600)
    await ask(client)
    assert [(form["grant_type"], form["refresh_token"]) for form in org.logins] == [("refresh_token", "r-1")]
    stored = await tokens.get(SERVICE)
    assert stored is not None
    assert (stored["refresh_token"], stored["identity"]) == ("r-1", by_person.identity)


async def test_the_connection_of_another_app_is_not_ours(
    org: Org, client: SalesforceClient, tokens: MemoryTokens
) -> None:
    await tokens.put(SERVICE, {"refresh_token": "r-1", "identity": "another", "access_token": "old"})
    await ask(client)
    assert [form["grant_type"] for form in org.logins] == ["client_credentials"]
    assert not await client.keeper.keep_alive(0)


async def test_the_stored_token_is_enough_for_the_next_start(
    org: Org, client: SalesforceClient, tokens: MemoryTokens
) -> None:
    org.answer = lambda _: page([])
    await ask(client)
    stored = await tokens.get(SERVICE)
    assert stored is not None
    assert {"access_token", "instance_url", "id", "issued_at", "identity", "refreshed_at"} == set(stored)
    assert "client-secret" not in repr(stored)


async def test_processes_share_one_session_through_the_vault(
    org: Org, flow: ClientCredentials, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    cipher = load_cipher(Fernet.generate_key().decode(), tmp_path)
    first, second = (TokenVault(redis, keys, cipher, tmp_path) for _ in range(2))
    async with SalesforceClient(flow, LIMITS, first) as client, SalesforceClient(flow, LIMITS, second) as sibling:
        await asyncio.gather(ask(client), ask(sibling))
        assert len(org.logins) == 1
        org.expire()
        await asyncio.gather(ask(client), ask(sibling))
        assert len(org.logins) == 2
