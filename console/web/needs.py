"""Needs you: what waits for a person, each with where it is decided. All is counted already: nothing is scanned."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from console import readmodel, words
from worker import alerts as codes
from worker.alerts import NAMES
from worker.billing.model import Waiting
from worker.store.figures import Waits
from worker.store.ledger import Note
from worker.store.people import Role
from worker.store.store import Store
from worker.store.worklist import Parked
from worker.watching import Shown

EXAMPLES = 50  # of what waits longest, looked at for an example of each reason
PARKED = 500  # of what a work list holds until somebody acts
BRAKE = "/brake"
WAITING = "/invoices/waiting"
# The other alerts are said by what is shown beside them, more precisely.
TOLD = {
    codes.SILENT: ("Nothing is heard from Salesforce", "/setup/connections", "Look at the connection"),
    codes.REPLAY: ("Change events are about to be forgotten", "/setup/connections", "Look at the connection"),
    codes.REDIS: ("The store needs care", "/queue", "Look at the queue"),
    codes.LOST: ("Salesforce is being read again", "/queue", "Look at the queue"),
}


class Act(Struct, frozen=True, kw_only=True):
    """A button: a link, or with `fields` a form that is sent. `role`: who is offered it."""

    label: str
    address: str
    fields: Mapping[str, str] | None = None
    role: Role = "viewer"


class Need(Struct, frozen=True, kw_only=True):
    """One thing. `count` 0: it is not counted. `example`: the id that waits longest; `since`: ISO 8601 in UTC."""

    code: str
    title: str
    texts: tuple[str, ...]
    acts: tuple[Act, ...]
    tone: str = "attention"
    count: int = 0
    hours: str = ""
    example: str = ""
    since: str = ""


class Needs(Struct, frozen=True, kw_only=True):
    """All of them, the most urgent first; and how many entries or invoices wait, and corrections are proposed."""

    all: tuple[Need, ...]
    waiting: int
    corrections: int


async def read_needs(store: Store, setup_problem: str, alerts: Sequence[Shown]) -> Needs:
    """What the store says. `alerts` are those of `worker.watching`."""
    notes = list((await store.ledger.notes()).values())
    waits, corrections = await _waiting(store, notes), sum(len(note.corrections) for note in notes)
    found = [
        *_setup(setup_problem),
        *await _reconnects(store),
        *await _brake(store),
        *_alerts(alerts),
        *_corrections(corrections, notes),
        *waits,
    ]
    return Needs(all=tuple(found), waiting=sum(need.count for need in waits), corrections=corrections)


# ---- what stops everything -----------------------------------------------------------------------------------------


def _setup(problem: str) -> list[Need]:
    if not problem:
        return []
    mend = Act(label="Mend it in Setup", address="/setup")
    return [Need(code="setup", title="The setup cannot be used", texts=(problem,), acts=(mend,), tone="stopped")]


async def _reconnects(store: Store) -> list[Need]:
    again = Act(label="Connect again", address="/setup/connections")
    return [
        Need(
            code=f"reconnect-{each.service}",
            title=f"{NAMES[each.service]} has to be connected again",
            texts=(each.why, f"{each.todo} Time goes on accumulating meanwhile, and nothing is lost."),
            acts=(again,),
            tone="stopped",
            since=each.since,
        )
        for each in (await store.reconnects.all()).values()
    ]


async def _brake(store: Store) -> list[Need]:
    braked = await store.brake.get()
    if braked is None:
        return []
    labels = {"go-on": "Go on", "keep": "Keep", "undo": "Undo"}
    acts = tuple(
        Act(label=label, address=BRAKE, fields={"act": act, "at": braked.at}, role="operator")
        for act, label in labels.items()
        if act != "keep" or braked.units
    )
    texts = (*braked.sentences, "Nothing of it was sent: say whether it is right.")
    title = "The brake stopped what was due"
    return [Need(code="brake", title=title, texts=texts, acts=acts, tone="stopped", since=braked.at)]


def _alerts(alerts: Sequence[Shown]) -> list[Need]:
    found = []
    for each in alerts:
        if each.code in TOLD:
            title, address, label = TOLD[each.code]
            act = Act(label=label, address=address)
            found.append(Need(code=each.code, title=title, texts=(each.text,), acts=(act,), since=each.since))
    return found


# ---- what waits ----------------------------------------------------------------------------------------------------


def _corrections(count: int, notes: Sequence[Note]) -> list[Need]:
    if not count:
        return []
    example = next(each for note in notes for each in note.corrections)
    decide = Act(label="Decide", address="/invoices/corrections")
    title = "Proposed correction" if count == 1 else "Proposed corrections"
    return [
        Need(
            code="correction", title=title, texts=(example.text,), acts=(decide,), count=count, example=example.unit
        )
    ]  # fmt: skip


async def _waiting(store: Store, notes: Sequence[Note]) -> list[Need]:
    """Entries by reason; what invoices hold back; what the work lists hold until somebody acts."""
    by_reason = {each.reason: each for each in await store.figures.waiting()}
    longest = await store.ledger.waiting(0, EXAMPLES) if by_reason else []
    since = await store.ledger.waiting_since([unit.id for unit in longest])
    found: dict[str, Need] = {}
    for unit in longest:
        if isinstance(unit.verdict, Waiting) and unit.verdict.reason in by_reason:
            example = (unit.id, unit.verdict.text, readmodel.iso(since.get(unit.id, 0)))
            found.setdefault(unit.verdict.reason, _entries(by_reason[unit.verdict.reason], *example))
    found |= {reason: _entries(waits) for reason, waits in by_reason.items() if reason not in found}
    rest = [*_held_back(notes), *await _on_lists(store)]
    return sorted([*found.values(), *rest], key=lambda need: (-need.count, need.code))


def _entries(waits: Waits, example: str = "", text: str = "", since: str = "") -> Need:
    return Need(
        code=waits.reason,
        title=words.reason(waits.reason),
        texts=(text,) if text else (),
        acts=(Act(label="Look and decide", address=f"{WAITING}?reason={waits.reason}"),),
        count=waits.count,
        hours=readmodel.hours(waits.seconds) if waits.seconds != Decimal(0) else "",
        example=example,
        since=since,
    )


def _held_back(notes: Sequence[Note]) -> list[Need]:
    held = [(id_, each) for note in notes for id_, each in note.waiting.items()]
    counts = words.tally(each.reason for _, each in held)
    found: dict[str, Need] = {}
    for id_, each in held:
        act = Act(label="Look and decide", address=f"{WAITING}?reason={each.reason}")
        need = Need(
            code=f"held-{each.reason}",
            title=words.reason(each.reason),
            texts=(each.text,),
            acts=(act,),
            count=counts[each.reason],
            example=id_,
        )
        found.setdefault(each.reason, need)
    return list(found.values())


async def _on_lists(store: Store) -> list[Need]:
    found: dict[tuple[str, str], tuple[int, Parked]] = {}
    for work in store.lists():
        for item in await work.parked(0, PARKED):
            count, first = found.get((work.stage, item.reason), (0, item))
            found[work.stage, item.reason] = (count + 1, first)
    return [
        Need(
            code=f"{stage}-{reason}",
            title=words.reason(reason),
            texts=(first.text,),
            acts=(Act(label="Look and release", address=f"/queue/items?stage={stage}&state=waiting"),),
            count=count,
            example=first.id,
            since=first.since,
        )
        for (stage, reason), (count, first) in found.items()
    ]
