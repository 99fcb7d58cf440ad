"""The part of a check that the org's own descriptions of its objects answer.

Source: Salesforce REST API, sObject Describe (field types, lengths and what the asking user may edit).
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from worker.billing.keys import LENGTH as KEY_LENGTH
from worker.salesforce.access import walk
from worker.salesforce.describe import Describe, Describer, Field
from worker.salesforce.errors import MappingBroken, RecordGone
from worker.setup.lines import Path
from worker.setup.model import Setup
from worker.setup.paths import read_paths
from worker.setup.problems import Problem

NUMBERS = frozenset({"double", "currency", "int", "long", "percent"})
TEXTS = frozenset({"string", "textarea", "picklist", "combobox", "email", "phone", "url", "encryptedstring"})
IDS = frozenset({"reference", "id"})
COMPOUND = frozenset({"address", "location", "base64", "complexvalue", "multipicklist"})
WRITABLE_TEXTS = frozenset({"string", "textarea"})

CONTACT_ID_LENGTH = 36
LONGEST_NUMBER = 16  # of a series
_LENGTHS = {"invoice_id": 36, "invoice_status": 20, "billed": 1_000, "problem": 100}
_KINDS: dict[str, tuple[frozenset[str], str]] = {
    "hours": (NUMBERS, "a number"),
    "minutes": (NUMBERS, "a number"),
    "start": (frozenset({"datetime", "time"}), "a date and time"),
    "end": (frozenset({"datetime", "time"}), "a date and time"),
    "worked_on": (frozenset({"date", "datetime"}), "a date"),
    "billable": (frozenset({"boolean"}), "a checkbox"),
    "person": (IDS | TEXTS, "a lookup"),
    "project": (IDS | TEXTS, "a lookup"),
    "xero_contact": (TEXTS, "text"),
    "link": (IDS, "a lookup"),
    "currency": (TEXTS, "text or a picklist"),
    "rates": (NUMBERS, "a number"),
    "approved": (TEXTS | {"boolean"}, "a picklist or a checkbox"),
}
_HIDDEN = "Correct the name, or give the integration user read access (object and field-level security)."


async def problems(setup: Setup, describe: Describer) -> list[Problem]:
    """Everything about objects and fields. Raises SalesforceError where the org cannot be asked."""
    found: list[Problem] = []
    entry = await _object(setup, describe, ("source", "sobject"), setup.source.sobject, found)
    if entry is not None:
        for key, path in read_paths(setup.source):
            found += await _read_problems(setup, describe, key, path)
        found += _write_back_problems(setup, entry)
    found += _manifest_warning(setup)
    if setup.contacts is not None:
        target = await _object(setup, describe, ("contacts", "sobject"), setup.contacts.sobject, found)
        found += _contact_problems(setup, target) if target is not None else []
    return found


async def _object(setup: Setup, describe: Describer, key: Path, name: str, found: list[Problem]) -> Describe | None:
    try:
        return await describe(name)
    except (MappingBroken, RecordGone):
        found.append(setup.problem(key, f"the org has no object {name} that the integration user can see", _HIDDEN))
        return None


# ---- what is read --------------------------------------------------------------------------------------------------


async def _read_problems(setup: Setup, describe: Describer, key: Path, path: str) -> list[Problem]:
    try:
        step = (await walk(describe, setup.source.sobject, path))[-1]
    except RecordGone:
        return [setup.problem(key, f"{path} leads to an object that the integration user cannot see", _HIDDEN)]
    except MappingBroken as error:
        return [setup.problem(key, error.what.rstrip("."), await _missing_remedy(setup, describe, path, error))]
    return [*_kind_problems(setup, key, path, step.field), *_value_problems(setup, key, path, step.field)]


async def _missing_remedy(setup: Setup, describe: Describer, path: str, error: MappingBroken) -> str:
    if path == "CurrencyIsoCode":
        return "Leave it out: only orgs with several currencies have this field."
    if "." in path:
        return error.remedy
    names = [field.name for field in (await describe(setup.source.sobject)).fields]
    close = get_close_matches(path, names, n=1)
    return f'Did you mean "{close[0]}"? Else: {error.remedy}' if close else error.remedy


def _kind_problems(setup: Setup, key: Path, path: str, field: Field) -> Iterator[Problem]:
    """The field has a type that can be what the key needs."""
    name = "approved" if key[1] == "approved" else str(key[2])
    if name == "xero_contact" and setup.source.fields.link:
        name = "link"
    allowed, wanted = _KINDS.get(name, (None, ""))
    if allowed is not None and field.type not in allowed:
        yield setup.problem(key, f"{path} is {_type(field)}, not {wanted}", f"Map a field that is {wanted}.")
    elif allowed is None and field.type in COMPOUND:
        yield setup.problem(key, f"{path} is {_type(field)}, which is not one value", "Map a field with one value.")


def _value_problems(setup: Setup, key: Path, path: str, field: Field) -> Iterator[Problem]:
    """The field can hold the values that the key needs."""
    name = key[-1]
    linked = setup.source.fields.link
    if name == "xero_contact" and not linked and field.type in TEXTS and 0 < field.length < CONTACT_ID_LENGTH:
        what = f"{path} holds {field.length} characters, a ContactID has {CONTACT_ID_LENGTH}"
        yield setup.problem(key, what, "Make the field longer.")
    if name == "person" and field.type in TEXTS:
        what = f"{path} is text: people in [people] are found by their record id"
        yield setup.problem(key, what, "Better map a lookup to the person.", "warning")
    gate = setup.source.approved
    if key[1] == "approved" and gate is not None and field.picklist_values:
        values = [item.value for item in field.picklist_values]
        for list_name, given in (("values", gate.values), ("withdrawn", gate.withdrawn)):
            for place, value in enumerate(given):
                if value not in values:
                    yield _no_such_value(setup, ("source", "approved", list_name, place), path, value, values)


def _no_such_value(setup: Setup, key: Path, path: str, value: str, values: list[str]) -> Problem:
    close = get_close_matches(value, values, n=1)
    remedy = f'Did you mean "{close[0]}"?' if close else f"It has: {', '.join(values)}."
    return setup.problem(key, f'"{value}" is no value of {path}', remedy, "error" if key[2] == "values" else "warning")


def _type(field: Field) -> str:
    names = {
        "boolean": "a checkbox",
        "reference": "a lookup",
        "id": "a record id",
        "string": "text",
        "textarea": "text",
        "datetime": "a date and time",
        "int": "a number",
        "double": "a number",
        "currency": "an amount",
    }
    return names.get(field.type, f"of the type {field.type}")


# ---- what is written -----------------------------------------------------------------------------------------------


def _write_back_problems(setup: Setup, entry: Describe) -> Iterator[Problem]:
    for name, path in setup.source.write_back.fields.items():
        key = ("source", "write_back", name)
        length = _number_length(setup) if name == "invoice_number" else _LENGTHS[name]
        yield from _text_problems(setup, key, entry, path, length, "edit")


def _number_length(setup: Setup) -> int:
    """How long our numbers can get: prefix, key, a hyphen and a sequence of up to three digits; in a series, 16."""
    if setup.billing.numbering != "key":
        return LONGEST_NUMBER
    return len(setup.billing.number_prefix) + KEY_LENGTH + len("-999")


def _text_problems(setup: Setup, key: Path, described: Describe, name: str, length: int, act: str) -> Iterator[Problem]:
    """A field that texts of some length are written to."""
    field = described.field(name)
    if field is None:
        close = get_close_matches(name, [item.name for item in described.fields], n=1)
        hint = f'Did you mean "{close[0]}"? Else add' if close else "Add"
        remedy = f"{hint} it to the object, and give the integration user edit access to it."
        yield setup.problem(key, f"{described.name} has no field {name}", remedy)
        return
    if field.type not in WRITABLE_TEXTS:
        yield setup.problem(key, f"{name} is {_type(field)}, not text", "Map a text field.")
    elif 0 < field.length < length:
        kind = "a long text area" if length > 255 else f"a text field of at least {length} characters"
        yield setup.problem(key, f"{name} holds {field.length} characters, too few", f"Make it {kind}.")
    yield from _permission_problems(setup, key, field, act)


def _permission_problems(setup: Setup, key: Path, field: Field, act: str) -> Iterator[Problem]:
    if field.calculated:
        yield setup.problem(key, f"{field.name} is a formula: nothing can be written to it", "Map another field.")
    elif not field.updateable or (act == "create" and not field.createable):
        remedy = "Give it edit access to the field (field-level security), or map another one."
        yield setup.problem(key, f"the integration user may not edit {field.name}", remedy)


def _manifest_warning(setup: Setup) -> Iterator[Problem]:
    if setup.source.write_back.billed is None:
        what = (
            "no field is mapped for what was billed: should Redis and HOURSTREAM_DATA be lost, time on approved "
            "invoices could not be told from new time, and would wait for a person, entry by entry"
        )
        remedy = 'Add a long text field to the object and map it: billed = "Xero_Billed__c".'
        yield setup.problem(("source", "write_back", "billed"), what, remedy, "warning")


# ---- contacts ------------------------------------------------------------------------------------------------------


def _contact_problems(setup: Setup, target: Describe) -> Iterator[Problem]:
    contacts = setup.contacts
    assert contacts is not None
    if not (target.createable and target.updateable):
        what = f"the integration user may not create and edit {target.name}"
        yield setup.problem(("contacts", "sobject"), what, "Give it these object permissions, in a permission set.")
    yield from _external_id_problems(setup, target, contacts.external_id)
    for name in contacts.fields:
        key = ("contacts", "fields", name)
        field = target.field(name)
        if field is None:
            close = get_close_matches(name, [item.name for item in target.fields], n=1)
            remedy = f'Did you mean "{close[0]}"? Else: {_HIDDEN}' if close else _HIDDEN
            yield setup.problem(key, f"{target.name} has no field {name}", remedy)
        elif field.type in COMPOUND | IDS:
            yield setup.problem(key, f"{name} is {_type(field)}, which no text goes into", "Map a text field.")
        else:
            yield from _permission_problems(setup, key, field, "create")


def _external_id_problems(setup: Setup, target: Describe, name: str) -> Iterator[Problem]:
    key = ("contacts", "external_id")
    yield from _text_problems(setup, key, target, name, CONTACT_ID_LENGTH, "create")
    field = target.field(name)
    if field is not None and not field.external_id:
        yield setup.problem(key, f"{name} is not an External ID", "Tick External ID on the field.")
    elif field is not None and not field.unique:
        what = f"{name} is not unique: two records could stand for one Xero contact"
        yield setup.problem(key, what, "Tick Unique on the field.")
