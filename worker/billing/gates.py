"""The gates an entry passes before anybody asks whom to bill: what its own record and the setup say about billing it.

Each gate is a function from the entry to the reason it does not pass, or None. They stand in the order in which a
person would ask: is it there, is it ours to bill, may it be billed, can it be billed.
"""

from collections.abc import Callable, Sequence, Set
from decimal import Decimal
from typing import Final

from worker.billing.model import Entry, Out, Posting, Waiting
from worker.billing.rates import rows_on
from worker.billing.rules import Rules

DAY: Final = Decimal(86_400)  # seconds
TOO_MANY: Final = "too-many-hours"

Gate = Callable[[Entry, Rules, Sequence[Posting]], Waiting | Out | None]


def gate(
    entry: Entry, rules: Rules, postings: Sequence[Posting] = (), *, lifted: Set[str] = frozenset()
) -> Waiting | Out | None:
    """The first gate that holds the entry back, or None when it passes all of them.

    `lifted` are the reasons that a person overruled.
    """
    for check in GATES:
        held = check(entry, rules, postings)
        if held is not None and held.reason not in lifted:
            return held
    return None


def _deleted(entry: Entry, _rules: Rules, _postings: Sequence[Posting]) -> Out | None:
    return Out("deleted", "The entry was deleted in Salesforce.") if entry.deleted else None


def _unreadable(entry: Entry, _rules: Rules, _postings: Sequence[Posting]) -> Waiting | None:
    if not entry.unreadable:
        return None
    text = f"The entry cannot be read fully: {entry.unreadable.rstrip('.')}. What was billed stays until it can be."
    return Waiting("unreadable", text, "entry", holds=True)


def _started(entry: Entry, rules: Rules, _postings: Sequence[Posting]) -> Waiting | Out | None:
    if entry.worked_on is None:
        return Waiting("no-date", "The entry has no day it was worked on: enter it on the entry.", "entry")
    if entry.worked_on < rules.start:
        text = f"Worked on {entry.worked_on}, before {rules.start}: time before that day is never billed here."
        return Out("before-start", text)
    return None


def _billed_elsewhere(entry: Entry, _rules: Rules, _postings: Sequence[Posting]) -> Out | None:
    if not entry.already_billed.strip():
        return None
    return Out("already-billed", f"Billed elsewhere already, the entry says {entry.already_billed.strip()!r}.")


def _billable(entry: Entry, _rules: Rules, _postings: Sequence[Posting]) -> Out | None:
    return None if entry.billable else Out("not-billable", "The entry is marked as not billable.")


def _listed(entry: Entry, rules: Rules, _postings: Sequence[Posting]) -> Out | None:
    who = entry.person_name or entry.person
    rows = rows_on(rules.people, entry.person, entry.worked_on)
    if rows and not rows[0].bill:
        return Out("person-not-billed", f"The setup says that the time of {who} is not billed.")
    if rules.bill_listed_only and not rows:
        return Out("person-not-listed", f"Only the time of listed people is billed, and {who} is not listed.")
    return None


def _approved(entry: Entry, rules: Rules, postings: Sequence[Posting]) -> Waiting | None:
    if rules.approved_values is None or entry.approval in rules.approved_values:
        return None
    withdrawn = not entry.approval or entry.approval in rules.withdrawn_values
    if postings and rules.withdrawn_values and not withdrawn:
        return None  # once billed, only the values that withdraw an approval take it back
    says = f"says {entry.approval!r}" if entry.approval else "says nothing"
    wanted = " or ".join(repr(value) for value in rules.approved_values)
    return Waiting(
        "not-approved", f"Not approved: the entry's approval {says}; approve it ({wanted}) to bill it.", "entry"
    )


def _measured(entry: Entry, _rules: Rules, _postings: Sequence[Posting]) -> Waiting | Out | None:
    if entry.seconds is None:
        return Waiting("no-hours", "The entry has no hours: enter them on the entry.", "entry")
    if entry.seconds == 0:
        return Out("zero", "The entry has zero hours: there is nothing to bill.")
    if abs(entry.seconds) > DAY:
        text = "The entry has more than 24 hours on one day: correct it, split it over several days, or bill it anyway."
        return Waiting(TOO_MANY, text, "entry")
    return None


GATES: Final[tuple[Gate, ...]] = (
    _deleted,
    _unreadable,
    _started,
    _billed_elsewhere,
    _billable,
    _listed,
    _approved,
    _measured,
)
OWN_RECORD: Final = frozenset({"deleted", "before-start", "already-billed", "not-billable", "not-approved", "zero"})
"""Reasons that arise on the unit's own record: only these may reopen what was billed on a locked document."""
