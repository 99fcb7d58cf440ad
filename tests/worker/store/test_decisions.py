"""Decisions of people: on disk first, with the unit, never changed; they make the unit due and outlive a wipe."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.worker.store.ledger_support import House, out, placed
from worker.billing.model import Decision
from worker.errors import ServiceError
from worker.store.decisions import Decisions, together
from worker.store.keys import Keys

UNIT = "u1"


@pytest.fixture
async def house(redis: Redis, keys: Keys, no_leaks: None) -> House:
    return await House.opened(redis, keys)


@pytest.fixture
def decisions(redis: Redis, keys: Keys, tmp_path: Path) -> Decisions:
    return Decisions(redis, keys, tmp_path)


def decided(kind: str = "dont-bill", unit: str = UNIT, **fields: object) -> Decision:
    return Decision(unit=unit, kind=kind, by="Pat", **fields)  # type: ignore[arg-type]


async def test_a_decision_is_kept_with_its_unit_and_makes_it_due(house: House, decisions: Decisions) -> None:
    await house.learn(UNIT, placed(UNIT, "K"))
    [made] = await decisions.add([decided(document="D/1", seconds=Decimal("1800.5"), reason='"ours", they say\nso')])
    unit = await house.unit(UNIT)
    assert unit.decisions == (made,)
    assert made.at.endswith("Z")
    assert (await house.due(house.collect), await house.due(house.write_back)) == ({UNIT}, {UNIT})


async def test_decisions_are_appended_in_the_order_they_were_made(house: House, decisions: Decisions) -> None:
    await house.learn(UNIT, placed(UNIT, "K"))
    await decisions.add([decided("bill"), decided("dont-bill", "u2")])
    await decisions.add([decided("elsewhere")])
    assert [each.kind for each in (await house.unit(UNIT)).decisions] == ["bill", "elsewhere"]
    assert [each.kind for each in (await house.unit("u2")).decisions] == ["dont-bill"]


async def test_a_new_read_of_the_unit_leaves_its_decisions(house: House, decisions: Decisions) -> None:
    await decisions.add([decided("bill")])
    await house.learn(UNIT, out())
    assert len((await house.unit(UNIT)).decisions) == 1


async def test_the_copy_on_disk_outlives_a_wipe_and_a_torn_line(decisions: Decisions, redis: Redis) -> None:
    made = await decisions.add([decided("bill"), decided("elsewhere")])
    await redis.flushall()
    with decisions.file.open("ab") as file:
        file.write(b'{"unit":"u1","ki')
    later = await decisions.add([decided("keep")])
    assert await decisions.on_disk() == {UNIT: (*made, *later)}


async def test_what_cannot_be_written_to_disk_was_not_decided(house: House, decisions: Decisions) -> None:
    await house.learn(UNIT, placed(UNIT, "K"))
    blocked = replace(decisions, data=Path("/proc/none"))
    with pytest.raises(ServiceError, match="decisions"):
        await blocked.add([decided()])
    assert (await house.unit(UNIT)).decisions == ()


async def test_a_rebuild_puts_back_what_every_memory_has_once(house: House, decisions: Decisions) -> None:
    one, two = await decisions.add([decided("bill"), decided("keep")])
    assert together((one, two), (two,), (one,)) == (one, two)
    token = await house.epochs.take(60)
    await house.epochs.restore_decisions(token, {UNIT: (one, two), "u2": ()})
    assert (await house.unit(UNIT)).decisions == (one, two)


async def test_to_bill_it_ends_the_doubt_that_a_rebuild_left(house: House, decisions: Decisions) -> None:
    token = await house.epochs.take(60)
    await house.epochs.doubt(token, [UNIT, "u2"], "it may be on TT-00001")
    await decisions.add([decided("bill"), decided("dont-bill", "u2")])
    assert await house.ledger.doubts([UNIT, "u2"]) == {"u2": "it may be on TT-00001"}


async def test_nothing_decided_is_nothing_written(decisions: Decisions) -> None:
    assert await decisions.add([]) == ()
    assert not decisions.file.exists()


async def test_a_decision_whose_answer_was_lost_and_that_is_told_again_counts_once(
    house: House, decisions: Decisions
) -> None:
    await house.learn(UNIT, placed(UNIT, "K"))
    made = await decisions.add([decided("bill", document="D/1", seconds=Decimal(3600))])
    await decisions.add(made)  # as the client of the store does where the answer did not come
    await decisions.add([decided("bill", document="D/1", seconds=Decimal(3600), at="2026-11-25T00:00:00Z")])
    assert [each.at for each in (await house.unit(UNIT)).decisions] == [made[0].at, "2026-11-25T00:00:00Z"]
