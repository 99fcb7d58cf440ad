"""Every setup there ever was: who saved it when, and what it changed."""

from msgspec import Struct

from console import trail
from console.drafting import differences
from console.editing import people_of
from console.trail import Filter
from worker.errors import ConfigurationError
from worker.store.store import Store

SAVED = "setup.saved"
LONG_AGO = 100_000  # lines of the trail about setups: all of them


class Change(Struct, frozen=True, kw_only=True):
    """One key in two setups, as the file has it; "" where one lacks it."""

    key: str
    before: str
    after: str


class Version(Struct, frozen=True, kw_only=True):
    """A saved setup. `changes` are those against the version before it; the `first` has none before it."""

    number: int
    at: str
    who: str
    changes: tuple[Change, ...]
    first: bool


async def versions(store: Store, start: int, count: int) -> tuple[list[Version], int]:
    """A part of them, newest first, and how many there are."""
    numbers = sorted(await store.setup.versions(), reverse=True)
    who = {each.subject: (each.at, each.who) for each in await trail.trail(store, Filter(what=SAVED), LONG_AGO)}
    found = []
    for place in range(start, min(start + count, len(numbers))):
        older = numbers[place + 1] if place + 1 < len(numbers) else 0
        before = await store.setup.version(older) or "" if older else ""
        text = await store.setup.version(numbers[place]) or ""
        at, by = who.get(f"setup {numbers[place]}", ("", ""))
        found.append(
            Version(number=numbers[place], at=at, who=by, changes=tuple(changes(before, text)), first=not older)
        )
    return found, len(numbers)


async def text_of(store: Store, number: int) -> str:
    """The file of a version. Raises `ConfigurationError` where there is none."""
    text = await store.setup.version(number)
    if text is None:
        raise ConfigurationError(f"There is no setup of version {number}.", "Setup, History, lists those there are.")
    return text


def changes(before: str, after: str) -> list[Change]:
    """The keys in which two files differ, in their order; people's rows are counted."""
    old, new = _values(before), _values(after)
    found = [Change(key=key, before=old.get(key, ""), after=new.get(key, "")) for key in _keys(before, after)]
    rows, others = set(people_of(before)), set(people_of(after))
    if rows != others:
        text = f"{len(others - rows)} rows added or changed, {len(rows - others)} taken out or replaced"
        found.append(Change(key="people.person", before=f"{len(rows)} rows", after=f"{len(others)} rows: {text}"))
    return found


def _keys(before: str, after: str) -> list[str]:
    return [".".join(path) for path in differences(before, after)]


def _values(text: str) -> dict[str, str]:
    return {".".join(path): _said(value) for path, value in differences("", text).items()}


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items())
    return str(value)


async def schedule_before(store: Store, standing: tuple[str, ...] = ("preview", "off")) -> str:
    """How invoices were sent last, before the preview: what going live goes back to; "live" where they never were."""
    for number in sorted(await store.setup.versions(), reverse=True):
        said = _values(await store.setup.version(number) or "").get("schedule.invoices", "preview")
        if said not in standing:
            return said
    return "live"
