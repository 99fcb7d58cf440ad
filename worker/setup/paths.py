"""SOQL paths: which ones an entry is read with, and the lookup fields behind their relationships."""

from __future__ import annotations

from collections.abc import Iterator

from worker.setup.sections import Source

ALWAYS = ("Id", "SystemModstamp")


def change_channel(sobject: str) -> str:
    """The change data capture channel of one object (Salesforce: subscription channels)."""
    if sobject.endswith("__c"):
        return f"/data/{sobject.removesuffix('__c')}__ChangeEvent"
    return f"/data/{sobject}ChangeEvent"


def lookup_field(relationship: str) -> str:
    """The field that holds the id a relationship follows: Project__c for Project__r, OwnerId for Owner."""
    if relationship.endswith("__r"):
        return relationship.removesuffix("__r") + "__c"
    return f"{relationship}Id"


def lookups(path: str) -> Iterator[str]:
    """The paths of the lookup fields that a path goes over, nearest first."""
    *relations, _ = path.split(".")
    for place, relation in enumerate(relations):
        yield ".".join((*relations[:place], lookup_field(relation)))


def read_paths(source: Source) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every path that is read to judge an entry, with the key of the setup file that names it."""
    for name, path in source.fields.mapped().items():
        yield ("source", "fields", name), path
    for place, path in enumerate(source.fields.rates):
        if path != "people":
            yield ("source", "fields", "rates", place), path
    if source.approved is not None:
        yield ("source", "approved", "field"), source.approved.field


def entry_paths(source: Source) -> tuple[str, ...]:
    """Everything an entry is read with, each path once whatever its case.

    The lookup fields are read beside what they lead to: an empty relationship behind a set lookup is a record that
    cannot be read, not one that is not there.
    """
    mapped = [path for _, path in read_paths(source)]
    behind = [lookup for path in mapped for lookup in lookups(path)]
    once: dict[str, str] = {}
    for path in (*ALWAYS, *mapped, *behind, *source.write_back.fields.values()):
        once.setdefault(path.lower(), path)
    return tuple(once.values())
