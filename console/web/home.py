"""Home: what is going on, read from the store in one go. The same reading makes the page and its live updates."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from console import connecting, drafting, queueview, readmodel
from console.queueview import QueueView
from console.readmodel import InvoiceView
from console.web.entries import Row, rows
from console.web.needs import Needs, read_needs
from console.web.sentence import Remark, Standing, remarks
from console.web.setup.steps import PATH, STEPS
from worker.alerts import NAMES
from worker.billing.periods import UNTIL_APPROVED, period_of
from worker.settings import Settings
from worker.setup import Setup, SetupError, parse
from worker.store.figures import Sum
from worker.store.setup_store import StoredSetup
from worker.store.store import Store
from worker.watching import Shown, alerts

LINES = 20  # entry → invoice lines shown
DRAFTS = 10
ALERTS_EVERY = 10.0  # seconds; they look at hundreds of units, and change slowly
STATUSES = ("open", "awaiting-approval", "approved", "paid")  # voided and deleted documents bill nothing


class Connections(Struct, frozen=True, kw_only=True):
    """Both services as far as they are known; "" and None where they are not yet. Kinds are TEST, LIVE or ""."""

    org: str = ""
    org_name: str = ""
    org_kind: str = ""
    listener: dict[str, str] | None = None
    company: str = ""
    company_kind: str = ""
    minute_left: int = 0
    day_left: int | None = None
    stopped_until: str = ""


class Counts(Struct, frozen=True, kw_only=True):
    """Home's figures."""

    entries: int
    coming: int
    waiting: int
    drafts: int
    contacts: int
    corrections: int


class Period(Struct, frozen=True, kw_only=True):
    """The invoices of this period: `rows` are status, documents, hours, and amounts by currency."""

    title: str
    rows: tuple[tuple[str, int, str, dict[str, str]], ...] = ()


class FirstStep(Struct, frozen=True, kw_only=True):
    """What a newcomer does once."""

    title: str
    about: str
    path: str
    done: bool


class Home(Struct, frozen=True, kw_only=True):
    """The page. `steps` are empty once all is done."""

    remarks: tuple[Remark, ...]
    needs: Needs
    connections: Connections
    counts: Counts
    period: Period | None
    lines: tuple[Row, ...]
    drafts: tuple[InvoiceView, ...]
    steps: tuple[FirstStep, ...]
    setup_version: int
    writes: bool  # whether drafts are written by themselves


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


class HomeReader:
    """Reads Home, again and again; what is costly and slow to change is kept for a while."""

    def __init__(self, store: Store, settings: Settings, setups: Setups) -> None:
        self._store, self._settings, self._setups = store, settings, setups
        self._alerts: tuple[Shown, ...] = ()
        self._looked = -ALERTS_EVERY

    async def read(self) -> Home:
        """Everything Home shows, at this moment."""
        store, queue = self._store, await queueview.queue(self._store)
        stored = await store.setup.current()
        setup, problem = self._setups.read(stored)
        needs = await read_needs(store, problem, await self._told())
        units = await store.ledger.recent(LINES)
        drafts = await _drafts(store)
        return Home(
            remarks=remarks(await _standing(store, stored, setup, problem, queue, needs)),
            needs=needs,
            connections=await _connections(store, queue),
            counts=await _counts(store, queue, needs),
            period=await _period(store, setup),
            lines=rows(units, await readmodel.entries(store, units)),
            drafts=tuple(drafts),
            steps=await first_steps(store, self._settings, setup),
            setup_version=stored.version if stored else 0,
            writes=setup is not None and setup.schedule.invoices.writes,
        )

    async def _told(self) -> Sequence[Shown]:
        if time.monotonic() - self._looked >= ALERTS_EVERY:
            self._alerts = await alerts(self._store, self._settings.hourstream_time_scale)
            self._looked = time.monotonic()
        return self._alerts


async def first_steps(store: Store, settings: Settings, setup: Setup | None) -> tuple[FirstStep, ...]:
    """What is left to do before the first draft; () once drafts are written, by a person or by themselves."""
    if setup is not None and (setup.schedule.invoices.writes or await store.ledger.count_invoices()):
        return ()
    draft = await drafting.draft(store)
    connected = {each.service for each in await connecting.connections(store, settings) if each.connected}
    found = [
        FirstStep(
            title=f"Connect {NAMES[service]}",
            about=f"Sign Hourstream in to the {what}.",
            path=STEPS[0].path,
            done=service in connected,
        )
        for service, what in (("salesforce", "Salesforce org"), ("xero", "Xero company"))
    ]
    found += [
        FirstStep(title=each.title, about=each.about, path=each.path, done=each.standing(draft, connected) == "done")
        for each in STEPS
        if each.needs
    ]
    save = "What is typed is a draft until it is saved. It begins as a preview: nothing is written to Xero."
    found.append(FirstStep(title="Save the setup", about=save, path=f"{PATH}/save", done=setup is not None))
    look = "See every invoice as it would be, create one, and go live when it is right."
    found.append(FirstStep(title="Look at the preview", about=look, path="/invoices/preview", done=False))
    return tuple(found)


async def _drafts(store: Store) -> list[InvoiceView]:
    """The open drafts that changed last."""
    page = await store.ledger.page_invoices(0, DRAFTS, "open")
    return [view for held in page for view in readmodel.documents_of(held) if view.status == "open"]


async def _standing(
    store: Store, stored: StoredSetup | None, setup: Setup | None, problem: str, queue: QueueView, needs: Needs
) -> Standing:
    complete = bool(await store.epoch.current())
    collect, invoices = queue.stages["collect"], queue.stages["invoices"]
    stopped_until, stopped_why = queueview.stopped(queue)
    return Standing(
        setup=stored is not None,
        setup_problem=problem,
        mode=str(setup.schedule.invoices) if setup else "live",
        workers=len(queue.workers),
        listener=queue.listener,
        complete=complete,
        rebuild_step="" if complete else (await store.epoch.progress()).step,
        resting=tuple(NAMES[service] for service in sorted(await store.reconnects.all())),
        paused=tuple((name, stage.paused) for name, stage in queue.stages.items() if stage.paused),
        problems=tuple((each["job"], each.get("text", "")) for each in queue.problems),
        stopped_until=stopped_until,
        stopped_why=stopped_why,
        to_read=collect.due + collect.leased + collect.scheduled,
        to_send=invoices.due + invoices.leased + invoices.scheduled,
        scheduled=invoices.due + invoices.scheduled,
        waiting=needs.waiting,
        corrections=needs.corrections,
    )


async def _connections(store: Store, queue: QueueView) -> Connections:
    company, calls, pair = await store.company.get(), await store.governor.state(), await store.pair.get()
    kinds = {"sandbox": "TEST", "production": "LIVE"}
    return Connections(
        org=pair.get("org", ""),
        org_name=pair.get("org:name", ""),
        org_kind=kinds.get(pair.get("org:kind", ""), ""),
        listener=queue.listener,
        company=company.name or company.tenant if company else "",
        company_kind=("TEST" if company.demo else "LIVE") if company else "",
        minute_left=calls.minute_left,
        day_left=calls.day_left,
        stopped_until=calls.stopped_until,
    )


async def _counts(store: Store, queue: QueueView, needs: Needs) -> Counts:
    return Counts(
        entries=await store.ledger.count_units(),
        coming=sum(stage.due + stage.leased + stage.scheduled for stage in queue.stages.values()),
        waiting=needs.waiting,
        drafts=await store.ledger.count_invoices("open"),
        contacts=await store.contacts.count(),
        corrections=needs.corrections,
    )


async def _period(store: Store, setup: Setup | None) -> Period | None:
    """The period that today lies in; the first one before the start."""
    if setup is None:
        return None
    rules = setup.rules("", 0)
    name = period_of(max(datetime.now(UTC).date(), rules.start), rules.period, rules.start)
    title = "All invoices" if name == UNTIL_APPROVED else f"This period, {name}"
    return Period(title=title, rows=tuple(_by_status(await store.figures.period(name))))


def _by_status(sums: Sequence[Sum]) -> list[tuple[str, int, str, dict[str, str]]]:
    found = []
    for status in STATUSES:
        those = [each for each in sums if each.status == status]
        if those:
            hours = readmodel.hours(sum((each.seconds for each in those), start=those[0].seconds * 0))
            amounts = {each.currency: readmodel.money(each.amount) for each in those}
            found.append((status, sum(each.count for each in those), hours, amounts))
    return found
