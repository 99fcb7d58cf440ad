"""What happens in Salesforce during a soak: people log, edit and delete time, and the event stream fails."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

from console.demo.standins import StandIns

Json = dict[str, Any]
DAYS = [f"2026-11-{day:02d}" for day in range(2, 25)]
STREAM_FAULTS = (
    "break", "break", "duplicate-last", "gap", "overflow", "undecodable", "silence", "reset", "sessions", "unavailable",
)  # fmt: skip
LIVE = 400  # entries at most at one time, so that memory has no reason to grow
QUIET = 0.02  # the share of changes of which no event tells at all


@dataclass
class People:
    """Log, edit and delete entries, a few at a time. `hours`: what each entry is worth now (0: it is gone)."""

    stand_ins: StandIns
    chance: random.Random
    project: str
    hours: dict[str, int] = field(default_factory=dict)  # quarters of an hour
    changes: int = 0
    quiet: int = 0
    heard: list[str] = field(default_factory=list)  # logged in the last moment, and told by an event

    async def act(self, count: int) -> None:
        """That many changes, in one transaction of each kind."""
        logged = [self._entry() for _ in range(max(1, count // 2))]
        quiet = self.chance.random() < QUIET
        made = await self.org("records", action="insert", sobject="TimeEntry__c", records=logged, quiet=quiet)
        self.hours |= {id_: round(float(row["Hours__c"]) * 4) for id_, row in zip(made["ids"], logged, strict=True)}
        self.heard = [] if quiet else list(made["ids"])
        live = [id_ for id_, quarters in self.hours.items() if quarters]
        await self._edit(self.chance.sample(live, min(len(live), count // 3)))
        gone = len(live) - LIVE if len(live) > LIVE else count // 8
        await self._delete(self.chance.sample(live, min(len(live), gone)))
        self.changes += len(logged)
        self.quiet += len(logged) if quiet else 0

    def _entry(self) -> Json:
        return {
            "Project__c": self.project, "Hours__c": str(self.chance.randint(1, 32) / 4), "Rate__c": "100.00",
            "Work_Date__c": self.chance.choice(DAYS), "Billable__c": True, "Status__c": "Approved",
            "CurrencyIsoCode": "GBP",
        }  # fmt: skip

    async def _edit(self, ids: list[str]) -> None:
        if not ids:
            return
        worth = {id_: self.chance.randint(1, 32) for id_ in ids}
        rows = [{"Id": id_, "Hours__c": str(quarters / 4)} for id_, quarters in worth.items()]
        await self.org("records", action="update", sobject="TimeEntry__c", records=rows)
        self.hours |= worth
        self.changes += len(ids)

    async def _delete(self, ids: list[str]) -> None:
        if not ids:
            return
        await self.org("records", action="delete", sobject="TimeEntry__c", ids=ids)
        self.hours |= dict.fromkeys(ids, 0)
        self.changes += len(ids)

    async def org(self, resource: str, /, **body: Any) -> Json:
        """What the control port of the Salesforce stand-in does."""
        return await control(self.stand_ins, f"salesforce/{resource}", body)


@dataclass
class Weather:
    """Makes the stream fail. `faults` counts what struck."""

    people: People
    chance: random.Random
    faults: dict[str, int] = field(default_factory=dict)

    async def strike(self) -> None:
        """One fault, whichever; a silent stream speaks again at the next."""
        kind = self.chance.choice(STREAM_FAULTS)
        self.faults[kind] = self.faults.get(kind, 0) + 1
        await self.people.org("stream", action="speak")
        if kind == "sessions":
            await self.people.org("sessions")
        elif kind == "unavailable":
            await self.people.org("faults", kind="status", status=503, path=".*/query.*", times=3)
        else:
            known = list(self.people.hours)[-3:]
            await self.people.org("stream", action=kind, ids=known)

    async def calm(self) -> None:
        """Nothing fails any more."""
        await self.people.org("stream", action="speak")
        address = f"{self.people.stand_ins.environment['SANDBOX_CONTROL_URL']}/salesforce/faults"
        async with self.people.stand_ins.http.delete(address) as answer:
            answer.raise_for_status()


async def control(stand_ins: StandIns, path: str, body: Json) -> Json:
    """Ask the stand-ins' control port. Raises `RuntimeError` with what it says against it."""
    address = f"{stand_ins.environment['SANDBOX_CONTROL_URL']}/{path}"
    async with stand_ins.http.post(address, json=body) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise RuntimeError(f"{path} {body}: {text}")
        found: Json = json.loads(text)
        return found
