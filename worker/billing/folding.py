"""Long documents: lines gathered more coarsely until they fit.

The last name of `line_per` is dropped, then the one before it, and so on. What a line never mixes is kept apart still.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from worker.billing.members import Member
from worker.billing.placing import line_text
from worker.billing.rules import Rules

LINES: Final = 200  # of one document; Xero takes more, people do not read them
_PRINTED_WITH: Final = {"day": ("day", "worked_on"), "worked_on": ("day", "worked_on")}


class Folded(Struct, frozen=True):
    """Units with the lines they go on now, and what there is to say about it ("" when nothing was gathered)."""

    members: tuple[Member, ...]
    note: str = ""


def fold(members: Sequence[Member], rules: Rules, room: int = LINES) -> Folded:
    """Gather units until they are on at most `room` lines, or nothing is left to gather them by."""
    wanted = _lines(members)
    if wanted <= room:
        return Folded(tuple(members))
    gathered = list(members)
    kept = rules.line_per
    while kept and _lines(gathered) > room:
        kept = kept[:-1]
        gathered = [_without(member, rules.line_per[len(kept) :], rules) for member in members]
    by = f"by {' and '.join(kept)}" if kept else "as far as rates, accounts and taxes allow"
    note = f"It would have {wanted} lines of time, more than {room}: they are gathered {by}."
    return Folded(tuple(gathered), note)


def _lines(members: Sequence[Member]) -> int:
    return len({member.group for member in members})


def _without(member: Member, dropped: Sequence[str], rules: Rules) -> Member:
    """The unit on a line that does not tell its `dropped` values apart, nor prints them."""
    parts = _parts(member.group)
    if parts is None:
        return member
    per, fixed = parts
    group = json.dumps([[pair for pair in per if pair[0] not in dropped], fixed], ensure_ascii=False)
    if member.held:
        return replace(member, group=group)
    silent = {name for each in dropped for name in _PRINTED_WITH.get(each, (each,))}
    names = {name: text for name, text in member.names.items() if name not in silent}
    return replace(member, group=group, description=line_text(rules.description, names, member.mark))


def _parts(group: str) -> tuple[list[list[str]], dict[str, Any]] | None:
    """A group key taken apart; None for one that is not made of `line_per`."""
    try:
        per, fixed = json.loads(group)
    except ValueError:
        return None
    return (per, fixed) if isinstance(per, list) and isinstance(fixed, dict) else None
