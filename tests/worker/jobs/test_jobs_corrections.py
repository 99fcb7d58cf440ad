"""What happens to time on documents that are locked: proposed, accepted, ignored, ripened; up on a draft, down on a
credit note."""

from decimal import Decimal

import pytest

from console import deciding
from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, Json, World, hours, total
from worker.applying import apply_setup
from worker.errors import ServiceError


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def approved(world: World, client: str = "Harrow") -> None:
    """A person approves the client's drafts and credit notes, and we have heard of it."""
    for one in world.documents(client):
        if one["Status"] == "DRAFT":
            world.act("approve", id=one["InvoiceID"])
    for one in world.credit_notes(client):
        if one["Status"] == "DRAFT":
            world.act("approve", id=one["CreditNoteID"], kind="credit_note")
    await world.run("statuses")
    await world.work()


async def accepted(world: World, record: str) -> None:
    """A person accepts what is proposed for this entry."""
    await deciding.decide_corrections(world.ctx, [record], ignored=False)
    await world.work()


async def proposals(world: World) -> list[tuple[str, str]]:
    """Hours and amounts that are proposed."""
    return [(view.hours, view.amount) for view in await deciding.corrections(world.ctx.store)]


async def corrected(world: World, before: str, after: str) -> str:
    """An entry that was approved with so many hours and has other ones now."""
    entry = world.log("Harrow", before)
    await billed(world, entry)
    await approved(world)
    world.edit(entry, Hours__c=after)
    await billed(world, entry)
    return entry


async def test_more_time_on_an_approved_invoice_goes_on_the_next_draft_once_accepted(world: World) -> None:
    entry = await corrected(world, "2.00", "3.00")
    assert await proposals(world) == [("1", "100.00")]
    assert (await deciding.corrections(world.ctx.store))[0].number == "TT-00001"
    await oracle(world)
    await accepted(world, entry)
    _, draft = world.documents("Harrow")
    [line] = draft["LineItems"]
    assert (hours(draft), total([draft]), draft["Status"]) == (1, 100, "DRAFT")
    assert "(correction of TT-00001)" in line["Description"]
    assert await proposals(world) == []
    await oracle(world)
    await approved(world)
    assert await proposals(world) == []
    await oracle(world)


async def test_less_time_on_an_approved_invoice_is_credited_once_accepted(world: World) -> None:
    entry = await corrected(world, "2.00", "0.50")
    assert await proposals(world) == [("-1.5", "-150.00")]
    await accepted(world, entry)
    [note] = world.credit_notes("Harrow")
    assert (note["CreditNoteNumber"], note["Status"]) == ("TT-CN-00001", "DRAFT")
    assert (hours(note), total([note])) == (Decimal("1.5"), 150)
    assert len(world.documents("Harrow")) == 1
    await oracle(world)
    await approved(world)
    assert await proposals(world) == []
    await oracle(world)


async def test_the_next_change_is_measured_against_what_was_corrected(world: World) -> None:
    entry = await corrected(world, "2.00", "3.00")
    await accepted(world, entry)
    await approved(world)
    world.edit(entry, Hours__c="1.00")
    await billed(world, entry)
    assert await proposals(world) == [("-2", "-200.00")]
    await accepted(world, entry)
    await approved(world)
    world.edit(entry, Hours__c="2.00")
    await billed(world, entry)
    assert await proposals(world) == [("1", "100.00")]
    await accepted(world, entry)
    await approved(world)
    assert total(world.documents("Harrow")) - total(world.credit_notes("Harrow")) == 200
    await oracle(world)


async def test_an_accepted_correction_follows_the_entry_while_its_line_is_on_a_draft(world: World) -> None:
    entry = await corrected(world, "2.00", "3.00")
    await accepted(world, entry)
    world.edit(entry, Hours__c="2.00")
    await billed(world, entry)
    assert sum(hours(one) for one in world.documents("Harrow") if one["Status"] == "DRAFT") == 0
    await oracle(world)


async def test_ignored_the_same_change_is_not_proposed_again_and_another_one_is(world: World) -> None:
    entry = await corrected(world, "2.00", "3.00")
    [done] = await deciding.decide_corrections(world.ctx, ["TT-00001"], ignored=True, reason="a gift")
    assert (done.decision, done.hours, done.amount) == ("ignore", "1", "100.00")
    await world.work()
    assert (await proposals(world), len(world.documents())) == ([], 1)
    await billed(world, entry)
    assert await proposals(world) == []
    world.edit(entry, Hours__c="4.00")
    await billed(world, entry)
    assert await proposals(world) != []


async def test_what_is_decided_is_no_longer_listed_though_its_invoice_is_in_another_workers_hands(world: World) -> None:
    entry = await corrected(world, "2.00", "3.00")
    store = world.ctx.store
    await store.invoices.add(await store.ledger.all_keys())
    claimed = await store.invoices.claim(await store.epoch.current(), 10, 60)
    assert claimed
    await deciding.decide_corrections(world.ctx, [entry], ignored=True)
    assert await proposals(world) == []
    with pytest.raises(ServiceError, match="No correction is proposed"):
        await deciding.decide_corrections(world.ctx, [entry], ignored=True)
    await store.invoices.hand_back(claimed)
    await world.work()
    await oracle(world)


async def test_accepting_what_has_changed_meanwhile_bills_nothing(world: World) -> None:
    entry = await corrected(world, "2.00", "3.00")
    world.edit(entry, Hours__c="5.00")
    await world.tell(entry)  # heard, not yet read
    await accepted(world, entry)
    assert len(world.documents()) == 1
    assert await proposals(world) == [("3", "300.00")]
    await oracle(world)


async def test_downwards_as_a_line_waits_until_the_draft_can_bear_it(world: World) -> None:
    setup = SETUP.replace('revenue_account = "200"', 'revenue_account = "200"\ndecrease = "line"')
    await apply_setup(world.ctx.store, setup, by="test")
    await world.work()
    entry = await corrected(world, "2.00", "0.50")
    await accepted(world, entry)
    assert len(world.documents()) == 1
    assert "negative-invoice" in (await world.waiting()).values()
    await billed(world, world.log("Harrow", "4.00"))
    [draft] = [one for one in world.documents("Harrow") if one["Status"] == "DRAFT"]
    assert (total([draft]), world.credit_notes()) == (250, [])
    await oracle(world)


async def test_a_correction_that_nobody_touched_ripens_where_the_setup_says_so(world: World) -> None:
    setup = SETUP.replace('revenue_account = "200"', 'revenue_account = "200"\ncorrect = "auto"\ncorrect_after = "1d"')
    await apply_setup(world.ctx.store, setup, by="test")
    await world.work()
    await corrected(world, "2.00", "3.00")
    await world.run("upkeep")
    await world.work()
    assert len(world.documents()) == 1
    await apply_setup(world.ctx.store, setup.replace('"1d"', '"0s"'), by="test")
    await world.work()
    await world.run("upkeep")
    await world.work()
    assert [hours(one) for one in world.documents("Harrow")] == [2, 1]
    await world.run("upkeep")
    await world.work()
    await oracle(world)


async def test_time_moved_to_another_client_after_the_lock_is_credited_before_it_is_billed_there(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    await approved(world)
    world.edit(entry, Project__c=world.projects["Northgate"])
    await billed(world, entry)
    assert (await world.waiting())[f"TimeEntry__c:{entry}#0"] == "moved-after-lock"
    await accepted(world, entry)
    assert (total(world.credit_notes("Harrow")), world.documents("Northgate")) == (200, [])
    await approved(world)
    assert hours(world.draft("Northgate")) == 2
    await oracle(world)


async def test_a_deleted_entry_is_credited_with_exactly_what_it_was_billed(world: World) -> None:
    entry = world.log("Harrow", "0.33", Rate__c="33.3333")
    await billed(world, entry)
    await approved(world)
    world.delete(entry)
    await billed(world, entry)
    await accepted(world, entry)
    await approved(world)
    assert total(world.documents("Harrow")) == total(world.credit_notes("Harrow"))
    await oracle(world)


@pytest.mark.parametrize("numbering", ["key", "xero"])
async def test_credit_notes_have_their_own_series_whatever_numbers_invoices_get(world: World, numbering: str) -> None:
    setup = SETUP.replace('revenue_account = "200"', f'revenue_account = "200"\nnumbering = "{numbering}"')
    await apply_setup(world.ctx.store, setup, by="test")
    await accepted(world, await corrected(world, "2.00", "0.50"))
    [note] = world.credit_notes("Harrow")
    assert note["CreditNoteNumber"] == "TT-CN-00001"
    assert world.documents("Harrow")[0]["InvoiceNumber"] != "TT-00001"
    await oracle(world)


@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "error-500-cached-after", "garbage"])
async def test_a_credit_note_whose_fate_is_unknown_is_made_once(hasty: World, fault: str) -> None:
    world = hasty
    entry = await corrected(world, "2.00", "0.50")
    world.fault(fault, method="PUT", path=".*/CreditNotes")
    await accepted(world, entry)
    assert [total([note]) for note in world.credit_notes("Harrow")] == [150]
    await oracle(world)


async def test_a_credit_notes_number_that_others_have_is_burned(world: World) -> None:
    line = {"Description": "x", "Quantity": "1", "UnitAmount": "1.00", "AccountCode": "200"}
    theirs = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": world.clients["Harrow"]}, "LineItems": [line]}
    world.act("write", body=theirs | {"CreditNoteNumber": "TT-CN-00001"}, kind="credit_note")
    entry = await corrected(world, "2.00", "0.50")
    await accepted(world, entry)
    assert [note["CreditNoteNumber"] for note in world.credit_notes("Harrow")] == ["TT-CN-00001", "TT-CN-00002"]
    await oracle(world)


async def test_a_wipe_forgets_neither_decisions_nor_credit_notes(world: World) -> None:
    entry = await corrected(world, "2.00", "0.50")
    await accepted(world, entry)
    before = world.credit_notes(), world.documents()
    await world.redis.flushall()
    await world.work()
    assert (world.credit_notes(), world.documents()) == before
    await oracle(world)
    await approved(world)
    assert await proposals(world) == []
    await oracle(world)


async def test_a_persons_edit_of_a_draft_credit_note_stays(world: World) -> None:
    entry = await corrected(world, "2.00", "0.50")
    await accepted(world, entry)
    [note] = world.credit_notes("Harrow")
    [line] = [{k: v for k, v in line.items() if k not in ("LineAmount", "TaxAmount")} for line in note["LineItems"]]
    body = {"LineItems": [line | {"Description": "As we agreed"}]}
    world.act("write", id=note["CreditNoteID"], body=body, kind="credit_note")
    await world.run("statuses")
    await world.work()
    [note] = world.credit_notes("Harrow")
    assert (note["LineItems"][0]["Description"], total([note])) == ("As we agreed", 150)
    await oracle(world)


async def test_a_voided_credit_note_makes_its_time_wait_for_a_person(world: World) -> None:
    entry = await corrected(world, "2.00", "0.50")
    await accepted(world, entry)
    await approved(world)
    [note] = world.credit_notes("Harrow")
    world.act("void", id=note["CreditNoteID"], kind="credit_note")
    await world.run("statuses")
    await world.work()
    assert world.credit_notes() == []
    await oracle(world)


async def test_what_is_not_proposed_cannot_be_accepted(world: World) -> None:
    with pytest.raises(ServiceError, match="corrections list"):
        await deciding.decide_corrections(world.ctx, ["TT-00001"], ignored=False)
    assert await deciding.decide_corrections(world.ctx, [], ignored=False, everything=True) == []


async def test_more_time_on_a_line_that_a_person_set_is_a_line_of_its_own_on_the_same_draft(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    [line] = world.draft("Harrow")["LineItems"]
    priced = {name: value for name, value in line.items() if name not in ("LineAmount", "TaxAmount")}
    body = {"LineItems": [priced | {"UnitAmount": "80.00"}]}
    world.act("write", id=world.draft("Harrow")["InvoiceID"], body=body)
    await world.run("statuses")
    await world.work()
    world.edit(entry, Hours__c="3.00")
    await billed(world, entry)
    await accepted(world, entry)
    await billed(world, world.log("Harrow", "4.00"))
    assert lines(world.draft("Harrow")) == [(1, 100), (2, 160), (4, 400)]
    await oracle(world)
    world.edit(entry, Hours__c="1.00")
    await billed(world, entry)
    assert lines(world.draft("Harrow")) == [(2, 160), (4, 400)]
    assert await proposals(world) == [("-0.6", "-60.00")]  # a write-off of 40.00 is used up first
    await accepted(world, entry)
    [note] = world.credit_notes("Harrow")
    assert total([note]) == 60
    await oracle(world)


def lines(draft: Json) -> list[tuple[Decimal, Decimal]]:
    """Quantity and amount of each line."""
    return sorted((Decimal(str(line["Quantity"])), Decimal(str(line["LineAmount"]))) for line in draft["LineItems"])
