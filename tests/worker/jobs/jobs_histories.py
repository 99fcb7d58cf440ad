"""Random histories: people in Salesforce and Xero, faults, dying workers and wiped stores, in any order."""

import asyncio
import inspect
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from console.deciding import suspended
from tests.worker.jobs.jobs_world import GONE, JOBS, SETUP, Doom, Json, World, unit
from worker.applying import apply_setup
from worker.billing.model import Decision, DecisionKind
from worker.jobs.upkeep import accepted

FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop-before", {}), ("drop-after", {}), ("error-500-cached", {}), ("error-500-cached-after", {}),
    ("mid-batch-500", {"body": "1"}), ("503-html", {}), ("garbage", {}), ("status-after", {"status": 502}),
)  # fmt: skip


SETUPS = (
    "",
    'line_per = ["entry"]',
    'decrease = "line"',
    'correct = "auto"\ncorrect_after = "0s"',
    'description = "{project}, {period}"',
    'round_minutes = 15\nround_mode = "up"',
    'round_minutes = 15\nround_per = "line"',
    'minimum_invoice = "60"',
    'show_non_billable = "line"',
    '[[billing.surcharge]]\nname = "Expenses"\npercent = "5%"',
)


ACCOUNT = 'revenue_account = "200"'


class History:
    """One history, decided by its seed. `edits`: people also change documents in Xero. `decides`: they also approve,
    pay, void and credit them, decide what waits for them, and change the setup."""

    def __init__(self, world: World, seed: int, *, edits: bool, wipes: bool, decides: bool = False) -> None:
        self.world, self.chance, self.told = world, random.Random(seed), list[str]()
        self.logged: list[str] = []
        acts: list[tuple[int, Callable[[], object]]] = [
            (6, self.log), (3, self.edit), (1, self.delete), (1, self.move), (1, self.disapprove), (3, self.fault),
        ]  # fmt: skip
        self.people = [self.price, self.own_line, self.approve, self.remove_line, self.delete_draft] if edits else []
        later: list[tuple[int, Callable[[], object]]] = [
            (3, self.lock), (1, self.pay), (1, self.void), (3, self.correct), (2, self.decide), (1, self.set_up),
            (1, self.look),
        ]  # fmt: skip
        self.decisions = [act for weight, act in later for _ in range(weight)] if decides else []
        self.acts = [act for weight, act in acts for _ in range(weight)] + self.people + self.decisions
        self.wipes = wipes

    async def run(self, steps: int) -> None:
        """So many things happen, and workers run now and then, to the end or to their death."""
        for _ in range(steps):
            act = self.chance.choice(self.acts)
            self.told.append(act.__name__)
            done = act()
            if inspect.isawaitable(done):
                await done
            await self.world.tell(*self._heard())
            await self._work()
        self.world.stand.xero_faults.remove()
        await self.world.tell(*self.logged)
        await self.world.work()
        await self.world.run("statuses")
        await self.world.work()
        await self.world.run("upkeep")
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
            left = lines[1:]
            if left and sum(Decimal(one["Quantity"]) * Decimal(one["UnitAmount"]) for one in left) >= 0:
                self.world.act("write", id=draft["InvoiceID"], body={"LineItems": left})

    def approve(self) -> None:
        for draft, _ in self._draft():
            self.world.act(self.chance.choice(("approve", "submit")), id=draft["InvoiceID"])

    def delete_draft(self) -> None:
        for draft, _ in self._draft():
            self.world.act("delete", id=draft["InvoiceID"])

    # ---- what is locked, and decisions ------------------------------------------------------------------------------

    def _papers(self, status: str) -> list[tuple[str, str]]:
        """One invoice or credit note in this status, by id and kind; or none."""
        found = [(str(one["InvoiceID"]), "invoice") for one in self.world.documents() if one["Status"] == status]
        notes = self.world.credit_notes()
        found += [(str(one["CreditNoteID"]), "credit_note") for one in notes if one["Status"] == status]
        return [self.chance.choice(found)] if found else []

    def lock(self) -> None:
        """A person approves or submits what is a draft."""
        for id_, kind in self._papers("DRAFT"):
            if self.chance.random() < 0.8 or kind == "credit_note":
                self.world.act("approve", id=id_, kind=kind)
            else:
                self.world.act("submit", id=id_)
        for id_, kind in self._papers("SUBMITTED"):
            self.world.act(self.chance.choice(("approve", "draft")), id=id_, kind=kind)

    def pay(self) -> None:
        for id_, kind in self._papers("AUTHORISED"):
            if kind == "invoice":
                due = Decimal(str(next(o for o in self.world.documents() if o["InvoiceID"] == id_)["AmountDue"]))
                part = self.chance.choice((due, (due / 2).quantize(Decimal("0.01"))))
                if part > 0:
                    self.world.act("pay", id=id_, amount=str(part))

    def void(self) -> None:
        for id_, kind in self._papers("AUTHORISED"):
            one = next((o for o in self.world.documents() if o["InvoiceID"] == id_), None)
            if kind == "credit_note" or (one is not None and not Decimal(str(one.get("AmountPaid") or 0))):
                self.world.act("void", id=id_, kind=kind)

    async def correct(self) -> None:
        """A person accepts or ignores one proposed correction."""
        if not await self.world.ctx.store.epoch.current():
            return
        notes = (await self.world.ctx.store.ledger.notes()).values()
        found = sorted((c for note in notes for c in note.corrections), key=lambda c: (c.unit, c.document))
        if found:
            one, ignored = self.chance.choice(found), self.chance.random() < 0.2
            await self.world.ctx.store.decisions.add([accepted(one, by="Pat", ignored=ignored)])

    async def decide(self) -> None:
        """A person says what is to become of time that somebody took off a document."""
        if not await self.world.ctx.store.epoch.current():
            return
        units = await self.world.ctx.store.ledger.units(unit(entry) for entry in self.logged)
        found = sorted((id_, *pair) for id_, known in units.items() for pair in suspended(known.postings).items())
        if found:
            id_, document, seconds = self.chance.choice(found)
            kind: DecisionKind = self.chance.choice(("bill", "bill", "dont-bill", "elsewhere"))
            made = Decision(unit=id_, kind=kind, document=document, seconds=seconds, by="Pat")
            await self.world.ctx.store.decisions.add([made])

    async def set_up(self) -> None:
        """A person changes how it is grouped, or how corrections are billed."""
        more = self.chance.choice(SETUPS)
        text = f"{SETUP}\n{more}\n" if more.startswith("[") else SETUP.replace(ACCOUNT, f"{ACCOUNT}\n{more}")
        await apply_setup(self.world.ctx.store, text, by="Pat")

    async def look(self) -> None:
        for name in ("statuses", "upkeep"):
            await self.world.run(name)

    def _draft(self) -> list[tuple[Json, list[Json]]]:
        """One draft with time on it, and its lines as they may be sent back; or none."""
        drafts = [one for one in self.world.documents() if one["Status"] not in GONE and one["Status"] == "DRAFT"]
        drafts = [one for one in drafts if all(line.get("Quantity") for line in one["LineItems"])]
        if not drafts:
            return []
        draft = self.chance.choice(drafts)
        left = ("LineAmount", "TaxAmount")
        return [(draft, [{k: v for k, v in line.items() if k not in left} for line in draft["LineItems"]])]
