"""The worker's protocol, a step between two awaits that matter: claim, resolve or compute, read, begin, send, commit.

Each step takes a state to change and a worker's place in it. What the store does is the scripts' twin; what documents
become is the product's own pure code (`office`).
"""

from collections.abc import Callable

from tests.model import office, twin_ledger, xero
from tests.model import twin_worklist as work
from tests.model.office import Wanted, thing
from tests.model.world import LEASE, Item, Packet, Worker, World
from worker.billing import words
from worker.jobs.answering import GIVE_UP, NUMBER_TAKEN
from worker.limits import Limits
from worker.store.intents import Element

STAGE = "invoices"
LIMITS = Limits()
WINDOW, SETTLED_AFTER = int(LIMITS.repeat_window * 1000), int(LIMITS.rebuild_wait * 1000)
EXHAUSTED = 1000

Step = Callable[[World, int], None]


def put(world: World, place: int, worker: Worker) -> None:
    """The worker is here now."""
    world.workers = (*world.workers[:place], worker, *world.workers[place + 1 :])


def _item(world: World, place: int) -> tuple[Worker, Item]:
    worker = world.workers[place]
    assert worker.item is not None
    return worker, worker.item


def _idle(world: World, place: int) -> None:
    put(world, place, Worker())


def hand_back(world: World, place: int) -> None:
    """The item goes back to the list, its attempt does not count."""
    _, (key, _, _, lease) = _item(world, place)
    work.hand_back(world.store, STAGE, [(key, lease)])
    _idle(world, place)


def again_later(world: World, place: int, why: str) -> None:
    """The item is tried again."""
    _, (key, generation, _, lease) = _item(world, place)
    work.retry(world.store, STAGE, key, generation, lease, 0, why)
    _idle(world, place)


# ---- claim and compute ---------------------------------------------------------------------------------------------


def claim(world: World, place: int, key: str) -> None:
    """Claim what is due; what is not for this step is handed back."""
    for row in work.claim(world.store, STAGE, 50, LEASE):
        if row[0] == key:
            put(world, place, Worker("look", row))
        else:
            work.hand_back(world.store, STAGE, [(row[0], row[3])])


def look(world: World, place: int) -> None:
    """Read the record: resolve the slot where it is full, else compute what the invoice should hold."""
    worker, (key, *_) = _item(world, place)
    slot = world.slot(key)
    if slot and world.rules.slots:
        text = world.store.get(f"intent:{slot}", "text")
        if text is None:
            hand_back(world, place)
            return
        element, generation = text
        put(world, place, worker._replace(phase="resolve", intent=slot, element=element, generation=generation))
        return
    worker = worker._replace(mark=world.store.get("verify", key))
    _planned(world, place, worker, forced=False, read=False)


def _planned(world: World, place: int, worker: Worker, *, forced: bool, read: bool) -> None:
    assert worker.item is not None
    key = worker.item[0]
    record, known = world.record(key), world.known(key)
    plan = office.wanted(key, record, known, forced)
    found: Wanted = thing(plan)
    tickets = tuple((unit, world.store.get(f"unit:{unit}", "ticket")) for unit, *_ in known)
    there = office.open_in_xero(record)
    asks = bool(there) and (bool(found.document) or worker.mark is not None)
    phase = "begin" if found.document else "done"
    if not read and asks and world.rules.fresh:
        phase = "read"
    saw = worker.saw if read else sum(xero.edits_on(world.books[thing(name).xero_id]) for name in there)
    put(world, place, worker._replace(
        phase=phase, plan=plan, record=record, version=world.version(key), tickets=tickets, saw=saw,
        fresh=worker.fresh,
    ))  # fmt: skip


def read(world: World, place: int) -> None:
    """Read the draft from Xero and take in what a person did there."""
    worker, (key, *_) = _item(world, place)
    moved, late_own, saw = False, False, 0
    for document in office.open_in_xero(worker.record):
        found = world.books[thing(document).xero_id]
        saw += xero.edits_on(found)
        kind = office.kind_of(document, found)
        if not kind:
            twin_ledger.unflag(world.store, key, worker.mark)
            continue
        moved, late_own = True, late_own or kind == "late-own"
        record, _, rows = office.merged(worker.record, document, found)
        if not twin_ledger.merge(world.store, key, worker.version, record, rows, worker.mark):
            _flag(world, key)
            if world.rules.taken_in:
                hand_back(world, place)
                return
    worker = worker._replace(saw=saw, fresh=True)
    if moved:
        _planned(world, place, worker, forced=late_own, read=True)
    else:
        put(world, place, worker._replace(phase="begin" if thing(worker.plan).document else "done"))


def _flag(world: World, key: str) -> None:
    world.store.put("verify", key, world.store.drawn("generation"))
    work.add(world.store, STAGE, [key])


def done(world: World, place: int) -> None:
    """Nothing to write: off the list."""
    _, (key, generation, *_) = _item(world, place)
    work.done(world.store, STAGE, [(key, generation)], world.rules)
    _idle(world, place)


# ---- begin and send ------------------------------------------------------------------------------------------------


def begin(world: World, place: int) -> None:
    """Take the slot, or hand the item back and compute afresh."""
    worker, (key, generation, *_) = _item(world, place)
    plan: Wanted = thing(worker.plan)
    create = plan.operation == "create"
    if not create and not worker.fresh and world.rules.fresh:
        hand_back(world, place)
        return
    document, bindings, series = _numbered(world, plan)
    element = office.element(key, plan.operation, document, plan.departed)
    tickets = dict(worker.tickets)
    placed = [(unit, tickets[unit]) for unit in office.units_on(document) if unit in tickets]
    intent, text = f"i{world.begun + 1}", (element, generation)
    answer = twin_ledger.begin(
        world.store, intent, text, [(key, worker.version, placed)], bindings, series, world.rules
    )
    if answer[0] != "begun":
        hand_back(world, place)
        return
    world.begun += 1
    put(world, place, worker._replace(
        phase="send", intent=intent, element=element, generation=generation, fresh=True, plan="",
        record="", version=0, tickets=(), mark=None,
    ))  # fmt: skip


def _numbered(world: World, plan: Wanted) -> tuple[str, list[tuple[str, str]], int]:
    if plan.operation != "create" or world.story.numbering == "xero":
        return plan.document, [], -1
    document = thing(plan.document)
    name, series = f"{document.key}/{document.sequence}", int(world.store.get("series") or 0)
    number = world.store.get("numbers", name)
    if number is not None:
        return office.numbered(plan.document, number), [], -1
    number = f"TT-{series + 1:05d}"
    return office.numbered(plan.document, number), [(name, number)], series


def send(world: World, place: int) -> None:
    """The bytes leave, unless too much time has passed since `begin`."""
    worker, _ = _item(world, place)
    if world.rules.timely and not worker.fresh:
        _settle(world, worker, "", (), _units(thing(worker.element)), finished=False, sends=1)
        hand_back(world, place)
        return
    packet = Packet(worker.intent, worker.element, worker.saw)
    put(world, place, worker._replace(phase="sent", packet=packet))


def arrives(world: World, packet: Packet) -> str:
    """Xero works on a request; gives the name of its answer, and notes what must never happen."""
    if packet.intent in world.kept:
        return world.kept[packet.intent][0]
    element, before = thing(packet.element), dict(world.books)
    answer = xero.write(world.books, element, world.rules.drafts_only)
    world.kept[packet.intent] = (answer, 0)
    for id_, there in before.items():
        now = world.books[id_]
        if thing(there).status != "DRAFT" and now != there:
            world.wrong = "an approved document was changed"
        if xero.edits_on(now) < xero.edits_on(there) and packet.saw > xero.edits_on(now):
            world.wrong = "a person's edit was lost: it was there when the draft was last read"
    return answer


# ---- answers -------------------------------------------------------------------------------------------------------


def _units(element: Element) -> tuple[str, ...]:
    return tuple(element.units)


def _settle(
    world: World,
    worker: Worker,
    record: str,
    rows: tuple[twin_ledger.Posted, ...],
    free: tuple[str, ...],
    *,
    finished: bool,
    sends: int = 0,
) -> None:
    key = thing(worker.element).key
    row = (key, worker.generation, record, rows, free, "1" if finished else "")
    twin_ledger.settle(world.store, worker.intent, [row], [key], sends, world.rules)


def answered(world: World, place: int) -> None:
    """Write what Xero answered."""
    worker, (key, *_) = _item(world, place)
    found = thing(worker.found)
    if found.outcome == "ERROR":
        _refused(world, place, worker, found.errors[0])
        return
    _written(world, worker, key)
    _idle(world, place)


def _written(world: World, worker: Worker, key: str) -> None:
    element = thing(worker.element)
    record, rows = office.accepted(world.record(key), worker.element, worker.found)
    _settle(world, worker, record, rows, element.departed, finished=True)
    if words.status(thing(worker.found).status) in words.LOCKED:
        work.add(world.store, STAGE, [key])


def _refused(world: World, place: int, worker: Worker, text: str) -> None:
    element = thing(worker.element)
    create = element.operation == "create"
    if create and NUMBER_TAKEN in text:
        twin_ledger.exhaust(world.store, worker.intent)
        again_later(world, place, text)
        return
    _settle(world, worker, "", (), _units(element), finished=False)
    _, (key, generation, attempts, lease) = _item(world, place)
    if not create:
        world.store.put("verify", key, world.store.drawn("generation"))
    if not create and attempts < GIVE_UP:
        again_later(world, place, text)
        return
    work.wait(world.store, STAGE, key, generation, lease, f"xero-refused: {text}", f"invoice:{key}")
    _idle(world, place)


def unknown(world: World, place: int) -> None:
    """No answer: the slot stays full, whoever claims the item finds out."""
    again_later(world, place, "No answer.")


# ---- resolving -----------------------------------------------------------------------------------------------------


def resolve(world: World, place: int) -> None:
    """The same bytes again while Xero remembers their key; else a look-up."""
    worker, (key, *_) = _item(world, place)
    element: Element = thing(worker.element)
    repeats = not world.rules.read_before_repeat or element.operation == "create" or _as_we_left_it(world, element)
    if repeats and twin_ledger.send_again(world.store, worker.intent, [key], LIMITS.repeats, WINDOW, world.rules):
        there = world.books.get(element.document.xero_id)
        saw = xero.edits_on(there) if there else 0
        packet = Packet(worker.intent, worker.element, saw)
        put(world, place, worker._replace(phase="sent", packet=packet))
    else:
        put(world, place, worker._replace(phase="look up"))


def _as_we_left_it(world: World, element: Element) -> bool:
    before = office.before_of(world.record(element.key), element)
    return before is not None and thing(world.books[before.xero_id]).updated == before.updated


def look_up(world: World, place: int) -> None:
    """Read what Xero holds of the intent's document, in any status."""
    worker, _ = _item(world, place)
    element: Element = thing(worker.element)
    if element.operation == "create":
        mine = [
            name
            for key, sequence, _, name in world.documents()
            if thing(name).number == element.document.number  # where it has none, by its Url alone
            or (key, sequence) == (element.key, element.document.sequence)
        ]
        found = mine[0] if mine else ""
    else:
        found = world.books.get(element.document.xero_id, "")
    put(world, place, worker._replace(phase="judge", found=found))


def judge(world: World, place: int) -> None:
    """Settle the intent by what was found."""
    worker, (key, *_) = _item(world, place)
    element: Element = thing(worker.element)
    if not worker.found and element.operation == "create" and not _off_the_wire(world, worker.intent):
        again_later(world, place, "What was sent to Xero may still arrive.")
        return
    record = world.record(key)
    seen = office.sighting(record, worker.element, worker.found, world.rules.compared) if worker.found else "free"
    if seen == "arrived":
        _written(world, worker, key)
        _idle(world, place)
        return
    if seen == "mixed":
        _edited(world, place, worker, record)
        return
    if seen == "not ours":
        world.store.drop("numbers", f"{key}/{element.document.sequence}")
    _let_go(world, worker, record)
    hand_back(world, place)


def _off_the_wire(world: World, intent: str) -> bool:
    sends, since = world.store.get(f"intent:{intent}", "sends"), world.store.get(f"intent:{intent}", "first_sent")
    return sends is None or sends >= EXHAUSTED or -since >= SETTLED_AFTER


def _let_go(world: World, worker: Worker, record: str) -> None:
    element: Element = thing(worker.element)
    kept = office.remembered(record, worker.element) if world.rules.remembered else ""
    _settle(world, worker, kept, (), _units(element), finished=False)


def _edited(world: World, place: int, worker: Worker, record: str) -> None:
    assert worker.item is not None
    if office.before_is_closer(record, worker.element, worker.found):
        _let_go(world, worker, record)
    else:
        after, rows = office.committed(record, worker.element, worker.found)
        _settle(world, worker, after, rows, thing(worker.element).departed, finished=False)
    if world.rules.read_anew:
        _flag(world, worker.item[0])
        hand_back(world, place)
    else:
        put(world, place, worker._replace(phase="merge"))


def merge(world: World, place: int) -> None:
    """Only where a rule is left out: take the edit in from the look-up."""
    worker, (key, *_) = _item(world, place)
    base = office.before_of(world.record(key), thing(worker.element))
    if base is not None:
        record, _, rows = office.merged(world.record(key), office.name_of(base), worker.found)
        twin_ledger.merge(world.store, key, world.version(key), record, rows, None)
    _flag(world, key)
    hand_back(world, place)


STEPS: dict[str, Step] = {
    "look": look, "read": read, "done": done, "begin": begin, "send": send, "answered": answered, "unknown": unknown,
    "resolve": resolve, "look up": look_up, "judge": judge, "merge": merge,
}  # fmt: skip
