"""The ledger: facts by ticket, who is a member of what, and what a person's edit in Xero sets free."""

import asyncio
from decimal import Decimal

import pytest

from tests.worker.store.ledger_support import LONG, House, document, facts, out, placed, postings_on, recorded, waits
from worker.billing.model import Correction, Document, Waiting
from worker.store.ledger import Note
from worker.store.worklist import EpochMovedError, Settle, release_cause

pytestmark = pytest.mark.usefixtures("no_leaks")


async def take(house: House) -> None:
    """Nothing is due any more."""
    for work in (house.collect, house.invoices, house.write_back):
        await work.done(house.epoch, await work.claim(house.epoch, 1000, LONG))


# ---- facts ---------------------------------------------------------------------------------------------------------


async def test_facts_are_stored_the_invoice_is_due_and_the_id_is_done(house: House) -> None:
    await house.collect.add(["u"])
    item = (await house.claim(house.collect))["u"]
    ticket = await house.ledger.ticket()
    found = facts("u", placed("u", "X"), item.generation, told=True)
    assert await house.ledger.store_facts(house.epoch, ticket, [found], Settle()) == []
    unit = await house.unit("u")
    assert (unit.entry, unit.verdict, unit.ticket, unit.belongs) == (found.entry, found.verdict, ticket, "X")
    assert await house.ledger.members("X") == {"u"}
    assert await house.due(house.collect) == set()
    assert await house.due(house.invoices) == {"X"}
    assert await house.due(house.write_back) == {"u"}


async def test_an_older_read_is_refused_and_its_id_stays_due(house: House) -> None:
    await house.collect.add(["u"])
    item = (await house.claim(house.collect))["u"]
    older, newer = await house.ledger.ticket(), await house.ledger.ticket()
    await house.ledger.store_facts(house.epoch, newer, [facts("u", placed("u", "X"))], Settle())
    await house.invoices.done(house.epoch, [(await house.claim(house.invoices))["X"]])
    late = [facts("u", placed("u", "Y"), item.generation)]
    assert await house.ledger.store_facts(house.epoch, older, late, Settle()) == ["u"]
    assert (await house.unit("u")).belongs == "X"
    assert await house.due(house.invoices) == set()
    assert set(await house.claim(house.collect)) == {"u"}


async def test_the_same_read_is_not_stored_twice(house: House) -> None:
    ticket = await house.ledger.ticket()
    found = [facts("u", placed("u", "X"))]
    assert await house.ledger.store_facts(house.epoch, ticket, found, Settle()) == []
    assert await house.ledger.store_facts(house.epoch, ticket, found, Settle()) == ["u"]


async def test_tickets_grow_also_in_a_store_that_was_wiped_or_rolled_back(house: House) -> None:
    first = await house.ledger.ticket()
    await house.redis.set(house.keys("ticket"), "5")
    second = await house.ledger.ticket()
    await house.redis.flushall()
    assert first < second < await house.ledger.ticket()


async def test_an_id_that_was_added_during_the_read_stays_due(house: House) -> None:
    await house.collect.add(["u"])
    item = (await house.claim(house.collect))["u"]
    await house.collect.add(["u"])
    ticket = await house.ledger.ticket()
    await house.ledger.store_facts(house.epoch, ticket, [facts("u", placed("u", "X"), item.generation)], Settle())
    assert set(await house.claim(house.collect)) == {"u"}


async def test_invoices_settle_before_they_are_due(house: House) -> None:
    await house.learn("u", placed("u", "X"), Settle(quiet=100, most=1000))
    assert 99 < (await house.invoices.next_due() or 0) <= 100


async def test_a_unit_that_moves_makes_both_invoices_due(house: House) -> None:
    await house.bill("X", "u")
    await take(house)
    await house.place("Y", "u")
    assert await house.due(house.invoices) == {"X", "Y"}
    await take(house)
    await house.learn("u", out())
    assert await house.due(house.invoices) == {"X", "Y"}


async def test_facts_make_due_the_invoice_whose_unresolved_intent_holds_the_unit(house: House) -> None:
    await house.place("X", "u")
    await house.begun(await house.element("X", ["u"]))
    await house.place("Y", "u")
    await house.place("Z", "u")
    assert await house.due(house.invoices) == {"X", "Y", "Z"}
    assert (await house.unit("u")).at == "X"


async def test_facts_make_due_every_document_the_unit_is_on_also_locked_ones(house: House) -> None:
    await house.bill("X", "u")
    await house.merge(document("X", ["u"], status="approved", fixed=True))
    await house.learn("u", out())
    await take(house)
    await house.learn("u", out())
    assert await house.due(house.invoices) == {"X"}


async def test_facts_of_a_thousand_units_are_stored(house: House) -> None:
    found = [facts(f"u{number}", placed(f"u{number}", "X"), description="d" * 500) for number in range(1000)]
    assert await house.ledger.store_facts(house.epoch, await house.ledger.ticket(), found, Settle()) == []
    assert len(await house.ledger.members("X")) == await house.ledger.count_units() == 1000


@pytest.mark.parametrize("epoch", ["", "another"])
async def test_facts_and_merges_are_refused_under_another_epoch(house: House, epoch: str) -> None:
    await house.bill("X", "u")
    with pytest.raises(EpochMovedError):
        await house.ledger.store_facts(epoch, await house.ledger.ticket(), [facts("u", placed("u", "Y"))], Settle())
    with pytest.raises(EpochMovedError):
        await house.merge(document("X", [], status="deleted"), epoch=epoch)
    assert (await house.unit("u")).belongs == "X"


async def test_what_was_told_to_the_entry_is_noted_unless_a_newer_read_has_told(house: House) -> None:
    await house.learn("u", placed("u", "X"))
    before = await house.unit("u")
    told = facts("u", placed("u", "X"), description="told").entry
    await house.ledger.note_written("u", before.ticket, told)
    assert (await house.unit("u")).entry == told
    await house.learn("u", placed("u", "X"))
    await house.ledger.note_written("u", before.ticket, told)
    assert (await house.unit("u")).entry != told


# ---- waiting -------------------------------------------------------------------------------------------------------


async def test_waiting_units_are_listed_longest_first_since_they_began(house: House) -> None:
    await house.learn("first", waits("rate:person:p"))
    await asyncio.sleep(0.002)
    await house.learn("second", waits("rate:person:p"))
    since = await house.ledger.waiting_since(["first", "second", "unknown"])
    await house.learn("first", waits("rate:person:q"))
    assert [unit.id for unit in await house.ledger.waiting()] == ["first", "second"]
    assert since == await house.ledger.waiting_since(["first", "second"])
    assert since["first"] < since["second"]
    await house.learn("first", placed("first", "X"))
    assert [unit.id for unit in await house.ledger.waiting()] == ["second"]
    assert await house.ledger.count_waiting() == 1


async def test_a_mended_cause_has_its_units_read_again_and_no_others(house: House) -> None:
    await house.learn("a", waits("rate:person:p"))
    await house.learn("b", waits("rate:person:p"))
    await house.learn("c", waits("rate:person:q"))
    await house.learn("b", waits("contact:c"))  # its cause has changed
    assert await release_cause(house.redis, house.keys, "rate:person:p") == 1
    assert await house.due(house.collect) == {"a"}
    await house.learn("a", waits("rate:person:p"))  # and nothing was mended after all
    assert await release_cause(house.redis, house.keys, "rate:person:p") == 1


# ---- members -------------------------------------------------------------------------------------------------------


async def test_a_unit_is_no_member_of_an_invoice_it_never_came_on(house: House) -> None:
    await house.place("X", "u")
    await house.place("Y", "u")
    assert await house.ledger.members("X") == set()
    assert await house.ledger.members("Y") == {"u"}


async def test_a_unit_is_a_member_until_the_commit_that_takes_it_off(house: House) -> None:
    await house.bill("X", "u", "v")
    await house.place("Y", "u")
    assert await house.ledger.members("X") == {"u", "v"}
    await house.commit(await house.begun(await house.element("X", ["v"], departed=["u"])))
    assert await house.ledger.members("X") == {"v"}
    assert (await house.unit("u")).at == ""


async def test_a_unit_with_fixed_postings_stays_a_member_wherever_it_belongs_now(house: House) -> None:
    await house.bill("X", "u")
    await house.merge(document("X", ["u"], status="approved", fixed=True))
    await house.bill("Y", "u")
    assert await house.ledger.members("X") == await house.ledger.members("Y") == {"u"}
    assert [posting.state for posting in (await house.unit("u")).postings] == ["fixed", "open"]


# ---- merging what was found in Xero --------------------------------------------------------------------------------


async def test_a_merge_sets_free_what_is_no_longer_held_open(house: House) -> None:
    await house.bill("X", "u", "v")
    await take(house)
    gone = document("X", ["v"])
    changed = document("X", ["u"], removed=gone.lines)
    assert await house.merge(changed)
    held = await house.held("X")
    assert held.invoice == recorded(None, changed)
    stays, goes = await house.unit("u"), await house.unit("v")
    assert (stays.posted, stays.at, goes.posted, goes.at) == ("X", "X", "", "")
    assert [posting.state for posting in goes.postings] == ["suspended"]
    assert await house.due(house.write_back) == {"u", "v"}


async def test_a_merge_makes_the_invoice_due_for_whoever_computed_it_before(house: House) -> None:
    await house.bill("X", "u")
    await house.invoices.add(["X"])
    item = (await house.claim(house.invoices))["X"]
    await house.merge(document("X", ["u"], status="approved", fixed=True))
    await house.invoices.done(house.epoch, [item])  # it found nothing to do, before the merge
    assert await house.due(house.invoices) == {"X"}


async def test_a_merge_makes_due_where_a_freed_unit_belongs(house: House) -> None:
    await house.bill("X", "u")
    await house.place("Y", "u")
    await take(house)
    await house.merge(document("X", []))
    assert await house.due(house.invoices) == {"X", "Y"}


async def test_a_merge_of_a_record_that_moved_changes_nothing(house: House) -> None:
    await house.bill("X", "u")
    held = await house.held("X")
    assert held.invoice is not None
    await house.merge(document("X", ["u"], status="approved", fixed=True))
    await take(house)
    stale = document("X", [])
    postings = postings_on(stale, ["u"])
    assert not await house.ledger.merge(house.epoch, held, recorded(None, stale), "X/1", postings)
    assert len((await house.unit("u")).postings) == 1
    assert await house.due(house.invoices) == set()


async def test_a_merge_waits_for_an_unresolved_intent(house: House) -> None:
    await house.bill("X", "u")
    intent = await house.begun(await house.element("X", ["u"]))
    assert not await house.merge(document("X", [], status="deleted"))
    await house.commit(intent)
    assert await house.merge(document("X", [], status="deleted"))


async def test_a_merge_of_one_document_keeps_the_units_postings_on_others(house: House) -> None:
    """Both were read before either was written: an approval there, a draft here."""
    await house.bill("X", "u")
    await house.merge(document("X", ["u"], status="approved", fixed=True))
    await house.place("Y", "u")
    intent = await house.begun(await house.element("Y", ["u"]))
    outcome = await house.written(intent.elements[0])
    paid = document("X", ["u"], status="paid", fixed=True)
    assert await house.merge(paid)
    assert (await house.unit("u")).at == "Y"  # an intent of Y holds it, whatever becomes of X
    await house.intents.settle(house.epoch, intent, [outcome])
    unit = await house.unit("u")
    assert [posting.document for posting in unit.postings] == ["X/1", "Y/1"]
    assert (unit.at, unit.posted) == ("Y", "Y")
    assert await house.merge(paid)
    assert [posting.document for posting in (await house.unit("u")).postings] == ["X/1", "Y/1"]  # oldest first


async def test_postings_leave_only_their_own_document_of_an_invoice(house: House) -> None:
    await house.bill("X", "u")
    await house.merge(document("X", ["u"], status="approved", fixed=True))
    await house.bill("X", "u", sequence=2)
    await house.merge(document("X", [], sequence=2))
    unit = await house.unit("u")
    assert [posting.document for posting in unit.postings] == ["X/1"]
    assert (unit.at, unit.posted) == ("", "")
    assert await house.ledger.members("X") == {"u"}


# ---- flags, notes, numbers -----------------------------------------------------------------------------------------


async def test_a_flag_stays_until_a_read_that_began_after_it(house: House) -> None:
    await house.ledger.flag(["X"], "changed in Xero")
    marks = await house.ledger.flagged(["X", "Y"])
    assert set(marks) == {"X"}
    await house.ledger.flag(["X"], "changed in Xero")  # again, while the first is being read
    await house.ledger.unflag("X", marks["X"])
    await house.ledger.unflag("X", "")
    assert set(await house.ledger.flagged(["X"])) == {"X"}
    await house.ledger.unflag("X", (await house.ledger.flagged(["X"]))["X"])
    assert await house.ledger.flagged(["X"]) == {}


async def test_a_merge_takes_back_the_flag_that_asked_for_it(house: House) -> None:
    await house.bill("X", "u")
    await house.ledger.flag(["X"], "changed in Xero")
    old = (await house.ledger.flagged(["X"]))["X"]
    await house.ledger.flag(["X"], "changed in Xero")
    await house.merge(document("X", ["u"]), mark=old)
    new = await house.ledger.flagged(["X"])
    assert set(new) == {"X"}
    await house.merge(document("X", ["u"]), mark=new["X"])
    assert await house.ledger.flagged(["X"]) == {}


async def test_a_note_is_replaced_and_an_empty_one_removes_it(house: House) -> None:
    correction = Correction(
        unit="u", document="X/1", seconds=Decimal(-60), amount=Decimal("-1.00"), rate=Decimal(60), text="less"
    )
    note = Note(waiting={"v": Waiting("moving", "It moves.")}, corrections=(correction,))
    await house.ledger.note("X", note)
    assert await house.ledger.notes() == {"X": note}
    await house.ledger.note("X", Note())
    assert await house.ledger.notes() == {}


async def test_the_series_is_only_ever_raised(house: House) -> None:
    assert await house.ledger.series() == 0
    await house.ledger.raise_series(42)
    await house.ledger.raise_series(7)
    assert await house.ledger.series() == 42


async def test_units_and_invoices_are_found_in_pages(house: House) -> None:
    for key in ("X", "Y"):
        await house.bill(key, *(f"{key}{number}" for number in range(30)))
        await asyncio.sleep(0.002)
    batches = [batch async for batch in house.ledger.scan_units(25)]
    assert sorted(unit.id for batch in batches for unit in batch) == sorted(
        f"{key}{number}" for key in ("X", "Y") for number in range(30)
    )
    assert [held.key for held in await house.ledger.page_invoices(0, 1)] == ["Y"]
    assert await house.ledger.all_keys() == ["X", "Y"]
    assert {unit.id[0] for unit in await house.ledger.recent(30)} == {"Y"}


async def test_invoices_are_listed_by_the_statuses_of_their_documents(house: House) -> None:
    async def put(*documents: Document) -> None:
        for each in documents:
            held = await house.held(each.key)
            record = recorded(held.invoice, each)
            assert await house.ledger.merge(house.epoch, held, record, f"{each.key}/{each.sequence}", {})

    async def listed() -> dict[str, list[str]]:
        return {name: [held.key for held in await house.ledger.page_invoices(status=name)] for name in names}

    names = ("", "open", "approved", "paid")
    await put(document("X", ["u"], status="approved"), document("X", ["v"], 2))
    await put(document("Y", ["w"]))
    assert await listed() == {"": ["Y", "X"], "open": ["Y", "X"], "approved": ["X"], "paid": []}
    await put(document("X", ["v"], 2, status="paid"))
    assert await listed() == {"": ["X", "Y"], "open": ["Y"], "approved": ["X"], "paid": ["X"]}
    assert [await house.ledger.count_invoices(name) for name in names] == [2, 1, 1, 1]
