"""Two invoices, three units, several workers and a person: nothing is billed twice and nothing is forgotten.

Every step is what some worker does with the store, computed from what it read then or long before. The invariants speak
of the store alone.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from ulid import ULID

from tests.worker.store.ledger_support import (
    LONG,
    House,
    document,
    facts,
    on,
    out,
    placed,
    postings_on,
    recorded,
)
from worker.billing.model import Document, Posting
from worker.billing.postings import postings_of
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.intents import Element, Intent, Settled
from worker.store.keys import Keys
from worker.store.ledger import Facts, Held, Unit
from worker.store.worklist import Claimed, Settle

KEYS, UNITS = ("X", "Y"), ("u", "v", "w")
R = TypeVar("R")


@dataclass(frozen=True)
class Plan:
    """What a worker computed for a key; `element` None: it holds that already."""

    item: Claimed
    element: Element | None


def open_document(held: Held) -> Document | None:
    documents = held.invoice.documents if held.invoice else ()
    return next((each for each in documents if each.status == "open" and not each.fixed), None)


class LedgerMachine(RuleBasedStateMachine):
    """Leases always lapse at once, so everybody may work on everything."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = open_redis(url)
        self.house = self.run(self._opened())
        self.reads: list[tuple[int, Facts]] = []
        self.plans: list[Plan] = []
        self.intents: list[Intent] = []
        self.merges: list[tuple[Held, Document, dict[str, list[Posting]]]] = []

    async def _opened(self) -> House:
        await self.redis.flushall()
        return await House.opened(self.redis, Keys())

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.runner.close()

    # ---- collect ---------------------------------------------------------------------------------------------------

    @rule(unit=st.sampled_from(UNITS), key=st.sampled_from(("X", "Y", "X", "Y", "")))
    def read(self, unit: str, key: str) -> None:
        self.reads.append((self.run(self.house.ledger.ticket()), facts(unit, placed(unit, key) if key else out())))

    @precondition(lambda self: self.reads)
    @rule(data=st.data())
    def store_facts(self, data: st.DataObject) -> None:
        ticket, found = data.draw(st.sampled_from(self.reads[-3:]))
        self.run(self.house.ledger.store_facts(self.house.epoch, ticket, [found], Settle()))

    # ---- invoice ---------------------------------------------------------------------------------------------------

    @rule()
    def plan(self) -> None:
        for item in self.run(self.house.invoices.claim(self.house.epoch, 10, -LONG)):
            held = self.run(self.house.held(item.id))
            if not held.slot:  # else it is to be resolved: committed or dropped, by whoever it is
                self.plans.append(self.run(self._planned(item, held)))

    async def _planned(self, item: Claimed, held: Held) -> Plan:
        units = await self.house.ledger.units(await self.house.ledger.members(item.id))
        now = open_document(held)
        wanted = [id_ for id_ in sorted(units) if self._wanted(units[id_], item.id)]
        before = on(now) if now else []
        if wanted == before:
            return Plan(item, None)
        sequence = now.sequence if now else 1 + len(held.invoice.documents if held.invoice else ())
        element = Element(
            key=item.id,
            operation="update" if now else "create",
            document=document(item.id, wanted, sequence),
            version=held.version,
            generation=item.generation,
            placed=tuple((id_, str(units[id_].ticket)) for id_ in wanted),
            departed=tuple(id_ for id_ in before if id_ not in wanted),
        )
        return Plan(item, element)

    def _wanted(self, unit: Unit, key: str) -> bool:
        elsewhere = any(posting.state != "open" for posting in unit.postings)
        return unit.belongs == key and unit.at in ("", key) and not elsewhere

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def nothing_to_do(self, data: st.DataObject) -> None:
        plan = data.draw(st.sampled_from(self.plans[-4:]))
        if plan.element is None:
            self.run(self.house.invoices.done(self.house.epoch, [plan.item]))

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        some = data.draw(st.lists(st.sampled_from(self.plans[-4:]), min_size=1, max_size=2))
        elements = tuple(plan.element for plan in some if plan.element is not None)
        if elements:
            intent = Intent(id=str(ULID()), method="PUT", body="{}", elements=elements)
            begun = self.run(
                self.house.intents.begin(self.house.epoch, intent, least=0, setup_version=0, numbers={}, series=-1)
            )
            if isinstance(begun, int):
                self.intents.append(intent)

    @precondition(lambda self: self.intents)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        intent = data.draw(st.sampled_from(self.intents[-3:]))
        self.run(self.house.intents.settle(self.house.epoch, intent, self.run(self._outcomes(intent, intent.elements))))

    async def _outcomes(self, intent: Intent, elements: Sequence[Element]) -> list[Settled]:
        return [await self.house.written(element) for element in elements]

    @precondition(lambda self: self.intents)
    @rule(data=st.data())
    def commit_one_and_refuse_the_other(self, data: st.DataObject) -> None:
        intent = data.draw(st.sampled_from(self.intents[-3:]))
        *refused, good = intent.elements
        outcomes = [Settled(key=e.key, generation=e.generation, free=e.units, finished=False) for e in refused]
        written = self.run(self._outcomes(intent, [good]))
        self.run(self.house.intents.settle(self.house.epoch, intent, outcomes + written))

    @precondition(lambda self: self.intents)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        intent = data.draw(st.sampled_from(self.intents[-3:]))
        self.run(self.house.intents.drop(self.house.epoch, intent))

    # ---- a person in Xero ------------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(KEYS), act=st.sampled_from(("approve", "delete", "take a line off")))
    def find(self, key: str, act: str) -> None:
        held = self.run(self.house.held(key))
        if (now := open_document(held)) is None:
            return
        if act == "approve":
            changed = msgspec.structs.replace(now, status="approved", fixed=True)
        elif act == "delete":
            changed = msgspec.structs.replace(now, status="deleted")
        else:
            changed = msgspec.structs.replace(now, lines=now.lines[1:], removed=now.removed + now.lines[:1])
        self.merges.append((held, changed, postings_on(changed, on(now))))

    @precondition(lambda self: self.merges)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        held, changed, postings = data.draw(st.sampled_from(self.merges[-2:]))
        name = f"{changed.key}/{changed.sequence}"
        record = recorded(held.invoice, changed)
        self.run(self.house.ledger.merge(self.house.epoch, held, record, name, postings))

    # ---- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def all_is_well(self) -> None:
        self.run(self._check())

    async def _check(self) -> None:
        house = self.house
        records = await house.ledger.invoices(KEYS)
        units = await house.ledger.units(UNITS)
        unresolved = {id_: await house.intents.get(id_) for id_ in await house.intents.unresolved()}
        due = await house.due(house.invoices)
        holds = self._holders(records, {id_: intent for id_, intent in unresolved.items() if intent})
        self._slots(records, unresolved, due)
        for id_, unit in units.items():
            assert holds.get(id_, set()) == ({unit.at} - {""}), f"{id_} is at {unit.at!r}, held by {holds.get(id_)}"
            moving = unit.at not in ("", unit.belongs) and unit.at in due
            assert unit.postings or unit.at == unit.belongs or unit.belongs in due or moving, f"{id_} is lost"
            for key in KEYS:
                named = key in {unit.belongs, unit.at, *(p.document[0] for p in unit.postings)}
                assert (id_ in await house.ledger.members(key)) == named
        self._books(records, units)

    def _holders(self, records: dict[str, Held], unresolved: dict[str, Intent]) -> dict[str, set[str]]:
        """Which keys' open documents and unresolved intents hold each unit."""
        found: dict[str, set[str]] = {}
        for key, held in records.items():
            now = open_document(held)
            mine = on(now) if now else []
            if held.slot:
                mine += [u for e in unresolved[held.slot].elements if e.key == key for u in e.units]
            for unit in mine:
                found.setdefault(unit, set()).add(key)
        return found

    def _slots(self, records: dict[str, Held], unresolved: dict[str, Intent | None], due: set[str]) -> None:
        slots = {key: held.slot for key, held in records.items() if held.slot}
        assert set(slots.values()) == unresolved.keys()
        assert None not in unresolved.values()
        assert slots.keys() <= due

    def _books(self, records: dict[str, Held], units: dict[str, Unit]) -> None:
        """The postings of the units are what the documents' lines say."""
        documents = [each for held in records.values() if held.invoice for each in held.invoice.documents]
        lines = sorted(str(posting) for each in documents for posting in postings_of(each))
        assert lines == sorted(str(posting) for unit in units.values() for posting in unit.postings)


def test_nothing_is_billed_twice_and_nothing_is_forgotten(valkey: EmbeddedServer) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(valkey.url),
        settings=settings(
            max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
