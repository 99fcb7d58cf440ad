"""What people do in Xero, before, between and while we write."""

from decimal import Decimal

import pytest

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import Json, World, hours, total


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


def edit_line(world: World, document: Json, number: int = 0, **fields: object) -> None:
    """A person edits one line of a draft."""
    lines = [dict(line) for line in document["LineItems"]]
    lines[number] |= fields
    lines[number].pop("LineAmount", None)
    lines[number].pop("TaxAmount", None)
    world.act("write", id=document["InvoiceID"], body={"LineItems": lines})


async def test_a_persons_price_stays_and_later_time_opens_a_new_line(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    edit_line(world, world.draft("Harrow"), UnitAmount="80.00")
    await billed(world, world.log("Harrow", "1.00"))
    lines = world.draft("Harrow")["LineItems"]
    assert [(Decimal(line["Quantity"]), Decimal(line["UnitAmount"])) for line in lines] == [(2, 80), (1, 100)]
    await oracle(world)


async def test_a_persons_own_line_and_texts_stay(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    draft = world.draft("Harrow")
    own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
    lines = [draft["LineItems"][0] | {"Description": "Design work"}, own]
    world.act("write", id=draft["InvoiceID"], body={"LineItems": lines, "Reference": "PO 7"})
    await billed(world, world.log("Harrow", "1.00"))
    draft = world.draft("Harrow")
    assert [line["Description"] for line in draft["LineItems"]] == ["Design work", "Travel"]
    assert (draft["Reference"], total([draft])) == ("PO 7", Decimal("345.00"))
    await oracle(world)


async def test_time_of_a_line_that_a_person_took_out_waits_for_a_decision(world: World) -> None:
    world.org("update", "Project__c", records=[{"Id": world.projects["Harrow"], "Hourly_Rate__c": None}])
    gone, stays = world.log("Harrow", "1.00", Rate__c="90"), world.log("Harrow", "2.00", Rate__c="110")
    await billed(world, gone, stays)
    draft = world.draft("Harrow")
    kept = [line for line in draft["LineItems"] if Decimal(line["UnitAmount"]) == 110]
    world.act("write", id=draft["InvoiceID"], body={"LineItems": kept})
    world.edit(stays, Hours__c="3.00")
    await billed(world, stays)
    assert hours(world.draft("Harrow")) == 3
    assert (await world.waiting())[f"TimeEntry__c:{gone}#0"] == "suspended"
    assert "took it off TT-00001" in world.record(gone)["Xero_Problem__c"]
    await oracle(world)


@pytest.mark.parametrize("how", ["submit", "approve"])
async def test_a_locked_draft_is_left_alone_and_later_time_opens_the_next(world: World, how: str) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    world.act(how, id=world.draft("Harrow")["InvoiceID"])
    locked = world.draft("Harrow")
    await billed(world, world.log("Harrow", "1.00"))
    first, second = world.documents("Harrow")
    assert (first["LineItems"], first["Status"]) == (locked["LineItems"], locked["Status"])
    assert (second["InvoiceNumber"], second["Status"], hours(second)) == ("TT-00002", "DRAFT", 1)
    await oracle(world)


async def test_a_changed_entry_on_an_approved_invoice_is_a_proposal_and_never_billed_by_itself(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    world.act("approve", id=world.draft("Harrow")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    assert world.record(entry)["Xero_Invoice_Status__c"] == "approved"
    world.edit(entry, Hours__c="3.00")
    await billed(world, entry)
    assert hours(world.draft("Harrow")) == 2
    [note] = (await world.ctx.store.ledger.notes()).values()
    [correction] = note.corrections
    assert (correction.seconds, correction.amount) == (3600, Decimal("100.00"))
    await oracle(world)


async def test_paid_and_voided_are_told_to_the_entries(world: World) -> None:
    paid, voided = world.log("Harrow", "2.00"), world.log("Northgate", "1.00")
    await billed(world, paid, voided)
    for client in ("Harrow", "Northgate"):
        world.act("approve", id=world.draft(client)["InvoiceID"])
    await world.run("statuses")
    await world.work()
    world.act("pay", id=world.draft("Harrow")["InvoiceID"])
    world.act("void", id=world.draft("Northgate")["InvoiceID"])
    await world.run("statuses")
    await world.work()
    assert world.record(paid)["Xero_Invoice_Status__c"] == "paid"
    assert (await world.waiting())[f"TimeEntry__c:{voided}#0"] == "suspended"
    assert len(world.documents()) == 1
    await oracle(world)


async def test_a_draft_that_a_person_deleted_is_not_made_again(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    world.act("delete", id=world.draft("Harrow")["InvoiceID"])
    later = world.log("Harrow", "1.00")
    await billed(world, later)
    assert (await world.waiting())[f"TimeEntry__c:{entry}#0"] == "suspended"
    assert (world.draft("Harrow")["InvoiceNumber"], hours(world.draft("Harrow"))) == ("TT-00002", 1)
    await oracle(world)


async def test_a_number_that_a_person_took_is_burned(world: World) -> None:
    line = {"Description": "x", "Quantity": "1", "UnitAmount": "1.00", "AccountCode": "200"}
    theirs = {"Type": "ACCREC", "Contact": {"ContactID": world.clients["Harrow"]}, "LineItems": [line]}
    world.act("write", body=theirs | {"InvoiceNumber": "TT-00001"})
    await billed(world, world.log("Harrow", "2.00"), world.log("Northgate", "1.00"))
    assert world.draft("Northgate")["InvoiceNumber"] in ("TT-00002", "TT-00003")
    assert sorted(hours(one) for one in world.documents("Harrow")) == [1, 2]
    await oracle(world)


async def test_a_contact_merged_into_another_keeps_its_draft_and_later_time_is_the_others(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    world.act("merge", loser=world.clients["Harrow"], winner=world.clients["Northgate"])
    await world.run("contacts")
    await billed(world, world.log("Harrow", "1.00"))
    assert [hours(one) for one in world.documents("Northgate")] == [2, 1]
    await oracle(world)


async def test_a_contact_changed_on_the_draft_locks_it_for_good(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    body = {"Contact": {"ContactID": world.clients["Northgate"]}}
    world.act("write", id=world.draft("Harrow")["InvoiceID"], body=body)
    await billed(world, world.log("Harrow", "1.00"))
    assert (hours(world.draft("Northgate")), hours(world.draft("Harrow"))) == (2, 1)
    await oracle(world)


async def test_an_archived_contact_makes_its_time_wait_until_it_is_restored(world: World) -> None:
    world.act("contact", id=world.clients["Harrow"], body={"ContactStatus": "ARCHIVED"})
    await world.run("contacts")
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    assert (await world.waiting())[f"TimeEntry__c:{entry}#0"] == "contact-archived"
    world.stand.xero.books.shelves.contacts[world.clients["Harrow"]] = _restored(world)
    await world.run("contacts")
    await world.work()
    assert hours(world.draft("Harrow")) == 2
    await oracle(world)


def _restored(world: World):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    books = world.stand.xero.books
    return replace(books.shelves.contacts[world.clients["Harrow"]], status="ACTIVE", updated=books.moment())


async def test_a_contacts_new_default_account_judges_its_time_again(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    world.act("contact", id=world.clients["Harrow"], body={"SalesDefaultAccountCode": "260"})
    await world.run("contacts")
    await world.work()
    assert [line["AccountCode"] for line in world.draft("Harrow")["LineItems"]] == ["260"]
    await oracle(world)


async def test_an_account_archived_in_xero_makes_time_wait_and_restored_bills_it(world: World) -> None:
    world.act("account", code="200", status="ARCHIVED")
    await world.run("contacts")
    entry = world.log("Harrow", "2.00")
    await billed(world, entry)
    assert (await world.waiting())[f"TimeEntry__c:{entry}#0"] == "account-invalid"
    world.act("account", code="200", status="ACTIVE")
    await world.run("contacts")
    await world.work()
    assert hours(world.draft("Harrow")) == 2
    await oracle(world)


async def test_an_invoice_that_xero_refuses_waits_with_its_words_and_holds_back_no_other(world: World) -> None:
    entry = world.log("Harrow", "2.00")
    await world.tell(entry)
    await world.run("collect")
    world.act("contact", id=world.clients["Harrow"], body={"ContactStatus": "ARCHIVED"})  # not pulled yet
    await billed(world, world.log("Northgate", "1.00"))
    [reason] = [reason for id_, reason in (await world.waiting()).items() if not id_.startswith("TimeEntry__c")]
    assert (reason, hours(world.draft("Northgate"))) == ("xero-refused", 1)
    world.stand.xero.books.shelves.contacts[world.clients["Harrow"]] = _restored(world)
    await billed(world, entry)
    assert hours(world.draft("Harrow")) == 2
    await oracle(world)


async def test_another_company_that_answers_stops_everything_visibly(world: World) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    world.act("reset")
    entry = world.log("Harrow", "1.00")
    await world.tell(entry)
    await world.run("collect")
    await world.run("invoice")
    assert await world.problems() == ["invoice"]
    assert "no longer knows TT-00001" in await world.ctx.store.invoices.paused()
    assert world.documents() == []
