"""A request that arrived too late, when its number was free again, made a second document with the address of ours."""

import msgspec
import pytest
from ulid import ULID

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import Json, World, hours
from worker.billing.model import Copy, Document
from worker.store.governor import Admitted


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def renumbered_and_made_twice(world: World) -> tuple[Json, Json]:
    """A person renumbers the draft of Harrow; what had created it arrives once more. Gives ours and the copy."""
    created = world.draft("Harrow")
    world.act("write", id=created["InvoiceID"], body={"InvoiceNumber": "H-7"})
    permit = await world.ctx.store.governor.admit("write")
    assert isinstance(permit, Admitted)
    line = created["LineItems"][0]
    body = {
        "Type": "ACCREC",
        "Status": "DRAFT",
        "InvoiceNumber": created["InvoiceNumber"],
        "Url": created["Url"],
        "Contact": {"ContactID": created["Contact"]["ContactID"]},
        "LineItems": [{name: line[name] for name in ("Description", "Quantity", "UnitAmount", "AccountCode")}],
    }
    answer = await world.ctx.xero.send(
        "PUT", "ACCREC", msgspec.json.encode({"Invoices": [body]}), str(ULID()), permit=permit
    )
    assert (answer.outcome, answer.elements[0].outcome) == ("answered", "OK"), answer
    ours, copy = sorted(world.documents("Harrow"), key=lambda one: one["InvoiceID"] != created["InvoiceID"])
    return ours, copy


async def ours(world: World) -> Document:
    """The one document that the ledger knows."""
    [held] = (await world.ctx.store.ledger.invoices(await world.ctx.store.ledger.all_keys())).values()
    assert held.invoice is not None
    [document] = held.invoice.documents
    return document


@pytest.mark.parametrize("locked", [False, True])
async def test_a_second_document_with_our_address_is_shown_and_never_taken_in(world: World, locked: bool) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    draft, copy = await renumbered_and_made_twice(world)
    if locked:
        world.act("approve", id=draft["InvoiceID"])
    await world.run("statuses")
    await world.work()
    document = await ours(world)
    assert (document.xero_id, document.number) == (draft["InvoiceID"], "H-7")
    assert document.copies == (Copy(id=copy["InvoiceID"], number="TT-00001"),)
    world.act("delete", id=copy["InvoiceID"])
    await world.run("statuses")
    assert (await ours(world)).copies == ()
    await billed(world, world.log("Harrow", "1.00"))
    assert sum(hours(one) for one in world.documents("Harrow")) == 3
    await oracle(world)


@pytest.mark.parametrize("wiped", [True, False])
async def test_a_rebuild_knows_which_of_two_is_ours_and_shows_the_other(world: World, wiped: bool) -> None:
    await billed(world, world.log("Harrow", "2.00"))
    draft, copy = await renumbered_and_made_twice(world)
    if wiped:
        await world.redis.flushall()
    else:
        await world.ctx.store.epoch.discard(await world.ctx.store.epoch.current(), "a test")
    await world.work()
    document = await ours(world)
    assert (document.xero_id, document.copies) == (
        draft["InvoiceID"],
        (Copy(id=copy["InvoiceID"], number="TT-00001"),),
    )
    world.act("delete", id=copy["InvoiceID"])
    await world.run("statuses")
    await billed(world, world.log("Harrow", "1.00"))
    assert hours(world.draft("Harrow")) == 3
    await oracle(world)
