"""The oracle: what must be true at rest, after any history, judged by what the stand-ins hold.

What the entries are worth is computed here from the records alone. The ledger is asked only for what no service knows:
which unit a line stands for, what people wrote on or off, and what is proposed or waits.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from tests.worker.jobs.jobs_world import GONE, Json, World, total, unit
from worker.billing.keys import parse_url
from worker.billing.model import Document, Placed, Posting, Waiting
from worker.store.ledger import Unit

ZERO = Decimal(0)


async def oracle(world: World, *, quiet: bool = True) -> None:
    """Fail with the first thing that is not as it must be; `quiet`: also that running again writes nothing."""
    assert await world.unrest() == []
    units = {found.id: found async for batch in world.ctx.store.ledger.scan_units() for found in batch}
    await _documents_equal_postings(world, units)
    await _hours_are_exact(world, units)
    if quiet:
        await _running_again_writes_nothing(world, list(units))


async def _documents_equal_postings(world: World, units: Mapping[str, Unit]) -> None:
    ledger = await _ledger_documents(world)
    live: dict[tuple[str, int], Json] = {}
    for one in world.documents(every=True):
        identity = parse_url(one.get("Url", ""))
        if identity is None:
            continue
        assert identity in ledger, f"{one['InvoiceNumber']} is ours and not in the ledger"
        assert identity not in live or one["Status"] in GONE, f"{identity} is there twice"
        if one["Status"] not in GONE:
            live[identity] = one
    postings = _by_document(units)
    for identity, one in live.items():
        document = ledger[identity]
        assert total([one]) == sum((line.amount for line in document.lines), ZERO), one["InvoiceNumber"]
        ours = sum((line.amount - line.write_on for line in document.lines if line.shares), ZERO)
        held = [p for p in postings[f"{identity[0]}/{identity[1]}"] if p.state != "suspended"]
        assert ours == sum((p.amount for p in held), ZERO), f"{one['InvoiceNumber']}: lines and postings differ"
    gone = {name for name, document in ledger.items() if name not in live and document.status == "open"}
    assert not gone, f"{gone} are open in the ledger and not in Xero"


async def _hours_are_exact(world: World, units: Mapping[str, Unit]) -> None:
    notes = (await world.ctx.store.ledger.notes()).values()
    held_back = {id_: waiting for note in notes for id_, waiting in note.waiting.items()}
    written_on = {
        share.unit
        for document in (await _ledger_documents(world)).values()
        for line in document.lines
        if line.write_on
        for share in line.shares
    }  # later changes of these use up what a person wrote on or off first
    proposed: dict[str, Decimal] = defaultdict(Decimal)
    for note in notes:
        for correction in note.corrections:
            proposed[correction.unit] += correction.seconds
    for record in world.stand.salesforce.snapshot()["records"]["TimeEntry__c"]:  # type: ignore[index]
        id_ = unit(str(record["Id"]))
        known = units.get(id_)
        postings = known.postings if known else ()
        has = sum((p.seconds for p in postings if p.state != "suspended"), ZERO)
        taken_off = sum((p.seconds for p in postings if p.state == "suspended" and _same_client(p, known)), ZERO)
        waits = id_ in held_back or (known is not None and isinstance(known.verdict, Waiting))
        wants = ZERO if waits and not has else max(ZERO, _billable(record) * 3600 - taken_off)
        nets = has + proposed[id_]
        text = f"{id_}: {has} s billed, {proposed[id_]} s proposed, {wants} s worked"
        assert nets == wants or (id_ in held_back and nets == ZERO) or id_ in written_on, text


def _same_client(posting: Posting, unit: Unit | None) -> bool:
    """What a person took off one client's document does not count when the time is another client's now."""
    return unit is None or not isinstance(unit.verdict, Placed) or posting.contact == unit.verdict.contact


def _billable(record: Json) -> Decimal:
    counts = record["Billable__c"] and record["Status__c"] == "Approved" and not record["IsDeleted"]
    return Decimal(str(record["Hours__c"] or 0)) if counts and record["Work_Date__c"] >= "2026-11-01" else ZERO


async def _running_again_writes_nothing(world: World, units: list[str]) -> None:
    before = [(one["InvoiceID"], one["UpdatedDateUTC"], one["LineItems"]) for one in world.documents(every=True)]
    keys = await world.ctx.store.ledger.all_keys()
    world.forget_calls()
    await world.ctx.store.inbox.add(units)
    await world.ctx.store.ledger.flag(keys, "the oracle asks")
    await world.ctx.store.invoices.add(keys)
    await world.work()
    assert world.writes() == 0, "running again wrote to Xero"
    after = [(one["InvoiceID"], one["UpdatedDateUTC"], one["LineItems"]) for one in world.documents(every=True)]
    assert after == before


async def _ledger_documents(world: World) -> dict[tuple[str, int], Document]:
    store = world.ctx.store
    records = await store.ledger.invoices(await store.ledger.all_keys())
    return {(d.key, d.sequence): d for held in records.values() if held.invoice for d in held.invoice.documents}


def _by_document(units: Mapping[str, Unit]) -> dict[str, list[Posting]]:
    found: dict[str, list[Posting]] = defaultdict(list)
    for known in units.values():
        for posting in known.postings:
            found[posting.document].append(posting)
    return found
