"""The brake's record, closing a period, flips, the credit notes' series: what the store keeps for bills."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from tests.worker.store.ledger_support import House, facts, out, placed
from worker.billing.model import Correction, Document
from worker.store.brake import Braked, BrakeStore
from worker.store.creates import Creates
from worker.store.intents import Refusal
from worker.store.keys import Keys
from worker.store.ledger import Note
from worker.store.worklist import Settle

BRAKED = Braked(at="2026-11-05T10:00:00+00:00", sentences=("60 new invoices (at most 50).", "Before: 3."), keys=("K",))


@pytest.fixture
async def house(redis: Redis, keys: Keys, no_leaks: None) -> House:
    return await House.opened(redis, keys)


@pytest.fixture
def brake(redis: Redis, keys: Keys) -> BrakeStore:
    return BrakeStore(redis, keys)


async def test_a_tripped_brake_pauses_the_stage_and_says_what_would_have_happened(
    house: House, brake: BrakeStore
) -> None:
    await house.place("K", "u1")
    await brake.trip(BRAKED)
    assert await brake.get() == BRAKED
    assert await house.invoices.paused() == "brake: 60 new invoices (at most 50). Before: 3."
    assert await house.claim(house.invoices) == {}


async def test_lifted_it_lets_its_keys_through_until_they_were_sent(house: House, brake: BrakeStore) -> None:
    await brake.trip(BRAKED)
    await brake.lift(["K", "L"])
    assert (await brake.get(), await house.invoices.paused(), await brake.cleared()) == (None, "", {"K", "L"})
    await brake.spent(["K", "M"])
    await brake.spent([])
    assert await brake.cleared() == {"L"}


async def test_a_persons_own_pause_is_neither_taken_over_nor_lifted(house: House, brake: BrakeStore) -> None:
    await house.invoices.pause("Pat", "month end")
    await brake.trip(BRAKED)
    assert await brake.get() is None
    await brake.lift()
    assert await house.invoices.paused() == "Pat: month end"


async def test_a_closed_period_makes_its_drafts_and_its_unplaced_time_due(house: House) -> None:
    await house.bill("K", "u1")
    await house.claim(house.collect)
    assert await house.ledger.close(house.epoch, "2026-11", ["K"], ["u2"])
    assert await house.ledger.closed() == {"2026-11"}
    assert (await house.due(house.invoices), await house.due(house.collect)) == ({"K"}, {"u2"})


@pytest.mark.parametrize("how", ["due", "slot"])
async def test_a_period_stays_open_while_one_of_its_drafts_is_about_to_change(house: House, how: str) -> None:
    if how == "due":
        await house.bill("K", "u1")
        await house.invoices.add(["K"])
    else:
        await house.place("K", "u1")
        await house.begun(await house.element("K", ["u1"]))
    assert not await house.ledger.close(house.epoch, "2026-11", ["K"], [])
    assert await house.ledger.closed() == set()


async def test_a_record_that_turns_around_is_counted_for_a_while(house: House) -> None:
    for wanted in ("1", "1", "0", "1", ""):
        verdict = placed("u1", "K") if wanted == "1" else out()
        found = facts("u1", verdict)
        await store(house, found, wanted, 3600.0)
    unit = await house.unit("u1")
    assert (len(unit.flips), unit.wanted) == (2, "1")
    await store(house, facts("u1", placed("u1", "K")), "1", 0.0)
    assert (await house.unit("u1")).flips == ()


async def store(house: House, found: object, wanted: str, window: float) -> None:
    import msgspec

    told = msgspec.structs.replace(found, wanted=wanted)  # type: ignore[type-var]
    assert await house.ledger.store_facts(house.epoch, await house.ledger.ticket(), [told], Settle(), window) == []  # type: ignore[list-item]


async def test_credit_notes_have_a_series_of_their_own(house: House) -> None:
    await house.ledger.raise_series(7)
    await house.ledger.raise_series(2, "ACCRECCREDIT")
    await house.ledger.raise_series(1, "ACCRECCREDIT")
    assert (await house.ledger.series(), await house.ledger.series("ACCRECCREDIT")) == (7, 2)
    token = await house.epochs.take(60)
    await house.epochs.restore_number(token, "K", 1, "TT-CN-00009", "ACCRECCREDIT", prefix="TT-")
    assert (await house.ledger.series(), await house.ledger.series("ACCRECCREDIT")) == (7, 9)
    assert await house.ledger.numbers() == {"K/1": "TT-CN-00009"}


async def test_a_persons_own_create_goes_in_preview_and_nothing_else_does(house: House, redis: Redis) -> None:
    await house.place("K", "u1")
    await redis.hset(house.keys("stage", "invoices"), "preview", "1")  # type: ignore[misc]
    element = await house.element("K", ["u1"])
    assert await house.begin(element) == [Refusal("", "preview")]
    assert not isinstance(await house.begin(element, asked=True), list)


async def test_a_correction_keeps_the_moment_since_which_it_is_proposed_just_so(house: House) -> None:
    def note(seconds: int) -> Note:
        from decimal import Decimal

        made = Correction(
            unit="u1", document="K/1", seconds=Decimal(seconds), amount=Decimal(1), rate=Decimal(1), text=""
        )
        return Note(corrections=(made,))

    await house.ledger.note("K", note(60), "t1")
    await house.ledger.note("K", note(60), "t2")
    assert (await house.ledger.notes())["K"].since == {"u1 K/1": "t1"}
    await house.ledger.note("K", note(90), "t3")
    assert (await house.ledger.notes())["K"].since == {"u1 K/1": "t3"}


async def test_what_is_about_to_be_created_is_on_disk(tmp_path: Path) -> None:
    creates = Creates(tmp_path)
    assert (await creates.credit_notes(), await creates.shapes()) == ({}, {})
    note = Document(key="K", sequence=1, type="ACCRECCREDIT", number="TT-CN-00001")
    await creates.keep([note, replace(note, key="L", number="TT-CN-00002")])
    await creates.keep([replace(note, key="M", number="TT-CN-00002")])
    await creates.keep([Document(key="N", sequence=1, number="TT-00001", rules_version=3)])
    with creates.numbers.open("ab") as numbers, creates.shaped.open("ab") as shapes:
        numbers.write(b"torn")
        shapes.write(b"torn")
    assert await creates.credit_notes() == {"TT-CN-00001": "K/1", "TT-CN-00002": "M/1"}
    assert await creates.shapes() == {"N/1": 3}


async def test_credit_notes_of_the_first_release_are_known_by_their_numbers(tmp_path: Path) -> None:
    creates = Creates(tmp_path)
    creates.numbers.parent.mkdir(parents=True)
    creates.numbers.write_bytes(b'{"number":"TT-CN-00001","document":"K/1"}\n')
    assert await creates.credit_notes() == {"TT-CN-00001": "K/1"}
