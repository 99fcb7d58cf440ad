"""Home: what is going on, read from the store in one go. The same reading makes the page and its live updates."""

from msgspec import Struct
from msgspec.structs import replace

from console import queueview, readmodel
from console.queueview import QueueView
from console.readmodel import InvoiceView, WaitingView
from console.web.entries import Row, rows
from console.web.sentence import Remark, Standing, remarks
from worker.billing.model import Company
from worker.setup import Setup, SetupError, parse
from worker.store.setup_store import StoredSetup
from worker.store.store import Store

LINES = 20  # entry → invoice lines shown
DRAFTS = 20
LOOKED_AT = 200  # invoices that changed last, among which drafts are looked for
WAITING = 2000  # things that wait, counted by reason


class Reason(Struct, frozen=True):
    """Everything that waits for one reason; `example` is the one that waits longest."""

    code: str
    count: int
    example: WaitingView


class Connections(Struct, frozen=True, kw_only=True):
    """Both services as far as they are known; "" and None where they are not yet."""

    org: str = ""
    listener: dict[str, str] | None = None
    company: str = ""
    demo: bool = False
    minute_left: int = 0
    day_left: int | None = None
    stopped_until: str = ""


class Counts(Struct, frozen=True, kw_only=True):
    """Home's figures."""

    entries: int
    coming: int
    waiting: int
    more_waiting: bool
    drafts: int
    more_drafts: bool
    contacts: int
    corrections: int = 0


class Home(Struct, frozen=True, kw_only=True):
    """The page."""

    remarks: tuple[Remark, ...]
    connections: Connections
    counts: Counts
    reasons: tuple[Reason, ...]
    lines: tuple[Row, ...]
    drafts: tuple[InvoiceView, ...]
    setup_version: int
    given: frozenset[str]  # whose credentials there are

    @property
    def steps(self) -> tuple[tuple[str, bool], ...]:
        """The first steps and whether each is done; nobody signs in anywhere before there is a setup."""
        return (
            ("salesforce", bool(self.connections.org) or "salesforce" in self.given),
            ("xero", bool(self.connections.company) or "xero" in self.given),
            ("setup", self.setup_version > 0),
        )

    @property
    def begun(self) -> bool:
        """Whether all first steps are done."""
        return all(done for _, done in self.steps)


class Setups:
    """The setup in force; each version is parsed once."""

    def __init__(self) -> None:
        self._version, self._setup, self._problem = 0, None, ""

    _setup: Setup | None

    def read(self, stored: StoredSetup | None) -> tuple[Setup | None, str]:
        """The setup and what is wrong with it ("" for nothing)."""
        if stored is None:
            return None, ""
        if stored.version != self._version:
            self._version = stored.version
            try:
                self._setup, self._problem = parse(stored.text), ""
            except SetupError as error:
                self._setup, self._problem = None, str(error)
        return self._setup, self._problem


async def read_home(store: Store, setups: Setups, given: frozenset[str]) -> Home:
    """Read everything Home shows. `given`: whose credentials the environment has."""
    queue = await queueview.queue(store)
    stored = await store.setup.current()
    waits = await readmodel.waiting(store, WAITING)
    proposed = await readmodel.corrections(store)
    drafts, more = await _drafts(store)
    units = await store.ledger.recent(LINES)
    standing = await _standing(store, setups, stored, queue, len(waits))
    standing = replace(standing, corrections=len(proposed))
    return Home(
        remarks=remarks(standing),
        connections=await _connections(store, queue),
        counts=replace(await _counts(store, queue, len(waits), len(drafts), more), corrections=len(proposed)),
        reasons=by_reason([*waits, *proposed]),
        lines=rows(units, await readmodel.entries(store, units)),
        drafts=tuple(drafts[:DRAFTS]),
        setup_version=stored.version if stored else 0,
        given=given,
    )


def by_reason(waits: list[WaitingView]) -> tuple[Reason, ...]:
    """What waits, by reason, the most frequent first."""
    found: dict[str, list[WaitingView]] = {}
    for each in waits:
        found.setdefault(each.reason, []).append(each)
    reasons = [Reason(code, len(those), min(those, key=_since)) for code, those in found.items()]
    return tuple(sorted(reasons, key=lambda reason: (-reason.count, reason.code)))


def _since(each: WaitingView) -> tuple[bool, str]:
    return not each.since, each.since


async def _drafts(store: Store) -> tuple[list[InvoiceView], bool]:
    """Open drafts among the invoices that changed last, and whether there are more invoices than those."""
    page = await store.ledger.page_invoices(0, LOOKED_AT)
    views = [view for held in page for view in readmodel.documents_of(held) if view.status == "open"]
    return views, len(page) == LOOKED_AT


async def _standing(
    store: Store, setups: Setups, stored: StoredSetup | None, queue: QueueView, waiting: int
) -> Standing:
    setup, problem = setups.read(stored)
    complete = bool(await store.epoch.current())
    collect, invoices = queue.stages["collect"], queue.stages["invoices"]
    return Standing(
        setup=stored is not None,
        setup_problem=problem,
        mode=str(setup.schedule.invoices) if setup else "live",
        workers=len(queue.workers),
        listener=queue.listener,
        complete=complete,
        rebuild_step="" if complete else (await store.epoch.progress()).step,
        paused=tuple((name, stage.paused) for name, stage in queue.stages.items() if stage.paused),
        problems=tuple((each["job"], each.get("text", "")) for each in queue.problems),
        stopped_until=str(queue.xero_calls.get("stopped_until", "")),
        to_read=collect.due + collect.leased + collect.scheduled,
        to_send=invoices.due + invoices.leased + invoices.scheduled,
        scheduled=invoices.due + invoices.scheduled,
        waiting=waiting,
    )


async def _connections(store: Store, queue: QueueView) -> Connections:
    company: Company | None = await store.company.get()
    calls = await store.governor.state()
    return Connections(
        org=(await store.pair.get()).get("org", ""),
        listener=queue.listener,
        company=company.name or company.tenant if company else "",
        demo=company.demo if company else False,
        minute_left=calls.minute_left,
        day_left=calls.day_left,
        stopped_until=calls.stopped_until,
    )


async def _counts(store: Store, queue: QueueView, waiting: int, drafts: int, more: bool) -> Counts:
    return Counts(
        entries=await store.ledger.count_units(),
        coming=sum(stage.due + stage.leased + stage.scheduled for stage in queue.stages.values()),
        waiting=waiting,
        more_waiting=await store.ledger.count_waiting() > WAITING,
        drafts=drafts,
        more_drafts=more,
        contacts=await store.contacts.count(),
    )
