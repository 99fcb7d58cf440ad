"""The demo itself: start everything, let people log time, show the drafts appear, and check the result."""

import asyncio
import itertools
import secrets
import shlex
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.live import Live

from console import readmodel
from console.access import grant, one_time_link
from console.demo.checking import billable, problems
from console.demo.environment import enter
from console.demo.screen import render
from console.demo.standins import StandIns, standing_in
from console.demo.watching import Watching
from console.readmodel import EntryView
from console.supervisor import until_told
from console.up import running
from worker.errors import ServiceError
from worker.logs import configure_logging
from worker.main import open_store
from worker.settings import load_settings
from worker.setup import Setup, parse
from worker.store.store import Store

ONCE_ENTRIES = 6
WITHIN = 180.0  # seconds for the seeded entries to be on drafts
EACH_WITHIN = 90.0  # seconds for one entry that is logged while it runs
PAUSE = 3.0  # seconds between two entries, where somebody watches
LOOK = 1.0  # seconds between two looks at what people do
ENDS = frozenset({"billed", "fixed", "suspended", "waiting", "not-billed"})  # then there is nothing more to wait for
STORIES = (
    ("Planning portal", "1.25", "Workshop on the map view"),
    ("Patient booking", "0.75", "Call about waiting lists"),
    ("Turbine telemetry", "2.50", "Second site connected"),
    ("Online orders", "1.00", "Gift vouchers"),
    ("Route planner", "3.25", "Return trips"),
    ("Grant reporting", "0.50", "Check of the annex"),
)


async def demo(*, once: bool, workers: int = 1) -> int:
    """Run until told to stop, or once through with a check. Gives the exit code."""
    console = Console()
    data = Path(tempfile.mkdtemp(prefix="hourstream-demo-"))
    console.print(f"Data, logs and keys of this demo: {data}")
    async with standing_in(data) as stand_ins:
        text = setup_text()
        file = await asyncio.to_thread(enter, stand_ins.environment, data, text)
        said = f"For the command line beside it: set -a; . {shlex.quote(str(file))}; set +a"
        console.print(said, soft_wrap=True, highlight=False, markup=False)
        settings = load_settings()
        with (data / "hourstream.log").open("a", encoding="utf-8") as log:
            configure_logging(settings, log)
            async with (
                running(settings, workers, output=data / "hourstream.log", link=False),
                open_store(settings) as store,
            ):
                link = await one_time_link(store, settings.hourstream_console_url)
                ada = stand_ins.environment["SANDBOX_SALESFORCE_USERNAME"]
                await grant(store, "the demo", "salesforce", ada, "administrator")
                show = _Show(console, stand_ins, store, parse(text), link)
                code = await show.play(once=once)
    console.print(f"Stopped. Logs are in {data}: hourstream.log, stand-ins.log.", soft_wrap=True, highlight=False)
    return code


def setup_text() -> str:
    """The demo's setup file: the documented example, from the first day of this month on."""
    text = files("console").joinpath("demo/setup.toml").read_text("utf-8")
    return text.replace("2026-11-01", f"{datetime.now(UTC).date().replace(day=1).isoformat()}")


class _Show:
    """One performance of the demo."""

    def __init__(self, console: Console, stand_ins: StandIns, store: Store, setup: Setup, url: str) -> None:
        self._console, self._stand_ins, self._store, self._setup = console, stand_ins, store, setup
        environment = stand_ins.environment
        self._links = [
            ("Console", url),
            ("Salesforce", environment["SALESFORCE_LOGIN_URL"]),
            ("Xero", environment["XERO_API_URL"]),
        ]
        self._news: list[str] = []
        self._live = console.is_terminal
        self._watching, self._looking = Watching(), asyncio.Lock()

    async def play(self, *, once: bool) -> int:
        """Show it, unattended or until somebody presses Ctrl-C."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._screen())] if self._live else []
            if not once:
                beside.append(group.create_task(self._watch()))
            acting = group.create_task(self._once() if once else self._endless())
            done = [acting] if once else [acting, group.create_task(_told())]
            await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
            for task in (*done, *beside):
                if not task.done():
                    task.cancel()
        return acting.result() if acting.done() and not acting.cancelled() else 0

    def _say(self, text: str) -> None:
        line = f"{datetime.now(UTC):%H:%M:%S}  {text}"
        self._news.append(line)
        if not self._live:
            self._console.print(line, soft_wrap=True, highlight=False)

    async def _screen(self) -> None:
        with Live(console=self._console, refresh_per_second=4, screen=False) as live:
            while True:
                live.update(await render(self._store, self._links, self._news, self._console.size))
                await asyncio.sleep(0.5)

    # ---- the story -------------------------------------------------------------------------------------------------

    async def _once(self) -> int:
        await self._opening()
        took = [await self._log(number) for number in range(ONCE_ENTRIES)]
        settle = self._setup.schedule.settle.total_seconds()
        self._say(f"From logged to drafted: {min(took):.1f} s to {max(took):.1f} s (of which {settle:g} s to settle)")
        return await self._verdict()

    async def _endless(self) -> int:
        """Whatever people do meanwhile, this goes on: it waits for its own entries only, and not for ever."""
        self._introduce()
        await self._opened()
        for number in itertools.count():
            try:
                await self._log_and_tell(number)
            except (ServiceError, aiohttp.ClientError, OSError) as error:
                self._say(f"Not logged: {error or type(error).__name__}")
            await asyncio.sleep(PAUSE)
        return 0

    async def _watch(self) -> None:
        """Tell what people do in the two stand-ins."""
        while True:
            try:
                async with self._looking:
                    news = self._watching.news(*await self._states())
            except (aiohttp.ClientError, OSError):
                news = []  # the stand-in is busy; what was done meanwhile is told at the next look
            for text in news:
                self._say(text)
            await asyncio.sleep(LOOK)

    def _introduce(self) -> None:
        if not self._live:
            for name, address in self._links:
                self._say(f"{name}: {address}")
        people = self._stand_ins.environment
        who, password = people["SANDBOX_SALESFORCE_USERNAME"], people["SANDBOX_PASSWORD"]
        self._say(f"Or sign in to the console with Salesforce: {who}, password {password}")
        self._say("Reading the org and the company for the first time")

    async def _opening(self) -> None:
        self._introduce()
        await self._until(self._settled, WITHIN, "the seeded entries are on drafts")
        await self._until(self._idle, EACH_WITHIN, "the ledger says so too")
        await self._tell_opened()

    async def _opened(self) -> None:
        """Where people may meddle already: until nothing is to be done any more."""
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            if await self._idle() or await self._committed():
                break
            await asyncio.sleep(0.2)
        await self._tell_opened()

    async def _committed(self) -> bool:
        """Everything is in Xero, and Xero's answers are in the ledger."""
        return await self._settled() and not await self._store.intents.unresolved()

    async def _idle(self) -> bool:
        if not await self._store.epoch.current() or not await self._store.ledger.all_keys():
            return False
        counts = [await work.counts() for work in self._store.lists()]
        return not any(each.due + each.leased + each.scheduled + each.retrying for each in counts)

    async def _tell_opened(self) -> None:
        views = await readmodel.invoices(self._store)
        entries = sum(len(view.entries) for view in views)
        contacts = await self._store.contacts.count()
        self._say(f"{entries} seeded entries are on {len(views)} draft invoices; {contacts} Xero contacts are read")

    async def _settled(self) -> bool:
        return not await self._problems()

    async def _problems(self) -> list[str]:
        return problems(*await self._states(), self._setup)

    async def _states(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return await self._stand_ins.state("salesforce"), await self._stand_ins.state("xero")

    async def _log(self, number: int) -> float:
        """Somebody logs time; gives the seconds until everything is on its draft in Xero."""
        began = time.monotonic()
        id_ = await self._logged(number)
        await self._until(self._settled, EACH_WITHIN, f"{id_} is on a draft")
        took = time.monotonic() - began
        view = await self._view(id_)
        self._say(
            f"   on draft {view.invoice if view and view.invoice else 'of its client'} in Xero after {took:.1f} s"
        )
        return took

    async def _log_and_tell(self, number: int) -> None:
        """Somebody logs time; say where it went, or that it waits, when that is known."""
        began = time.monotonic()
        id_ = await self._logged(number)
        view = None
        while time.monotonic() < began + EACH_WITHIN:
            view = await self._view(id_, tries=1)
            if view is not None and view.state in ENDS:
                break
            await asyncio.sleep(0.1)
        took = time.monotonic() - began
        if view is not None and view.invoice:
            self._say(f"   on draft {view.invoice} in Xero after {took:.1f} s")
        else:
            self._say(f"   on no draft after {took:.1f} s: {view.text if view else 'it was not read yet'}")

    async def _logged(self, number: int) -> str:
        """Log the next story's time; gives the record's id. Raises `ServiceError` where that cannot be done."""
        records = (await self._stand_ins.state("salesforce"))["records"]
        entry = _entry(records, number)
        async with self._looking:
            id_ = await self._stand_ins.log_time(entry.fields)
            self._watching.own.add(id_)
        self._say(f"{entry.hours} h on {entry.project} logged in Salesforce: {entry.what}")
        return id_

    async def _view(self, id_: str, tries: int = 20) -> EntryView | None:
        """The entry as the ledger has it; Xero's answer may still be on its way into the ledger."""
        view = None
        for _ in range(tries):
            unit = await self._store.ledger.unit(f"TimeEntry__c:{id_}#0")
            views = await readmodel.entries(self._store, [unit]) if unit else []
            view = views[0] if views else None
            if view is not None and view.invoice:
                break
            await asyncio.sleep(0.1)
        return view

    async def _until(self, true: Callable[[], Awaitable[bool]], within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while not await true():
            if time.monotonic() > deadline:
                found = await self._problems()
                raise ServiceError(f"After {within:g} s it is not so that {what}: {'; '.join(found[:5])}.")
            await asyncio.sleep(0.1)

    async def _verdict(self) -> int:
        salesforce, xero = await self._states()
        found = problems(salesforce, xero, self._setup)
        live = [d for d in xero["invoices"] if d["Status"] not in ("DELETED", "VOIDED")]
        on_invoices = len(billable(salesforce["records"], self._setup))
        stats = xero["stats"]
        self._console.print()
        self._console.print(
            f"entries   {len(salesforce['records']['TimeEntry__c'])}, of which {on_invoices} to be billed"
        )
        self._console.print(f"invoices  {len(live)} drafts, {sum(len(d['LineItems']) for d in live)} lines")
        self._console.print(
            f"contacts  {len(xero['contacts'])} in Xero, all in Salesforce" if not found else "contacts"
        )
        self._console.print(
            f"Xero      {stats['calls']} calls, {stats['writes']} of them writes, {_refused(stats)} refused"
        )
        for text in found:
            self._console.print(f"WRONG     {text}")
        if not found:
            self._console.print("Every billable entry is on exactly one line, and every contact is in Salesforce.")
        return 1 if found else 0


def _refused(stats: dict[str, Any]) -> int:
    return sum(int(count) for count in stats.get("refused", {}).values())


@dataclass(frozen=True, slots=True)
class _Logged:
    """A story told: the fields of its entry, and how it is spoken of."""

    fields: dict[str, Any]
    project: str
    hours: str
    what: str


def _entry(records: dict[str, list[dict[str, Any]]], number: int) -> _Logged:
    """The next story as a person would log it: today, approved, billable; on a project that is still there.

    Raises `ServiceError` where people have left no project or nobody to log time.
    """
    projects = {row["Name"]: row["Id"] for row in records["Project__c"] if not row["IsDeleted"]}
    stories = [story for story in STORIES if story[0] in projects]
    people = [row["Id"] for row in records["User"] if row.get("IsActive")]
    owners = sorted({row["OwnerId"] for row in records["TimeEntry__c"]} & set(people))
    if not stories or not owners:
        raise ServiceError("No project of the demo, or nobody who logs time, is left in the Salesforce stand-in.")
    project, hours, what = stories[number % len(stories)]
    mixed = owners[(number + secrets.randbelow(len(owners))) % len(owners)]
    fields = {
        "Project__c": projects[project],
        "OwnerId": mixed if project != "Grant reporting" else owners[0],
        "Hours__c": float(hours),
        "Work_Date__c": datetime.now(UTC).date().isoformat(),
        "Description__c": what,
        "Billable__c": True,
        "Status__c": "Approved",
        "CurrencyIsoCode": "GBP",
    }
    return _Logged(fields, project, hours, what)


async def _told() -> int:
    await until_told()
    return 0
