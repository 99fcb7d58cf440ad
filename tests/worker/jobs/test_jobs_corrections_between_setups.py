"""A correction that was accepted under another rounding than the one in force is on a document, or is proposed."""

import pytest

from console import deciding, monthly
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, total
from worker.applying import apply_setup

ROUNDED = SETUP.replace("[billing]\n", '[billing]\nround_minutes = 15\nround_mode = "up"\n')


async def billed(world: World, *records: str) -> None:
    await world.tell(*records)
    await world.work()


@pytest.mark.parametrize(("first", "then"), [(ROUNDED, SETUP), (SETUP, ROUNDED)])
async def test_an_accepted_correction_is_not_lost_when_the_rounding_changes(
    world: World, first: str, then: str
) -> None:
    await apply_setup(world.ctx.store, first, by="test")
    entry = world.log("Harrow", "1.00")
    await billed(world, entry)
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    await billed(world, world.log("Harrow", "2.00"))  # the next draft keeps the setup it was opened under
    world.edit(entry, Hours__c="0.10")
    await billed(world, entry)
    await deciding.decide_corrections(world.ctx, [entry], ignored=False)
    await world.work()
    assert len(world.credit_notes("Harrow")) == 1
    await apply_setup(world.ctx.store, then, by="test")
    await world.work()
    proposed = await deciding.corrections(world.ctx.store)
    assert total(world.credit_notes("Harrow")) or proposed
    found, _ = await monthly.made(world.ctx, "2026-11")
    assert (found.difference, found.difference_seconds) == (0, 0)
    await oracle(world)
