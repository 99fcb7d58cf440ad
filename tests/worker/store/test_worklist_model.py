"""The work list against a model of it in a page of Python: whatever several processes say in whatever order."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.worker.store.ledger_support import LONG, House
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.worklist import Claimed, Parked, Settle, release_cause

IDS = st.sampled_from(["a", "b", "c"])
CAUSES = st.sampled_from(["", "account:200", "account:400"])
R = TypeVar("R")


@dataclass
class Item:
    """One item as the model has it. A lease that lapsed is still somebody's until the next claim."""

    version: int
    due_now: bool
    lease: int = 0  # number of the claim; 0: nobody's
    lasts: bool = False
    attempts: int = 0
    error: str = ""

    def moved(self) -> None:
        self.lease, self.lasts = 0, False


@dataclass(frozen=True)
class Claim:
    """What a process was given."""

    item: Claimed
    number: int
    version: int


class WorkListMachine(RuleBasedStateMachine):
    """Time only passes where a lease is given that is over at once, or a delay that ends in an hour."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = open_redis(url)
        self.house = self.run(self._opened())
        self.work = self.house.invoices
        self.versions = self.number = 0
        self.items: dict[str, Item] = {}
        self.parked: dict[str, str] = {}
        self.claims: list[Claim] = []

    async def _opened(self) -> House:
        await self.redis.flushall()
        return await House.opened(self.redis, Keys())

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.runner.close()

    # ---- the model -------------------------------------------------------------------------------------------------

    def _added(self, id_: str, due_now: bool) -> None:
        self.versions += 1
        self.parked.pop(id_, None)
        had = self.items.get(id_)
        if had is None:
            self.items[id_] = Item(self.versions, due_now)
            return
        had.version = self.versions
        had.due_now = due_now or (had.due_now and not had.lasts)

    def _claimable(self) -> set[str]:
        return {id_ for id_, item in self.items.items() if item.due_now and not item.lasts}

    def _mine(self, claim: Claim) -> Item | None:
        item = self.items.get(claim.item.id)
        return item if item and item.lease == claim.number else None

    # ---- what is said ----------------------------------------------------------------------------------------------

    @rule(id_=IDS, later=st.booleans())
    def add(self, id_: str, later: bool) -> None:
        self.run(self.work.add([id_], Settle(LONG, LONG) if later else Settle()))
        self._added(id_, not later)

    @rule(count=st.integers(1, 3), lasts=st.booleans())
    def claim(self, count: int, lasts: bool) -> None:
        self.number += 1
        lease = LONG + self.number if lasts else -LONG - self.number  # every claim's lease ends at another time
        claimed = self.run(self.work.claim(self.house.epoch, count, lease))
        given = {each.id for each in claimed}
        assert given <= self._claimable()
        assert len(given) == len(claimed) == min(count, len(self._claimable()))
        for each in claimed:
            item = self.items[each.id]
            item.lease, item.lasts, item.attempts = self.number, lasts, item.attempts + 1
            assert each.attempts == item.attempts
            self.claims.append(Claim(each, self.number, item.version))

    def _some(self, data: st.DataObject) -> Claim | None:
        return data.draw(st.sampled_from(self.claims)) if self.claims else None

    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        if (claim := self._some(data)) is None:
            return
        self.run(self.work.done(self.house.epoch, [claim.item]))
        item = self.items.get(claim.item.id)
        if item is None:
            return
        if item.version == claim.version:
            del self.items[claim.item.id]
        else:
            item.moved()
            item.attempts, item.error = 0, ""

    @rule(data=st.data(), later=st.booleans())
    def retry(self, data: st.DataObject, later: bool) -> None:
        if (claim := self._some(data)) is None:
            return
        self.run(self.work.retry(self.house.epoch, claim.item, LONG if later else 0, "no"))
        if (item := self._mine(claim)) is None:
            return
        if item.version == claim.version:
            item.error, item.due_now = "no", not later
        item.moved()

    @rule(data=st.data(), cause=CAUSES)
    def wait(self, data: st.DataObject, cause: str) -> None:
        if (claim := self._some(data)) is None:
            return
        self.run(self.work.wait(self.house.epoch, claim.item, Parked(claim.item.id, "no-rate", "text", cause, "")))
        if (item := self._mine(claim)) is None:
            return
        if item.version == claim.version:
            del self.items[claim.item.id]
            self.parked[claim.item.id] = cause
        else:
            item.moved()

    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        if (claim := self._some(data)) is None:
            return
        self.run(self.work.hand_back([claim.item]))
        if (item := self._mine(claim)) is not None:
            item.moved()
            item.attempts -= 1

    @rule(cause=st.sampled_from(["account:200", "account:400"]))
    def release(self, cause: str) -> None:
        waiting = [id_ for id_, why in self.parked.items() if why == cause]
        assert self.run(release_cause(self.redis, self.house.keys, cause)) == len(waiting)
        for id_ in waiting:
            self._added(id_, True)

    @rule()
    def hasten(self) -> None:
        self.run(self.work.hasten())
        for item in self.items.values():
            item.due_now = True

    # ---- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def the_list_is_the_model(self) -> None:
        rows = {row["id"]: row for row in self.run(self.work.page())}
        assert rows.keys() == self.items.keys()
        now = int(self.run(self.redis.time())[0]) * 1000
        for id_, item in self.items.items():
            row = rows[id_]
            assert int(row["attempts"] or 0) == item.attempts
            assert row["error"] == item.error
            assert (int(row["due"]) < now + 2000) == item.due_now
            assert bool(row["lease"]) == bool(item.lease)
            assert int(row["score"]) == max(int(row["due"]), int(row["lease"] or 0)) or not item.lasts
        assert {each.id: each.cause for each in self.run(self.work.parked())} == self.parked
        assert self.run(self.work.counts()).leased == sum(item.lasts for item in self.items.values())

    @invariant()
    def generations_never_come_twice(self) -> None:
        given = {(claim.item.id, claim.version): claim.item.generation for claim in self.claims}
        assert len(set(given.values())) == len(given)


def test_the_work_list_does_what_its_model_does(valkey: EmbeddedServer) -> None:
    run_state_machine_as_test(
        lambda: WorkListMachine(valkey.url),
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
