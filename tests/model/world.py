"""One state of everything: the store, Xero's books, what is on the wire, two workers, and what may still go wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from tests.model import office, xero
from tests.model.rules import REAL, Rules
from tests.model.twin_store import Drawn, Memory

LEASE = 20_000  # milliseconds, as in worker/limits.py
SETTLED_AFTER = 90_000  # no create is on the wire any more: what the product rests "not found" on
REQUEST = 45_000  # after this a request's socket is closed
OLD = -500_000  # what is longer ago is as good as this
DRAWN = re.compile(r"§(\d+)")
UNSEEN = (  # what decides nothing here: lists for people, and the stage after this one
    "work:write_back", "work:write_back:gen", "work:write_back:due", "work:write_back:first", "units", "invoices",
    "intents", "intents:counter", "work:invoices:error", "work:invoices:first",
)  # fmt: skip
TIMES = ("work:invoices", "work:invoices:due", "work:invoices:lease", "work:invoices:parked")

Item = tuple[str, Drawn, int, int]  # key, generation, attempts, lease


class Packet(NamedTuple):
    """Bytes on their way to Xero. `saw`: how many edits of a person the last read before they left could show."""

    intent: str
    element: str
    saw: int


class Worker(NamedTuple):
    """Where a worker stands: its next step, and what it remembers of the steps before."""

    phase: str = "idle"
    item: Item | None = None
    plan: str = ""  # name of what the invoice should hold
    record: str = ""
    version: Drawn | int = 0
    tickets: tuple[tuple[str, Drawn], ...] = ()
    mark: Drawn | None = None  # of the flag that it saw
    saw: int = 0
    intent: str = ""
    element: str = ""
    generation: Drawn | int = 0
    packet: Packet | None = None
    found: str = ""  # what Xero answered or showed
    fresh: bool = True  # too little time has passed since it read or began to matter


@dataclass(frozen=True)
class Story:
    """What may happen: units as they are at first, the edits of entries in order, and how much may go wrong."""

    name: str
    start: tuple[tuple[str, str, int], ...] = ()  # unit, key, hours: billed and at rest
    edits: tuple[tuple[str, str, int], ...] = ()
    people: tuple[str, ...] = ()  # what people may do in Xero, in this order: "approve", "edit"
    faults: tuple[str, ...] = ("crash", "lapse", "expire", "lost answer", "lost", "late")
    budget: int = 1
    numbering: str = (
        "series"  # or "xero": a create has no number, and nothing but its key keeps it from being made twice
    )


@dataclass
class World:
    """A state; actions change a copy of it."""

    story: Story
    rules: Rules = REAL
    store: Memory = field(default_factory=Memory)
    books: xero.Books = field(default_factory=dict)
    kept: xero.Kept = field(default_factory=dict)
    wire: tuple[Packet, ...] = ()
    workers: tuple[Worker, ...] = (Worker(), Worker())
    truth: dict[str, tuple[str, int]] = field(default_factory=dict)  # unit -> key, hours; key "": not to be billed
    edits: int = 0
    acts: int = 0
    faults: int = 0
    begun: int = 0  # how many intents, for their names
    late: bool = False  # something arrived in Xero when nobody expected it any more
    blurred: bool = False  # a person acted on a draft that showed older content of ours, arrived late
    wrong: str = ""  # what went wrong in the step that led here

    def copy(self) -> "World":
        """A state to change."""
        twin = object.__new__(World)
        twin.__dict__.update(self.__dict__)
        twin.store, twin.books, twin.kept = self.store.copy(), dict(self.books), dict(self.kept)
        twin.truth = dict(self.truth)
        return twin

    def fingerprint(self) -> bytes:
        """The same for states that differ only in names: of workers, of numbers drawn."""
        text = repr((
            [(key, sorted(fields.items())) for key, fields in sorted(self.store.data.items()) if key != "generation"],
            sorted(self.books.items()), sorted(self.kept.items()), sorted(self.wire),
            sorted(map(repr, self.workers)), sorted(self.truth.items()),
            self.edits, self.acts, self.faults, self.late, self.blurred,
        ))  # fmt: skip
        parts = DRAWN.split(text)  # every other one is a number
        ranks = {number: str(rank) for rank, number in enumerate(sorted(set(parts[1::2]), key=int))}
        parts[1::2] = [ranks[number] for number in parts[1::2]]
        return blake2b("§".join(parts).encode(), digest_size=16).digest()

    # ---- the store, as steps read it -------------------------------------------------------------------------------

    def record(self, key: str) -> str:
        """The name of the ledger's record; "" for none."""
        return self.store.get(f"invoice:{key}", "record") or ""

    def version(self, key: str) -> Drawn | int:
        """The version of the ledger's record."""
        return self.store.get(f"invoice:{key}", "version") or 0

    def slot(self, key: str) -> str:
        """The unresolved intent."""
        return self.store.get(f"invoice:{key}", "slot") or ""

    def known(self, key: str) -> tuple[office.Known, ...]:
        """The units of an invoice, as planning sees them."""
        return tuple(self._known(unit) for unit in sorted(self.store.fields(f"members:{key}")))

    def _known(self, unit: str) -> office.Known:
        row = self.store.fields(f"unit:{unit}")
        posted = sorted(value for name, value in row.items() if name.startswith("on:"))
        return (
            unit,
            row["verdict"],
            row.get("at", "") if self.rules.at else "",
            tuple(postings for _, _, postings in posted),
        )

    def listed(self) -> dict[str, int]:
        """The invoices' work list: key -> when it may be claimed."""
        return self.store.fields("work:invoices")

    def invoices(self) -> list[str]:
        """Every invoice key that was heard of."""
        known = [name.partition(":")[2] for name in self.store.data if name.startswith(("invoice:", "members:"))]
        return sorted(set(known) | {key for key, _ in self.truth.values() if key})

    def documents(self) -> Iterator[tuple[str, int, str, str]]:
        """Every document in Xero: key, sequence, InvoiceID, name."""
        for id_, name in sorted(self.books.items()):
            key, _, sequence = office.thing(name).url.rpartition("/i/")[2].partition("/")
            yield key, int(sequence), id_, name

    # ---- time ------------------------------------------------------------------------------------------------------

    def passes(self, milliseconds: int) -> None:
        """Time passes. The clock stands still; everything is longer ago instead, so that states come again."""
        for name in TIMES:
            for key, moment in self.store.fields(name).items():
                self.store.put(name, key, _before(moment, milliseconds))
        for name in [name for name in self.store.data if name.startswith("intent:")]:
            self.store.put(name, "first_sent", _before(self.store.get(name, "first_sent"), milliseconds))
        kept = {key: (answer, _before(since, milliseconds)) for key, (answer, since) in self.kept.items()}
        self.kept = {key: (answer, since) for key, (answer, since) in kept.items() if -since < xero.KEPT}
        self.workers = tuple(_later(worker, milliseconds) for worker in self.workers)
        if milliseconds >= SETTLED_AFTER:
            self.wire = tuple(packet for packet in self.wire if not office.creates(packet.element))
        if milliseconds >= REQUEST:
            gave_up = [worker.packet for worker in self.workers if worker.phase == "sent" and worker.packet]
            self.wire += tuple(p for p in gave_up if milliseconds < SETTLED_AFTER or not office.creates(p.element))
            self.late = self.late or bool(gave_up)
            self.workers = tuple(w._replace(phase="unknown", packet=None) if w.packet else w for w in self.workers)

    def forget_what_decides_nothing(self) -> None:
        """Drop from the store what no later step looks at."""
        for name in UNSEEN:
            self.store.delete(name)


def _before(moment: int, milliseconds: int) -> int:
    return max(moment - milliseconds, OLD)


def _later(worker: Worker, milliseconds: int) -> Worker:
    if worker.item is None:
        return worker
    key, generation, attempts, lease = worker.item
    return worker._replace(item=(key, generation, attempts, _before(lease, milliseconds)), fresh=False)
