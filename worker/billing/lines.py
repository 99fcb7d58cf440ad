"""Lines of an open document: units gathered by their line, summed exactly, quantised once.

A line of ours that is already on the document keeps its place, its LineItemID and what a person chose on it; new lines
come after. Lines that a person wrote or fixed are passed through untouched.
"""

from collections.abc import Iterable, Sequence, Set
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from worker.billing import words
from worker.billing.model import Line, Placed, Share, Tracking
from worker.billing.money import line_amount, quantity, shares

EMPTY_TEXT: Final = "No time on this invoice at present."
CONSTANT: Final = frozenset({"xero_contact"})  # what a template may print of a line's units without their differing


class Member(Struct, frozen=True, kw_only=True):
    """A unit on its way onto a line: what it brings along."""

    unit: str
    group: str
    seconds: Decimal
    rate: Decimal
    rate_source: str
    basis: str
    description: str
    account: str
    tax_type: str
    tracking: Tracking
    worked_on: date | None = None


def member_of(placed: Placed, seconds: Decimal) -> Member:
    """A unit as it was placed, with the seconds it is billed for (its need)."""
    return Member(
        unit=placed.unit,
        group=placed.line,
        seconds=seconds,
        rate=placed.rate,
        rate_source=placed.rate_source,
        basis=placed.basis,
        description=placed.description,
        account=placed.account,
        tax_type=placed.tax_type,
        tracking=placed.tracking,
        worked_on=placed.worked_on,
    )


def held_members(lines: Iterable[Line], units: Set[str]) -> list[Member]:
    """Those of `units` that are on ordinary lines, as they are there: they stay until they can be judged again."""
    return [_held(line, share) for line in lines if ordinary(line) for share in line.shares if share.unit in units]


def ordinary(line: Line) -> bool:
    """Whether time moves this line: it is neither fixed nor a person's own."""
    return not line.fixed and not line.foreign


def group_of(line: Line) -> str:
    """The group key of a line; one whose group is not known (restored after a wipe) is a group of its own."""
    return line.group or f"line:{line.id}"


def lines_of(members: Sequence[Member], existing: Sequence[Line], *, several: bool) -> tuple[Line, ...]:
    """The lines that hold `members`, on top of those `existing` ones that are not ours to move.

    `several`: the template prints what differs between the units of a line (their descriptions, say), so each such text
    is printed once.
    """
    groups = _grouped(members)
    lines: list[Line] = []
    for line in existing:
        if not ordinary(line):
            lines.append(line)
        elif group_of(line) in groups:
            lines.append(_line(groups.pop(group_of(line)), line, several))
    new = [_line(group, None, several) for group in groups.values()]
    return (*lines, *sorted(new, key=lambda line: (line.description, line.group)))


def placeholder(existing: Sequence[Line]) -> Line:
    """The one line an emptied draft keeps until its period closes; the one that is there, where there is one."""
    there = (line for line in existing if ordinary(line) and not line.shares and not line.group)
    return next(there, Line(description=EMPTY_TEXT))


def _grouped(members: Iterable[Member]) -> dict[str, list[Member]]:
    groups: dict[str, list[Member]] = {}
    for member in sorted(members, key=lambda member: member.unit):
        groups.setdefault(member.group, []).append(member)
    return groups


def _line(group: Sequence[Member], existing: Line | None, several: bool) -> Line:
    """One line: positive quantity, and a negative price where the time of its units is negative in all."""
    first = group[0]
    seconds = sum((member.seconds for member in group), Decimal(0))
    hours, price = quantity(abs(seconds)), first.rate if seconds >= 0 else -first.rate
    amount = line_amount(hours, price)
    parts = shares(first.rate, [(member.unit, member.seconds) for member in group], amount)
    line = Line(
        id=existing.id if existing else "",
        group=first.group,
        description=_description(group, several),
        quantity=hours,
        unit_amount=price,
        amount=amount,
        account=first.account,
        tax_type=first.tax_type,
        tracking=first.tracking,
        shares=tuple(_share(member, part) for member, part in zip(group, parts, strict=True)),
    )
    return _as_kept(line, existing) if existing and existing.kept else line


def _as_kept(line: Line, existing: Line) -> Line:
    theirs = {name: getattr(existing, name) for name in existing.kept}
    return replace(line, kept=existing.kept, **theirs)


def _description(group: Sequence[Member], several: bool) -> str:
    in_time = sorted(group, key=lambda member: (member.worked_on or date.min, member.unit))
    if not several:
        return in_time[-1].description
    texts = words.distinct(text for member in in_time for text in member.description.splitlines())
    return words.cut("\n".join(texts), words.DESCRIPTION_LIMIT)


def _share(member: Member, amount: Decimal) -> Share:
    return Share(
        unit=member.unit,
        seconds=member.seconds,
        amount=amount,
        rate=member.rate,
        rate_source=member.rate_source,
        basis=member.basis,
    )


def _held(line: Line, share: Share) -> Member:
    return Member(
        unit=share.unit,
        group=group_of(line),
        seconds=share.seconds,
        rate=share.rate,
        rate_source=share.rate_source,
        basis=share.basis,
        description=line.description,
        account=line.account,
        tax_type=line.tax_type,
        tracking=line.tracking,
    )
