"""Beginning: all slots are taken or none, and only for what is still as it was computed."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from tests.worker.store.ledger_support import LONG, House, document, placed
from worker.store.intents import Intent, Refusal
from worker.store.keys import Keys
from worker.store.worklist import EpochMovedError, Parked

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
async def house(redis: Redis, keys: Keys) -> House:
    """u and v belong on X, w on Y; nothing is billed."""
    house = await House.opened(redis, keys)
    await house.place("X", "u", "v")
    await house.place("Y", "w")
    return house


async def untouched(house: House) -> bool:
    """No slot is taken, no unit held, no number given, nothing begun."""
    slots = [held.slot for held in (await house.ledger.invoices(["X", "Y"])).values()]
    ats = [unit.at for unit in (await house.ledger.units(["u", "v", "w"])).values()]
    begun = await house.intents.unresolved() + [str(await house.intents.counter() or "")]
    number = await house.ledger.number("X", 1) + str(await house.ledger.series() or "")
    return not any((*slots, *ats, *begun, number))


async def test_begin_takes_every_slot_and_every_unit_it_places(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]), await house.element("Y", ["w"]))
    assert [held.slot for held in (await house.ledger.invoices(["X", "Y"])).values()] == [intent.id, intent.id]
    assert {id_: unit.at for id_, unit in (await house.ledger.units("uvw")).items()} == {"u": "X", "v": "X", "w": "Y"}
    assert await house.intents.unresolved() == [intent.id]
    assert await house.intents.counter() == 1


async def test_the_intent_is_kept_byte_for_byte_with_its_age(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    kept = await house.intents.get(intent.id)
    assert kept is not None
    assert kept.sends == 1
    assert 0 <= kept.age < 60
    assert msgspec.structs.replace(kept, first_sent=0, sends=0, age=0.0) == intent
    assert await house.intents.get("another") is None


@pytest.mark.parametrize("epoch", ["", "another"])
async def test_nothing_begins_under_another_epoch(house: House, epoch: str) -> None:
    with pytest.raises(EpochMovedError):
        await house.begin(await house.element("X", ["u"]), epoch=epoch)
    assert await untouched(house)


async def test_nothing_begins_in_a_store_that_was_rolled_back(house: House) -> None:
    assert await house.begin(await house.element("X", ["u"]), least=1) == [Refusal("", "behind")]
    assert await untouched(house)


async def test_nothing_begins_while_the_stage_is_paused_or_in_preview(house: House, keys: Keys) -> None:
    await house.invoices.pause("anna", "month end")
    assert await house.begin(await house.element("X", ["u"])) == [Refusal("", "paused")]
    await house.invoices.resume()
    await house.redis.hset(keys("stage", "invoices"), "preview", "1")  # type: ignore[misc]
    assert await house.begin(await house.element("X", ["u"])) == [Refusal("", "preview")]
    assert await untouched(house)


async def test_nothing_begins_that_was_computed_by_another_setup(house: House, keys: Keys) -> None:
    await house.redis.hset(keys("setup"), "version", "2")  # type: ignore[misc]
    assert await house.begin(await house.element("X", ["u"]), setup=1) == [Refusal("", "setup")]
    assert await untouched(house)
    assert isinstance(await house.begin(await house.element("X", ["u"]), setup=2), Intent)


async def test_a_full_slot_takes_no_second_intent(house: House) -> None:
    element = await house.element("X", ["u", "v"])
    await house.begun(element)
    assert await house.begin(element) == [Refusal("X", "slot")]


async def test_of_many_who_begin_the_same_at_once_one_does(house: House) -> None:
    element = await house.element("X", ["u", "v"])
    answers = await asyncio.gather(*(house.begin(element) for _ in range(20)))
    assert len([answer for answer in answers if isinstance(answer, Intent)]) == 1
    assert await house.intents.counter() == 1


async def test_a_record_that_moved_is_computed_anew(house: House) -> None:
    await house.commit(await house.begun(await house.element("X", ["u", "v"])))
    stale = await house.element("X", ["u", "v"])
    await house.merge(document("X", ["u", "v"], kept=("date",)))
    assert await house.begin(stale) == [Refusal("X", "version")]


async def test_a_unit_that_was_read_again_is_computed_anew(house: House) -> None:
    element = await house.element("X", ["u", "v"])
    await house.place("X", "v")
    assert await house.begin(element) == [Refusal("X", "facts")]
    assert await untouched(house)


async def test_a_unit_nobody_knows_is_not_placed(house: House) -> None:
    assert await house.begin(await house.element("X", ["u", "unknown"])) == [Refusal("X", "facts")]
    assert await untouched(house)


async def test_a_unit_may_not_enter_an_invoice_before_it_left_the_other(house: House) -> None:
    await house.commit(await house.begun(await house.element("X", ["u", "v"])))
    await house.place("Y", "u")
    assert await house.begin(await house.element("Y", ["u", "w"])) == [Refusal("Y", "moving")]
    leaving = await house.begun(await house.element("X", ["v"], departed=["u"]))
    assert await house.begin(await house.element("Y", ["u", "w"])) == [Refusal("Y", "moving")]
    await house.commit(leaving)
    assert isinstance(await house.begin(await house.element("Y", ["u", "w"])), Intent)


async def test_a_unit_held_by_an_unresolved_intent_enters_no_other_invoice(house: House) -> None:
    await house.begun(await house.element("X", ["u", "v"]))
    await house.place("Y", "u")
    assert await house.begin(await house.element("Y", ["u", "w"])) == [Refusal("Y", "moving")]


async def test_one_intent_places_no_unit_twice_and_takes_no_slot_twice(house: House) -> None:
    x, y = await house.element("X", ["u", "v"]), await house.element("Y", ["u", "w"])
    assert await house.begin(x, y) == [Refusal("Y", "moving")]
    assert await house.begin(x, x) == [Refusal("X", "slot")]
    assert await untouched(house)


async def test_what_stands_in_the_way_is_named_for_each_key_and_nothing_is_taken(house: House) -> None:
    x, y = await house.element("X", ["u", "v"]), await house.element("Y", ["w"])
    await house.place("X", "v")
    assert await house.begin(x, y) == [Refusal("X", "facts")]
    await house.place("Y", "w")
    assert await house.begin(x, y) == [Refusal("X", "facts"), Refusal("Y", "facts")]
    assert await untouched(house)


async def test_a_thousand_units_begin_or_are_refused_in_one_call(house: House) -> None:
    units = [f"u{number}" for number in range(1000)]
    await house.place("Z", *units)
    element = await house.element("Z", units)
    small = msgspec.structs.replace(element, version="9", placed=(), document=document("K", []))
    others = [msgspec.structs.replace(small, key=f"K{n}") for n in range(5000)]
    refused = await house.begin(element, *others)
    assert isinstance(refused, list)
    assert len(refused) == 5000
    assert isinstance(await house.begin(element), Intent)


async def test_a_begin_whose_answer_was_lost_is_begun_once(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    again = await house.intents.begin(house.epoch, intent, least=0, setup_version=0, numbers={}, series=-1)
    assert again == await house.intents.counter() == 1


# ---- numbers -------------------------------------------------------------------------------------------------------


async def test_numbers_are_bound_and_the_series_advanced_by_as_many(house: House) -> None:
    elements = [await house.element("X", ["u", "v"]), await house.element("Y", ["w"])]
    numbers = {"X/1": "TT-00001", "Y/1": "TT-00002"}
    assert isinstance(await house.begin(*elements, numbers=numbers, series=0), Intent)
    assert await house.ledger.series() == 2
    assert [await house.ledger.number(key, 1) for key in "XY"] == ["TT-00001", "TT-00002"]


async def test_a_number_that_was_taken_meanwhile_is_not_given_twice(house: House) -> None:
    x, y = await house.element("X", ["u", "v"]), await house.element("Y", ["w"])
    await house.begin(x, numbers={"X/1": "TT-00001"}, series=0)
    assert await house.begin(y, numbers={"Y/1": "TT-00001"}, series=0) == [Refusal("", "series")]
    assert await house.ledger.number("Y", 1) == ""
    assert await house.ledger.series() == 1


async def test_a_number_stays_bound_over_dropped_intents_until_it_is_burned(house: House) -> None:
    intent = await house.begin(await house.element("X", ["u", "v"]), numbers={"X/1": "TT-00001"}, series=0)
    assert isinstance(intent, Intent)
    await house.intents.drop(house.epoch, intent)
    assert await house.ledger.number("X", 1) == "TT-00001"
    assert isinstance(await house.begin(await house.element("X", ["u", "v"])), Intent)
    assert await house.ledger.series() == 1
    await house.ledger.burn("X", 1)
    assert await house.ledger.number("X", 1) == ""


# ---- the work list -------------------------------------------------------------------------------------------------


async def test_an_invoice_with_a_full_slot_is_on_its_list_although_another_said_done(house: House) -> None:
    element = await house.element("X", ["u", "v"])
    await house.invoices.done(house.epoch, list((await house.claim(house.invoices)).values()))
    await house.begun(element)
    assert await house.due(house.invoices) == {"X"}


async def test_an_invoice_with_a_full_slot_stays_on_its_list_whoever_says_done_or_parks_it(house: House) -> None:
    item = (await house.claim(house.invoices))["X"]
    intent = await house.begun(await house.element("X", ["u", "v"]))
    await house.invoices.wait(house.epoch, item, Parked("X", "no", "no", "", ""))
    assert await house.invoices.parked() == []
    item = (await house.claim(house.invoices))["X"]
    await house.invoices.done(house.epoch, [item])
    assert await house.due(house.invoices) >= {"X"}
    item = (await house.claim(house.invoices))["X"]
    await house.commit(intent)
    await house.invoices.done(house.epoch, [item])
    assert "X" not in await house.due(house.invoices)


# ---- sending again -------------------------------------------------------------------------------------------------


async def test_the_same_bytes_go_out_again_twice_at_most(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u"]))
    asked = [await house.intents.send_again(house.epoch, intent.id, ["X"], 2, LONG) for _ in range(3)]
    assert asked == [True, True, False]
    kept = await house.intents.get(intent.id)
    assert kept is not None
    assert kept.sends == 3


async def test_bytes_first_sent_too_long_ago_do_not_go_out_again(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u"]))
    assert not await house.intents.send_again(house.epoch, intent.id, ["X"], 2, 0)


async def test_bytes_that_xero_keeps_an_error_for_do_not_go_out_again(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u"]))
    await house.intents.exhaust(intent.id)
    assert not await house.intents.send_again(house.epoch, intent.id, ["X"], 2, LONG)
    await house.intents.exhaust("another")
    assert await house.intents.get("another") is None


async def test_bytes_do_not_go_out_again_once_one_of_their_slots_is_free(house: House) -> None:
    x, y = await house.element("X", ["u", "v"]), await house.element("Y", ["w"])
    intent = await house.begun(x, y)
    await house.intents.settle(house.epoch, intent, [await house.written(x)])
    assert not await house.intents.send_again(house.epoch, intent.id, ["X", "Y"], 2, LONG)
    assert await house.intents.send_again(house.epoch, intent.id, ["Y"], 2, LONG)
    await house.intents.settle(house.epoch, intent, [await house.written(y)])
    assert not await house.intents.send_again(house.epoch, intent.id, ["X", "Y"], 2, LONG)


async def test_no_bytes_go_out_again_once_a_rebuild_may_be_reading(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u"]))
    await house.epochs.discard(house.epoch, "test")
    with pytest.raises(EpochMovedError):
        await house.intents.send_again(house.epoch, intent.id, ["X"], 2, LONG)


# ---- memory --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def memory(redis: Redis) -> AsyncIterator[None]:
    """Gives the server its memory back."""
    yield
    await redis.config_set("maxmemory", "0")


@pytest.mark.usefixtures("memory")
async def test_without_memory_nothing_begins_and_what_has_begun_is_settled(house: House) -> None:
    intent, other = await house.begun(await house.element("X", ["u", "v"])), await house.element("Y", ["w"])
    outcome = await house.written(intent.elements[0])
    await house.redis.config_set("maxmemory", "1")
    with pytest.raises(OutOfMemoryError):
        await house.begin(other)
    assert await house.intents.get(intent.id) is not None
    assert await house.intents.send_again(house.epoch, intent.id, ["X"], 2, LONG)
    assert await house.intents.settle(house.epoch, intent, [outcome]) == []
    assert await house.merge(document("X", ["u"]))
    assert (await house.unit("u")).verdict == placed("u", "X")
