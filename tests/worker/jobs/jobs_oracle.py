"""The oracle: what must be true at rest, after any history, judged by what the stand-ins hold.

What the entries are worth is computed here from the records alone. The ledger is asked only for what no service knows:
which unit a line stands for, what people wrote on or off, and what is proposed or waits.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from console import monthly
from tests.worker.jobs.jobs_world import GONE, Json, World, total, unit
from worker.billing.keys import parse_url
from worker.billing.model import Document, Placed, Posting, Waiting
from worker.billing.money import totals
from worker.store.ledger import Unit

ZERO = Decimal(0)


async def oracle(world: World, *, quiet: bool = True) -> None:
    """Fail with the first thing that is not as it must be; `quiet`: also that running again writes nothing."""
    assert await world.unrest() == []
    units = {found.id: found async for batch in world.ctx.store.ledger.scan_units() for found in batch}
    await _documents_equal_postings(world, units)
    await _hours_are_exact(world, units)
    await _month_ends_are_even(world)
    if quiet:
        await _running_again_writes_nothing(world, list(units))


async def _documents_equal_postings(world: World, units: Mapping[str, Unit]) -> None:
    ledger = await _ledger_documents(world)
    by_number = {document.number: identity for identity, document in ledger.items() if document.number}
    live: dict[tuple[str, int], Json] = {}
    for one in [*world.documents(every=True), *world.credit_notes(every=True)]:
        credit = one["Type"] == "ACCRECCREDIT"
        identity = by_number.get(one["CreditNoteNumber"]) if credit else parse_url(one.get("Url", ""))
        if identity is None or (credit and ledger[identity].xero_id != one["CreditNoteID"]):
            continue
        assert identity in ledger, f"{one['InvoiceNumber']} is ours and not in the ledger"
        assert identity not in live or one["Status"] in GONE, f"{identity} is there twice"
        if one["Status"] not in GONE:
            live[identity] = one
    postings, rates = _by_document(units), {each.type: each.rate for each in (await world.ctx.company()).tax_rates}
    for identity, one in live.items():
        document = ledger[identity]
        assert total([one]) == sum((line.amount for line in document.lines), ZERO), document.number
        computed = totals(document.lines, rates, document.amounts)
        theirs = tuple(Decimal(str(one[name])) for name in ("SubTotal", "TotalTax", "Total"))
        assert (computed.sub_total, computed.tax, computed.total) == theirs, f"{document.number}: totals differ"
        sign = -1 if document.type == "ACCRECCREDIT" else 1
        ours = sign * sum((line.amount - line.write_on for line in document.lines if line.shares), ZERO)
        held = [p for p in postings[f"{identity[0]}/{identity[1]}"] if p.state != "suspended"]
        assert ours == sum((p.amount for p in held), ZERO), f"{document.number}: lines and postings differ"
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
    loaded, setups = await world.ctx.loaded(), world.ctx.store.setup
    assert loaded is not None
    texts = [await setups.version(number) for number in await setups.versions()]
    # Corrections are measured in what is billed: by rounding that differs from what was worked.
    rounding = Decimal(900) if any("round_minutes" in (text or "") for text in texts) else ZERO
    for record in world.entries():
        id_ = unit(str(record["Id"]))
        known = units.get(id_) or Unit(id=id_)
        if id_ in written_on or any(each.kind == "keep" for each in known.decisions):
            continue
        has = sum((_worked(p) for p in known.postings if p.state != "suspended"), ZERO)
        waits = id_ in held_back or isinstance(known.verdict, Waiting)
        wants = ZERO if waits and not has else _wants(record, known, loaded.rules.start.isoformat())
        nets = has + proposed[id_] + _held_correction(known, held_back.get(id_))
        ignored = nets + _ignored(known, proposed[id_])
        fixed = sum((_worked(p) for p in known.postings if p.state == "fixed"), ZERO)
        text = f"{id_}: {has} s billed, {proposed[id_]} s proposed, {wants} s worked; {_told(known)}"
        even = any(abs(a - b) <= rounding for a in (nets, ignored) for b in (wants, max(ZERO, wants)))
        out = (id_ in held_back and nets == ZERO) or (_decided_out(known) and has == fixed)
        assert even or out or (nets == ZERO and _leaving(world, record, known)), text


def _wants(record: Json, known: Unit, start: str) -> Decimal:
    """The seconds that are to be billed of an entry, as far as people did not take some off for good."""
    taken_off: dict[str, Decimal] = defaultdict(Decimal)
    for posting in known.postings:
        if posting.state == "suspended" and _same_client(posting, known):
            taken_off[posting.document] += _worked(posting)
    off = sum((seconds - _released(known, name, seconds) for name, seconds in taken_off.items()), ZERO)
    return _billable(record, start) * 3600 - off


def _worked(posting: Posting) -> Decimal:
    """The seconds that were worked, where others are billed by rounding."""
    return posting.seconds if posting.worked is None else posting.worked


def _told(known: Unit) -> str:
    on = [f"{p.document}{p.corrects and '~' + p.corrects} {p.state} {p.seconds} {p.amount}" for p in known.postings]
    decided = [f"{d.kind} {d.document} {d.seconds} {d.amount}" for d in known.decisions]
    where = known.verdict.key if isinstance(known.verdict, Placed) else known.verdict and known.verdict.reason
    return f"on {on}, decided {decided}, verdict {where}"


def _released(known: Unit, document: str, seconds: Decimal) -> Decimal:
    """What people said to bill again of the time that was taken off a document."""
    size, given = abs(seconds), ZERO
    for each in known.decisions:
        if each.document == document and each.kind == "bill":
            given = min(size, given + abs(each.seconds))
        elif each.document == document and each.kind in ("elsewhere", "dont-bill"):
            given = min(given, max(ZERO, size - abs(each.seconds)))
    return given.copy_sign(seconds) if seconds else ZERO


def _decided_out(known: Unit) -> bool:
    about = [each for each in known.decisions if not each.document]
    return bool(about) and about[-1].kind in ("elsewhere", "dont-bill")


def _held_correction(known: Unit, held: Waiting | None) -> Decimal:
    """The seconds of an accepted correction that goes with the next time of its client."""
    placed = known.verdict
    is_one = isinstance(placed, Placed) and placed.corrects and held is not None and held.reason == "negative-invoice"
    return placed.seconds if is_one and isinstance(placed, Placed) else ZERO


def _leaving(world: World, record: Json, known: Unit) -> bool:
    """Whether the time is another client's now, and the credit for the one before is not approved yet."""
    names = {id_: name for name, id_ in world.projects.items()}
    client = world.clients[names[record["Project__c"]]]
    return any(p.corrects and p.state == "open" and p.contact != client for p in known.postings)


def _ignored(known: Unit, proposed: Decimal) -> Decimal:
    """The seconds of the change that a person ignored, where nothing else is proposed."""
    about = [each for each in known.decisions if each.kind in ("accept", "ignore")]
    return about[-1].seconds if about and about[-1].kind == "ignore" and not proposed else ZERO


def _same_client(posting: Posting, known: Unit) -> bool:
    """What a person took off one client's document does not count when the time is another client's now."""
    return not isinstance(known.verdict, Placed) or posting.contact == known.verdict.contact


def _billable(record: Json, start: str) -> Decimal:
    counts = record["Billable__c"] and record["Status__c"] == "Approved" and not record["IsDeleted"]
    return Decimal(str(record["Hours__c"] or 0)) if counts and record["Work_Date__c"] >= start else ZERO


async def _month_ends_are_even(world: World) -> None:
    """The statement of every month in which anybody worked: nothing is left over, in hours and in money."""
    for month in sorted({record["Work_Date__c"][:7] for record in world.entries()}):
        found, _ = await monthly.made(world.ctx, month)
        left = (found.difference, found.difference_seconds)
        assert left == (ZERO, ZERO), f"{month}: {left} left over, of {found.unexplained}"


async def _running_again_writes_nothing(world: World, units: list[str]) -> None:
    before = _content(world)
    keys = await world.ctx.store.ledger.all_keys()
    world.forget_calls()
    await world.ctx.store.inbox.add(units)
    await world.ctx.store.ledger.flag(keys, "the oracle asks")
    await world.ctx.store.invoices.add(keys)
    await world.work()
    wrote = [call for call in world.act("calls")["calls"] if call["method"] != "GET"]
    assert world.writes() == 0, f"running again wrote to Xero: {wrote}"
    assert _content(world) == before


def _content(world: World) -> list[tuple[str, str, list[Json]]]:
    every = [*world.documents(every=True), *world.credit_notes(every=True)]
    return [(one.get("InvoiceID") or one["CreditNoteID"], one["UpdatedDateUTC"], one["LineItems"]) for one in every]


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
