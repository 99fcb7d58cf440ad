"""A ledger of any size, as a deployment has it after some months: most of it billed, some of it waiting."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from worker.billing.model import (
    Company,
    Contact,
    Document,
    Entry,
    Invoice,
    Line,
    Placed,
    Posting,
    Share,
    Status,
    Waiting,
)
from worker.store.ledger import Facts
from worker.store.store import Store

ON_ONE = 10  # entries on an invoice
CLIENTS = 200  # and as many projects, however long there was work for them
OTHERS = 10  # for so many entries there is one more Xero contact that nothing was billed to
FIRST = date(2025, 12, 1)  # the setup's start; entries follow from here to `LAST`
LAST = date(2026, 11, 25)
WAITS = 50  # one entry in so many waits
REASONS = ("no-rate", "not-approved", "no-contact")
RATE = Decimal(120)
SETUP = f"""
[source]
sobject = "TimeEntry__c"
[source.fields]
hours = "Hours__c"
worked_on = "Work_Date__c"
person = "OwnerId"
person_name = "Owner.Name"
project = "Project__c"
project_name = "Project__r.Name"
xero_contact = "link(Project__c)"
rates = ["people"]
[schedule]
invoices = "live"
[billing]
start = {FIRST.isoformat()}
revenue_account = "200"
"""


async def fill(store: Store, entries: int) -> None:
    """A complete ledger of so many entries on a tenth as many invoices, with its setup, company and contacts."""
    await store.setup.save(SETUP, "benchmark")
    await store.heartbeats.beat("worker", "worker 1")
    await store.heartbeats.beat("listener", "listener 1", {"state": "listening"})
    await store.pair.pin("org", "00D000000000001EAA")
    await store.company.put(Company(tenant="t", name="Hours & Sons", base_currency="GBP", demo=True))
    contacts = range(CLIENTS + entries // OTHERS)
    await store.contacts.put_many([Contact(id=_contact(n), name=f"Client {n:04}") for n in contacts])
    token, ticket = await store.epoch.take(3600), await store.ledger.ticket()
    for number in range(entries // ON_ONE):
        await store.epoch.restore_invoice(token, _invoice(number, entries))
    for facts in _batches(entries):
        await store.timekeepers.note([fact.entry for fact in facts])
        await store.epoch.restore_units(token, ticket, facts, _postings(facts))
    epoch = await store.epoch.complete(token)
    for work in store.lists():
        while claimed := await work.claim(epoch, 1000, 60):
            await work.done(epoch, claimed)


def unit(number: int) -> str:
    """The id of an entry."""
    return f"TimeEntry__c:a00Hs{number:010}IAA#0"


def _batches(entries: int) -> Iterator[list[Facts]]:
    for start in range(0, entries, 1000):
        yield [_fact(number, entries) for number in range(start, min(start + 1000, entries))]


def _fact(number: int, entries: int) -> Facts:
    return Facts(id=unit(number), generation="", entry=_entry(number, entries), verdict=_verdict(number, entries))


def _entry(number: int, entries: int) -> Entry:
    invoice = number // ON_ONE
    project, person = invoice % CLIENTS, number % 40
    return Entry(
        id=unit(number), record=unit(number)[13:31], seconds=Decimal(3600), worked_on=_day(number, entries),
        person=f"005{person:012}AAA", person_name=f"Person {person:02}", project=f"a01{project:012}AAA",
        project_name=f"Project {project:04}", description="Drawings and details",
        xero_contact=_contact_of(invoice),
    )  # fmt: skip


def _verdict(number: int, entries: int) -> Placed | Waiting:
    if _waits(number):
        reason = REASONS[number // WAITS % len(REASONS)]
        return Waiting(reason, f"It waits: {reason}.", f"rate:person:005{number % 40:012}AAA")
    invoice = number // ON_ONE
    return Placed(
        unit=unit(number), key=_key(invoice), contact=_contact_of(invoice), currency="GBP", group=(),
        period=_period(invoice, entries), seconds=Decimal(3600), rate=RATE, rate_source="people", basis="",
        account="200", tax_type="OUTPUT2", amounts="exclusive", line="all", description="Drawings",
        worked_on=_day(number, entries),
    )  # fmt: skip


def _postings(facts: Sequence[Facts]) -> Mapping[str, Sequence[Posting]]:
    """Every entry that does not wait is on its document."""
    return {
        fact.id: (
            Posting(
                unit=fact.id, document=f"{fact.verdict.key}/1", line="l", contact=fact.verdict.contact, currency="GBP",
                rate=RATE, rate_source="people", seconds=Decimal(3600), amount=RATE,
            ),
        )
        for fact in facts
        if isinstance(fact.verdict, Placed)
    }  # fmt: skip


def _invoice(number: int, entries: int) -> Invoice:
    contact, period = _contact_of(number), _period(number, entries)
    on = [each for each in range(number * ON_ONE, (number + 1) * ON_ONE) if not _waits(each)]
    shares = tuple(Share(unit=unit(each), seconds=Decimal(3600), amount=RATE, rate=RATE) for each in on)
    line = Line(
        id="l", group="all", description="Drawings", quantity=Decimal(len(on)), unit_amount=RATE,
        amount=RATE * len(on), account="200", tax_type="OUTPUT2", shares=shares,
    )  # fmt: skip
    document = Document(
        key=_key(number), sequence=1, number=f"TT-{number + 1:05}", contact=contact, currency="GBP", period=period,
        date=_day(number * ON_ONE, entries).isoformat(), lines=(line,), status=_status(number, entries),
        xero_id=f"00000000-0000-4000-8000-{number:012}",
    )  # fmt: skip
    return Invoice(
        key=_key(number), contact=contact, contact_name=f"Client {int(contact[-12:]):04}", currency="GBP",
        period=period, documents=(document,),
    )  # fmt: skip


def _status(number: int, entries: int) -> Status:
    """The newest tenth is open, then come approved ones, and what is older is paid."""
    age = 1 - number * ON_ONE / entries
    return "open" if age <= 0.1 else "approved" if age <= 0.3 else "paid"


def _waits(number: int) -> bool:
    return number % WAITS == 0


def _day(number: int, entries: int) -> date:
    return FIRST + timedelta(days=number * ((LAST - FIRST).days + 1) // entries)


def _period(invoice: int, entries: int) -> str:
    return _day(invoice * ON_ONE, entries).strftime("%Y-%m")


def _key(invoice: int) -> str:
    return f"K{invoice:011}"


def _contact(number: int) -> str:
    return f"0a0a0a0a-0000-4000-8000-{number:012}"


def _contact_of(invoice: int) -> str:
    return _contact(invoice % CLIENTS)
