"""What `queue status` says: the stages in figures, who is alive, and what stands in the way."""

import msgspec

from console import readmodel, words
from worker.store.store import Store


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """A work list in figures."""

    due: int
    leased: int
    retrying: int
    waiting: int
    oldest_seconds: int
    scheduled: int = 0
    paused: str = ""


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
        counts = await work.counts()
        stages[work.stage] = StageView(
            due=counts.due,
            leased=counts.leased,
            retrying=counts.retrying,
            waiting=counts.waiting,
            oldest_seconds=counts.oldest_seconds,
            scheduled=counts.scheduled,
            paused=counts.paused,
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
            "stopped_until": state.stopped_until,
            "why": state.why,
        },
    )
