"""Rounding of time: to `round_minutes`, up, down or to the nearest, per entry, per person and day, or per line.

What a negative entry takes off is rounded like what a positive one adds, so the two cancel. Where more than one entry
is rounded together, each gets what the rounded running total grew by, in the order of their ids: the parts add up to
the rounded total. Seconds are exact.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

from msgspec.structs import replace

from worker.billing.members import Member
from worker.billing.rules import Rules

_MODES: Final[Mapping[str, str]] = {"nearest": ROUND_HALF_UP, "up": ROUND_CEILING, "down": ROUND_FLOOR}


def rounded(seconds: Decimal, rules: Rules) -> Decimal:
    """Time as it is billed where it is rounded alone; half a step is rounded up."""
    if not rules.round_minutes:
        return seconds
    step = Decimal(rules.round_minutes * 60)
    steps = (abs(seconds) / step).quantize(Decimal(1), rounding=_MODES[rules.round_mode])
    return (steps * step).copy_sign(seconds) if steps else Decimal(0)


def round_members(members: Sequence[Member], rules: Rules) -> list[Member]:
    """Units on their way onto lines, rounded together per person and day or per line, where the setup asks for it.

    Units whose rounding is done already (per entry), and those that only stay where they are for now, pass through.
    """
    if not rules.round_minutes or rules.round_per == "entry":
        return list(members)
    groups: dict[tuple[str, ...], list[Member]] = {}
    for member in sorted(members, key=lambda each: each.unit):
        groups.setdefault(_together(member, rules.round_per), []).append(member)
    billed = {id(one): after for group in groups.values() for one, after in _running(group, rules)}
    return [billed[id(member)] for member in members]


def _together(member: Member, per: str) -> tuple[str, ...]:
    """What a unit is rounded together with."""
    if per == "line":
        return ("line", member.group)
    if member.worked_on is None:
        return ("held", member.unit, member.group)
    return ("day", member.person, member.worked_on.isoformat())


def _running(group: Sequence[Member], rules: Rules) -> Iterable[tuple[Member, Member]]:
    so_far = cumulated = Decimal(0)
    for member in group:
        if member.held and rules.round_per == "day":
            yield member, member
            continue
        worked = member.seconds if member.worked is None else member.worked
        cumulated += worked
        reached = rounded(cumulated, rules)
        billed, so_far = reached - so_far, reached
        yield member, replace(member, seconds=billed, worked=None if billed == worked else worked)
