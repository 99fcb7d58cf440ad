"""The Queue page's figures: the stages and their last hour, what runs when, and what it all stands on."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from console import queueview
from console.queueview import QueueView
from worker.metrics import token_ages
from worker.setup import Setup
from worker.store import moments
from worker.store.arq_jobs import State
from worker.store.pulse import INTAKE, Minute
from worker.store.server import ServerState
from worker.store.store import Store
from worker.ticking import RECURRING, UPKEEP, UPKEEP_EVERY

KEPT = 72 * 3600  # seconds Salesforce keeps change events
LATELY = 5  # minutes that a rate is taken from


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """A stage's last hour. `rate` is items a minute, lately; `late` the longest wait in seconds."""

    minutes: tuple[Minute, ...]
    done: int
    failed: int
    late: float
    rate: float


class Cron(msgspec.Struct, frozen=True, kw_only=True):
    """Something that recurs. Times are ISO 8601 in UTC, "" for never yet, or not foreseen; `every` is for people."""

    name: str
    every: str
    last: str
    next: str


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """How far the change events were read. `left`: seconds until Salesforce forgets what comes after it."""

    channel: str
    stored_at: str
    age: float
    left: float


class Ops(msgspec.Struct, frozen=True, kw_only=True):
    """The page."""

    queue: QueueView
    hours: dict[str, Hour]  # by stage, and `intake`
    crons: tuple[Cron, ...]
    stream: Stream | None
    tokens: dict[str, float]  # seconds since each was renewed
    server: ServerState
    arq: dict[State, int]  # doorbells
    entries_waiting: int
    unresolved: int
    epoch: str
    rebuild_step: str = ""


async def ops(store: Store, setup: Setup | None, scale: float = 1.0) -> Ops:
    """Read it all. `scale` is HOURSTREAM_TIME_SCALE."""
    view, epoch = await queueview.queue(store), await store.epoch.current()
    now = datetime.fromisoformat(await store.clock())
    return Ops(
        queue=view,
        hours={stage: hour(await store.pulse.hour(stage)) for stage in (INTAKE, *view.stages)},
        crons=tuple(crons(await store.schedule.last(), setup, scale)) if setup else (),
        stream=await _stream(store, setup, now) if setup else None,
        tokens=await token_ages(store),
        server=await store.server.state(),
        arq=await store.arq.counts(),
        entries_waiting=await store.ledger.count_waiting(),
        unresolved=len(await store.intents.unresolved()),
        epoch=epoch,
        rebuild_step="" if epoch else (await store.epoch.progress()).step,
    )


def hour(minutes: Sequence[Minute]) -> Hour:
    """What the minutes come to; the last one is not over, so the rate is of those before."""
    lately = minutes[-1 - LATELY : -1]
    return Hour(
        minutes=tuple(minutes),
        done=sum(each.done for each in minutes),
        failed=sum(each.failed for each in minutes),
        late=max((each.late for each in minutes), default=0.0),
        rate=sum(each.done for each in lately) / len(lately) if lately else 0.0,
    )


def crons(last: dict[str, int], setup: Setup, scale: float) -> Iterator[Cron]:
    """What recurs, by `last`: Redis milliseconds at which each ran."""
    every = {task: getattr(setup.schedule, task) for task in RECURRING} | {UPKEEP: timedelta(seconds=UPKEEP_EVERY)}
    for task, span in every.items():
        ran = _moment(last.get(task, 0))
        following = ran + span / scale if ran else None
        yield Cron(name=task, every=_span(span), last=_text(ran), next=_text(following))
    invoices, ran = setup.schedule.invoices, _moment(last.get("invoices", 0))
    if invoices.every is not None or invoices.cron:
        following = invoices.next_after(ran or datetime.now(UTC), scale)
        yield Cron(name="invoices", every=str(invoices), last=_text(ran), next=_text(following))


async def _stream(store: Store, setup: Setup, now: datetime) -> Stream | None:
    position = await store.inbox.position(setup.channel)
    if position is None or not position.stored_at:
        return None
    stored = moments.from_milliseconds(int(position.stored_at))
    age = (now - datetime.fromisoformat(stored)).total_seconds()
    return Stream(channel=setup.channel, stored_at=stored, age=max(0.0, age), left=max(0.0, KEPT - age))


def _moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _text(moment: datetime | None) -> str:
    return moments.text(moment) if moment else ""


def _span(span: timedelta) -> str:
    return duration(span.total_seconds())


def duration(seconds: float) -> str:
    """A span for people: "12 s", "5 min", "3.5 h", "2 days"."""
    for size, word in ((86_400 * 2, "days"), (5_400, "h"), (90, "min")):
        if seconds >= size:
            value = seconds / {"days": 86_400, "h": 3_600, "min": 60}[word]
            return f"{value:.1f}".removesuffix(".0") + f" {word}"
    return f"{seconds:.1f}".removesuffix(".0") + " s"


def size(bytes_: int) -> str:
    """A size for people: "1.5 MB"."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20)):
        if bytes_ >= factor:
            return f"{bytes_ / factor:.1f} {unit}"
    return f"{bytes_ / 1024:.0f} kB"
