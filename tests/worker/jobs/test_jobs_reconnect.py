"""A connection that a person gave: it is lost visibly and loses nothing, and connecting again is all it takes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sandbox.xero.company import CLIENT_ID, WEB_CLIENT_ID, WEB_CLIENT_SECRET
from tests.signing_in import allow
from tests.worker.jobs.jobs_world import World, deployed, hours
from worker.connections import look_after, rest
from worker.context import Context
from worker.errors import ConnectionPaused
from worker.salesforce.connecting import SalesforceConnecting
from worker.store.embedded import EmbeddedServer
from worker.store.reconnects import Reconnect
from worker.ticking import tick
from worker.xero.connecting import XeroConnecting

ADA = "Ada Lovelace"
BY_PERSON = {
    "XERO_GRANT": "authorization_code",
    "XERO_CLIENT_ID": WEB_CLIENT_ID,
    "XERO_CLIENT_SECRET": WEB_CLIENT_SECRET,
}


def xero(world: World) -> XeroConnecting:
    return XeroConnecting(world.ctx.store, world.settings, world.ctx.limits)


def salesforce(world: World) -> SalesforceConnecting:
    return SalesforceConnecting(world.ctx.store, world.settings, world.ctx.limits)


async def connect_xero(world: World) -> None:
    code, state = await allow(world.stand, await xero(world).authorize_url(ADA))
    await xero(world).exchange(code=code, state=state, by=ADA)


async def connect_salesforce(world: World) -> None:
    code, state = await allow(world.stand, await salesforce(world).authorize_url(ADA))
    await salesforce(world).exchange(code=code, state=state, by=ADA)


async def resting(world: World, service: str = "xero") -> Reconnect | None:
    return {str(name): found for name, found in (await world.ctx.store.reconnects.all()).items()}.get(service)


async def log_time(world: World, count: str = "1.00") -> None:
    await world.tell(world.log("Harrow", count))
    await world.run("collect")
    await world.run("invoice")


@pytest.fixture
async def world(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """Xero connected by a person, and one hour on a draft."""
    async with deployed(redis, valkey.url, tmp_path, environment=BY_PERSON) as made:
        await connect_xero(made)
        await made.work()
        await made.tell(made.log("Harrow"))
        await made.work()
        yield made


def disconnect(world: World) -> None:
    """An administrator of the company disconnects the app."""
    world.act("disconnect")


def revoke(world: World) -> None:
    """The person takes the consent back, and the access token has run out."""
    tokens = world.stand.xero.tokens
    tokens.expire_access()
    for token in list(tokens._refresh):
        tokens.revoke(tokens.apps[WEB_CLIENT_ID], token)


@pytest.mark.parametrize("lose", [disconnect, revoke])
async def test_a_lost_connection_pauses_what_needs_it_and_connecting_again_is_all_it_takes(
    world: World, lose: object
) -> None:
    assert callable(lose)
    lose(world)
    await log_time(world, "2.00")
    found = await resting(world)
    assert found is not None
    assert (found.who, "onnect to Xero" in found.todo) == ("worker", True)
    assert (await world.ctx.store.invoices.paused()).startswith("reconnect xero: ")
    assert not await world.ctx.store.collect.paused()
    await log_time(world, "3.00")  # entries keep accumulating
    assert hours(world.draft("Harrow")) == 1
    await connect_xero(world)
    assert await resting(world) is None
    await world.work()
    assert hours(world.draft("Harrow")) == 6


async def test_a_lost_connection_is_not_tried_again_and_again(world: World) -> None:
    revoke(world)
    await log_time(world)
    found = await resting(world)
    world.fault("status", status=418, path=".*", times=-1)  # whatever is asked now would change the reason
    for name in ("invoice", "statuses", "contacts", "invoice"):
        await world.run(name)
    await look_after(world.ctx)
    await tick(world.ctx)
    assert await resting(world) == found
    assert await world.problems() == []


async def test_a_worker_that_still_holds_the_old_token_does_not_take_the_new_connection_down(world: World) -> None:
    sibling = await world.worker()
    await sibling.tenant()
    revoke(world)
    await log_time(world)
    await connect_xero(world)
    await sibling.xero.company(patience=5)
    assert await resting(world) is None


async def test_a_refusal_that_is_older_than_the_new_connection_does_not_take_it_down(world: World) -> None:
    await world.tell(world.log("Harrow"))
    await world.run("collect")
    await world.ctx.tenant()
    world.fault("status", method="PUT|POST", path=".*/Invoices", status=403, body='{"Title":"Forbidden"}')
    await connect_xero(world)  # while that write is under way
    await world.run("invoice")
    assert await resting(world) is None
    await world.work()
    assert hours(world.draft("Harrow")) == 2


async def test_many_workers_that_need_a_token_at_once_refresh_it_once(world: World) -> None:
    world.stand.xero.tokens.expire_access()
    world.ctx.xero.forget()
    workers = [world.ctx, *[await world.worker(f"worker {n}") for n in range(3)]]
    before = len(world.stand.xero.tokens._refresh)
    await asyncio.gather(*(each.xero.company(patience=20) for each in workers))
    assert len(world.stand.xero.tokens._refresh) == before + 1


async def test_a_crash_between_rotation_and_store_is_survived_by_the_token_before(world: World) -> None:
    tokens, vault = world.stand.xero.tokens, world.ctx.store.tokens
    stored = await vault.get("xero")
    assert stored is not None
    tokens.refresh(tokens.apps[WEB_CLIENT_ID], stored["refresh_token"])  # Xero rotated, and nobody stored the answer
    tokens.expire_access()
    other = await world.worker("after the crash")
    assert await other.xero.company(patience=5)
    assert await resting(world) is None


async def test_a_connection_that_nobody_uses_is_kept_alive(world: World) -> None:
    stored = await world.ctx.store.tokens.get("xero")
    assert stored is not None
    await look_after(world.ctx)
    assert await world.ctx.store.tokens.get("xero") == stored
    week = {**stored, "refreshed_at": stored["refreshed_at"] - 8 * 86_400}
    await world.ctx.store.tokens.put("xero", week)
    await look_after(world.ctx)
    kept = await world.ctx.store.tokens.get("xero")
    assert kept is not None
    assert kept["refresh_token"] != stored["refresh_token"]


async def test_disconnecting_takes_the_consent_back_and_leaves_nothing_here(world: World) -> None:
    await xero(world).disconnect(ADA)
    found = await resting(world)
    assert found is not None
    assert (found.who, found.why) == (ADA, "Ada Lovelace disconnected Xero.")
    assert await world.ctx.store.tokens.get("xero") is None
    tokens = world.stand.xero.tokens
    assert not tokens._refresh
    assert not [one for one in tokens.connections.values() if one.client_id == WEB_CLIENT_ID]
    await log_time(world)
    assert hours(world.draft("Harrow")) == 1
    await connect_xero(world)
    await world.work()
    assert hours(world.draft("Harrow")) == 2


async def test_a_sign_in_is_good_once_and_for_who_began_it(world: World) -> None:
    code, state = await allow(world.stand, await xero(world).authorize_url(ADA))
    with pytest.raises(Exception, match="not begun by you"):
        await xero(world).exchange(code=code, state=state, by="Mallory")
    with pytest.raises(Exception, match="used before"):
        await xero(world).exchange(code=code, state=state, by=ADA)
    with pytest.raises(Exception, match="Begin it again"):
        await xero(world).exchange(code=code, state="guessed", by=ADA)


async def test_another_company_is_refused_and_let_go(world: World, redis: Redis) -> None:
    await redis.hset(world.ctx.store.pair._key, "company", "another-company")
    before = await world.ctx.store.tokens.get("xero")
    code, state = await allow(world.stand, await xero(world).authorize_url(ADA))
    with pytest.raises(ConnectionPaused, match="serves another Xero company"):
        await xero(world).exchange(code=code, state=state, by=ADA)
    assert await world.ctx.store.tokens.get("xero") == before
    assert [one.client_id for one in world.stand.xero.tokens.connections.values()] == [CLIENT_ID]


async def test_a_lost_connection_that_needs_nobody_comes_back_by_itself(
    valkey: EmbeddedServer, redis: Redis, tmp_path: Path
) -> None:
    async with deployed(redis, valkey.url, tmp_path) as world:
        await world.work()
        disconnect(world)
        await log_time(world)
        assert await resting(world) is not None
        await look_after(world.ctx)
        assert await resting(world) is not None
        world.act("connect", client_id=CLIENT_ID)
        await look_after(world.ctx)
        assert await resting(world) is None
        await world.work()
        assert hours(world.draft("Harrow")) == 1


async def test_salesforce_connected_by_a_person_is_lost_and_connected_again(world: World) -> None:
    await connect_salesforce(world)
    world.ctx.salesforce.forget()
    await world.tell(world.log("Harrow"))
    await world.work()
    sessions = world.stand.salesforce.sessions
    sessions.consents.revoke_all()
    sessions.revoke()
    await world.tell(world.log("Harrow", "4.00"))
    await world.run("collect")
    found = await resting(world, "salesforce")
    assert found is not None
    assert "expired access/refresh token" in found.why
    assert (await world.ctx.store.collect.paused()).startswith("reconnect salesforce: ")
    await connect_salesforce(world)
    await world.work()
    assert hours(world.draft("Harrow")) == 6


async def test_a_user_that_was_locked_and_unlocked_needs_nobody_to_connect_again(world: World) -> None:
    await connect_salesforce(world)
    world.ctx.salesforce.forget()
    world.stand.salesforce.sessions.revoke()
    world.stand.salesforce.org.now.login_error = "user is locked"
    await world.tell(world.log("Harrow", "4.00"))
    await world.run("collect")
    assert await resting(world, "salesforce") is not None
    await look_after(world.ctx)
    assert await resting(world, "salesforce") is not None
    world.stand.salesforce.org.now.login_error = ""
    await look_after(world.ctx)
    assert await resting(world, "salesforce") is None
    await world.work()
    assert hours(world.draft("Harrow")) == 5


async def test_a_refresh_token_that_salesforce_rotates_is_kept(world: World) -> None:
    world.stand.salesforce.org.now.rotate_refresh_tokens = True
    await connect_salesforce(world)
    for _ in range(3):
        world.stand.salesforce.sessions.revoke()
        world.ctx.salesforce.forget()
        await world.tell(world.log("Harrow"))
        await world.work()
    assert await resting(world, "salesforce") is None
    assert hours(world.draft("Harrow")) == 4


async def test_another_org_is_refused_and_its_token_taken_back(world: World, redis: Redis) -> None:
    await redis.hset(world.ctx.store.pair._key, "org", "00D000000000009EAA")
    code, state = await allow(world.stand, await salesforce(world).authorize_url(ADA))
    with pytest.raises(ConnectionPaused, match="00D000000000009EAA"):
        await salesforce(world).exchange(code=code, state=state, by=ADA)
    assert not world.stand.salesforce.sessions.consents._refresh


async def test_what_a_person_paused_stays_paused_when_the_connection_is_back(world: World) -> None:
    await world.ctx.store.invoices.pause("Ada", "month end")
    disconnect(world)
    ctx: Context = world.ctx
    ctx.xero.forget()
    with pytest.raises(ConnectionPaused) as lost:
        await ctx.tenant()
    assert await rest(ctx, lost.value)
    await connect_xero(world)
    assert await ctx.store.invoices.paused() == "Ada: month end"


async def test_a_scope_that_is_missing_rests_the_connection_until_it_is_granted(world: World) -> None:
    revoke(world)
    url = await xero(world).authorize_url(ADA)
    code, state = await allow(world.stand, url.replace("accounting.invoices+", ""))
    made = await xero(world).exchange(code=code, state=state, by=ADA)
    assert made.lacking == ("accounting.invoices",)
    await log_time(world)
    found = await resting(world)
    assert found is not None
    assert "scope" in f"{found.why} {found.todo}"
    await look_after(world.ctx)
    assert await resting(world) is not None
    await connect_xero(world)
    await world.work()
    assert hours(world.draft("Harrow")) == 2
