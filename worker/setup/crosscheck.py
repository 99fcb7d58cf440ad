"""What the keys of a setup file must be to each other, beyond what each must be by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from string import Formatter

from worker.setup import contact_fields
from worker.setup.lines import Path
from worker.setup.model import Setup
from worker.setup.paths import read_paths
from worker.setup.sections import Fields

Finding = tuple[Path, str, str]  # the key, what is wrong with it, the remedy

LONGEST_SERIES_PREFIX = 8  # with "CN-" and five digits after it a number stays within 16 characters
MOST_TRACKING = 2  # Xero: tracking categories of one line
LONGEST_KEY_PREFIX = 50

_OWN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED = frozenset({"period", "day", "entry", "people"})
_KNOWN = frozenset(name for name in Fields.model_fields if name != "rates")
NOT_GROUPED = frozenset(
    {"hours", "minutes", "start", "end", "billable", "already_billed", "person_name", "project_name"}
)
NOT_PRINTED = frozenset({"hours", "minutes", "start", "end", "billable", "already_billed", "currency"})


def findings(setup: Setup) -> Iterator[Finding]:
    """Every problem between keys."""
    for check in CHECKS:
        yield from check(setup)


def quantity(setup: Setup) -> Iterator[Finding]:
    """Exactly one way to say how long."""
    key: Path = ("source", "fields")
    fields = setup.source.fields
    ways = [name for name in ("hours", "minutes") if getattr(fields, name)]
    ways += ["start"] if fields.start or fields.end else []
    remedy = 'Map hours = "…", or minutes = "…", or start = "…" with end = "…".'
    if not ways:
        yield key, "no quantity is mapped", remedy
    for name in ways[1:]:
        yield (*key, name if getattr(fields, name) else "end"), f'the quantity is already mapped by "{ways[0]}"', remedy
    if bool(fields.start) != bool(fields.end):
        there, missing = ("start", "end") if fields.start else ("end", "start")
        yield (*key, there), f'is mapped without "{missing}"', f'Map {missing} = "…" too.'


def own_names(setup: Setup) -> Iterator[Finding]:
    """Names beyond the known ones must not be slips of the pen: an unread `billible` would bill everything."""
    for name in setup.source.fields.extra:
        key = ("source", "fields", name)
        close = get_close_matches(name, [*_KNOWN, "rates"], n=1, cutoff=0.85)
        if close:
            what = "is no known name, and too close to one to be a name of your own"
            yield key, what, f'Did you mean "{close[0]}"? Else choose another name.'
        elif name in _RESERVED:
            yield key, "this name has a meaning of its own", "Choose another name."
        elif not _OWN_NAME.fullmatch(name):
            yield key, "cannot be a name", "Use small letters, digits and _, beginning with a letter."


def write_back(setup: Setup) -> Iterator[Finding]:
    """Each thing in a field of its own, none of which is read as time."""
    seen: dict[str, str] = {}
    read = {path.lower(): key for key, path in read_paths(setup.source)}
    for name, field in setup.source.write_back.fields.items():
        key = ("source", "write_back", name)
        if field.lower() in seen:
            yield key, f'"{field}" is already written with {seen[field.lower()]}', "Give each a field of its own."
        if field.lower() in read:
            reader = read[field.lower()][2] if len(read[field.lower()]) > 2 else "field"
            reader = "approved" if read[field.lower()][1] == "approved" else str(reader)
            yield key, f'"{field}" is also read, as {reader}', "Write to a field that nothing else is read from."
        seen.setdefault(field.lower(), name)


def approved(setup: Setup) -> Iterator[Finding]:
    """The gate has values, and none of them closes it too."""
    gate = setup.source.approved
    if gate is None:
        return
    if not gate.values:
        yield ("source", "approved", "values"), "names no value: nothing would ever be billed", 'Write ["Approved"].'
    for value in sorted(set(gate.values) & set(gate.withdrawn)):
        key = ("source", "approved", "withdrawn")
        yield key, f'"{value}" is also among values', "Leave it out of one of them."


def grouping(setup: Setup) -> Iterator[Finding]:
    """`invoice_per` and `line_per` name what is mapped; a default may name what is not."""
    mapped = set(setup.source.fields.mapped()) - NOT_GROUPED
    per_invoice, per_line = setup.billing.invoice_per, setup.billing.line_per
    if "xero_contact" not in per_invoice:
        yield ("billing", "invoice_per"), '"xero_contact" is missing', 'Write it first: ["xero_contact"].'
    yield from _unknown(setup, "invoice_per", per_invoice, mapped)
    yield from _unknown(setup, "line_per", per_line, mapped | {"day", "entry"})


def _unknown(setup: Setup, key: str, names: tuple[str, ...], usable: set[str]) -> Iterator[Finding]:
    if not setup.says("billing", key):
        return
    for place, name in enumerate(names):
        if name not in usable:
            yield ("billing", key, place), *_unusable(setup, name, usable)


def _unusable(setup: Setup, name: str, usable: set[str]) -> tuple[str, str]:
    if name in setup.source.fields.mapped():
        base = name.removesuffix("_name")
        what = f'"{name}" cannot be used here'
        return what, f'Write "{base}".' if base in usable else f"Usable here: {_list(usable)}."
    if name in _KNOWN:
        return f'"{name}" is not mapped', f'Map {name} = "…" in [source.fields], or leave it out here.'
    close = get_close_matches(name, usable, n=1)
    what = f'"{name}" is no mapped name'
    return what, f'Did you mean "{close[0]}"?' if close else f"Usable here: {_list(usable)}."


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


def templates(setup: Setup) -> Iterator[Finding]:
    """`{names}` in texts are mapped names, `{period}` or `{day}`; a default may name what is not mapped."""
    usable = (set(setup.source.fields.mapped()) - NOT_PRINTED) | {"period", "day"}
    for key in ("description", "reference"):
        if setup.says("billing", key):
            yield from _template(setup, key, getattr(setup.billing, key), usable)


def _template(setup: Setup, key: str, text: str, usable: set[str]) -> Iterator[Finding]:
    path = ("billing", key)
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        parts = []
    again = "".join(before + (f"{{{name}}}" if name is not None else "") for before, name, _, _ in parts)
    if again != text:
        yield path, "has a brace or a format that is not understood", "Write names alone in braces, such as {project}."
        return
    for name in dict.fromkeys(name for _, name, _, _ in parts if name is not None):
        if name not in usable:
            what, remedy = _unusable(setup, name, usable)
            yield path, what.replace(f'"{name}"', f"{{{name}}}"), remedy.replace("Write", "Print")


def tracking(setup: Setup) -> Iterator[Finding]:
    """At most two categories, each with a mapped name or a fixed text."""
    key, mapped = ("billing", "tracking"), set(setup.source.fields.mapped())
    given = setup.billing.tracking
    if len(given) > MOST_TRACKING:
        yield key, f"names {len(given)} categories", f"Xero takes {MOST_TRACKING} on a line: leave the others out."
    for category, said in given.items():
        path = (*key, category)
        if not category.strip() or not said.strip():
            yield path, "is empty", "Write a category of the Xero company, and a mapped name or one of its options."
        elif said in NOT_PRINTED:
            yield path, f'"{said}" cannot be used here', f"Usable here: {_list(mapped - NOT_PRINTED)}."
        elif said in _KNOWN - mapped:
            yield path, f'"{said}" is not mapped', f'Map {said} = "…" in [source.fields], or write an option.'


def surcharges(setup: Setup) -> Iterator[Finding]:
    """Each with a name of its own, and a percentage."""
    seen: set[str] = set()
    for place, item in enumerate(setup.billing.surcharge):
        key = ("billing", "surcharge", place)
        if not item.name.strip():
            yield (*key, "name"), "is missing: it is what the line says", 'Write name = "Travel".'
        elif item.name in seen:
            yield (*key, "name"), f'"{item.name}" is there already', "Give it a name of its own."
        if not item.percent:
            yield (*key, "percent"), "is missing or zero", 'Write percent = "5%".'
        seen.add(item.name)


def settling(setup: Setup) -> Iterator[Finding]:
    """The longest wait is not shorter than the shortest."""
    schedule = setup.schedule
    if schedule.settle > schedule.settle_max:
        key = "settle" if setup.says("schedule", "settle") else "settle_max"
        yield ("schedule", key), "settle is longer than settle_max", "Make settle shorter, or settle_max longer."


def numbers(setup: Setup) -> Iterator[Finding]:
    """Document numbers are printable, ours alone, and short enough to be read out."""
    prefix, key = setup.billing.number_prefix, ("billing", "number_prefix")
    longest = LONGEST_SERIES_PREFIX if setup.billing.numbering != "key" else LONGEST_KEY_PREFIX
    if not prefix:
        yield key, "is empty: our numbers would mix with the company's own", 'Write a prefix such as "TT-".'
    elif not (prefix.isascii() and prefix.isprintable()) or prefix != prefix.strip():
        yield key, f'"{prefix}" cannot begin a number', "Use letters, digits and signs without accents or outer blanks."
    elif len(prefix) > longest:
        yield key, f'"{prefix}" has {len(prefix)} characters', f"Use at most {longest}."


def people(setup: Setup) -> Iterator[Finding]:
    """One row per person, day and currency."""
    seen: dict[tuple[object, ...], int] = {}
    for place, row in enumerate(setup.people.person):
        row_is = (row.id, row.since, row.currency)
        if row_is in seen:
            line = setup.line("people", "person", seen[row_is])
            what = f"is the same person from the same day in the same currency as on line {line}"
            yield ("people", "person", place), what, 'Leave one out, or give it another "from".'
        seen.setdefault(row_is, place)


def contacts(setup: Setup) -> Iterator[Finding]:
    """The external id is written by itself; time entries are not overwritten with contacts."""
    section = setup.contacts
    if section is None:
        return
    if section.sobject.lower() == setup.source.sobject.lower():
        yield ("contacts", "sobject"), f'"{section.sobject}" is where time is tracked', "Name another object."
    for field in section.fields:
        if field.lower() == section.external_id.lower():
            yield ("contacts", "fields", field), "is the external id, which is always written", "Leave it out here."
    for field, name in section.fields.items():
        what = contact_fields.problem_with(name)
        if what:
            yield ("contacts", "fields", field), what, _contact_remedy(name)


def _contact_remedy(name: str) -> str:
    if name in contact_fields.NESTED:
        return "Name one of them, such as Phones.DEFAULT.PhoneNumber or Addresses.STREET.City."
    close = get_close_matches(name, sorted(contact_fields.TOP_LEVEL), n=1)
    return f'Did you mean "{close[0]}"?' if close else "Write it as Xero's API does, such as EmailAddress."


CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = (
    quantity,
    own_names,
    write_back,
    approved,
    grouping,
    templates,
    tracking,
    surcharges,
    settling,
    numbers,
    people,
    contacts,
)
