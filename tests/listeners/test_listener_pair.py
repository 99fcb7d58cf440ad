"""The listener meets the org first: it pins none that the company may not be paired with."""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from listeners.wiring import make
from tests.listeners.memory import eventually
from tests.worker.jobs.jobs_world import deployed
from worker.store.embedded import EmbeddedServer


async def test_a_sandbox_beside_a_real_company_is_not_listened_to_and_not_pinned(
    valkey: EmbeddedServer, redis: Redis, tmp_path: Path
) -> None:
    async with deployed(redis, valkey.url, tmp_path) as world:
        world.act("organisation", is_demo=False)
        ctx = world.ctx
        await ctx.tenant()
        listener = make(world.settings, ctx.store, ctx.salesforce, ctx.limits)
        listening = asyncio.create_task(listener.run())
        await eventually(lambda: "is a sandbox, but the Xero company is a real one" in listener.status.reason)
        assert "org" not in await ctx.store.pair.get()
        org = world.stand.salesforce.org.id
        world.org(
            "update", "Organization", records=[{"Id": org, "IsSandbox": False}]
        )  # the production org is connected
        await eventually(lambda: listener.status.state == "listening")
        assert (await ctx.store.pair.get())["org:kind"] == "production"
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
