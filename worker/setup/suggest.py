"""Which field of an object is probably which of an entry's: by what a field is called and what type it has. Pure.

A suggestion is a place to begin; a person chooses. Fields are looked at in this order: a name that says it ("Hours__c"
for `hours`), then a label, then, for lookups, the object they lead to.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from worker.salesforce.describe import Describe, Field

NUMBERS: Final = frozenset({"double", "currency", "int", "percent"})
TEXTS: Final = frozenset({"string", "textarea", "picklist", "combobox"})


class Wanted(Struct, frozen=True):
    """What a mapped name looks like: types it can have, and words, the better ones first, with spaces between."""

    types: frozenset[str]
    words: str


WANTED: Final[Mapping[str, Wanted]] = {
    "hours": Wanted(NUMBERS, "hours durationinhours hoursworked quantity duration time"),
    "minutes": Wanted(NUMBERS, "minutes durationinminutes mins"),
    "start": Wanted(frozenset({"datetime", "time"}), "starttime start startdatetime from"),
    "end": Wanted(frozenset({"datetime", "time"}), "endtime end enddatetime to"),
    "worked_on": Wanted(frozenset({"date", "datetime"}), "workdate workedon entrydate date day startdate starttime"),
    "person": Wanted(frozenset({"reference"}), "resource employee consultant contractor user person worker owner"),
    "project": Wanted(frozenset({"reference"}), "project job engagement matter workorder task account client customer"),
    "description": Wanted(TEXTS, "description notes comments comment summary details subject"),
    "billable": Wanted(frozenset({"boolean"}), "billable isbillable chargeable invoiceable"),
    "approved": Wanted(TEXTS | {"boolean"}, "approvalstatus status approved isapproved state"),
    "rate": Wanted(NUMBERS, "rate hourlyrate billrate billingrate unitprice price"),
    "already_billed": Wanted(TEXTS | {"boolean", "reference"}, "invoiced isinvoiced billed invoicenumber invoice"),
}  # fmt: skip


class Suggestion(Struct, frozen=True, kw_only=True):
    """A field for a mapped name. `path` is as the setup file has it, `label` as people know it in Salesforce."""

    path: str
    label: str


def suggestions(shape: Describe) -> dict[str, tuple[Suggestion, ...]]:
    """For each mapped name the fields that could be it, the likeliest first; none where nothing fits."""
    fields = [field for field in shape.fields if field.name not in ("Id", "IsDeleted", "SystemModstamp")]
    return {name: tuple(_ranked(fields, wanted)) for name, wanted in WANTED.items()}


def _ranked(fields: Iterable[Field], wanted: Wanted) -> Iterator[Suggestion]:
    scored = [(score, field) for field in fields if (score := _score(field, wanted)) is not None]
    for _, field in sorted(scored, key=lambda each: (each[0], each[1].name)):
        yield Suggestion(path=field.name, label=field.label or field.name)


def _score(field: Field, wanted: Wanted) -> tuple[int, int] | None:
    """How good a field is, smaller is better: how it matches, then which word. None where it does not."""
    if field.type not in wanted.types:
        return None
    texts = (_plain(field.name), _plain(field.label))
    targets = [_plain(target) for target in field.reference_to]
    for place, word in enumerate(wanted.words.split()):
        if word in texts:
            return 0, place
    for place, word in enumerate(wanted.words.split()):
        if any(word in text for text in texts):
            return 1, place
        if word in targets:
            return 2, place
    return None


def _plain(text: str) -> str:
    """A name as names are compared: "Work_Date__c" is "workdate", "OwnerId" is "owner"."""
    text = re.sub(r"__c$", "", text).rpartition("__")[2]
    return re.sub(r"(?<=[a-z])Id$", "", text).replace("_", "").replace(" ", "").casefold()
