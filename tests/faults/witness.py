"""Remembers what people did to lines in Xero, and tells which of it was undone by us."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.serve import Running
from sandbox.xero.records import Note
from tests.faults.deployment import SCALE
from tests.worker.jobs.jobs_world import GONE, Json

PERSON = "Pat Example"
GAP = timedelta(seconds=10 / SCALE + 2)  # between our read of a draft and our write: documented, and a busy machine
LATE = ("late packet", "frozen", "answer too late", "dripping")  # faults after which an old write of ours may arrive

Line = tuple[str, str]  # document, line


@dataclass
class Witness:
    """What the lines of people should be. `seen` looks before and after each act of a person."""

    stand: Running
    theirs: dict[Line, tuple[str, datetime]] = field(default_factory=dict)  # the unit price they gave it, and when
    before: dict[Line, str] = field(default_factory=dict)

    def look(self) -> None:
        """A person is about to act."""
        self.before = self._prices()

    def note(self) -> None:
        """The person has acted: what changed meanwhile is theirs."""
        now, after = self.stand.clock.now(), self._prices()
        for line in self.before.keys() - after.keys():
            self.theirs.pop(line, None)
        for line, price in after.items():
            if self.before.get(line) != price:
                self.theirs[line] = (price, now)

    def undone(self) -> list[str]:
        """What people did and is not there any more, though it was there for us to see."""
        now = self._prices()
        return [
            f"a person's line {line[1]} of {line[0]} at {price}, given at {at}, is {now.get(line, 'gone')}"
            for line, (price, at) in self.theirs.items()
            if line[0] in self._live() and now.get(line) != price and not self._in_the_gap(line[0], at)
        ]

    def _in_the_gap(self, document: str, at: datetime) -> bool:
        notes: Sequence[Note] = self.stand.xero.books.shelves.notes.get(document, [])
        ours = [note.at for note in notes if note.user != PERSON and note.changes == "Edited" and note.at >= at]
        return bool(ours) and min(ours) - at <= GAP

    def _live(self) -> set[str]:
        return {one["InvoiceID"] for one in self._documents() if one["Status"] not in GONE}

    def _prices(self) -> dict[Line, str]:
        found = [(one["InvoiceID"], line) for one in self._documents() for line in one["LineItems"]]
        return {(id_, line["LineItemID"]): str(line.get("UnitAmount")) for id_, line in found}

    def _documents(self) -> list[Json]:
        documents: list[Json] = self.stand.xero.snapshot()["invoices"]
        return documents
