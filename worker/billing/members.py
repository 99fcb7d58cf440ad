"""Units on their way onto the lines of a document."""

from collections.abc import Iterable, Mapping, Set
from datetime import date
from decimal import Decimal

from msgspec import Struct

from worker.billing.model import Line, Placed, Share, Tracking


class Member(Struct, frozen=True, kw_only=True):
    """A unit on its way onto a line: what it brings along. `seconds` are what is billed of it, `worked` (where
    different) what was worked. `held`: it cannot be judged now and stays as it is on the document."""

    unit: str
    group: str
    seconds: Decimal
    worked: Decimal | None = None
    rate: Decimal
    rate_source: str
    basis: str
    description: str
    account: str
    tax_type: str
    tracking: Tracking = ()
    item: str = ""
    worked_on: date | None = None
    person: str = ""
    names: Mapping[str, str] = {}
    mark: str = ""
    sources: Mapping[str, str] = {}
    held: bool = False


def member_of(placed: Placed, seconds: Decimal, worked: Decimal | None = None) -> Member:
    """A unit as it was placed, with the seconds it is billed for (its need) and, where different, those worked."""
    return Member(
        unit=placed.unit,
        group=placed.line,
        seconds=seconds,
        worked=worked,
        rate=placed.rate,
        rate_source=placed.rate_source,
        basis=placed.basis,
        description=placed.description,
        account=placed.account,
        tax_type=placed.tax_type,
        tracking=placed.tracking,
        item=placed.item,
        worked_on=placed.worked_on,
        person=placed.person,
        names=placed.names,
        mark=placed.mark,
        sources=placed.sources,
    )


def held_members(lines: Iterable[Line], units: Set[str]) -> list[Member]:
    """Those of `units` that are on lines which time moves, as they are there: they stay until they can be judged."""
    return [_held(line, share) for line in lines if timed(line) for share in line.shares if share.unit in units]


def ordinary(line: Line) -> bool:
    """Whether a line is ours to move: it is neither fixed nor a person's own."""
    return not line.fixed and not line.foreign


def timed(line: Line) -> bool:
    """Whether time moves this line: it is ours to move, and neither a surcharge nor a correction."""
    return ordinary(line) and not line.surcharge and not line.corrects


def group_of(line: Line) -> str:
    """The group key of a line; one whose group is not known (restored after a wipe) is a group of its own."""
    return line.group or f"line:{line.id}"


def _held(line: Line, share: Share) -> Member:
    return Member(
        unit=share.unit,
        group=group_of(line),
        seconds=share.seconds,
        worked=share.worked,
        rate=share.rate,
        rate_source=share.rate_source,
        basis=share.basis,
        description=line.description,
        account=line.account,
        tax_type=line.tax_type,
        tracking=line.tracking,
        item=line.item,
        sources=line.sources,
        held=True,
    )
