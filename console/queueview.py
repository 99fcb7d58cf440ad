"""What `queue status` says: the stages in figures, who is alive, and what stands in the way."""

import msgspec

from console import readmodel, words
from worker.store.store import Store
from worker.store.worklist import PACE

DOORS = {
    "pubsub": "by change events",
    "cometd": "by change events (CometD)",
    "stream": "by change events",
    "poll": "by asking every minute",
}


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """A work list in figures."""

    due: int
    leased: int
    retrying: int
    waiting: int
    oldest_seconds: int
    scheduled: int = 0
    paused: str = ""
    held_until: str = ""  # nothing of it is worked on before, though it is due; ISO 8601 in UTC
    held_why: str = ""


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """What `queue status` says."""

    stages: dict[str, StageView]
    workers: list[dict[str, str]]
    listener: dict[str, str] | None
    ledger: str
    problems: list[dict[str, str]] = []
    xero_calls: dict[str, object] = {}
    waiting: dict[str, int] = {}  # time that is on no invoice, by reason
    corrections: int = 0  # proposed, each a person's to decide


async def queue_and_waiting(store: Store) -> QueueView:
    """The same, and what waits for people: more than a page that is read every second can afford."""
    entries, _ = await readmodel.waiting_by_id(store)
    proposed = len(await readmodel.corrections(store))
    return msgspec.structs.replace(await queue(store), waiting=words.tally(entries.values()), corrections=proposed)


async def queue(store: Store) -> QueueView:
    """The stages, who is alive, and what stands in the way."""
    stages = {}
    for work in store.lists():
        counts, (held_until, held_why) = await work.counts(), await work.held()
        stages[work.stage] = StageView(
            due=counts.due,
            leased=counts.leased,
            retrying=counts.retrying,
            waiting=counts.waiting,
            oldest_seconds=counts.oldest_seconds,
            scheduled=counts.scheduled,
            paused=counts.paused,
            held_until=held_until,
            held_why=held_why,
        )
    # Others may stand by: the one that listens is shown first.
    listeners = sorted(
        await store.heartbeats.alive("listener"), key=lambda beat: beat.detail.get("state") != "listening"
    )
    state = await store.governor.state()
    return QueueView(
        stages=stages,
        workers=[
            {"name": beat.name, "seen": beat.at} | dict(beat.detail) for beat in await store.heartbeats.alive("worker")
        ],
        listener=({"name": listeners[0].name, "seen": listeners[0].at} | dict(listeners[0].detail))
        if listeners
        else None,
        ledger="complete" if await store.epoch.current() else "being rebuilt",
        problems=[
            {"job": beat.name, "seen": beat.at} | dict(beat.detail) for beat in await store.heartbeats.alive("problem")
        ],
        xero_calls={
            "today": state.calls_today,
            "minute_left": state.minute_left,
            "day_left": state.day_left,
            "day_limit": state.day_limit,
            "stopped_until": state.stopped_until,
            "why": state.why,
        },
    )


def to_send(view: QueueView) -> int:
    """How many drafts have changes that Xero has not."""
    stage = view.stages["invoices"]
    return stage.due + stage.leased + stage.scheduled


def spared(view: QueueView) -> str:
    """Whether and until when Xero is not called, and how many drafts wait for that, in a sentence; "" when it is."""
    until, why = stopped(view)
    waits = words.count(to_send(view), "draft waits", "drafts wait")
    if not until:
        return ""
    if why == PACE:
        left = view.xero_calls.get("day_left")
        return f"Only {left} Xero calls are left today: drafts are next updated at {until}; {waits}."
    lead = "Xero's calls for today are used up" if why == "day" else "Xero takes no more calls for now"
    return f"{lead}: nothing is sent until {until}; {waits}."


def stopped(view: QueueView) -> tuple[str, str]:
    """Until when drafts are not updated because of Xero's limits (ISO 8601 in UTC), and why; ("", "") when they are."""
    until, why = str(view.xero_calls.get("stopped_until", "")), str(view.xero_calls.get("why", ""))
    stage = view.stages["invoices"]
    if not until and stage.held_why == PACE:
        return stage.held_until, PACE
    return until, why


def sentences(view: QueueView) -> list[str]:
    """What a person should know beside the figures."""
    found = [f"Ledger: {view.ledger}. Workers: {len(view.workers)}.", heard(view.listener)]
    paused: dict[str, list[str]] = {}
    for name, stage in view.stages.items():
        if stage.paused:
            paused.setdefault(stage.paused, []).append(name)
    found += [f"Paused ({', '.join(names)}) by {why.rstrip('.')}." for why, names in paused.items()]
    found += [text for text in (spared(view),) if text]
    found += [f"Problem in {problem.get('job')}: {problem.get('text')}" for problem in view.problems]
    if view.waiting:
        waits = words.count(sum(view.waiting.values()), "entry waits", "entries wait")
        found.append(f"{waits}: {words.by_reason(view.waiting)}. `hourstream queue list` names them.")
    if view.corrections:
        proposed = words.count(view.corrections, "correction is", "corrections are")
        found.append(f"{proposed} proposed. `hourstream queue list corrections` names them.")
    return found


def heard(listener: dict[str, str] | None) -> str:
    """The listener in one sentence."""
    if listener is None:
        return "Listener: none lives."
    door = DOORS.get(listener.get("transport", ""), listener.get("transport", ""))
    last = listener.get("last_event_at", "")
    parts = [f"{listener.get('state', 'running')} {door}".rstrip(), f"last change {last}" if last else "no change yet"]
    if listener.get("lag_seconds"):
        parts.append(f"{listener['lag_seconds']} s behind it")
    reason = listener.get("reason", "")
    return f"Listener: {', '.join(parts)}.{f' {reason}' if reason else ''}"
