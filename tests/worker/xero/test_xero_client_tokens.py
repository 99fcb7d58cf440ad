"""Tokens: one renewal at a time, stored before use, and no loop where only a person can help."""

import asyncio
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from xero_doubles import TENANT, RawServer, Request, TokensInMemory, answer, config, connected, permit

from worker.errors import ConnectionPaused
from worker.limits import Limits
from worker.xero.auth import TokenKeeper, Tokens
from worker.xero.client import XeroClient
from worker.xero.errors import BadCredentials, MissingScope, NoAnswer, ReconnectNeeded, Unreadable
from worker.xero.identity import Identity
from worker.xero.transport import Transport

EMPTY = {"Invoices": [], "pagination": {"page": 1, "pageCount": 1}}
EXPIRED = {"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired: token expired at 01/12/2026 14:34:47"}


def token(name: str, **more: Any) -> bytes:
    return answer(200, {"access_token": name, "expires_in": 1800, "token_type": "Bearer"} | more)


def stored(name: str, left: float = 900, **more: Any) -> dict[str, Any]:
    return {"access_token": name, "expires_at": time.time() + left, "refreshed_at": time.time()} | more


def form(request: Request) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(request.body.decode()).items()}


def rotating(server: RawServer) -> None:
    """Each refresh token works once, as at Xero; the next is named after it."""
    alive = {"r0"}

    def give(request: Request) -> bytes:
        given = form(request)["refresh_token"]
        if given not in alive:
            return answer(400, {"error": "invalid_grant"})
        alive.remove(given)
        following = f"r{int(given[1:]) + 1}"
        alive.add(following)
        return token(f"token-for-{given}", refresh_token=following)

    server.give_token = give


async def keeper(transport: Transport, server: RawServer, store: TokensInMemory, grant: str) -> TokenKeeper:
    return TokenKeeper(store, Identity(transport, config(server.url, grant=grant), Limits()), Limits())


async def test_a_custom_connection_asks_with_id_secret_and_scopes(server: RawServer) -> None:
    async with connected(server.url):
        pass
    (asked,) = server.token_requests
    assert asked.headers["authorization"] == "Basic YXBwOnMzY3JldA=="
    assert form(asked) == {
        "grant_type": "client_credentials",
        "scope": "accounting.invoices accounting.contacts accounting.settings.read accounting.attachments",
    }


async def test_a_custom_connection_without_the_optional_scopes_is_asked_for_what_must_be(server: RawServer) -> None:
    def give(request: Request) -> bytes:
        scope = form(request)["scope"]
        return answer(400, {"error": "invalid_scope"}) if "attachments" in scope else token("t", scope=scope)

    server.give_token = give
    async with connected(server.url) as client:
        assert await client.missing_scopes() == ("accounting.attachments",)
        assert not await client.can_attach()
    assert len(server.token_requests) == 2
    assert server.requests == []


async def test_what_a_consent_covers_is_known_where_xero_says_it(server: RawServer) -> None:
    server.give_token = lambda _: token("t", scope="accounting.transactions accounting.settings accounting.attachments")
    async with connected(server.url) as client:
        assert await client.missing_scopes() == ("accounting.contacts",)
        assert await client.can_attach()
    server.give_token = lambda _: token("t")
    async with connected(server.url) as client:
        assert await client.missing_scopes() == ()


async def test_a_token_is_used_until_a_minute_before_its_end(server: RawServer) -> None:
    server.script = [answer(200, EMPTY)] * 4
    tokens = TokensInMemory([stored("good", left=90)])
    async with connected(server.url, tokens=tokens) as client:
        await client.invoices()
    assert server.token_requests == []
    tokens = TokensInMemory([stored("nearly over", left=30)])
    async with connected(server.url, tokens=tokens) as client:
        await client.invoices()
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer good", "Bearer first"]
    assert tokens.stored[-1]["access_token"] == "first"


async def test_processes_that_need_a_token_at_once_refresh_it_once(server: RawServer) -> None:
    rotating(server)
    store = TokensInMemory([stored("old", left=0, refresh_token="r0")])
    async with Transport() as transport:
        keepers = [await keeper(transport, server, store, "authorization_code") for _ in range(8)]
        found = await asyncio.gather(*(each.token() for each in keepers))
    assert set(found) == {"token-for-r0"}
    assert len(server.token_requests) == 1
    assert store.waited == 7


async def test_a_token_is_stored_before_it_is_used(server: RawServer) -> None:
    rotating(server)
    store = TokensInMemory([stored("old", left=0, refresh_token="r0")])
    held: list[str] = []

    def connections(request: Request) -> bytes:
        held.append(store.stored[-1]["refresh_token"])
        return answer(200, [{"tenantId": TENANT}])

    server.give_connections = connections
    async with connected(server.url, tokens=store, grant="authorization_code"):
        assert held == ["r1"]


async def test_a_refused_refresh_takes_what_a_sibling_stored_meanwhile(server: RawServer) -> None:
    store = TokensInMemory([stored("old", left=0, refresh_token="r0")])

    def give(request: Request) -> bytes:
        if form(request)["refresh_token"] == "r0":
            store.stored.append(stored("sibling's", left=0, refresh_token="r1"))
            return answer(400, {"error": "invalid_grant"})
        return token("ours", refresh_token="r2")

    server.give_token = give
    async with Transport() as transport:
        assert await (await keeper(transport, server, store, "authorization_code")).token() == "ours"


async def test_a_refused_refresh_falls_back_to_the_token_before(server: RawServer) -> None:
    rotating(server)
    store = TokensInMemory([stored("older", refresh_token="r0"), stored("old", left=0, refresh_token="lost")])
    async with Transport() as transport:
        assert await (await keeper(transport, server, store, "authorization_code")).token() == "token-for-r0"


async def test_the_token_before_is_not_tried_after_half_an_hour(server: RawServer) -> None:
    rotating(server)
    lost = stored("old", left=0, refresh_token="lost") | {"refreshed_at": time.time() - 1900}
    store = TokensInMemory([stored("older", refresh_token="r0"), lost])
    async with Transport() as transport:
        with pytest.raises(ReconnectNeeded, match="Connect to Xero again"):
            await (await keeper(transport, server, store, "authorization_code")).token()
    assert len(server.token_requests) == 1


async def test_a_token_that_came_too_late_to_be_stored_gives_way_to_the_one_that_is(server: RawServer) -> None:
    store = TokensInMemory([stored("theirs", left=0, refresh_token="r0")], refuse=True)
    server.give_token = lambda _: token("ours", refresh_token="r1")
    async with Transport() as transport:
        assert await (await keeper(transport, server, store, "authorization_code")).token() == "theirs"


async def test_before_anyone_connected_there_is_nothing_to_refresh(server: RawServer) -> None:
    async with Transport() as transport:
        with pytest.raises(ReconnectNeeded, match="No Xero company is connected"):
            await (await keeper(transport, server, TokensInMemory(), "authorization_code")).token()
    assert server.token_requests == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (answer(400, {"error": "invalid_client"}), BadCredentials),
        (answer(401, {"error": "invalid_client"}), BadCredentials),
        (answer(400, {"error": "unauthorized_client"}), BadCredentials),
        (answer(400, {"error": "invalid_grant"}), ReconnectNeeded),
        (answer(400, {"error": "invalid_scope"}), MissingScope),
        (answer(500, b"<html>"), NoAnswer),
        (answer(429), NoAnswer),
        (answer(200, {"token": "?"}), Unreadable),
        (answer(200, b"<html>"), Unreadable),
    ],
)
async def test_what_the_token_service_refuses_says_what_to_mend(
    server: RawServer, given: bytes, error: type[Exception]
) -> None:
    server.give_token = lambda _: given
    with pytest.raises(error) as raised:
        async with connected(server.url):
            pass
    assert isinstance(raised.value, ConnectionPaused) == (error not in {NoAnswer, Unreadable})
    assert "s3cret" not in str(raised.value)
    assert len(server.token_requests) == (2 if error is MissingScope else 1)


async def test_an_expired_token_is_renewed_once_and_the_read_repeated(server: RawServer) -> None:
    names = iter(["second"])
    server.script = [answer(401, EXPIRED), answer(200, EMPTY)]
    server.give_token = lambda _: token(next(names))
    async with connected(server.url, tokens=TokensInMemory([stored("first")])) as client:
        await client.invoices()
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]


async def test_a_token_refused_twice_needs_a_person(server: RawServer) -> None:
    server.script = [answer(401, EXPIRED)] * 5
    server.give_token = lambda _: token(f"token-{len(server.token_requests)}")
    async with connected(server.url, tokens=TokensInMemory([stored("first")])) as client:
        with pytest.raises(ReconnectNeeded):
            await client.invoices()
    assert len(server.requests) == 2


async def test_a_siblings_token_that_expired_too_is_renewed(server: RawServer) -> None:
    server.script = [answer(200, EMPTY), answer(401, EXPIRED), answer(401, EXPIRED), answer(200, EMPTY)]
    server.give_token = lambda _: token("third")
    tokens = TokensInMemory([stored("first")])
    async with connected(server.url, tokens=tokens) as client:
        await client.invoices()
        tokens.stored.append(stored("second"))
        await client.invoices()
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer first", "Bearer first", "Bearer second", "Bearer third"]
    assert len(server.token_requests) == 1


async def test_a_missing_scope_is_never_mended_by_renewing(server: RawServer) -> None:
    server.script = [answer(401, b"", WWW_Authenticate='OAuth error="insufficent_scope"')] * 3
    async with connected(server.url, tokens=TokensInMemory([stored("first")])) as client:
        with pytest.raises(MissingScope):
            await client.invoices()
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
    assert (outcome.outcome, len(server.requests), server.token_requests) == ("auth", 2, [])


async def test_a_disconnected_company_pauses_the_connection(server: RawServer) -> None:
    server.script = [answer(403, {"Title": "Forbidden", "Detail": "AuthenticationUnsuccessful"})]
    async with connected(server.url, tokens=TokensInMemory([stored("first")])) as client:
        with pytest.raises(ConnectionPaused, match="Connect to Xero again"):
            await client.contacts()
    assert server.token_requests == []


async def test_a_write_refused_for_its_token_is_not_repeated_but_the_next_call_has_another(server: RawServer) -> None:
    server.script = [answer(401, EXPIRED), answer(200, EMPTY)]
    server.give_token = lambda _: token("second")
    async with connected(server.url, tokens=TokensInMemory([stored("first")])) as client:
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
        assert (outcome.outcome, len(server.requests)) == ("auth", 1)
        await client.invoices()
    assert server.requests[-1].headers["authorization"] == "Bearer second"


async def test_connecting_names_the_only_company(server: RawServer) -> None:
    server.give_connections = lambda _: answer(
        200,
        [
            {"tenantId": TENANT, "tenantName": "Ridgeway Ltd", "tenantType": "ORGANISATION"},
            {"tenantId": "p", "tenantType": "PRACTICE"},
        ],
    )
    async with connected(server.url) as client:
        tenant = await client.connect()
        assert (tenant.id, tenant.name, client.tenant_id) == (TENANT, "Ridgeway Ltd", TENANT)


@pytest.mark.parametrize(
    ("connections", "pinned", "says"),
    [
        ([], "", "connected to no company"),
        ([{"tenantId": "a", "tenantName": "A"}, {"tenantId": "b", "tenantName": "B"}], "", "several companies"),
        ([{"tenantId": "a", "tenantName": "A"}], "b", "not reached any more"),
    ],
)
async def test_connecting_never_guesses_the_company(
    server: RawServer, connections: list[Any], pinned: str, says: str
) -> None:
    server.give_connections = lambda _: answer(200, connections)
    with pytest.raises(ReconnectNeeded, match=says):
        async with connected(server.url, tenant=pinned):
            pass


async def test_the_company_has_no_id_before_connecting(server: RawServer) -> None:
    from xero_doubles import OpenGovernor

    async with XeroClient(config(server.url), TokensInMemory(), OpenGovernor(), Limits()) as client:
        with pytest.raises(ReconnectNeeded, match="not connected yet"):
            _ = client.tenant_id


async def test_a_token_kept_longer_than_we_know_how_to_read_is_asked_for_again(server: RawServer) -> None:
    store = TokensInMemory([{"access_token": 7}])
    async with connected(server.url, tokens=store, limits=replace(Limits(), token_margin=1)):
        assert store.stored[-1]["access_token"] == "first"
        assert Tokens(**store.stored[-1]).refresh_token == ""
