"""First."""
import time
from tests.worker.jobs.jobs_world import World, hours


async def test_time_is_on_a_draft(world: World) -> None:
    a = world.log("Harrow", "3.50")
    await world.tell(a)
    t=time.monotonic()
    await world.work()
    print("took", time.monotonic()-t)
    assert hours(world.draft("Harrow")) == 3.5
    print(world.record(a))
    print(world.stand.xero.requests.stats())
