"""Redis is full: what was begun is finished."""

from tests.worker.jobs.jobs_world import World, unit
from worker.jobs.answering import collected_after


async def test_what_is_to_be_judged_again_holds_back_no_answer_of_xero_while_redis_is_full(world: World) -> None:
    await world.redis.config_set("maxmemory", "1")
    written = False
    try:
        async with collected_after(world.ctx, {unit("a01")}):
            written = True
    finally:
        await world.redis.config_set("maxmemory", "0")
    assert written
    assert [row["id"] for row in await world.ctx.store.collect.page()] == [unit("a01")]
