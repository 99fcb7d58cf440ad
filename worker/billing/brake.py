"""How much a pass would do, measured before anything of it is sent, and whether that is more than the setup allows.

New time never counts as changed value: only what is taken off units that are on open documents, or priced anew there.
Currencies are not added up: the value is that of the currency which would lose the largest part of its open documents.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct

from worker.billing.members import ordinary
from worker.billing.model import Document, Line
from worker.billing.money import ZERO, half_up

FEW: Final = 10
"""So many units may lose any part of the drafts' value: people correct their own time, and a small company has few."""

_NOBODY: Final[Set[str]] = frozenset()


class Limits(Protocol):
    """The setup's `[brake]`; `changed_value` is a percentage."""

    @property
    def new_invoices(self) -> int: ...

    @property
    def removed_entries(self) -> int: ...

    @property
    def corrections(self) -> int: ...

    @property
    def changed_value(self) -> Decimal: ...


class Step(Struct, frozen=True):
    """What a pass would do to one document: None before it is created; `after` is what it would hold (nothing more
    where it would be deleted)."""

    before: Document | None
    after: Document | None


class Effect(Struct, frozen=True, kw_only=True):
    """What a pass would do. Amounts are in `currency`; "" where nothing on open documents changes."""

    new_invoices: int = 0
    removed_entries: int = 0
    corrections: int = 0
    changed_value: Decimal = ZERO
    open_total: Decimal = ZERO  # of the open documents before the pass
    total_after: Decimal = ZERO  # of these once it is done, new documents left out
    currency: str = ""
    entries: int = 0  # on the open documents of the pass before it
    invoices: int = 0  # open documents of the pass before it
    units: tuple[str, ...] = ()  # those that would be taken off or priced anew

    @property
    def percent(self) -> Decimal:
        """The changed value as a part of the open documents' total, at one decimal."""
        if not self.changed_value:
            return Decimal(0)
        return half_up(self.changed_value * 100 / self.open_total, 1) if self.open_total > 0 else Decimal(100)


class _Held(Struct):
    """A unit on the lines of one document."""

    seconds: Decimal = Decimal(0)
    amount: Decimal = ZERO
    rate: Decimal = Decimal(0)


def measure(
    steps: Iterable[Step], *, open_totals: Mapping[str, Decimal] | None = None, accepted: Set[str] = _NOBODY
) -> Effect:
    """What these steps would do together.

    `open_totals` are the sums of the lines of all open documents by currency, those that the pass does not touch
    included (default: of the documents in the steps); `accepted` are units whose correction a person accepted: theirs
    are no surprise to anybody.
    """
    pass_ = list(steps)
    befores = [step.before for step in pass_ if step.before is not None]
    totals = dict(open_totals) if open_totals is not None else _totals(befores)
    changed, grown = defaultdict[str, Decimal](lambda: ZERO), _totals(befores)
    units: set[str] = set()
    for step in pass_:
        for unit, value in _changed(step).items():
            units.add(unit)
            changed[step.before.currency if step.before else ""] += value
    after = _totals(step.after for step in pass_ if step.before is not None and step.after is not None)
    currency = max(changed, key=lambda each: _share(changed[each], totals.get(each, ZERO)), default="")
    total = totals.get(currency, ZERO)
    return Effect(
        new_invoices=sum(step.before is None and step.after is not None for step in pass_),
        removed_entries=sum(len(_units(step.before) - _units(step.after)) for step in pass_),
        corrections=sum(len(_corrections(step.after) - _corrections(step.before) - accepted) for step in pass_),
        changed_value=changed.get(currency, ZERO),
        open_total=total,
        total_after=total - grown.get(currency, ZERO) + after.get(currency, ZERO),
        currency=currency,
        entries=sum(len(_units(document)) for document in befores),
        invoices=len(befores),
        units=tuple(sorted(units)),
    )


def exceeds(effect: Effect, brake: Limits) -> tuple[str, ...]:
    """One sentence for each of the setup's limits that the effect is beyond, with before and after; none: it may go."""
    found = []
    if effect.new_invoices > brake.new_invoices:
        found.append(
            f"{effect.new_invoices} new drafts would be created, more than the {brake.new_invoices} that one pass may: "
            f"{effect.invoices} drafts before, {effect.invoices + effect.new_invoices} after."
        )
    if effect.removed_entries > brake.removed_entries:
        left = effect.entries - effect.removed_entries
        found.append(
            f"{effect.removed_entries} entries would be taken off the drafts they are on, more than the "
            f"{brake.removed_entries} that one pass may: {effect.entries} on these drafts before, {left} after."
        )
    if effect.corrections > brake.corrections:
        found.append(
            f"{effect.corrections} corrections of locked documents would be billed, more than the {brake.corrections} "
            f"that one pass may: none of them before, {effect.corrections} after."
        )
    beyond = effect.changed_value * 100 > brake.changed_value * max(effect.open_total, ZERO)
    if effect.changed_value and beyond and len(effect.units) > FEW:
        found.append(
            f"{effect.changed_value} {effect.currency} of time on open drafts would be taken off or priced anew, "
            f"{effect.percent} % of them and more than the {_plain(brake.changed_value)} % that one pass may: "
            f"{effect.open_total} {effect.currency} before, {effect.total_after} {effect.currency} after."
        )
    return tuple(found)


def _share(value: Decimal, total: Decimal) -> Decimal:
    return value / total if total > 0 else Decimal(1)


def _totals(documents: Iterable[Document]) -> dict[str, Decimal]:
    """The sums of the lines by currency; a credit note takes off."""
    found: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for document in documents:
        sign = -1 if document.type == "ACCRECCREDIT" else 1
        found[document.currency] += sign * sum((line.amount for line in document.lines), ZERO)
    return dict(found)


def _lines(document: Document | None) -> list[Line]:
    """The lines of ours that are made of time."""
    lines = document.lines if document is not None and document.status != "deleted" else ()
    return [line for line in lines if ordinary(line) and not line.corrects]


def _units(document: Document | None) -> set[str]:
    return {share.unit for line in _lines(document) for share in line.shares}


def _corrections(document: Document | None) -> set[str]:
    lines = document.lines if document is not None and document.status != "deleted" else ()
    return {share.unit for line in lines if line.corrects for share in line.shares}


def _by_unit(document: Document | None) -> dict[str, _Held]:
    units: dict[str, _Held] = defaultdict(_Held)
    for line in _lines(document):
        for share in line.shares:
            held = units[share.unit]
            held.amount += share.amount
            held.seconds += share.seconds
            held.rate = held.rate if line.surcharge else share.rate
    return dict(units)


def _changed(step: Step) -> dict[str, Decimal]:
    """What each unit of the document before would lose, or be priced anew by."""
    now = _by_unit(step.after)
    values = {unit: _value(was, now.get(unit)) for unit, was in _by_unit(step.before).items()}
    return {unit: value for unit, value in values.items() if value}


def _value(was: _Held, now: _Held | None) -> Decimal:
    if now is None or not was.seconds:
        return abs(was.amount) if now is None else max(ZERO, abs(was.amount) - abs(now.amount))
    part = min(Decimal(1), max(Decimal(0), now.seconds / was.seconds))
    taken_off = abs(was.amount) * (1 - part)
    priced_anew = ZERO if now.rate == was.rate else abs(now.rate - was.rate) * part * abs(was.seconds) / 3600
    return half_up(taken_off + priced_anew, 2)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
