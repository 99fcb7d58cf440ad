"""A house for tests of the ledger's rooms: what jobs do with the store, in the fewest words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec
from redis.asyncio import Redis
from ulid import ULID

from worker.billing.keys import document_id
from worker.billing.model import Document, Entry, Invoice, Line, Out, Placed, Posting, Share, Waiting
from worker.billing.postings import postings_of
from worker.store.epoch import Epoch
from worker.store.inbox import Inbox
from worker.store.intents import Element, Intent, Intents, Refusal, Settled
from worker.store.keys import Keys
from worker.store.ledger import Facts, Held, Ledger, Unit, Verdict
from worker.store.worklist import Claimed, Settle, WorkList

LONG = 3600.0  # seconds: longer than any test


def placed(unit: str, key: str, seconds: int = 3600) -> Placed:
    """The unit belongs on `key`."""
    return Placed(
        unit=unit, key=key, contact="c", currency="GBP", group=(), period="2026-11", seconds=Decimal(seconds),
        rate=Decimal(100), rate_source="project", basis="", account="200", tax_type="", amounts="exclusive",
        line="line", description="work", worked_on=date(2026, 11, 5),
    )  # fmt: skip


def out() -> Out:
    """The unit belongs nowhere."""
    return Out("not-billable", "It is not billable.")


def waits(cause: str) -> Waiting:
    """The unit waits for a cause."""
    return Waiting("no-rate", "It has no rate.", cause)


def facts(unit: str, verdict: Verdict, generation: str = "", *, told: bool = False, description: str = "") -> Facts:
    """What a read found of a unit."""
    entry = Entry(id=unit, record=unit, description=description)
    return Facts(id=unit, generation=generation, entry=entry, verdict=verdict, write_back=told)


def document(key: str, units: Sequence[str], sequence: int = 1, **fields: object) -> Document:
    """A document with one line a unit, an hour each."""
    lines = tuple(_line(key, sequence, unit) for unit in units)
    made = Document(key=key, sequence=sequence, contact="c", currency="GBP", number=f"{key}-{sequence}", lines=lines)
    return msgspec.structs.replace(made, **fields)


def _line(key: str, sequence: int, unit: str) -> Line:
    share = Share(unit=unit, seconds=Decimal(3600), amount=Decimal(100), rate=Decimal(100))
    return Line(id=f"{key}-{sequence}-{unit}", amount=Decimal(100), shares=(share,))


def on(held: Document) -> list[str]:
    """The units on a document's lines."""
    return [share.unit for line in held.lines for share in line.shares]


def recorded(invoice: Invoice | None, held: Document) -> Invoice:
    """The invoice's record with this document in its place."""
    others = [each for each in invoice.documents if each.sequence != held.sequence] if invoice else []
    documents = tuple(sorted([*others, held], key=lambda each: each.sequence))
    return Invoice(key=held.key, contact="c", currency="GBP", documents=documents)


def postings_on(held: Document, units: Sequence[str]) -> dict[str, list[Posting]]:
    """What each of these units has on the document."""
    found = postings_of(held)
    names = dict.fromkeys([*units, *(posting.unit for posting in found)])
    return {unit: [posting for posting in found if posting.unit == unit] for unit in names}


@dataclass
class House:
    """The rooms on one server, under one epoch."""

    redis: Redis
    keys: Keys
    ledger: Ledger
    intents: Intents
    epochs: Epoch
    collect: WorkList
    invoices: WorkList
    write_back: WorkList
    inbox: Inbox
    epoch: str = ""

    @classmethod
    async def opened(cls, redis: Redis, keys: Keys) -> "House":
        """An empty ledger that is complete."""
        collect = WorkList(redis, keys, "collect")
        house = cls(
            redis,
            keys,
            Ledger(redis, keys),
            Intents(redis, keys),
            Epoch(redis, keys),
            collect,
            WorkList(redis, keys, "invoices"),
            WorkList(redis, keys, "write_back"),
            Inbox(redis, keys, collect),
        )
        await house.rebuilt()
        return house

    async def rebuilt(self) -> None:
        """A rebuild that finds nothing new."""
        token = await self.epochs.take(LONG)
        self.epoch = await self.epochs.complete(token)

    async def learn(self, unit: str, verdict: Verdict, settle: Settle | None = None) -> None:
        """One unit was read, and belongs where the verdict says."""
        ticket = await self.ledger.ticket()
        assert await self.ledger.store_facts(self.epoch, ticket, [facts(unit, verdict)], settle or Settle()) == []

    async def place(self, key: str, *units: str) -> None:
        """These units belong on `key`."""
        found, ticket = [facts(unit, placed(unit, key)) for unit in units], await self.ledger.ticket()
        assert await self.ledger.store_facts(self.epoch, ticket, found, Settle()) == []

    async def claim(self, work: WorkList, lease: float = LONG) -> dict[str, Claimed]:
        """Everything that is due, leased."""
        return {item.id: item for item in await work.claim(self.epoch, 1000, lease)}

    async def due(self, work: WorkList) -> set[str]:
        """Ids on the list, due or not."""
        return {row["id"] for row in await work.page(0, 10_000)}

    async def generation(self, work: WorkList, id_: str) -> str:
        """The generation of an item; "" when it is not on the list."""
        return next((row["gen"] for row in await work.page(0, 10_000) if row["id"] == id_), "")

    async def held(self, key: str) -> Held:
        """The record of a key."""
        return (await self.ledger.invoices([key]))[key]

    async def unit(self, id_: str) -> Unit:
        """A unit that is known."""
        unit = await self.ledger.unit(id_)
        assert unit is not None
        return unit

    async def element(self, key: str, units: Sequence[str], departed: Sequence[str] = (), sequence: int = 1) -> Element:
        """An element computed from what the ledger says now."""
        known = await self.ledger.units(units)
        return Element(
            key=key,
            operation="create",
            document=document(key, units, sequence),
            version=(await self.held(key)).version,
            generation=await self.generation(self.invoices, key),
            placed=tuple((unit, str(known[unit].ticket) if unit in known else "1") for unit in units),
            departed=tuple(departed),
        )

    async def begin(
        self,
        *elements: Element,
        least: int = 0,
        setup: int = 0,
        numbers: Mapping[str, str] | None = None,
        series: int = -1,
        epoch: str | None = None,
        asked: bool = False,
    ) -> Intent | list[Refusal]:
        """Take the slots of these elements."""
        intent = Intent(id=str(ULID()), method="PUT", body="{}", elements=elements)
        answer = await self.intents.begin(
            self.epoch if epoch is None else epoch,
            intent,
            least=least,
            setup_version=setup,
            numbers=numbers or {},
            series=series,
            asked=asked,
        )
        return intent if isinstance(answer, int) else answer

    async def begun(self, *elements: Element) -> Intent:
        """As `begin`, where nothing stands in the way."""
        intent = await self.begin(*elements)
        assert isinstance(intent, Intent), intent
        return intent

    async def written(self, element: Element) -> Settled:
        """Xero took the element as it was sent."""
        units = element.units
        return Settled(
            key=element.key,
            generation=element.generation,
            invoice=recorded((await self.held(element.key)).invoice, element.document),
            postings=postings_on(element.document, units),
            free=element.departed,
        )

    async def commit(self, intent: Intent) -> list[str]:
        """Xero took all of it."""
        outcomes = [await self.written(element) for element in intent.elements]
        return await self.intents.settle(self.epoch, intent, outcomes)

    async def bill(self, key: str, *units: str, sequence: int = 1) -> None:
        """These units come onto the open document of `key`, and nothing is due there any more."""
        await self.place(key, *units)
        await self.commit(await self.begun(await self.element(key, units, sequence=sequence)))

    async def merge(self, changed: Document, epoch: str | None = None, **more: str) -> bool:
        """A person left the document like this."""
        held = await self.held(changed.key)
        assert held.invoice is not None
        before = next(each for each in held.invoice.documents if each.sequence == changed.sequence)
        name = document_id(changed.key, changed.sequence)
        postings = postings_on(changed, on(before))
        record = recorded(held.invoice, changed)
        return await self.ledger.merge(self.epoch if epoch is None else epoch, held, record, name, postings, **more)
