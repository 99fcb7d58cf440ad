"""How things stand, in sentences: the first is Home's headline, the others stand below it. Pure."""

from collections.abc import Iterator, Set
from typing import Literal

from msgspec import Struct

from worker.store.brake import WHO

Tone = Literal["good", "busy", "attention", "stopped"]

REBUILD_STEPS = {
    "wait": "waiting until nothing can still be on its way to Xero",
    "contacts": "reading the Xero contacts",
    "units": "reading the time entries",
    "invoices": "reading the invoices",
    "credit-notes": "reading the credit notes",
}
JOBS = {
    "collect": "Reading time entries",
    "invoices": "Writing invoices",
    "invoice": "Writing invoices",
    "rebuild": "Reading everything",
    "write_back": "Writing back to entries",
    "contacts": "Getting contacts from Xero",
    "statuses": "Reading states from Xero",
    "reconcile": "Checking against Salesforce",
    "related": "Checking projects and contacts in Salesforce",
}
ON_THE_WAY = frozenset({"collect", "invoices", "invoice", "rebuild"})  # without these no time reaches a draft


class Remark(Struct, frozen=True):
    """A sentence; `{at}` in it stands for the time `at`, ISO 8601 in UTC."""

    tone: Tone
    text: str
    at: str = ""


class Standing(Struct, frozen=True, kw_only=True):
    """What the sentences are made from."""

    setup: bool = False
    setup_problem: str = ""
    mode: str = "live"  # the setup's `invoices`: preview, off, live, or a schedule
    workers: int = 0
    listener: dict[str, str] | None = None
    complete: bool = False
    rebuild_step: str = ""
    resting: tuple[str, ...] = ()  # services that somebody has to connect again
    paused: tuple[tuple[str, str], ...] = ()  # stage, who and why
    problems: tuple[tuple[str, str], ...] = ()  # job, text
    stopped_until: str = ""
    stopped_why: str = ""  # the governor's word: day, minute, …; or pace
    to_read: int = 0
    to_send: int = 0
    scheduled: int = 0  # of `to_send`: settling, or due at the next run
    waiting: int = 0
    corrections: int = 0  # proposed


def remarks(now: Standing) -> tuple[Remark, ...]:
    """What keeps time from drafts; else what is being done, or that all is done; then what people should know."""
    stopped = tuple(_stopped(now))
    return (*(stopped or (_progress(now),)), *_known(now))


def _stopped(now: Standing) -> Iterator[Remark]:
    if now.setup_problem:
        yield Remark("stopped", f"The setup cannot be used: {now.setup_problem}")
    elif not now.setup:
        yield Remark("busy", "Nothing is billed yet: the setup is not saved.")
        return
    for service in now.resting:
        yield Remark("stopped", f"{service} has to be connected again: what waits for it is done by itself after that.")
    if not now.workers:
        yield Remark("stopped", "No worker is running: changes are remembered, but reach no draft until one is.")
    if not now.complete:
        step = REBUILD_STEPS.get(now.rebuild_step, "starting")
        yield Remark("busy", f"Everything is read from Salesforce and Xero first ({step}); drafts follow after that.")
    yield from _held(now, "stopped", ON_THE_WAY)


def _known(now: Standing) -> Iterator[Remark]:
    """Time goes on reaching drafts, but not all is well."""
    if not now.setup:
        return
    yield from _held(now, "attention", JOBS.keys() - ON_THE_WAY)
    if now.corrections and (now.to_read or now.to_send or _stands_still(now)):
        needs = _count(now.corrections, "proposed correction needs", "proposed corrections need")
        yield Remark("attention", f"{needs} somebody's decision.")
    if now.listener is None:
        yield Remark("attention", "Nothing listens to Salesforce: changes are found by the regular check only.")
    elif now.listener.get("state") == "retrying":
        yield Remark("attention", f"The listener is connecting to Salesforce again. {now.listener.get('reason', '')}")
    if now.stopped_until:
        yield Remark("attention", _spared(now), now.stopped_until)


def _spared(now: Standing) -> str:
    """Why Xero is not called, with how many drafts wait for it."""
    waits = _count(now.to_send, "draft waits", "drafts wait")
    if now.stopped_why == "pace":
        return f"Few Xero calls are left today, so drafts are next updated at {{at}}; {waits}."
    lead = "Xero's calls for today are used up" if now.stopped_why == "day" else "Xero asked for no calls"
    return f"{lead} until {{at}}; {waits} until then."


def _stands_still(now: Standing) -> bool:
    """Whether the first sentence is not the one that counts what needs somebody."""
    return now.mode in ("preview", "off") or any(_stopped(now))


def _held(now: Standing, tone: Tone, jobs: Set[str]) -> Iterator[Remark]:
    """Those of the jobs that are paused or fail."""
    for stage, why in now.paused:
        if stage in jobs and why.startswith(f"{WHO}:"):
            yield Remark(tone, "The brake is on: nothing is sent to Xero until somebody decides.")
        elif stage in jobs:
            yield Remark(tone, f"{JOBS[stage]} is paused by {why}.")
    for job, text in now.problems:
        if job in jobs:
            yield Remark(tone, f"{JOBS[job]} is tried again until it works. {text}")


def _progress(now: Standing) -> Remark:
    if now.mode == "preview":
        return Remark("attention", "Preview: time is read and priced, and nothing is written to Xero.")
    if now.mode == "off":
        return Remark("attention", "Invoices are off: time is read and priced, and nothing is written to Xero.")
    at = (now.listener or {}).get("last_response_at", "")
    if now.to_read or now.to_send:
        return Remark("busy", f"{_doing(now)}.")
    needed = [_count(now.waiting, "entry that waits", "entries that wait")] if now.waiting else []
    if now.corrections:
        needed.append(_count(now.corrections, "proposed correction", "proposed corrections"))
    but = f", except {' and '.join(needed)} for somebody" if needed else ""
    tone: Tone = "attention" if needed else "good"
    if not at:
        return Remark(tone, f"All time read so far is on drafts{but}.")
    return Remark(tone, f"All time changed up to {{at}} is on drafts{but}.", at)


def _doing(now: Standing) -> str:
    parts = []
    if now.to_read:
        parts.append(f"{_count(now.to_read, 'time entry', 'time entries')} to read")
    if now.to_send:
        waits = now.mode not in ("live", "") and now.scheduled == now.to_send
        parts.append(f"{_count(now.to_send, 'draft', 'drafts')} to update" + (" at the next run" if waits else ""))
    return " and ".join(parts)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
