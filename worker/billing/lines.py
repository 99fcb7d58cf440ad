"""Lines of an open document: units gathered by their line, summed exactly, quantised once.

A line of ours that is already on the document keeps its place, its LineItemID and what a person chose on it; new lines
come after. Lines that a person wrote or fixed are passed through untouched.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from worker.billing import words
from worker.billing.members import Member, group_of, held_members, member_of, ordinary, timed
from worker.billing.model import Line, Share
from worker.billing.money import line_amount, quantity, shares

__all__ = [
    "EMPTY_TEXT",
    "Member",
    "group_of",
    "held_members",
    "lines_of",
    "member_of",
    "ordinary",
    "placeholder",
    "timed",
]

EMPTY_TEXT: Final = "No time on this invoice at present."


def lines_of(members: Sequence[Member], existing: Sequence[Line], *, several: bool) -> tuple[Line, ...]:
    """The lines that hold `members`, on top of those `existing` ones that are not ours to move.

    `several`: the template prints what differs between the units of a line (their descriptions, say), so each such text
    is printed once. Surcharges and corrections among `existing` are left out: they are not made of time.
    """
    groups = _grouped(members)
    lines: list[Line] = []
    for line in existing:
        if not ordinary(line):
            lines.append(line)
        elif timed(line) and group_of(line) in groups:
            lines.append(_line(groups.pop(group_of(line)), line, several))
    new = [_line(group, None, several) for group in groups.values()]
    return (*lines, *sorted(new, key=lambda line: (line.description, line.group)))


def placeholder(existing: Sequence[Line]) -> Line:
    """The one line an emptied draft keeps until its period closes; the one that is there, where there is one."""
    there = (line for line in existing if timed(line) and not line.shares and not line.group)
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
        item=first.item,
        shares=tuple(_share(member, part) for member, part in zip(group, parts, strict=True)),
        sources=dict(first.sources),
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
        worked=member.worked,
    )
