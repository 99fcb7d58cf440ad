"""What may happen next in a state: a worker's step, Xero's, an edit, a person, a fault, or time."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.model import office, steps, twin_ledger, xero
from tests.model import twin_worklist as work
from tests.model.office import thing
from tests.model.world import LEASE, OLD, REQUEST, Packet, Worker, World

PAUSE, EXPIRED = (
    2 * REQUEST + 10_000,
    -OLD,
)  # milliseconds: nothing is on the wire any more; Xero has forgotten all keys


class Action(NamedTuple):
    """`free`: it costs no fault and needs nobody's will: it goes on happening until everything is at rest."""

    label: str
    change: Callable[[World], None]
    free: bool = True


def actions(world: World) -> Iterator[Action]:
    """Everything that may happen next."""
    yield from _workers(world)
    for packet in sorted(set(world.wire)):
        yield Action(f"Xero receives {_words(packet)} that nobody waits for any more", _receiver(packet))
    if all(worker.phase == "idle" for worker in world.workers):
        if world.listed() and min(world.listed().values()) > 0:
            yield Action("time passes until the leases have lapsed", _passing(PAUSE))
        elif not world.listed() and (changed := list(unread(world))):
            yield Action("the statuses job finds what changed in Xero", _finder(changed))
    yield from _wills(world)
    if world.faults < world.story.budget:
        yield from _faults(world)


def _workers(world: World) -> Iterator[Action]:
    offered = False
    for place, worker in enumerate(world.workers):
        if worker.phase == "idle":
            due = [] if offered else sorted(key for key, moment in world.listed().items() if moment <= 0)
            offered = True
            for key in due:
                yield Action(f"worker {place + 1} claims {key[0]}", _claimer(place, key))
        elif worker.phase == "sent":
            yield Action(f"Xero answers worker {place + 1}'s {_sent(worker)}", _answerer(place))
        else:
            yield Action(f"worker {place + 1}: {worker.phase} {_of(worker)}", _stepper(place, worker.phase))


def _claimer(place: int, key: str) -> Callable[[World], None]:
    return lambda world: steps.claim(world, place, key)


def _stepper(place: int, phase: str) -> Callable[[World], None]:
    return lambda world: steps.STEPS[phase](world, place)


def _answerer(place: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        worker = world.workers[place]
        assert worker.packet is not None
        found = steps.arrives(world, worker.packet)
        steps.put(world, place, worker._replace(phase="answered", packet=None, found=found))

    return change


def _receiver(packet: Packet) -> Callable[[World], None]:
    def change(world: World) -> None:
        rest = list(world.wire)
        rest.remove(packet)
        world.wire, world.late = tuple(rest), True
        steps.arrives(world, packet)

    return change


def _passing(milliseconds: int) -> Callable[[World], None]:
    return lambda world: world.passes(milliseconds)


def unread(world: World) -> Iterator[str]:
    """Keys whose document in Xero is not as the ledger saw it last; one that the ledger does not know as "?"."""
    for key, sequence, _, name in world.documents():
        known = next((d for d in office.documents_in(world.record(key)) if d.sequence == sequence), None)
        if known is None:
            yield "?"
        elif known.updated != thing(name).updated:
            yield key


def _finder(changed: list[str]) -> Callable[[World], None]:
    """Open documents are for the invoice job; of locked ones the status is recorded at once (`jobs/statuses.py`)."""

    def change(world: World) -> None:
        for key, sequence, _, name in list(world.documents()):
            known = next((d for d in office.documents_in(world.record(key)) if d.sequence == sequence), None)
            if known is None:
                world.wrong = "the ledger does not know a document of ours"
            elif known.updated != thing(name).updated and known.status == "open":
                world.store.put("verify", key, world.store.drawn("generation"))
                work.add(world.store, steps.STAGE, [key])
            elif known.updated != thing(name).updated:
                record, _, rows = office.merged(world.record(key), office.name_of(known), name)
                twin_ledger.merge(world.store, key, world.version(key), record, rows, None)

    return change


# ---- people and entries --------------------------------------------------------------------------------------------


def _wills(world: World) -> Iterator[Action]:
    story = world.story
    if world.edits < len(story.edits):
        unit, key, hours = story.edits[world.edits]
        text = f"entry {unit} is now {hours} h on {key[0]}" if key else f"entry {unit} is not to be billed any more"
        yield Action(text, lambda world: edit(world, unit, key, hours), free=False)
    if world.acts < len(story.people):
        act = story.people[world.acts]
        for _, _, id_, name in world.documents():
            if thing(name).status == "DRAFT":
                yield Action(f"a person {_ACTS[act]} {thing(name).number}", _actor(act, id_), free=False)


_ACTS = {"approve": "approves", "edit": "adds a line to"}


def edit(world: World, unit: str, key: str, hours: int) -> None:
    """An entry changes, and is read."""
    world.edits += 1
    world.truth[unit] = (key, hours)
    ticket = world.store.drawn("generation")
    twin_ledger.store_facts(world.store, ticket, unit, "", office.verdict(unit, key, hours), key)


def _actor(act: str, id_: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.acts += 1
        world.blurred = world.blurred or (world.late and _shows_older(world, id_))
        world.books[id_] = (xero.approved if act == "approve" else xero.added_to)(world.books[id_])

    return change


def _shows_older(world: World, id_: str) -> bool:
    """Whether a draft shows other hours than the ledger has on it."""
    hours = dict(xero.hours_on(world.books[id_]))
    mine = [d for key in world.invoices() for d in office.documents_in(world.record(key)) if d.xero_id == id_]
    shares = [share for d in mine for line in d.lines for share in line.shares]
    return hours != {share.unit: int(share.seconds / 3600) for share in shares}


# ---- faults --------------------------------------------------------------------------------------------------------


def _faults(world: World) -> Iterator[Action]:
    kinds = world.story.faults
    if "lapse" in kinds and any(lease > 0 for lease in world.store.fields("work:invoices:lease").values()):
        yield _fault("a worker is slow: its lease lapses", _passing(LEASE))
    if "expire" in kinds and (world.kept or any(name.startswith("intent:") for name in world.store.data)):
        yield _fault("everything stands still until Xero has forgotten the keys", _passing(EXPIRED))
    for place, worker in enumerate(world.workers):
        if worker.phase == "idle":
            continue
        if "crash" in kinds:
            yield _fault(f"worker {place + 1} is killed before: {worker.phase}", _killer(place))
        if worker.packet is not None:
            text = f"worker {place + 1}'s {_sent(worker)}"
            if "lost answer" in kinds:
                yield _fault(f"Xero takes {text}, the answer is lost", _loser(place, arrives=True))
            if "lost" in kinds:
                yield _fault(f"{text} is lost on its way", _loser(place, arrives=False))
            if "late" in kinds:
                yield _fault(f"{text} is late: the worker stops waiting", _laggard(place))


def _fault(label: str, change: Callable[[World], None]) -> Action:
    def counted(world: World) -> None:
        world.faults += 1
        change(world)

    return Action(label, counted, free=False)


def _killer(place: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        packet = world.workers[place].packet
        world.wire += (packet,) if packet else ()
        steps.put(world, place, Worker())

    return change


def _loser(place: int, *, arrives: bool) -> Callable[[World], None]:
    def change(world: World) -> None:
        worker = world.workers[place]
        if arrives and worker.packet is not None:
            steps.arrives(world, worker.packet)
        steps.put(world, place, worker._replace(phase="unknown", packet=None))

    return change


def _laggard(place: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        worker = world.workers[place]
        world.wire += (worker.packet,) if worker.packet else ()
        steps.put(world, place, worker._replace(phase="unknown", packet=None))

    return change


# ---- words ---------------------------------------------------------------------------------------------------------


def _words(packet: Packet) -> str:
    element = thing(packet.element)
    hours = ", ".join(
        f"{share.unit} {share.seconds / 3600:f} h" for line in element.document.lines for share in line.shares
    )
    theirs = ", and a person's line" if any(line.foreign for line in element.document.lines) else ""
    return f"the {element.operation} of {element.document.number} ({hours or 'no time'}{theirs})"


def _sent(worker: Worker) -> str:
    return _words(worker.packet) if worker.packet else ""


def _of(worker: Worker) -> str:
    return worker.item[0][0] if worker.item else ""
