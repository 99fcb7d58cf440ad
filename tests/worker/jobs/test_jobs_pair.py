"""A sandbox is never billed into a real company: whichever of the two is met last is refused, and nothing is sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sandbox.xero.company import WEB_CLIENT_ID, WEB_CLIENT_SECRET
from tests.signing_in import allow
from tests.worker.jobs.jobs_world import World, deployed, hours
from worker.errors import ConnectionPaused
from worker.salesforce.connecting import SalesforceConnecting
from worker.store.embedded import EmbeddedServer
from worker.xero.connecting import XeroConnecting

ADA = "Ada Lovelace"
UNLIKE = "The Salesforce org is a sandbox, but the Xero company is a real one"
BY_PERSON = {
    "XERO_GRANT": "authorization_code",
    "XERO_CLIENT_ID": WEB_CLIENT_ID,
    "XERO_CLIENT_SECRET": WEB_CLIENT_SECRET,
}


@pytest.fixture
async def fresh(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """A deployment that has met neither service yet."""
    async with deployed(redis, valkey.url, tmp_path, environment=BY_PERSON) as made:
        yield made


@pytest.fixture
async def signed_in(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    """The same, where Xero needs nobody to connect it."""
    async with deployed(redis, valkey.url, tmp_path) as made:
        yield made


def company_is(world: World, *, demo: bool) -> None:
    world.act("organisation", is_demo=demo)


def org_is(world: World, *, sandbox: bool) -> None:
    org = world.stand.salesforce.org.id
    world.org("update", "Organization", records=[{"Id": org, "IsSandbox": sandbox}])


async def paused(world: World) -> list[str]:
    return [await work.paused() for work in world.ctx.store.lists()]


async def connect_xero(world: World) -> None:
    xero = XeroConnecting(world.ctx.store, world.settings, world.ctx.limits)
    code, state = await allow(world.stand, await xero.authorize_url(ADA))
    await xero.exchange(code=code, state=state, by=ADA)


async def connect_salesforce(world: World) -> None:
    salesforce = SalesforceConnecting(world.ctx.store, world.settings, world.ctx.limits)
    code, state = await allow(world.stand, await salesforce.authorize_url(ADA))
    await salesforce.exchange(code=code, state=state, by=ADA)


async def test_a_sandbox_beside_a_real_company_pauses_everything_until_the_company_is_another(signed_in: World) -> None:
    world = signed_in
    company_is(world, demo=False)
    await world.run("rebuild")
    assert all(UNLIKE in said and "Connect a Xero demo company" in said for said in await paused(world))
    assert await world.problems() == ["rebuild"]
    assert "company" not in await world.ctx.store.pair.get(), "a company that was refused is not served for good"
    company_is(world, demo=True)  # another one is connected
    await world.tell(world.log("Harrow"))
    await world.work()
    assert await paused(world) == ["", "", ""]
    assert hours(world.draft("Harrow")) == 1


async def test_a_real_company_that_was_there_first_refuses_a_sandbox(signed_in: World) -> None:
    world = signed_in
    company_is(world, demo=False)
    await world.ctx.tenant()
    with pytest.raises(ConnectionPaused, match="Connect the production org"):
        await world.ctx.org()
    assert all(UNLIKE in said for said in await paused(world))
    org_is(world, sandbox=False)
    await world.ctx.org()
    assert await paused(world) == ["", "", ""]


@pytest.mark.parametrize(("sandbox", "demo"), [(False, False), (False, True), (True, True)])
async def test_every_other_pair_is_served(signed_in: World, sandbox: bool, demo: bool) -> None:
    org_is(signed_in, sandbox=sandbox)
    company_is(signed_in, demo=demo)
    await signed_in.ctx.org()
    await signed_in.ctx.tenant()
    assert await paused(signed_in) == ["", "", ""]


async def test_what_the_two_are_is_asked_once(signed_in: World) -> None:
    await signed_in.ctx.org()
    await signed_in.ctx.tenant()
    before = signed_in.counted()["calls"]
    other = await signed_in.worker()
    signed_in.fault("status", service="salesforce", status=503, times=-1, path=".*/query.*")
    await other.org()
    await other.tenant()
    assert signed_in.counted()["calls"] == before


async def test_connecting_a_real_company_to_a_sandbox_is_refused_and_leaves_nothing(fresh: World) -> None:
    await connect_salesforce(fresh)
    company_is(fresh, demo=False)
    with pytest.raises(ConnectionPaused, match=UNLIKE):
        await connect_xero(fresh)
    assert await fresh.ctx.store.tokens.get("xero") is None
    assert "company" not in await fresh.ctx.store.pair.get()
    assert not [one for one in fresh.stand.xero.tokens.connections.values() if one.client_id == WEB_CLIENT_ID]
    company_is(fresh, demo=True)
    await connect_xero(fresh)
    assert await fresh.ctx.store.pair.company() == fresh.stand.xero.books.tenant_id


async def test_connecting_a_sandbox_to_a_real_company_is_refused_and_its_token_taken_back(signed_in: World) -> None:
    company_is(signed_in, demo=False)
    await signed_in.ctx.tenant()
    with pytest.raises(ConnectionPaused, match=UNLIKE):
        await connect_salesforce(signed_in)
    assert await signed_in.ctx.store.tokens.get("salesforce") is None
    assert not signed_in.stand.salesforce.sessions.consents._refresh
