"""What must hold: in every state, and when everything is at rest."""

from collections import Counter

from tests.model import actions, office, xero
from tests.model.office import thing
from tests.model.world import World
from worker.billing.canonical import canonical
from worker.billing.model import Document

LIVE = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID")


def at_rest(world: World) -> bool:
    """Whether nothing goes on by itself: what is still on the wire may never arrive."""
    quiet = all(worker.phase == "idle" for worker in world.workers) and not world.listed()
    return quiet and not list(actions.unread(world))


def wrong(world: World) -> str:
    """What is wrong in this state; "" when all is well."""
    if world.wrong:
        return world.wrong
    if not world.late and (twice := _twice(world)):
        return f"{twice} is on two live documents"
    return _wrong_at_rest(world) if at_rest(world) else ""


def _twice(world: World) -> str:
    live = [name for _, _, _, name in world.documents() if thing(name).status in LIVE]
    on = Counter(unit for name in live for unit, _ in xero.hours_on(name))
    return next((unit for unit, times in sorted(on.items()) if times > 1), "")


def _wrong_at_rest(world: World) -> str:
    if twice := _twice(world):
        return f"{twice} stays on two live documents"
    if slots := [key for key in world.invoices() if world.slot(key)]:
        return f"the slot of {slots[0][0]} stays full and nobody looks"
    return _books_differ(world) or _entries_differ(world) or _parked_in_vain(world)


def _books_differ(world: World) -> str:
    there = {(key, sequence): thing(name) for key, sequence, _, name in world.documents()}
    for key in world.invoices():
        for document in office.documents_in(world.record(key)):
            found = there.pop((key, document.sequence), None)
            if found is None or canonical(document) != canonical(found):
                return f"Xero's document of {key[0]} is not the ledger's"
            if (document.status == "open") != (found.status == "DRAFT"):
                return f"Xero's document of {key[0]} is {found.status}, the ledger says {document.status}"
    return "the ledger does not know a document of ours" if there else ""


def _entries_differ(world: World) -> str:
    documents = [d for key in world.invoices() for d in office.documents_in(world.record(key))]
    for unit, (key, hours) in sorted(world.truth.items()):
        if world.blurred:  # what they saw and acted on stands, with a note, as a write-on or write-off
            continue
        on = [(d, line) for d in documents for line in d.lines for share in line.shares if share.unit == unit]
        if any(line.write_on or line.fixed for _, line in on):
            return f"{unit} counts as changed by a person, and no person changed it"
        locked = [_hours(d, unit) for d, _ in on if d.fixed]
        held = [(d.key, _hours(d, unit)) for d, _ in on if not d.fixed]
        if locked and not held:
            if [(d.key, _hours(d, unit)) for d, _ in on] != [(key, hours)] and not _proposed(world, unit):
                return f"{unit} differs from an approved document and nobody is asked"
        elif locked or held != ([(key, hours)] if key else []):
            return f"{unit} should be {hours} h on {key[:1] or 'nothing'}, and is not"
    return ""


def _hours(document: Document, unit: str) -> int:
    shares = [share for line in document.lines for share in line.shares if share.unit == unit]
    return int(sum(share.seconds for share in shares) / 3600)


def _proposed(world: World, unit: str) -> bool:
    wanted = [thing(office.wanted(key, world.record(key), world.known(key), False)) for key in world.invoices()]
    return any(unit in found.corrected or unit in found.waiting for found in wanted)


def _parked_in_vain(world: World) -> str:
    parked = world.store.fields("work:invoices:waiting")
    return next((f"{key[0]} waits: {reason}" for key, reason in sorted(parked.items())), "")
