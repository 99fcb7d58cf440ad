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

KEYS, UNITS, ACTS = ("X", "Y"), ("u", "v", "w"), ("approve", "pay", "delete", "take a line off")
R = TypeVar("R")


@dataclass(frozen=True)
class Plan:
    """What a worker computed for a key; `element` None: it holds that already."""

    item: Claimed
    element: Element | None


def open_document(held: Held) -> Document | None:
    documents = held.invoice.documents if held.invoice else ()
    return next((each for each in documents if each.status == "open" and not each.fixed), None)


def acted(now: Document, act: str) -> Document:
    """What a person made of a document."""
    if act in ("approve", "pay"):
        return msgspec.structs.replace(now, status="approved" if act == "approve" else "paid", fixed=True)
    if act == "delete":
        return msgspec.structs.replace(now, status="deleted")
    return msgspec.structs.replace(now, lines=now.lines[1:], removed=now.removed + now.lines[:1])


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
        self.locked: set[tuple[str, int]] = set()
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
    def an_entry_changes_and_is_read(self, unit: str, key: str) -> None:
        self.run(self.house.learn(unit, placed(unit, key) if key else out()))

    @rule(unit=st.sampled_from(UNITS), key=st.sampled_from(KEYS))
    def an_entry_is_read_by_somebody_slow(self, unit: str, key: str) -> None:
        self.reads.append((self.run(self.house.ledger.ticket()), facts(unit, placed(unit, key))))

    @precondition(lambda self: self.reads)
    @rule()
    def the_slow_read_is_stored(self) -> None:
        ticket, found = self.reads.pop(0)
        self.run(self.house.ledger.store_facts(self.house.epoch, ticket, [found], Settle()))

    # ---- invoice ---------------------------------------------------------------------------------------------------

    @rule()
    def a_worker_does_all_that_is_due(self) -> None:
        for plan in self._plans():
            if plan.element is None:
                self.run(self.house.invoices.done(self.house.epoch, [plan.item]))
            elif (intent := self._begun([plan.element])) is not None:
                self.run(self.house.commit(intent))

    @rule()
    def a_worker_plans(self) -> None:
        self.plans = (self.plans + self._plans())[-4:]

    def _plans(self) -> list[Plan]:
        claimed = self.run(self.house.invoices.claim(self.house.epoch, 10, -LONG))
        records = self.run(self.house.ledger.invoices(item.id for item in claimed))
        # One whose slot is full is to be resolved: committed or dropped, by whoever it is.
        return [self.run(self._planned(item, records[item.id])) for item in claimed if not records[item.id].slot]

    async def _planned(self, item: Claimed, held: Held) -> Plan:
        units = await self.house.ledger.units(await self.house.ledger.members(item.id))
        now = open_document(held)
        wanted = [id_ for id_ in sorted(units) if self._wanted(units[id_], item.id)]
        before = on(now) if now else []
        if wanted == before:
            return Plan(item, None)
        sequence = now.sequence if now else 1 + len(held.invoice.documents if held.invoice else ())
        removed = now.removed if now else ()
        element = Element(
            key=item.id,
            operation="update" if now else "create",
            document=document(item.id, wanted, sequence, removed=removed),
            version=held.version,
            generation=item.generation,
            placed=tuple((id_, str(units[id_].ticket)) for id_ in wanted),
            departed=tuple(id_ for id_ in before if id_ not in wanted),
        )
        return Plan(item, element)

    def _wanted(self, unit: Unit, key: str) -> bool:
        locked = any(posting.state != "open" and posting.document[0] == key for posting in unit.postings)
        return unit.belongs == key and unit.at in ("", key) and not locked

    def _begun(self, elements: Sequence[Element]) -> Intent | None:
        intent = self.run(self.house.begin(*elements))
        return intent if isinstance(intent, Intent) else None

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def the_planner_goes_on(self, data: st.DataObject) -> None:
        plan = data.draw(st.sampled_from(self.plans))
        if plan.element is None:
            self.run(self.house.invoices.done(self.house.epoch, [plan.item]))
        elif (intent := self._begun([plan.element])) is not None:
            self.intents.append(intent)

    @precondition(lambda self: self.plans)
    @rule()
    def the_planner_sends_two_in_one_call(self) -> None:
        elements = [plan.element for plan in self.plans[-2:] if plan.element is not None]
        if elements and (intent := self._begun(elements)) is not None:
            self.intents.append(intent)

    @precondition(lambda self: self.intents)
    @rule(data=st.data())
    def xero_wrote_it(self, data: st.DataObject) -> None:
        """Perhaps for the second time, and long after others resolved it."""
        self.run(self.house.commit(data.draw(st.sampled_from(self.intents[-3:]))))

    @precondition(lambda self: self.intents)
    @rule(data=st.data())
    def xero_wrote_one_and_refused_the_other(self, data: st.DataObject) -> None:
        intent = data.draw(st.sampled_from(self.intents[-3:]))
        *refused, good = intent.elements
        outcomes = [Settled(key=e.key, generation=e.generation, free=e.units, finished=False) for e in refused]
        outcomes.append(self.run(self.house.written(good)))
        self.run(self.house.intents.settle(self.house.epoch, intent, outcomes))

    @precondition(lambda self: self.intents)
    @rule(data=st.data())
    def nothing_was_written(self, data: st.DataObject) -> None:
        self.run(self.house.intents.drop(self.house.epoch, data.draw(st.sampled_from(self.intents[-3:]))))

    # ---- a person in Xero ------------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(KEYS), act=st.sampled_from(ACTS), slow=st.booleans())
    def a_person_acts_and_it_is_found(self, key: str, act: str, slow: bool) -> None:
        held = self.run(self.house.held(key))
        locked = [each for each in held.invoice.documents if each.fixed] if held.invoice else []
        now = locked[-1] if act == "pay" and locked else open_document(held)
        if now is None:
            return
        self.merges.append((held, acted(now, act), postings_on(acted(now, act), on(now))))
        if not slow:
            self._merge()

    @precondition(lambda self: self.merges)
    @rule()
    def the_slow_finding_is_recorded(self) -> None:
        self._merge()

    def _merge(self) -> None:
        held, changed, postings = self.merges.pop()
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
        due = set(await self.redis.zrange(house.keys("work", "invoices"), 0, -1))
        members = {key: await house.ledger.members(key) for key in KEYS}
        holds = self._holders(records, {id_: intent for id_, intent in unresolved.items() if intent})
        self._slots(records, unresolved, due)
        for id_, unit in units.items():
            assert holds.get(id_, set()) == ({unit.at} - {""}), f"{id_} is at {unit.at!r}, held by {holds.get(id_)}"
            moving = unit.at not in ("", unit.belongs) and unit.at in due
            there = not unit.belongs or any(each.document[0] == unit.belongs for each in unit.postings)
            assert there or unit.at == unit.belongs or unit.belongs in due or moving, f"{id_} is lost"
            for key in KEYS:
                named = key in {unit.belongs, unit.at, *(p.document[0] for p in unit.postings)}
                assert (id_ in members[key]) == named
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
        """The postings of the units are what the documents' lines say; what is locked stays locked."""
        documents = [each for held in records.values() if held.invoice for each in held.invoice.documents]
        locked = {(each.key, each.sequence) for each in documents if each.fixed or each.status == "deleted"}
        assert self.locked <= locked, "a document that a person locked is open again"
        self.locked = locked
        lines = sorted(str(posting) for each in documents for posting in postings_of(each))
        assert lines == sorted(str(posting) for unit in units.values() for posting in unit.postings)


def test_nothing_is_billed_twice_and_nothing_is_forgotten(valkey: EmbeddedServer) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(valkey.url),
        settings=settings(
            max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
