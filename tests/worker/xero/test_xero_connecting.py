"""Connect to Xero: what is asked, which company is chosen, and what is left when Xero says no."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from redis.asyncio import Redis
from xero_doubles import RawServer, Request, answer

from worker.errors import ConfigurationError, ConnectionPaused, ServiceError
from worker.limits import Limits
from worker.settings import Settings
from worker.store.doorbell import SilentDoorbell
from worker.store.keys import Keys
from worker.store.secrets import load_cipher
from worker.store.store import Store
from worker.xero.connecting import XeroConnecting
from worker.xero.errors import NoAnswer, ReconnectNeeded

ADA = "Ada Lovelace"
ONE = {"id": "c-1", "tenantId": "t-1", "tenantName": "Acme Ltd", "tenantType": "ORGANISATION"}
TWO = {"id": "c-2", "tenantId": "t-2", "tenantName": "Bolt Ltd", "tenantType": "ORGANISATION"}
SCOPE = "offline_access accounting.invoices accounting.contacts accounting.settings.read accounting.attachments"
GIVEN = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 1800, "scope": SCOPE}


@pytest.fixture
def store(redis: Redis, keys: Keys, tmp_path: Path) -> Store:
    cipher = load_cipher(Fernet.generate_key().decode(), tmp_path)
    return Store(redis, keys, tmp_path, cipher, Limits(), SilentDoorbell())


@pytest.fixture
def connecting(store: Store, server: RawServer) -> XeroConnecting:
    server.give_token = lambda _: answer(200, GIVEN)
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]  # pydantic-settings takes it
        xero_client_id="app",
        xero_client_secret=SecretStr("s3cret"),
        xero_login_url=server.url,
        xero_identity_url=server.url,
        xero_api_url=server.url,
    )
    return XeroConnecting(store, settings, Limits())


def companies(server: RawServer, *every: dict[str, str]) -> None:
    server.give_connections = lambda _: answer(200, list(every))


async def state(connecting: XeroConnecting) -> str:
    query = parse_qs(urlsplit(await connecting.authorize_url(ADA)).query)
    return query["state"][0]


def form(request: Request) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(request.body.decode()).items()}


async def test_the_address_asks_for_a_code_with_the_scopes_and_the_callback(connecting: XeroConnecting) -> None:
    asked = urlsplit(await connecting.authorize_url(ADA))
    query = {name: value[0] for name, value in parse_qs(asked.query).items()}
    assert asked.path == "/identity/connect/authorize"
    assert len(query.pop("state")) > 40
    assert query == {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": "http://localhost:8400/oauth/xero/callback",
        "scope": SCOPE,
    }


async def test_the_only_company_is_the_one_served_from_now_on(
    connecting: XeroConnecting, server: RawServer, store: Store
) -> None:
    companies(server, ONE)
    made = await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    assert made.company is not None
    assert (made.company.name, made.lacking) == ("Acme Ltd", ())
    assert await store.pair.company() == "t-1"
    assert form(server.token_requests[0]) == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": "http://localhost:8400/oauth/xero/callback",
    }
    stored = await store.tokens.get("xero")
    assert stored is not None
    assert stored["refresh_token"] == "refresh-1"
    assert "refresh-1" not in f"{made!r}"


async def test_of_several_companies_a_person_chooses_and_until_then_it_rests(
    connecting: XeroConnecting, server: RawServer, store: Store
) -> None:
    companies(server, ONE, TWO)
    made = await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    assert made.company is None
    assert [each.name for each in made.companies] == ["Acme Ltd", "Bolt Ltd"]
    [rest] = (await store.reconnects.all()).values()
    assert "Acme Ltd, Bolt Ltd" in rest.why
    with pytest.raises(ReconnectNeeded, match="does not reach"):
        await connecting.choose("t-3", ADA)
    assert (await connecting.choose("t-2", ADA)).name == "Bolt Ltd"
    assert await store.pair.company() == "t-2"
    assert await store.reconnects.all() == {}
    assert not await store.invoices.paused()
    with pytest.raises(ConnectionPaused, match="serves the Xero company t-2"):
        await connecting.choose("t-1", ADA)


async def test_connecting_again_finds_the_pinned_company_among_several(
    connecting: XeroConnecting, server: RawServer, store: Store
) -> None:
    await store.pair.pin("company", "t-2")
    companies(server, ONE, TWO)
    made = await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    assert made.company is not None
    assert made.company.id == "t-2"


async def test_another_company_is_let_go_and_nothing_is_stored(
    connecting: XeroConnecting, server: RawServer, store: Store
) -> None:
    await store.pair.pin("company", "t-2")
    companies(server, ONE)
    server.script = [answer(204)]
    with pytest.raises(ReconnectNeeded, match="Acme Ltd was not connected"):
        await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    assert [(each.method, each.target) for each in server.requests] == [("DELETE", "/connections/c-1")]
    assert await store.tokens.get("xero") is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (answer(400, {"error": "invalid_grant"}), "Connect to Xero again"),
        (answer(200, {"access_token": "a", "expires_in": 1800}), "offline_access"),
    ],
)
async def test_a_code_that_does_not_do_stores_nothing(
    connecting: XeroConnecting, server: RawServer, store: Store, given: bytes, words: str
) -> None:
    server.give_token = lambda _: given
    with pytest.raises(ServiceError, match=words):
        await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    assert await store.tokens.get("xero") is None


async def test_disconnecting_ends_the_company_and_the_consent_and_says_who_did(
    connecting: XeroConnecting, server: RawServer, store: Store
) -> None:
    companies(server, ONE)
    await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    server.script = [answer(204), answer(200)]
    await connecting.disconnect("Grace")
    assert [(each.method, each.target) for each in server.requests] == [
        ("DELETE", "/connections/c-1"),
        ("POST", "/connect/revocation"),
    ]
    assert form(server.requests[1]) == {"token": "refresh-1"}
    assert await store.tokens.get("xero") is None
    [rest] = (await store.reconnects.all()).values()
    assert (rest.who, rest.why) == ("Grace", "Grace disconnected Xero.")
    assert [entry.what for entry in await store.audit.latest()] == ["connection.ended", "connection.made"]


async def test_disconnecting_while_xero_is_away_leaves_everything_as_it_was(
    connecting: XeroConnecting, server: RawServer, store: Store
) -> None:
    companies(server, ONE)
    await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    server.script = [answer(503)]
    with pytest.raises(NoAnswer):
        await connecting.disconnect(ADA)
    assert await store.tokens.get("xero") is not None
    assert await store.reconnects.all() == {}


async def test_disconnecting_what_xero_ended_already_is_no_error(
    connecting: XeroConnecting, server: RawServer, store: Store
) -> None:
    companies(server, ONE)
    await connecting.exchange(code="code-1", state=await state(connecting), by=ADA)
    server.give_connections = lambda _: answer(403)
    server.give_token = lambda _: answer(400, {"error": "invalid_grant"})
    server.script = [answer(400, {"error": "invalid_token"})]
    await connecting.disconnect(ADA)
    assert await store.tokens.get("xero") is None


async def test_ids_typed_into_the_console_are_used_where_the_environment_has_none(
    store: Store, server: RawServer
) -> None:
    settings = Settings(_env_file=None, xero_login_url=server.url)  # type: ignore[call-arg]  # as above
    connecting = XeroConnecting(store, settings, Limits())
    with pytest.raises(ConfigurationError, match="XERO_CLIENT_ID"):
        await connecting.authorize_url(ADA)
    await store.credentials.put("xero", {"XERO_CLIENT_ID": "typed", "XERO_CLIENT_SECRET": "typed-secret"})
    assert "client_id=typed&" in await connecting.authorize_url(ADA)
