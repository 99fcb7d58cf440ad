"""Where the values of a line were found, in words for people: the rate, account, tax type, terms and the like."""

from collections.abc import Iterable, Mapping

from worker.billing.model import Document, Line
from worker.store.ledger import Unit

RATES = {"people": "the person's rate", "default_rate": "the default rate"}  # else it is the path of a field


def of_line(line: Line) -> dict[str, str]:
    """By the value's name, the place; what a person chose in Xero is theirs."""
    return line.sources | {name: "a person in Xero" for name in line.kept if name != "description"}


def of_unit(unit: Unit, documents: Mapping[str, Document]) -> dict[str, str]:
    """Those of the last line that a unit came onto; {} while it is on none. `documents` by their id."""
    live = [posting for posting in unit.postings if posting.state != "suspended"]
    document = documents.get(live[-1].document) if live else None
    on = [line for line in document.lines if line.id == live[-1].line] if document else []
    return of_line(on[0]) if on else {}


def of_rate(source: str) -> str:
    """Where a rate was found."""
    return RATES.get(source, source)


def said(places: Mapping[str, str]) -> str:
    """All of them as a sentence, each place once; "" where nothing is known."""
    found = [
        f"{_listed(name for name in places if places[name] == place)} from {place}"
        for place in dict.fromkeys(places.values())
    ]
    return f"Found: {'; '.join(found)}." if found else ""


def beside(value: str, place: str) -> str:
    """A value with the place behind it, where that is known."""
    return f"{value} ({place})" if value and place else value


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
