"""The setup as the Setup pages work on it: a draft that may be half done, beside the one in force.

Each step saves into the draft (`change`); nothing bills by it until it is saved as a whole (`console.web.setup`, Save).
Where another setup came into force meanwhile (a rate saved on the People page), the draft's own changes are made on
that one.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct, structs

from console.editing import Path, Value, edited
from worker.context import Context
from worker.setup import Problem, SetupError, check_salesforce, parse, usable
from worker.store.setup_drafts import SetupDraft
from worker.store.setup_store import StoredSetup
from worker.store.store import Store

Changes = Mapping[Path, Value | None]


class Draft(Struct, frozen=True, kw_only=True):
    """The setup to show and change. `version` is the one in force (0: none), which `text` was made from.

    `changed`: the dotted keys in which it differs from the one in force.
    """

    text: str
    version: int
    changed: tuple[str, ...] = ()
    by: str = ""
    at: str = ""

    def value(self, *path: str, default: Any = "") -> Any:
        """What the draft says at `path`, as TOML has it; `default` where it says nothing."""
        found: Any = tables(self.text)
        for part in path:
            if not isinstance(found, Mapping) or part not in found:
                return default
            found = found[part]
        return found

    def problems(self, *prefixes: str) -> list[Problem]:
        """Everything that keeps it from being a setup; with prefixes ("billing", "source.fields.hours") only theirs."""
        return [each for each in _problems(self.text) if not prefixes or is_below(each.key, prefixes)]


async def draft(store: Store) -> Draft:
    """The draft; the setup in force, or nothing, where nobody changed any. Raises `ServiceError`."""
    stored, kept = await store.setup.current(), await store.drafts.get()
    return await _draft(store, stored, kept)


def changed(before: Draft, changes: Changes) -> Draft:
    """The draft with these keys set, as `console.editing.edited` does (None takes one out); nothing is saved."""
    return structs.replace(before, text=edited(before.text, changes))


async def change(store: Store, changes: Changes, by: str) -> Draft:
    """Save these keys in the draft; what somebody else saves in it at the same time stays. Raises `ServiceError`."""
    before = await draft(store)

    def changed_text(kept: SetupDraft | None) -> str:
        text = kept.text if kept is not None and kept.base == before.version else before.text
        return edited(text, changes)

    return await _saved(store, changed_text, before.version, by)


async def replaced(store: Store, text: str, by: str) -> Draft:
    """Make this text the draft: an imported file, or an older version. Raises `ServiceError`."""
    stored = await store.setup.current()
    return await _saved(store, lambda _: text, stored.version if stored else 0, by)


async def _saved(store: Store, made: Callable[[SetupDraft | None], str], version: int, by: str) -> Draft:
    at = await store.clock()
    kept = await store.drafts.change(lambda kept: SetupDraft(text=made(kept), base=version, by=by, at=at))
    await store.audit.write(by, "setup.drafted", "setup", {"on": version})
    return await _draft(store, await store.setup.current(), kept)


async def discard(store: Store, by: str) -> None:
    """Forget the draft: the setup in force is shown again."""
    await store.drafts.drop()
    await store.audit.write(by, "setup.draft dropped", "setup", {})


async def against(ctx: Context, draft: Draft, *prefixes: str) -> list[Problem]:
    """What the org says against the draft; with prefixes only against theirs. Raises Salesforce's errors."""
    setup = usable(draft.text)
    found = await check_salesforce.problems(setup, ctx.salesforce.describe) if setup else []
    said = [each for each in found if draft.value(*each.key.partition("[")[0].split("."), default=None) is not None]
    return [each for each in said if not prefixes or is_below(each.key, prefixes)]


def is_below(key: str, prefixes: Sequence[str]) -> bool:
    """Whether a dotted key is one of the prefixes or stands below one."""
    return any(key == prefix or key.startswith((f"{prefix}.", f"{prefix}[")) for prefix in prefixes)


def tables(text: str) -> dict[str, Any]:
    """The values of a file; {} for one that is no TOML."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        return {}


def differences(before: str, after: str) -> dict[Path, Any]:
    """The keys in which two files differ and their values in the second, None where it lacks one; people excepted,
    whose rows have a page of their own."""
    old, new = dict(_leaves(tables(before))), dict(_leaves(tables(after)))
    found = {path: value for path, value in new.items() if path not in old or old[path] != value}
    return found | {path: None for path in old if path not in new}


def _leaves(table: Mapping[str, Any], path: Path = ()) -> list[tuple[Path, Any]]:
    found: list[tuple[Path, Any]] = []
    for name, value in table.items():
        here = (*path, name)
        if here == ("people", "person"):
            continue
        found += _leaves(value, here) if isinstance(value, Mapping) else [(here, value)]
    return found


@lru_cache(maxsize=16)
def _problems(text: str) -> tuple[Problem, ...]:
    """Asked for by each step of a page: parsed once."""
    try:
        parse(text)
    except SetupError as error:
        return error.problems
    return ()


async def _draft(store: Store, stored: StoredSetup | None, kept: SetupDraft | None) -> Draft:
    force, version = (stored.text, stored.version) if stored else ("", 0)
    if kept is None:
        return Draft(text=force, version=version)
    text = kept.text
    if kept.base != version:
        base = await store.setup.version(kept.base) if kept.base else ""
        text = edited(force, differences(base or "", kept.text)) if base is not None else text
    changed = tuple(".".join(path) for path in differences(force, text))
    return Draft(text=text, version=version, changed=changed, by=kept.by, at=kept.at)
