"""What people decided about units: which decisions count now, and for how much.

Decisions are a unit's append-only list, oldest first. About the unit as such (`document` "") and about each document
the last one counts; about time a person took off a document, `bill` gives back some of it and `elsewhere`, `dont-bill`
settle the rest. Seconds are compared by size: a correction downwards that was taken out is negative time.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from worker.billing.gates import OWN_RECORD
from worker.billing.model import Decision, DecisionKind, Out, Placed, Posting, Waiting

LIFTED: Final = frozenset({"too-many-hours", "in-doubt", "flipping"})
"""Reasons that a person's `bill` answers: bill it as it is."""

_ABOUT_UNITS: Final = frozenset({"bill", "elsewhere", "dont-bill", "keep"})
_SETTLES: Final = frozenset({"elsewhere", "dont-bill"})
_ON_PROPOSALS: Final = frozenset({"accept", "ignore"})


def about_unit(decisions: Sequence[Decision]) -> Decision | None:
    """The decision that counts about the unit as such, if there is one."""
    return next((each for each in reversed(decisions) if not each.document and each.kind in _ABOUT_UNITS), None)


def lifted(decisions: Sequence[Decision], waiting: Waiting) -> bool:
    """Whether a person said to bill the unit although it waits for this."""
    last = about_unit(decisions)
    return waiting.reason in LIFTED and last is not None and last.kind == "bill"


def decided(
    verdict: Placed | Waiting | Out, decisions: Sequence[Decision], postings: Sequence[Posting] = ()
) -> Placed | Waiting | Out:
    """The verdict on a unit with the decision about the unit as such taken in.

    What is out already stays out for its own reason, and so does what its own record took back after it was billed on a
    locked document. `keep` is about what is on documents: a unit that is on none is judged as ever.
    """
    last = about_unit(decisions)
    if last is None or isinstance(verdict, Out):
        return verdict
    if last.kind == "keep":
        return _kept(last) if any(posting.state != "suspended" for posting in postings) else verdict
    if last.kind in _SETTLES and not _taken_back(verdict, postings):
        return _settled(last)
    return verdict


def released(decisions: Sequence[Decision], document: str, suspended: Decimal) -> Decimal:
    """How many of the `suspended` seconds on a document are to be billed again, with the sign of these."""
    size, given = abs(suspended), Decimal(0)
    for each in decisions:
        if each.document != document:
            continue
        if each.kind == "bill":
            given = min(size, given + abs(each.seconds))
        elif each.kind in _SETTLES:
            given = min(given, max(Decimal(0), size - abs(each.seconds)))
    return given if suspended >= 0 else -given


def billed_again(decisions: Sequence[Decision], document: str) -> bool:
    """Whether the last word about what was taken off a document is to bill it again (for what has no seconds)."""
    about = [each.kind for each in decisions if each.document == document and each.kind in {"bill", *_SETTLES}]
    return bool(about) and about[-1] == "bill"


def settlement(decisions: Sequence[Decision], document: str, left: Decimal) -> DecisionKind | None:
    """How the `left` seconds that were taken off a document and not released were decided; None: they wait.

    A decision covers as much time as it was made about: time that is taken off later waits again.
    """
    last = next((each for each in reversed(decisions) if each.document == document and each.kind in _SETTLES), None)
    return last.kind if last is not None and abs(left) <= abs(last.seconds) else None


def on_proposal(decisions: Sequence[Decision], document: str, seconds: Decimal, amount: Decimal) -> DecisionKind | None:
    """What was decided about the proposed correction of `document` by these seconds and this amount: accept, ignore,
    or nothing (None), which is also so when the last decision was about another proposal."""
    last = last_on(decisions, document)
    if last is None or (last.seconds, last.amount) != (seconds, amount):
        return None
    return last.kind


def last_on(decisions: Sequence[Decision], document: str) -> Decision | None:
    """The last decision about a proposed correction of `document`."""
    about = (each for each in reversed(decisions) if each.document == document)
    return next((each for each in about if each.kind in _ON_PROPOSALS), None)


def was_ignored(decisions: Sequence[Decision], document: str, seconds: Decimal, amount: Decimal) -> bool:
    """Whether just this proposal was ignored, and not accepted since, whatever was decided about others meanwhile."""
    same = [
        each.kind
        for each in decisions
        if each.kind in _ON_PROPOSALS and (each.document, each.seconds, each.amount) == (document, seconds, amount)
    ]
    return bool(same) and same[-1] == "ignore"


def _taken_back(verdict: Placed | Waiting | Out, postings: Sequence[Posting]) -> bool:
    """Whether the entry's own record says so too, and time of it is on a locked document: then that is proposed."""
    fixed = any(posting.state == "fixed" for posting in postings)
    return fixed and isinstance(verdict, Waiting) and verdict.reason in OWN_RECORD


def _kept(decision: Decision) -> Waiting:
    text = "Its place on the invoice was kept as it is by a person: choose to bill it, and it follows the entry again."
    return Waiting("kept", text, f"decision:{decision.unit}", holds=True)


def _settled(decision: Decision) -> Out:
    by = f" by {decision.by}" if decision.by else ""
    why = f" ({decision.reason})" if decision.reason else ""
    if decision.kind == "elsewhere":
        return Out("billed-elsewhere", f"Marked as billed elsewhere{by}{why}.")
    return Out("dont-bill", f"Marked as not to be billed{by}{why}.")
