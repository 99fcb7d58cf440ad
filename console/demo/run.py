"""The demo itself: start everything, let people log time, show the drafts appear, and check the result."""

import asyncio
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from console import readmodel
from console.demo.checking import billable, problems
from console.demo.screen import render
from console.demo.standins import StandIns, standing_in
from console.supervisor import until_told
from console.up import running
from console.web.links import one_time_link
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
        _environment(stand_ins, data, text)
        settings = load_settings()
        with (data / "hourstream.log").open("a", encoding="utf-8") as log:
            configure_logging(settings, log)
            async with (
                running(settings, workers, output=data / "hourstream.log", link=False),
                open_store(settings) as store,
            ):
                link = await one_time_link(store, settings.hourstream_console_url)
                show = _Show(console, stand_ins, store, parse(text), link)
                return await show.play(once=once)


def setup_text() -> str:
    """The demo's setup file: the documented example, from the first day of this month on."""
    text = files("console").joinpath("demo/setup.toml").read_text("utf-8")
    return text.replace("2026-11-01", f"{datetime.now(UTC).date().replace(day=1).isoformat()}")


def _environment(stand_ins: StandIns, data: Path, text: str) -> None:
    """What `up` and its children read, so that they see the stand-ins and nothing of the user's own."""
    (data / "demo-setup.toml").write_text(text, "utf-8")
    for name in [name for name in os.environ if name.startswith(("SALESFORCE_", "XERO_", "HOURSTREAM_"))]:
        if name != "HOURSTREAM_TIME_SCALE":
            del os.environ[name]
    os.environ.pop("REDIS_URL", None)
    os.environ.update(stand_ins.environment)
    os.environ["HOURSTREAM_DATA"] = str(data)
    os.environ["HOURSTREAM_SETUP"] = str(data / "demo-setup.toml")
    os.environ["HOURSTREAM_CONSOLE_URL"] = f"http://localhost:{free_port(8400)}"
    os.environ["HOURSTREAM_LOG_FORMAT"] = "json"


def free_port(wanted: int) -> int:
    """The wanted port where it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind(("127.0.0.1", port))
            except OSError:
                continue
            number: int = listening.getsockname()[1]
            return number
    raise ServiceError("No port is free on this machine.")


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

    async def play(self, *, once: bool) -> int:
        """Show it, unattended or until somebody presses Ctrl-C."""
        async with asyncio.TaskGroup() as group:
            screen = group.create_task(self._screen()) if self._live else None
            acting = group.create_task(self._once() if once else self._endless())
            done = [acting] if once else [acting, group.create_task(_told())]
            await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
            for task in (*done, screen):
                if task is not None and not task.done():
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
                live.update(await render(self._store, self._links, self._news, self._console.height))
                await asyncio.sleep(0.5)

    # ---- the story -------------------------------------------------------------------------------------------------

    async def _once(self) -> int:
        await self._opening()
        took = [await self._log(number) for number in range(ONCE_ENTRIES)]
        settle = self._setup.schedule.settle.total_seconds()
        self._say(f"From logged to drafted: {min(took):.1f} s to {max(took):.1f} s (of which {settle:g} s to settle)")
        return await self._verdict()

    async def _endless(self) -> int:
        await self._opening()
        number = 0
        while True:
            await self._log(number)
            number += 1
            await asyncio.sleep(PAUSE)

    async def _opening(self) -> None:
        if not self._live:
            for name, address in self._links:
                self._say(f"{name}: {address}")
        self._say("Reading the org and the company for the first time")
        await self._until(self._settled, WITHIN, "the seeded entries are on drafts")
        views = await readmodel.invoices(self._store)
        entries = sum(len(view.entries) for view in views)
        self._say(f"{entries} seeded entries are on {len(views)} draft invoices, every Xero contact is in Salesforce")

    async def _settled(self) -> bool:
        return not await self._problems()

    async def _problems(self) -> list[str]:
        salesforce, xero = await self._stand_ins.state("salesforce"), await self._stand_ins.state("xero")
        return problems(salesforce, xero, self._setup)

    async def _log(self, number: int) -> float:
        """Somebody logs time; gives the seconds until it is on a draft in Xero."""
        project, hours, what = STORIES[number % len(STORIES)]
        records = (await self._stand_ins.state("salesforce"))["records"]
        began = time.monotonic()
        id_ = await self._stand_ins.log_time(_entry(records, project, hours, what, number))
        self._say(f"{hours} h on {project} logged in Salesforce: {what}")
        await self._until(self._settled, EACH_WITHIN, f"{id_} is on a draft")
        took = time.monotonic() - began
        view = await self._view(id_)
        self._say(f"   on draft {view} in Xero after {took:.1f} s")
        return took

    async def _view(self, id_: str) -> str:
        """The number of its draft; Xero's answer may still be on its way into the ledger."""
        for _ in range(20):
            unit = await self._store.ledger.unit(f"TimeEntry__c:{id_}#0")
            views = await readmodel.entries(self._store, [unit]) if unit else []
            if views and views[0].invoice:
                return views[0].invoice
            await asyncio.sleep(0.1)
        return "of its client"

    async def _until(self, true: Callable[[], Awaitable[bool]], within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while not await true():
            if time.monotonic() > deadline:
                found = await self._problems()
                raise ServiceError(f"After {within:g} s it is not so that {what}: {'; '.join(found[:5])}.")
            await asyncio.sleep(0.1)

    async def _verdict(self) -> int:
        salesforce, xero = await self._stand_ins.state("salesforce"), await self._stand_ins.state("xero")
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


def _entry(
    records: dict[str, list[dict[str, Any]]], project: str, hours: str, what: str, number: int
) -> dict[str, Any]:
    """A time entry as a person would log it: today, approved, billable."""
    people = [row["Id"] for row in records["User"] if row.get("IsActive")]
    owners = sorted({row["OwnerId"] for row in records["TimeEntry__c"]} & set(people))
    return {
        "Project__c": next(row["Id"] for row in records["Project__c"] if row["Name"] == project),
        "OwnerId": owners[(number + secrets.randbelow(len(owners))) % len(owners)]
        if project != "Grant reporting"
        else owners[0],
        "Hours__c": float(hours),
        "Work_Date__c": datetime.now(UTC).date().isoformat(),
        "Description__c": what,
        "Billable__c": True,
        "Status__c": "Approved",
        "CurrencyIsoCode": "GBP",
    }


async def _told() -> int:
    await until_told()
    return 0
