"""What was billed of an entry and what people decided about it, as text on the entry in Salesforce.

The text (`[source.write_back] billed`) is what a rebuild after a wipe is proven by: one line per posting, oldest first,
`document seconds rate amount state` and further facts as `name=value`; then one line per decision, oldest first,
`decision kind document seconds amount by at reason`, "-" for what is empty. Lines that are not of these forms are a
person's and are passed over.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, get_args
from urllib.parse import quote, unquote

from worker.billing.model import Decision, DecisionKind, Posting, PostingState

LIMIT: Final = 32_768  # characters of a long text area as Salesforce makes it by default

_TEXTS: Final = ("contact", "currency", "rate_source", "basis", "account", "tax_type", "line", "corrects", "surcharge")
_NUMBERS: Final = ("worked", "write_on")
_FACTS: Final = (*_TEXTS, *_NUMBERS)
_NEEDED: Final = ("corrects", "surcharge", "worked")  # without these the amounts would be taken for something else
_STATES: Final[tuple[PostingState, ...]] = get_args(PostingState)
_KINDS: Final[tuple[DecisionKind, ...]] = get_args(DecisionKind)
_POSTING: Final = re.compile(
    r"(?P<document>[0-9A-Z]{8,}/[0-9]+) (?P<numbers>\S+ \S+ \S+) (?P<state>\w+)(?P<rest>(?: \w+=\S*)*)"
)
_DECISION: Final = re.compile(
    r"decision (?P<kind>\S+) (?P<document>\S+) (?P<numbers>\S+ \S+) (?P<by>\S+) (?P<at>\S+) (?P<reason>\S+)"
)


def manifest(postings: Iterable[Posting], decisions: Iterable[Decision] = ()) -> str:
    """One unit's postings and decisions as text.

    What does not fit loses what can be found elsewhere first, then the oldest postings; decisions are kept, because
    nothing else but the disk remembers them.
    """
    kept, decided = list(postings), [_decision(decision) for decision in decisions]
    text = "\n".join([*(_written(posting, _FACTS) for posting in kept), *decided])
    if len(text) <= LIMIT:
        return text
    lines = [*(_written(posting, _NEEDED) for posting in kept), *decided]
    while lines and len("\n".join(lines)) > LIMIT:
        lines = lines[1:]
    return "\n".join(lines)


def parse_manifest(text: str, unit: str = "") -> tuple[Posting, ...]:
    """The postings of `unit` that a text says; lines a person added are passed over."""
    parsed = (_parse_posting(line.strip(), unit) for line in text.splitlines())
    return tuple(posting for posting in parsed if posting is not None)


def parse_decisions(text: str, unit: str = "") -> tuple[Decision, ...]:
    """The decisions about `unit` that a text says; lines a person added are passed over."""
    parsed = (_parse_decision(line.strip(), unit) for line in text.splitlines())
    return tuple(decision for decision in parsed if decision is not None)


def _written(posting: Posting, names: Iterable[str]) -> str:
    head = f"{posting.document} {posting.seconds} {posting.rate} {posting.amount} {posting.state}"
    facts = [(name, getattr(posting, name)) for name in names]
    said = [f"{name}={quote(str(value))}" for name, value in facts if value or (name == "worked" and value is not None)]
    return " ".join([head, *said])


def _decision(decision: Decision) -> str:
    texts = [decision.by, decision.at, decision.reason]
    numbers = f"{decision.seconds} {decision.amount}"
    return " ".join(["decision", decision.kind, decision.document or "-", numbers, *map(_quoted, texts)])


def _quoted(text: str) -> str:
    """Text without blanks, and never "-", which stands for none."""
    return "%2D" if text == "-" else quote(text, safe="/:") or "-"


def _unquoted(text: str) -> str:
    return "" if text == "-" else unquote(text)


def _parse_posting(text: str, unit: str) -> Posting | None:
    form = _POSTING.match(text)
    numbers = _numbers(form["numbers"]) if form else None
    if not form or numbers is None or form["state"] not in _STATES:
        return None
    seconds, rate, amount = numbers
    facts = dict(pair.split("=", 1) for pair in form["rest"].split())
    further: dict[str, Any] = {name: unquote(facts[name]) for name in _TEXTS if name in facts}
    for name in _NUMBERS:
        value = _numbers(unquote(facts.get(name, "")))
        further |= {name: value[0]} if value else {}
    state: PostingState = next(each for each in _STATES if each == form["state"])
    return Posting(
        unit=unit, document=form["document"], seconds=seconds, rate=rate, amount=amount, state=state, **further
    )


def _parse_decision(text: str, unit: str) -> Decision | None:
    form = _DECISION.match(text)
    numbers = _numbers(form["numbers"]) if form else None
    kind = next((each for each in _KINDS if form and each == form["kind"]), None)
    if not form or numbers is None or kind is None:
        return None
    return Decision(
        unit=unit,
        kind=kind,
        document=_unquoted(form["document"]),
        seconds=numbers[0],
        amount=numbers[1],
        by=_unquoted(form["by"]),
        at=_unquoted(form["at"]),
        reason=_unquoted(form["reason"]),
    )


def _numbers(text: str) -> Sequence[Decimal] | None:
    """The numbers in a text, None where one of them is none."""
    try:
        found = [Decimal(number) for number in text.split()]
    except InvalidOperation:
        return None
    return found if found and all(number.is_finite() for number in found) else None
