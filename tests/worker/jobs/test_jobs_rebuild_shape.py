"""An open draft keeps the shape of the setup it was opened under, over a wipe too."""

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, total
from worker.applying import apply_setup


async def test_a_wipe_does_not_round_an_open_draft_by_a_setup_that_came_later(world: World) -> None:
    await world.tell(world.log("Harrow", "2.10"))
    await world.work()
    rounded = SETUP.replace("[billing]\n", '[billing]\nround_minutes = 15\nround_mode = "up"\n')
    await apply_setup(world.ctx.store, rounded, by="test")
    await world.work()
    assert total([world.draft("Harrow")]) == 210
    await world.redis.flushall()
    await world.work()
    assert total([world.draft("Harrow")]) == 210
    await oracle(world)
