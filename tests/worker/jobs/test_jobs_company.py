"""The company's own settings change: time that depends on them is looked at again, whoever dies meanwhile."""

import asyncio

from tests.worker.jobs.jobs_world import Doom, World
from worker.jobs.contacts import contacts


async def test_a_worker_that_dies_while_it_reads_the_company_does_not_hide_what_changed(unlimited: World) -> None:
    world = unlimited
    before = await world.ctx.company()
    world.act("account", code="260", status="ARCHIVED")
    at, dying = 0, True
    while dying:
        at += 1
        try:
            await contacts(Doom(at).on(world.ctx))
            dying = False
        except asyncio.CancelledError:
            dying = True
        stored = await world.ctx.store.company.get()
        assert stored is not None
        assert stored.accounts == before.accounts or await world.ctx.store.inbox.resyncs(), f"dead before call {at}"
    assert at > 3
