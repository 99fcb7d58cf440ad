"""Surcharges: lines of their own, a percentage of the time on the same document.

One line for each surcharge, account, tax type and tracking of the time it is on. What a surcharge adds belongs to the
units in the proportion of their time's amounts, by running rounding in the order of their ids, as everywhere. A share
has no seconds; its rate is what the surcharge adds to an hour of the unit.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal

from msgspec.structs import replace

from worker.billing.model import Line, Posting, Share
from worker.billing.money import ZERO, half_up
from worker.billing.rules import Rules, Surcharge
from worker.billing.words import DESCRIPTION_LIMIT, cut

Taken = Mapping[tuple[str, str], Decimal]
NOTHING: Taken = {}
_NOBODY: Set[str] = frozenset()
_OURS = '[[["surcharge"'


def taken(postings: Iterable[Posting], rules: Rules, elsewhere: Set[str] = _NOBODY) -> dict[tuple[str, str], Decimal]:
    """By unit and surcharge, what fixed and suspended postings of the surcharge carry already.

    Time that a person fixed here, and whose correction is on another open document (`elsewhere`), gets no surcharge
    before that one is locked: no unit is on two drafts.
    """
    found: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    found |= {(unit, each.name): ZERO for unit in elsewhere for each in rules.surcharges}
    for posting in postings:
        if posting.surcharge and posting.state != "open":
            found[posting.unit, posting.surcharge] += posting.amount
    return dict(found)


def with_surcharges(
    lines: Sequence[Line], existing: Sequence[Line], rules: Rules, carried: Taken = NOTHING
) -> tuple[Line, ...]:
    """`lines` and their surcharges, those that are on the document already in their place and with their ids.

    `carried` is what units have of a surcharge on lines that are fixed or were taken out: it is not charged again.
    """
    if not rules.surcharges:
        return tuple(lines)
    there = {_name(line): line for line in existing if line.surcharge and not line.fixed}
    made = [
        _line(surcharge, group, there, carried) for surcharge in rules.surcharges for group in _bases(lines, surcharge)
    ]
    place = {line.id: number for number, line in enumerate(existing) if line.id}
    charged = [line for line in made if line.amount]
    return tuple(sorted([*lines, *charged], key=lambda line: place.get(line.id, len(place))))


def _bases(lines: Sequence[Line], surcharge: Surcharge) -> list[list[Line]]:
    """The lines of time, gathered by what a line of this surcharge does not mix."""
    groups: dict[tuple[object, ...], list[Line]] = defaultdict(list)
    for line in lines:
        if line.shares and not line.foreign and not line.surcharge and not line.corrects:
            groups[surcharge.account or line.account, surcharge.tax_type or line.tax_type, line.tracking].append(line)
    return list(groups.values())


def _line(surcharge: Surcharge, on: Sequence[Line], there: Mapping[str, Line], carried: Taken) -> Line:
    first = on[0]
    fixed = {share.unit for line in on if line.fixed for share in line.shares}
    parts = _shares(surcharge, [share for line in on for share in line.shares], carried, fixed)
    amount = sum((part.amount for part in parts), ZERO)
    line = Line(
        description=cut(f"{surcharge.name} ({surcharge.percent.normalize():f}%)", DESCRIPTION_LIMIT),
        quantity=Decimal("1.0000"),
        unit_amount=half_up(amount, 4),
        amount=amount,
        account=surcharge.account or first.account,
        tax_type=surcharge.tax_type or first.tax_type,
        tracking=first.tracking,
        shares=tuple(parts),
        surcharge=surcharge.name,
        sources=first.sources | {name: "the surcharge" for name, own in _own(surcharge).items() if own},
    )
    line = replace(line, group=_group(line))
    before = there.get(_name(line))
    if before is None:
        return line
    return replace(line, id=before.id, kept=before.kept, **{name: getattr(before, name) for name in before.kept})


def _own(surcharge: Surcharge) -> dict[str, str]:
    return {"account": surcharge.account, "tax_type": surcharge.tax_type}


def _shares(surcharge: Surcharge, on: Sequence[Share], carried: Taken, fixed: Set[str]) -> list[Share]:
    """What each unit has of a surcharge: its part by running rounding, less what it carries elsewhere. Of a unit whose
    time is `fixed` what it carries is all of it."""
    parts: list[Share] = []
    cumulated = so_far = ZERO
    for share in sorted(on, key=lambda each: each.unit):
        cumulated += share.amount
        reached = half_up(cumulated * surcharge.percent / 100, 2)
        amount, so_far = reached - so_far, reached
        had = carried.get((share.unit, surcharge.name))
        if had is not None and (share.unit in fixed or amount == had):
            continue
        parts.append(
            Share(
                unit=share.unit,
                seconds=Decimal(0),
                amount=amount - (had or ZERO),
                rate=share.rate * surcharge.percent / 100,
                rate_source=f"surcharge {surcharge.name}",
                basis=share.basis,
            )
        )
    return parts


def _group(line: Line) -> str:
    fixed = {"account": line.account, "tax": line.tax_type, "tracking": [list(pair) for pair in line.tracking]}
    return json.dumps([[["surcharge", line.surcharge]], fixed], ensure_ascii=False)


def _name(line: Line) -> str:
    """What makes a surcharge line the same one as before, whatever a person chose on it."""
    return line.group if line.group.startswith(_OURS) else _group(line)
