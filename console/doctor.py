"""doctor: every credential, permission, field, limit and clock Hourstream depends on, and how to mend each failure.

Each check stands by itself: one that fails says so and lets the others go on. Nothing is written anywhere.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from worker.context import Context
from worker.errors import HourstreamError
from worker.salesforce.client import Allowance
from worker.setup import Setup, parse
from worker.setup.check import check as check_setup
from worker.store.durability import check_server
from worker.store.embedded import find_url

State = Literal["ok", "warning", "problem"]

SKEW: Final = 60.0  # seconds two clocks may differ
REPLAY: Final = 72 * 3600  # seconds Salesforce keeps events
LATE: Final = 48 * 3600
LOW: Final = 0.1  # of an allowance
ALLOWANCES: Final = {
    "DailyApiRequests": "API calls of 24 hours",
    "DailyDeliveredPlatformEvents": "delivered events of 24 hours",
}
SEES_ALL: Final = (
    "In Salesforce Setup, Permission Sets, the integration user's set: Object Settings, {name}, tick View All Records."
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. `remedy` is "" where nothing is to be done."""

    area: str  # Hourstream, Redis, Salesforce, Xero, Setup
    name: str
    state: State
    text: str
    remedy: str = ""


Check = Callable[[Context], AsyncIterator[Finding]]


async def examine(ctx: Context) -> AsyncIterator[Finding]:
    """Every finding, as it is made."""
    for area, check in CHECKS:
        try:
            async for finding in check(ctx):
                yield finding
        except HourstreamError as error:
            yield Finding(area=area, name=_named(check), state="problem", text=error.what, remedy=error.remedy)


def _named(check: Check) -> str:
    return check.__name__.strip("_").replace("_", " ")


# ---- this deployment -----------------------------------------------------------------------------------------------


async def _redis(ctx: Context) -> AsyncIterator[Finding]:
    found = await check_server(find_url(ctx.settings))
    yield _ok("Redis", "server", f"{found.server}, maxmemory-policy {found.policy or 'not told'}.")
    for warning in found.warnings:
        yield Finding(
            area="Redis", name="durability", state="warning", text=warning,
            remedy="Set appendonly yes and appendfsync always (docs/operating.md, Redis).",
        )  # fmt: skip
    if not found.warnings:
        yield _ok("Redis", "durability", f"Every acknowledged write is on disk (appendfsync {found.fsync}).")


async def _ledger(ctx: Context) -> AsyncIterator[Finding]:
    if await ctx.store.epoch.current():
        yield _ok("Hourstream", "ledger", f"Complete: {await ctx.store.ledger.count_units()} entries known.")
        return
    progress = await ctx.store.epoch.progress()
    yield Finding(
        area="Hourstream", name="ledger", state="warning", text=f"Being rebuilt ({progress.step}).",
        remedy="Nothing is sent meanwhile. It needs a worker, and both services.",
    )  # fmt: skip


async def _processes(ctx: Context) -> AsyncIterator[Finding]:
    workers = await ctx.store.heartbeats.alive("worker")
    if workers:
        yield _ok("Hourstream", "workers", f"{len(workers)} alive.")
    else:
        yield _problem("Hourstream", "workers", "None lives.", "Start one: `hourstream up` or `hourstream work`.")
    for beat in await ctx.store.heartbeats.alive("problem"):
        yield _problem("Hourstream", beat.name, beat.detail.get("text", "It fails."), "")
    for work in ctx.store.lists():
        if paused := await work.paused():
            yield Finding(
                area="Hourstream", name=f"stage {work.stage}", state="warning", text=f"Paused by {paused}",
                remedy="`hourstream queue resume` goes on.",
            )  # fmt: skip


async def _listener(ctx: Context) -> AsyncIterator[Finding]:
    beats = await ctx.store.heartbeats.alive("listener")
    active = next((beat for beat in beats if beat.detail.get("state") == "listening"), None)
    if active is None:
        text = f"{beats[0].name} is {beats[0].detail.get('state')}." if beats else "None lives."
        yield _problem("Salesforce", "listener", text, "Start one: `hourstream up` or `hourstream listen`.")
        return
    detail = active.detail
    reason = detail.get("reason", "")
    polls = detail.get("transport") == "poll" and reason
    yield Finding(
        area="Salesforce", name="listener", state="warning" if polls else "ok",
        text=f"Hears changes by {detail.get('transport')}. {reason}".rstrip(),
        remedy="Changes are read every minute instead of at once." if polls else "",
    )  # fmt: skip
    age = float(detail.get("position_age_seconds") or 0)
    if age > LATE:
        text = f"The stored position is {age / 3600:.0f} hours old; Salesforce keeps {REPLAY // 3600} hours of events."
        yield _problem("Salesforce", "replay position", text, "See `hourstream queue status` for what stops it.")
    parked = int(detail.get("parked") or 0)
    if parked:
        text = f"{parked} events could not be decoded; their records are read again instead."
        yield Finding(area="Salesforce", name="events", state="warning", text=text)


async def _folder(ctx: Context) -> AsyncIterator[Finding]:
    folder = ctx.settings.hourstream_data
    if await asyncio.to_thread(os.access, folder, os.R_OK | os.W_OK | os.X_OK):
        yield _ok("Hourstream", "data folder", f"{folder} can be written.")
    else:
        yield _problem(
            "Hourstream", "data folder", f"{folder} cannot be written.", "Mend its rights, or set HOURSTREAM_DATA."
        )


# ---- Salesforce ----------------------------------------------------------------------------------------------------


async def _sign_in_to_salesforce(ctx: Context) -> AsyncIterator[Finding]:
    org = await ctx.org()
    yield _ok("Salesforce", "sign-in", f"Org {org}, the one this deployment serves.")
    for name, allowance in (await ctx.salesforce.limits()).items():
        if name in ALLOWANCES:
            yield _headroom(name, allowance)
    if (said := ctx.salesforce.server_date) is not None:
        skew = abs((datetime.now(UTC) - said).total_seconds())
        yield _clock("Salesforce", skew)


def _headroom(name: str, allowance: Allowance) -> Finding:
    text = f"{allowance.remaining:,} of {allowance.max:,} {ALLOWANCES[name]} left."
    if allowance.max and allowance.remaining < LOW * allowance.max:
        remedy = "See Salesforce Setup, Company Information, for what uses them."
        return Finding(area="Salesforce", name=name, state="warning", text=text, remedy=remedy)
    return _ok("Salesforce", name, text)


def _clock(area: str, skew: float) -> Finding:
    if skew > SKEW:
        text = f"This machine's clock and theirs differ by {skew:.0f} seconds."
        return Finding(area=area, name="clock", state="warning", text=text, remedy="Let NTP set this machine's clock.")
    return _ok(area, "clock", "The clocks agree.")


async def _sees_entries(ctx: Context) -> AsyncIterator[Finding]:
    """getDeleted takes View All; without it changes of records that were not shared would go unseen."""
    setup = await _setup(ctx)
    if setup is None:
        return
    name, now = setup.source.sobject, datetime.now(UTC)
    try:
        await ctx.salesforce.deleted(name, now.replace(hour=0, minute=0, second=0, microsecond=0), now)
    except HourstreamError as error:
        yield _problem("Salesforce", f"all records of {name}", error.what, SEES_ALL.format(name=name))
        return
    yield _ok("Salesforce", f"all records of {name}", "Deletions can be asked for.")


# ---- Xero ----------------------------------------------------------------------------------------------------------


async def _sign_in_to_xero(ctx: Context) -> AsyncIterator[Finding]:
    await ctx.tenant()
    company = await ctx.xero.company(patience=ctx.limits.step)
    kind = "a demo company" if company.demo else "a real company"
    yield _ok("Xero", "sign-in", f"{company.name}, {kind}, the one this deployment serves.")
    missing = await ctx.xero.missing_scopes()
    for scope in missing:
        yield Finding(
            area="Xero", name="scopes", state="warning", text=f"The consent does not cover {scope}.",
            remedy="Add the scope to the app in Xero (Configuration), then connect again.",
        )  # fmt: skip
    if not missing:
        yield _ok("Xero", "scopes", "The consent covers everything that is used.")
    if company.read_at:
        yield _clock("Xero", abs((datetime.now(UTC) - datetime.fromisoformat(company.read_at)).total_seconds()))
    calls = await ctx.store.governor.state()
    left = "not told yet" if calls.day_left is None else f"{calls.day_left:,} left today"
    if calls.stopped_until:
        yield Finding(
            area="Xero", name="calls", state="warning", text=f"Xero takes none until {calls.stopped_until}.",
            remedy="What is due waits and goes on by itself.",
        )  # fmt: skip
    else:
        yield _ok("Xero", "calls", f"{left}, {calls.minute_left} this minute.")


# ---- the setup -----------------------------------------------------------------------------------------------------


async def _setup_file(ctx: Context) -> AsyncIterator[Finding]:
    setup = await _setup(ctx)
    if setup is None:
        yield _problem("Setup", "setup", "There is none.", "`hourstream setup presets` has files to begin with.")
        return
    url = ctx.settings.hourstream_console_url
    found = await check_setup(setup, ctx.salesforce, ctx.xero, console_url=url)
    if not found:
        yield _ok("Setup", "setup", "It fits the org and the company.")
    for each in found:
        state: State = "problem" if each.severity == "error" else "warning"
        yield Finding(area="Setup", name=each.key, state=state, text=f"{each.what}.", remedy=each.remedy)


async def _setup(ctx: Context) -> Setup | None:
    stored = await ctx.store.setup.current()
    return parse(stored.text) if stored else None


def _ok(area: str, name: str, text: str) -> Finding:
    return Finding(area=area, name=name, state="ok", text=text)


def _problem(area: str, name: str, text: str, remedy: str) -> Finding:
    return Finding(area=area, name=name, state="problem", text=text, remedy=remedy)


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("Hourstream", _folder),
    ("Redis", _redis),
    ("Hourstream", _ledger),
    ("Hourstream", _processes),
    ("Salesforce", _sign_in_to_salesforce),
    ("Salesforce", _sees_entries),
    ("Salesforce", _listener),
    ("Xero", _sign_in_to_xero),
    ("Setup", _setup_file),
)
