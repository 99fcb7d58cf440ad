"""The epoch: nothing but intake runs on a ledger that is not complete, and one rebuild at a time completes it."""

import asyncio

import pytest
from redis.asyncio import Redis

from tests.worker.store.ledger_support import LONG, House, document, facts, out, placed, postings_on, recorded
from worker.billing.postings import postings_of
from worker.store.epoch import Epoch, Progress, RebuildLostError
from worker.store.keys import Keys
from worker.store.worklist import EpochMovedError

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def epochs(redis: Redis, keys: Keys) -> Epoch:
    return Epoch(redis, keys)


async def restarted(house: House) -> str:
    """The epoch is discarded and a rebuild begins; gives its token."""
    await house.epochs.discard(house.epoch, "test")
    return await house.epochs.take(LONG)


# ---- one rebuild at a time -----------------------------------------------------------------------------------------


async def test_a_ledger_is_complete_when_its_rebuild_says_so(epochs: Epoch) -> None:
    assert await epochs.current() == ""
    epoch = await epochs.complete(await epochs.take(LONG))
    assert len(epoch) == 32
    assert await epochs.current() == epoch
    assert await epochs.progress() == Progress()


async def test_one_of_many_rebuilds_that_begin_at_once(epochs: Epoch) -> None:
    tokens = await asyncio.gather(*(epochs.take(LONG) for _ in range(20)))
    assert len([token for token in tokens if token]) == 1


async def test_a_rebuild_goes_on_where_another_process_left_it(epochs: Epoch) -> None:
    first = await epochs.take(LONG)
    await epochs.advance(first, Progress(step="units", cursor="a0x", since="2026-11-05T10:00:00.000Z"))
    await epochs.let_go(first)
    second = await epochs.take(LONG)
    assert second not in ("", first)
    assert await epochs.progress() == Progress(step="units", cursor="a0x", since="2026-11-05T10:00:00.000Z")


async def test_a_rebuild_whose_lease_is_over_writes_nothing_more(house: House) -> None:
    await house.epochs.discard(house.epoch, "test")
    epochs, former = house.epochs, await house.epochs.take(0.001)
    async with asyncio.timeout(10):
        while not (token := await epochs.take(LONG)):
            await asyncio.sleep(0.001)
    found, record = facts("u", placed("u", "X")), recorded(None, document("X", ["u"]))
    for write in (
        epochs.keep(former, LONG),
        epochs.advance(former, Progress(step="units")),
        epochs.restore_invoice(former, record),
        epochs.restore_units(former, 1, [found], {}),
        epochs.restore_postings(former, {"u": postings_of(document("X", ["u"]))}),
        epochs.restore_number(former, "X", 1, "TT-00042", prefix="TT-"),
        epochs.doubt(former, ["u"], "perhaps"),
        epochs.raise_counter(former, 7),
        epochs.complete(former),
    ):
        with pytest.raises(RebuildLostError):
            await write
    await epochs.let_go(former)
    await epochs.keep(token, LONG)
    assert await epochs.current() == ""
    assert await epochs.progress() == Progress()
    assert await house.ledger.unit("u") is None
    assert (await house.held("X")).invoice is None
    assert await house.ledger.number("X", 1) == ""
    assert await house.ledger.doubts(["u"]) == {}
    assert (await house.ledger.series(), await house.intents.counter()) == (0, 0)


async def test_no_rebuild_writes_without_a_token(epochs: Epoch) -> None:
    with pytest.raises(RebuildLostError):
        await epochs.complete("")
    with pytest.raises(RebuildLostError):
        await epochs.advance("", Progress())
    assert await epochs.current() == ""


async def test_a_rebuild_that_is_complete_writes_nothing_more(house: House) -> None:
    token = await restarted(house)
    await house.epochs.complete(token)
    with pytest.raises(RebuildLostError):
        await house.epochs.restore_number(token, "X", 1, "TT-00042", prefix="TT-")


# ---- discarding ----------------------------------------------------------------------------------------------------


async def test_a_discarded_epoch_says_why_and_is_never_current_again(house: House) -> None:
    assert await house.epochs.discard(house.epoch, "the store was rolled back")
    assert await house.epochs.current() == ""
    assert await house.epochs.why() == "the store was rolled back"
    former = house.epoch
    await house.rebuilt()
    assert house.epoch != former
    assert await house.epochs.why() == ""


async def test_whoever_discards_an_epoch_late_does_not_discard_the_next(house: House) -> None:
    former = house.epoch
    await house.epochs.discard(former, "first")
    await house.rebuilt()
    assert not await house.epochs.discard(former, "second")
    assert await house.epochs.current() == house.epoch


async def test_whoever_discards_an_epoch_late_does_not_set_its_rebuild_back(house: House) -> None:
    token = await restarted(house)
    await house.epochs.advance(token, Progress(step="invoices", cursor="3"))
    assert not await house.epochs.discard(house.epoch, "again")
    assert not await house.epochs.discard("", "again")
    assert (await house.epochs.progress()).step == "invoices"
    assert await house.epochs.why() == "test"


async def test_work_of_the_former_epoch_is_refused_by_the_next(house: House) -> None:
    await house.place("X", "u")
    item = (await house.claim(house.invoices))["X"]
    former = house.epoch
    await house.epochs.complete(await restarted(house))
    with pytest.raises(EpochMovedError):
        await house.invoices.done(former, [item])
    with pytest.raises(EpochMovedError):
        await house.begin(await house.element("X", ["u"]), epoch=former)


# ---- what a rebuild writes -----------------------------------------------------------------------------------------


async def test_units_and_documents_are_restored_as_they_were_found(house: House) -> None:
    token = await restarted(house)
    locked, draft = document("X", ["u"], status="approved", fixed=True), document("Y", ["u"])
    postings = {"u": [*postings_of(locked), *postings_of(draft)]}
    await house.epochs.restore_units(token, 5, [facts("u", placed("u", "Y"))], postings)
    for each in (locked, draft):
        await house.epochs.restore_invoice(token, recorded(None, each))
    unit = await house.unit("u")
    assert list(unit.postings) == postings["u"]
    assert (unit.belongs, unit.posted, unit.at, unit.ticket) == ("Y", "Y", "Y", 5)
    assert await house.ledger.members("X") == await house.ledger.members("Y") == {"u"}
    assert (await house.held("X")).invoice == recorded(None, locked)


async def test_what_was_found_replaces_what_was_held(house: House) -> None:
    await house.bill("X", "u", "v")
    token = await restarted(house)
    await house.epochs.restore_units(token, 5, [facts("u", out()), facts("v", placed("v", "X"))], {})
    unit = await house.unit("u")
    assert (unit.postings, unit.posted, unit.at) == ((), "", "")
    assert await house.ledger.members("X") == {"v"}
    await house.epochs.restore_postings(token, {"u": postings_on(document("Y", ["u"]), ["u"])["u"]})
    assert (await house.unit("u")).at == "Y"


async def test_everything_found_is_due_when_the_ledger_is_complete(house: House) -> None:
    token = await restarted(house)
    found = [facts("new", placed("new", "Z"), told=True), facts("out", out(), told=True)]
    await house.epochs.restore_units(token, 5, found, {})
    await house.epochs.restore_invoice(token, recorded(None, document("X", ["u"])))
    house.epoch = await house.epochs.complete(token)
    assert set(await house.claim(house.invoices)) == {"X", "Z"}
    assert set(await house.claim(house.write_back)) == {"new", "out"}


async def test_facts_are_restored_over_older_tickets_and_newer_reads_go_over_them(house: House) -> None:
    token = await restarted(house)
    ticket = await house.ledger.ticket()
    await house.epochs.restore_units(token, ticket, [facts("u", placed("u", "X"))], {})
    house.epoch = await house.epochs.complete(token)
    await house.place("Y", "u")
    assert (await house.unit("u")).belongs == "Y"


async def test_a_thousand_units_are_restored(house: House) -> None:
    token, units = await restarted(house), [f"u{number}" for number in range(1000)]
    postings = postings_on(document("X", units), units)
    await house.epochs.restore_units(token, 5, [facts(unit, placed(unit, "X")) for unit in units], postings)
    await house.epochs.restore_postings(token, postings)
    assert await house.ledger.members("X") == set(units)


async def test_intents_from_before_are_forgotten_and_their_invoices_computed_anew(house: House) -> None:
    await house.bill("X", "u")
    await house.place("X", "v")
    await house.place("Y", "w")
    stale = await house.begun(await house.element("X", ["u", "v"]), await house.element("Y", ["w"]))
    former = house.epoch
    house.epoch = await house.epochs.complete(await restarted(house))
    with pytest.raises(EpochMovedError):
        await house.intents.drop(former, stale)
    assert await house.intents.unresolved() == []
    assert [held.slot for held in (await house.ledger.invoices(["X", "Y"])).values()] == ["", ""]
    assert {id_: unit.at for id_, unit in (await house.ledger.units("uvw")).items()} == {"u": "X", "v": "", "w": ""}
    assert await house.due(house.invoices) == {"X", "Y"}
    await house.commit(await house.begun(await house.element("X", ["u", "v"])))
    assert await house.commit(stale) == ["X", "Y"]  # whatever it says now, it says it too late
    assert (await house.unit("w")).postings == ()


async def test_the_series_goes_on_from_the_highest_number_of_ours(house: House) -> None:
    token = await restarted(house)
    renumbered = ("PAT-90000", "TT-KEY")
    for sequence, number in enumerate(("TT-00042", "TT-00007", *renumbered), 1):
        await house.epochs.restore_number(token, "X", sequence, number, prefix="TT-")
    assert await house.ledger.series() == 42
    assert [await house.ledger.number("X", sequence) for sequence in (3, 4)] == list(renumbered)


async def test_the_intent_counter_is_raised_and_never_lowered(house: House) -> None:
    token = await restarted(house)
    await house.epochs.raise_counter(token, 9)
    await house.epochs.raise_counter(token, 3)
    assert await house.intents.counter() == 9


async def test_units_in_doubt_are_named_with_the_reason(house: House) -> None:
    token = await restarted(house)
    await house.epochs.doubt(token, ["u", "v"], "It may already be on TT-00042.")
    assert await house.ledger.doubts(["u", "w"]) == {"u": "It may already be on TT-00042."}
