"""Random histories: people in Salesforce and Xero, faults, dying workers and wiped stores, in any order."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from tests.worker.jobs.jobs_world import GONE, JOBS, Doom, Json, World

FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop-before", {}), ("drop-after", {}), ("error-500-cached", {}), ("error-500-cached-after", {}),
    ("mid-batch-500", {"body": "1"}), ("503-html", {}), ("garbage", {}), ("status-after", {"status": 502}),
)  # fmt: skip


class History:
    """One history, decided by its seed. `edits`: people also change documents in Xero."""

    def __init__(self, world: World, seed: int, *, edits: bool, wipes: bool) -> None:
        self.world, self.chance, self.told = world, random.Random(seed), list[str]()
        self.logged: list[str] = []
        acts: list[tuple[int, Callable[[], None]]] = [
            (6, self.log), (3, self.edit), (1, self.delete), (1, self.move), (1, self.disapprove), (3, self.fault),
        ]  # fmt: skip
        self.people = [self.price, self.own_line, self.approve, self.remove_line, self.delete_draft] if edits else []
        self.acts = [act for weight, act in acts for _ in range(weight)] + self.people
        self.wipes = wipes

    async def run(self, steps: int) -> None:
        """So many things happen, and workers run now and then, to the end or to their death."""
        for _ in range(steps):
            act = self.chance.choice(self.acts)
            self.told.append(act.__name__)
            act()
            await self.world.tell(*self._heard())
            await self._work()
        self.world.stand.xero_faults.remove()
        await self.world.tell(*self.logged)
        await self.world.work()
        await self.world.run("statuses")
        await self.world.work()

    async def _work(self) -> None:
        how = self.chance.random()
        self.told.append(f"  work {how:.2f}")
        if how < 0.25:
            return
        if how < 0.5:
            await self._die()
        elif how < 0.8:
            for name in ("collect", "invoice", "write_back"):
                await self.world.run(name)
        else:
            await self.world.work()

    async def _die(self) -> None:
        doomed = Doom(self.chance.randint(1, 70)).on(self.world.ctx)
        try:
            for name in ("collect", "invoice", "write_back"):
                await self.world.failures.guard(doomed, name, JOBS[name])
        except asyncio.CancelledError:
            if self.wipes and self.chance.random() < 0.3:
                self.told.append("  wiped")
                await self.world.redis.flushall()

    def _heard(self) -> list[str]:
        return [entry for entry in self.logged if self.chance.random() < 0.8]

    def _entries(self) -> list[str]:
        """One entry that is not deleted, or none."""
        live = [entry for entry in self.logged if not self.world.record(entry)["IsDeleted"]]
        return [self.chance.choice(live)] if live else []

    # ---- Salesforce ------------------------------------------------------------------------------------------------

    def log(self) -> None:
        project = self.chance.choice(sorted(self.world.projects))
        day = self.chance.choice(("2026-11-05", "2026-11-06", "2026-12-01"))
        rate = self.chance.choice((None, None, "80.00", "33.3333"))
        hours = self.chance.choice(("1.00", "0.25", "0.33", "2.50", "7.77"))
        self.logged.append(self.world.log(project, hours, Work_Date__c=day, Rate__c=rate))

    def edit(self) -> None:
        for entry in self._entries():
            self.world.edit(entry, Hours__c=self.chance.choice(("0.10", "3.00", "1.17")))

    def delete(self) -> None:
        for entry in self._entries():
            self.world.delete(entry)

    def move(self) -> None:
        for entry in self._entries():
            self.world.edit(entry, Project__c=self.chance.choice(sorted(self.world.projects.values())))

    def disapprove(self) -> None:
        for entry in self._entries():
            self.world.edit(entry, Status__c=self.chance.choice(("Rejected", "Approved")))

    # ---- Xero ------------------------------------------------------------------------------------------------------

    def fault(self) -> None:
        kind, how = self.chance.choice(FAULTS)
        self.told.append(f"  {kind}")
        self.world.write_fault(kind, times=self.chance.choice((1, 1, 2)), **how)

    def price(self) -> None:
        for draft, lines in self._draft():
            number = self.chance.randrange(len(lines))
            lines[number]["UnitAmount"] = self.chance.choice(("50.00", "75.50"))
            self.world.act("write", id=draft["InvoiceID"], body={"LineItems": lines})

    def own_line(self) -> None:
        for draft, lines in self._draft():
            own = {"Description": "Travel", "Quantity": "1", "UnitAmount": "45.00", "AccountCode": "200"}
            self.world.act("write", id=draft["InvoiceID"], body={"LineItems": [*lines, own]})

    def remove_line(self) -> None:
        for draft, lines in self._draft():
            if len(lines) > 1:
                self.world.act("write", id=draft["InvoiceID"], body={"LineItems": lines[1:]})

    def approve(self) -> None:
        for draft, _ in self._draft():
            self.world.act(self.chance.choice(("approve", "submit")), id=draft["InvoiceID"])

    def delete_draft(self) -> None:
        for draft, _ in self._draft():
            self.world.act("delete", id=draft["InvoiceID"])

    def _draft(self) -> list[tuple[Json, list[Json]]]:
        """One draft with time on it, and its lines as they may be sent back; or none."""
        drafts = [one for one in self.world.documents() if one["Status"] not in GONE and one["Status"] == "DRAFT"]
        drafts = [one for one in drafts if all(line.get("Quantity") for line in one["LineItems"])]
        if not drafts:
            return []
        draft = self.chance.choice(drafts)
        left = ("LineAmount", "TaxAmount")
        return [(draft, [{k: v for k, v in line.items() if k not in left} for line in draft["LineItems"]])]
