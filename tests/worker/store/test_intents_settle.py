"""Settling: an outcome is written once, from the intent, and only while its slot is the intent's."""

import pytest
from redis.asyncio import Redis

from tests.worker.store.ledger_support import House, document, recorded
from worker.store.intents import Settled
from worker.store.keys import Keys
from worker.store.worklist import EpochMovedError

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
async def house(redis: Redis, keys: Keys) -> House:
    """u and v belong on X, w on Y; nothing is billed."""
    house = await House.opened(redis, keys)
    await house.place("X", "u", "v")
    await house.place("Y", "w")
    return house


async def rest(house: House) -> None:
    """Whatever is due is done."""
    for work in (house.invoices, house.write_back, house.collect):
        await work.done(house.epoch, list((await house.claim(work)).values()))


async def test_a_commit_writes_record_and_postings_frees_the_slot_and_ends_the_work(house: House) -> None:
    element = await house.element("X", ["u", "v"])
    intent = await house.begun(element)
    assert await house.commit(intent) == []
    held = await house.held("X")
    assert (held.invoice, held.slot) == (recorded(None, document("X", ["u", "v"])), "")
    assert held.version != element.version
    unit = await house.unit("u")
    assert ([posting.line for posting in unit.postings], unit.posted, unit.at) == (["X-1-u"], "X", "X")
    assert await house.intents.unresolved() == []
    assert await house.intents.get(intent.id) is None
    assert await house.due(house.invoices) == {"Y"}
    assert await house.due(house.write_back) == {"u", "v"}


async def test_a_commit_keeps_the_key_that_was_added_since_the_intent_was_computed(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    await house.claim(house.invoices)
    await house.place("X", "u")
    await house.commit(intent)
    assert "X" in await house.claim(house.invoices)  # at once: the lease of the other is over


async def test_the_generation_is_the_intents_not_the_one_of_a_later_claim(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    await house.place("X", "u")
    await house.claim(house.invoices)
    await house.commit(intent)
    assert "X" in await house.due(house.invoices)


async def test_a_departed_unit_is_free_told_and_due_where_it_belongs(house: House) -> None:
    await house.commit(await house.begun(await house.element("X", ["u", "v"])))
    await house.place("Z", "u")
    await rest(house)
    await house.commit(await house.begun(await house.element("X", ["v"], departed=["u"])))
    unit = await house.unit("u")
    assert (unit.postings, unit.posted, unit.at) == ((), "", "")
    assert await house.due(house.invoices) == {"X", "Z"}  # begin put X on the list again
    assert await house.due(house.write_back) == {"u", "v"}


async def test_a_drop_frees_units_and_slot_and_keeps_the_key(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]), await house.element("Y", ["w"]))
    await house.intents.drop(house.epoch, intent)
    assert [held.slot for held in (await house.ledger.invoices(["X", "Y"])).values()] == ["", ""]
    assert {unit.at for unit in (await house.ledger.units("uvw")).values()} == {""}
    assert await house.due(house.invoices) == {"X", "Y"}
    assert await house.due(house.write_back) == set()
    assert await house.intents.unresolved() == []


async def test_bytes_that_another_has_sent_since_are_dropped_by_nobody_who_does_not_know_it(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    assert await house.intents.send_again(house.epoch, intent.id, ["X"], 2, 60)
    await house.intents.drop(house.epoch, intent)
    assert (await house.held("X")).slot == intent.id
    known = await house.intents.get(intent.id)
    assert known is not None
    await house.intents.drop(house.epoch, known)
    assert (await house.held("X")).slot == ""


async def test_a_dropped_update_leaves_units_where_the_document_holds_them(house: House) -> None:
    await house.commit(await house.begun(await house.element("X", ["u"])))
    intent = await house.begun(await house.element("X", ["v"], departed=["u"]))
    await house.intents.drop(house.epoch, intent)
    assert {id_: unit.at for id_, unit in (await house.ledger.units("uv")).items()} == {"u": "X", "v": ""}


async def test_a_drop_makes_due_where_its_units_belong_by_now(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    await house.place("Z", "u")
    await rest(house)
    await house.intents.drop(house.epoch, intent)
    assert await house.due(house.invoices) >= {"Z"}


async def test_an_element_that_xero_refused_changes_no_record_and_its_neighbours_are_written(house: House) -> None:
    x, y = await house.element("X", ["u", "v"]), await house.element("Y", ["w"])
    intent = await house.begun(x, y)
    refused = Settled(key="X", generation=x.generation, free=x.units, finished=False)
    await house.intents.settle(house.epoch, intent, [refused])
    assert await house.intents.unresolved() == [intent.id]
    await house.intents.settle(house.epoch, intent, [await house.written(y)])
    assert await house.intents.unresolved() == []
    assert ((await house.held("X")).invoice, (await house.held("X")).version) == (None, x.version)
    assert {id_: unit.at for id_, unit in (await house.ledger.units("uvw")).items()} == {"u": "", "v": "", "w": "Y"}
    assert await house.due(house.invoices) == {"X"}


async def test_an_answer_whose_slot_is_gone_changes_nothing_and_has_the_document_read(house: House) -> None:
    stale = await house.begun(await house.element("X", ["u", "v"]))
    late = await house.written(stale.elements[0])
    await house.intents.drop(house.epoch, stale)
    await house.commit(await house.begun(await house.element("X", ["v"])))
    before, unit = await house.held("X"), await house.unit("u")
    await rest(house)
    assert await house.intents.settle(house.epoch, stale, [late]) == ["X"]
    assert await house.held("X") == before
    assert await house.unit("u") == unit
    assert set(await house.ledger.flagged(["X", "Y"])) == {"X"}
    assert await house.due(house.invoices) == {"X"}


async def test_a_late_answer_does_not_free_the_slot_of_the_next_intent(house: House) -> None:
    stale = await house.begun(await house.element("X", ["u", "v"]))
    await house.intents.drop(house.epoch, stale)
    current = await house.begun(await house.element("X", ["u", "v"]))
    await house.intents.drop(house.epoch, stale)
    assert (await house.held("X")).slot == current.id
    assert (await house.unit("u")).at == "X"
    assert await house.intents.unresolved() == [current.id]


async def test_an_outcome_that_is_written_twice_is_written_once(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    outcome = await house.written(intent.elements[0])
    await house.intents.settle(house.epoch, intent, [outcome])
    before = await house.held("X")
    assert await house.intents.settle(house.epoch, intent, [outcome]) == ["X"]
    assert await house.held("X") == before


@pytest.mark.parametrize("epoch", ["", "another"])
async def test_nothing_is_settled_under_another_epoch(house: House, epoch: str) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    with pytest.raises(EpochMovedError):
        await house.intents.settle(epoch, intent, [await house.written(intent.elements[0])])
    with pytest.raises(EpochMovedError):
        await house.intents.drop(epoch, intent)
    assert (await house.held("X")).slot == intent.id


async def test_postings_come_from_the_intent_not_from_what_is_known_by_then(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    await house.place("Z", "u")
    await house.commit(intent)
    unit = await house.unit("u")
    assert (unit.belongs, unit.posted, unit.at) == ("Z", "X", "X")
    assert await house.due(house.invoices) >= {"X", "Z"}  # it leaves X first


async def test_a_flag_outlives_a_commit_because_only_a_read_answers_it(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    await house.ledger.flag(["X"], "changed in Xero")
    await house.commit(intent)
    assert set(await house.ledger.flagged(["X"])) == {"X"}


async def test_documents_of_a_thousand_units_are_settled_in_one_call(house: House) -> None:
    units = [f"u{number}" for number in range(1000)]
    await house.place("Z", *units)
    await house.commit(await house.begun(await house.element("Z", units)))
    assert {unit.at for unit in (await house.ledger.units(units)).values()} == {"Z"}


async def test_a_server_that_forgot_its_scripts_settles_all_the_same(house: House) -> None:
    intent = await house.begun(await house.element("X", ["u", "v"]))
    await house.redis.script_flush()
    assert await house.commit(intent) == []
    assert (await house.unit("u")).at == "X"
